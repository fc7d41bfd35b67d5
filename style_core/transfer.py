"""Measure, plan, apply: the three acts of every method that matches feature statistics.

*Measure* the style, once, and the content: moments by region, which merge over tiles and over frames.
*Plan* what is done to the features: affine maps, from small matrices alone. *Apply* it to a picture, a tile
or a frame. A method is a chain of stages, each a walk of a picture through a network on which features are
changed at places; what is measured at a place depends on what was applied at the places before it, and
at the stages before. A whole picture does all three acts in one walk for every stage (:func:`match`);
in tiles every place takes a pass of its own (:func:`measure_tile`), and one applies (:func:`apply_tile`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from .images import ImageTensor
from .ops.whitening import AffineMap
from .regions import Labels, Membership, RegionMoments, Regions, apply_maps, region_moments
from .tiles import Tile


@dataclass(frozen=True)
class Place:
    """A feature map whose statistics are matched.

    Attributes:
        name: of the layer, or where else in the network.
        stride: px of the picture from one position to the next.
    """

    name: str
    stride: int


Visit = Callable[[Place, Tensor], Tensor]  # a place and its features -> the features to go on with


class Stage(ABC):
    """A walk of a picture through a network.

    Attributes:
        places: where features are changed, in the order of the walk.
        halo: px to each side that a pixel of the result depends on.
    """

    places: tuple[Place, ...]
    halo: int

    @abstractmethod
    def walk(self, image: ImageTensor, visit: Visit) -> ImageTensor:
        """The picture that comes out for ``[1, 3, H, W]``; ``visit`` is called at every place."""


@dataclass(frozen=True)
class Statistics:
    """What is measured of the features at a place; merges exactly over tiles and frames.

    Attributes:
        moments: by region.
        bounds: the smallest and the largest value, where they were asked for; scalars where the features are,
            so that nobody waits for them.
    """

    moments: RegionMoments
    bounds: tuple[Tensor, Tensor] | None = None

    def merged(self, other: Statistics) -> Statistics:
        """Of both parts together."""
        bounds = None
        if self.bounds is not None and other.bounds is not None:
            (low, high), (lowest, highest) = self.bounds, other.bounds
            bounds = low.minimum(lowest), high.maximum(highest)
        return Statistics(self.moments.merged(other.moments), bounds)


StyleStatistics = Mapping[Place, Statistics]


@dataclass(frozen=True)
class Plan:
    """What is done to the features at a place.

    Attributes:
        maps: affine maps by label; label 0 is there, and serves labels that are not.
        bounds: what is moved is clipped to these values and only then blended with what it was.
        strength: share of that blend; without bounds the maps have it in them.
    """

    maps: Mapping[int, AffineMap]
    bounds: tuple[Tensor, Tensor] | None = None
    strength: float = 1.0


class Transfer(ABC):
    """A method's transfer from some styles, with its networks and options.

    Attributes:
        stages: in order; each gets the picture that the one before gave.
        needs_bounds: whether plans look at the features' bounds.
    """

    stages: tuple[Stage, ...]
    needs_bounds: bool = False

    @abstractmethod
    def plan(self, place: Place, content: Statistics, labels: Sequence[int]) -> Plan:
        """What to do at a place of a stage, from what was measured there.

        Args:
            place: one of a stage's.
            content: of the whole picture, or of all frames.
            labels: all that the content's regions have, also those that were not measured here.
        """


def measure(features: Tensor, labels: Labels | None, *, with_bounds: bool = False) -> Statistics:
    """The statistics of ``[1, C, h, w]``; labels of any size."""
    bounds = (features.amin(), features.amax()) if with_bounds else None
    return Statistics(region_moments(features, labels), bounds)


def apply(features: Tensor, plan: Plan, membership: Membership | None) -> Tensor:
    """``[1, C, h, w]`` as planned; membership at that size."""
    moved = apply_maps(features, plan.maps, membership)
    if plan.bounds is None:
        return moved
    return features.lerp(moved.clamp(*plan.bounds), plan.strength)


def match(stage: Stage, image: ImageTensor, transfer: Transfer, regions: Regions) -> ImageTensor:
    """A whole picture through a stage, measured, planned and applied place by place in one walk.

    Args:
        image: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        regions: of the content at the picture's size.
    """

    def visit(place: Place, features: Tensor) -> Tensor:
        found = measure(features, regions.labels, with_bounds=transfer.needs_bounds)
        plan = transfer.plan(place, found, regions.present)
        membership = regions.membership
        size = (features.shape[-2], features.shape[-1])
        return apply(features, plan, None if membership is None else membership.at(*size))

    return stage.walk(image, visit)


class _Reached(Exception):
    """Ends a walk at the last place that was to be measured."""


def measure_style(stage: Stage, style: ImageTensor, labels: Labels | None) -> StyleStatistics:
    """The statistics of an untouched picture at all places of a stage.

    Args:
        style: ``[1, 3, h, w]``, float32, RGB in [0, 1].
        labels: of the picture.
    """
    found: dict[Place, Statistics] = {}

    def visit(place: Place, features: Tensor) -> Tensor:
        found[place] = measure(features, labels)
        if place == stage.places[-1]:
            raise _Reached
        return features

    with suppress(_Reached):
        stage.walk(style, visit)
    return found


def measure_tile(
    transfer: Transfer, stage: Stage, image: ImageTensor, tile: Tile, *, place: Place,
    plans: Mapping[Place, Plan], regions: Regions,
) -> Statistics:  # fmt: skip
    """The statistics of one tile at one place.

    Args:
        transfer: whose stage it is.
        image: the whole picture, ``[1, 3, H, W]``.
        tile: of it, with the stage's halo as its margin.
        place: one of the stage's.
        plans: of the places before it.
        regions: of the whole picture.

    Raises:
        ValueError: the stage has no such place.
    """
    if place not in stage.places:
        raise ValueError(f"the stage does not come to {place.name}")
    found: list[Statistics] = []

    def visit(here: Place, features: Tensor) -> Tensor:
        part = tile.at(here.stride)
        own = regions.at(part)
        if here != place:
            return apply(features, plans[here], own.membership)
        found.append(measure(part.inner(features), own.labels, with_bounds=transfer.needs_bounds))
        raise _Reached

    with suppress(_Reached):
        stage.walk(tile.cut(image), visit)
    return found[0]


def apply_tile(
    stage: Stage, image: ImageTensor, tile: Tile, plans: Mapping[Place, Plan], regions: Regions
) -> ImageTensor:
    """One tile of the stage's picture, ``[1, 3, h, w]`` without its margin; arguments as above."""

    def visit(place: Place, features: Tensor) -> Tensor:
        return apply(features, plans[place], regions.at(tile.at(place.stride)).membership)

    return tile.inner(stage.walk(tile.cut(image), visit))
