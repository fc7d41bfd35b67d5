"""Measure, plan, apply: the three acts of every method that matches feature statistics.

*Measure* the style, once, and the content: moments by region, which merge over tiles and over frames.
*Plan* what is done to the features: affine maps, from small matrices alone. *Apply* it to a picture, a tile
or a frame. A method is a chain of stages, each a walk of a picture through a network on which features are
changed at places; what is measured at a place depends on what was applied at the places before it, and
at the stages before. A whole picture does all three acts in one walk for every stage (:func:`match`);
in tiles (:func:`match_tiles`) every place takes a pass of its own, and one applies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor

from .images import ImageTensor, Samples, SizeRule, as_floats, as_samples, empty_picture
from .ops.whitening import AffineMap
from .regions import Labels, Membership, RegionMoments, Regions, apply_maps, region_moments
from .tiles import Tile, tiles


@dataclass(frozen=True)
class Place:
    """A feature map whose statistics are matched.

    Attributes:
        name: of the layer, or where else in the network.
        stride: px of the picture from one position to the next.
        turn: how often the features there were matched before in the same walk.
    """

    name: str
    stride: int
    turn: int = 0


class Visit(Protocol):
    """What a walk calls at every place."""

    def __call__(self, place: Place, features: Tensor, seen: Callable[[], Tensor] | None = None, /) -> Tensor:
        """The features to go on with.

        Args:
            place: where the walk is.
            features: ``[1, C, h, w]``, to be changed.
            seen: works out what is measured in place of them.
        """


class Stage(ABC):
    """A walk of a picture through a network.

    Attributes:
        places: where features are changed, in the order of the walk.
        halo: px to each side that a pixel of the result depends on.
        multiple: px by which the sides of a picture must be divisible.
        grid: px that tiles must begin at multiples of, beside the strides of the places.
    """

    places: tuple[Place, ...]
    halo: int
    multiple: int = 1
    grid: int = 1

    @property
    def step(self) -> int:
        """Px that tiles begin at multiples of; grid and strides are powers of two."""
        return max(self.grid, *(place.stride for place in self.places))

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
        furthest: the largest norm of a position's features, alike.
    """

    moments: RegionMoments
    bounds: tuple[Tensor, Tensor] | None = None
    furthest: Tensor | None = None

    def merged(self, other: Statistics) -> Statistics:
        """Of both parts together."""
        bounds = None
        if self.bounds is not None and other.bounds is not None:
            (low, high), (lowest, highest) = self.bounds, other.bounds
            bounds = low.minimum(lowest), high.maximum(highest)
        furthest = None
        if self.furthest is not None and other.furthest is not None:
            furthest = self.furthest.maximum(other.furthest)
        return Statistics(self.moments.merged(other.moments), bounds, furthest)


StyleStatistics = Mapping[Place, Statistics]


@dataclass(frozen=True)
class Plan:
    """What is done to the features at a place.

    Attributes:
        maps: affine maps by label; label 0 is there, and serves labels that are not.
        bounds: what is moved is clipped to these values and only then blended with what it was.
        strength: share of that blend; without bounds the maps have it in them.
        reach: the norm that what is moved further out is drawn in to.
    """

    maps: Mapping[int, AffineMap]
    bounds: tuple[Tensor, Tensor] | None = None
    strength: float = 1.0
    reach: Tensor | None = None


class Transfer(ABC):
    """A method's transfer from some styles, with its networks and options.

    Attributes:
        stages: in order; each gets the picture that the one before gave.
        needs_bounds: whether plans look at the features' bounds.
        needs_furthest: whether they look at the furthest position.
    """

    stages: tuple[Stage, ...]
    needs_bounds: bool = False
    needs_furthest: bool = False

    @abstractmethod
    def plan(self, place: Place, content: Statistics, labels: Sequence[int]) -> Plan:
        """What to do at a place of a stage, from what was measured there.

        Args:
            place: one of a stage's.
            content: of the whole picture, or of all frames.
            labels: all that the content's regions have, also those that were not measured here.
        """


def measure(
    features: Tensor, labels: Labels | None, *, with_bounds: bool = False, with_furthest: bool = False
) -> Statistics:
    """The statistics of ``[1, C, h, w]``; labels of any size."""
    bounds = (features.amin(), features.amax()) if with_bounds else None
    furthest = None
    if with_furthest:
        furthest = torch.linalg.vector_norm(features, dim=1, dtype=torch.float32).amax()
    return Statistics(region_moments(features, labels), bounds, furthest)


def _measure_for(transfer: Transfer, features: Tensor, labels: Labels | None) -> Statistics:
    return measure(features, labels, with_bounds=transfer.needs_bounds, with_furthest=transfer.needs_furthest)


def apply(features: Tensor, plan: Plan, membership: Membership | None) -> Tensor:
    """``[1, C, h, w]`` as planned; membership at that size."""
    moved = apply_maps(features, plan.maps, membership, reach=plan.reach)
    if plan.bounds is None:
        return moved
    return features.lerp(moved.clamp(*plan.bounds), plan.strength)


def match(stage: Stage, image: ImageTensor, transfer: Transfer, regions: Regions) -> ImageTensor:
    """A whole picture through a stage, measured, planned and applied place by place in one walk.

    Args:
        image: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        regions: of the content at the picture's size.
    """

    def visit(place: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        measured = features if seen is None else seen()
        found = _measure_for(transfer, measured, regions.labels)
        return _apply_in(regions, features, transfer.plan(place, found, regions.present))

    return stage.walk(image, visit)


def plan_frames(
    stage: Stage, frames: Sequence[ImageTensor], transfer: Transfer, regions: Sequence[Regions]
) -> dict[Place, Plan]:
    """One plan for several pictures, from the merged statistics of all: the frames of a shot.

    Args:
        frames: ``[1, 3, H, W]`` each, float32, RGB in [0, 1], sides multiples of the stage's.
        regions: of each frame, with the same labels.
    """
    plans: dict[Place, Plan] = {}
    labels = sorted({label for own in regions for label in own.present})
    for place in stage.places:
        found = [
            _measured_at(place, stage, frame, transfer, plans, own)
            for frame, own in zip(frames, regions, strict=True)
        ]
        plans[place] = transfer.plan(place, reduce(Statistics.merged, found), labels)
    return plans


def _measured_at(
    place: Place, stage: Stage, frame: ImageTensor, transfer: Transfer, plans: Mapping[Place, Plan],
    regions: Regions,
) -> Statistics:  # fmt: skip
    found: list[Statistics] = []

    def visit(here: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        if here != place:
            return _apply_in(regions, features, plans[here])
        measured = features if seen is None else seen()
        found.append(_measure_for(transfer, measured, regions.labels))
        raise _Reached

    with suppress(_Reached):
        stage.walk(frame, visit)
    return found[0]


def apply_plans(
    stage: Stage, image: ImageTensor, plans: Mapping[Place, Plan], regions: Regions
) -> ImageTensor:
    """A whole picture through a stage as planned before; arguments as of :func:`match`."""

    def visit(place: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        return _apply_in(regions, features, plans[place])

    return stage.walk(image, visit)


def _apply_in(regions: Regions, features: Tensor, plan: Plan) -> Tensor:
    membership = regions.membership
    size = (features.shape[-2], features.shape[-1])
    return apply(features, plan, None if membership is None else membership.at(*size))


class _Reached(Exception):
    """Ends a walk at the last place that was to be measured."""


def measure_style(stage: Stage, style: ImageTensor, labels: Labels | None) -> StyleStatistics:
    """The statistics of an untouched picture at all places of a stage.

    Args:
        style: ``[1, 3, h, w]``, float32, RGB in [0, 1].
        labels: of the picture.
    """
    found: dict[Place, Statistics] = {}

    def visit(place: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        found[place] = measure(features, labels, with_furthest=True)
        if place == stage.places[-1]:
            raise _Reached
        return features

    with suppress(_Reached):
        stage.walk(style, visit)
    return found


def measure_tile(
    transfer: Transfer, stage: Stage, picture: Samples, tile: Tile, *, place: Place,
    plans: Mapping[Place, Plan], regions: Regions, device: torch.device | None = None,
) -> Statistics:  # fmt: skip
    """The statistics of one tile at one place.

    Args:
        transfer: whose stage it is.
        picture: the whole one, ``[1, 3, H, W]`` of any depth.
        tile: of it, with the stage's halo as its margin.
        place: one of the stage's.
        plans: of the places before it.
        regions: of the whole picture, at this size or another.
        device: where the stage's network is; not given, where the picture is.

    Raises:
        ValueError: the stage has no such place.
    """
    if place not in stage.places:
        raise ValueError(f"the stage does not come to {place.name}")
    found: list[Statistics] = []

    def visit(here: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        part = tile.at(here.stride)
        own = regions.at(part)
        if here != place:
            return apply(features, plans[here], own.membership)
        measured = features if seen is None else seen()
        found.append(_measure_for(transfer, part.inner(measured), own.labels))
        raise _Reached

    with suppress(_Reached):
        stage.walk(_seen(stage, picture, tile, device), visit)
    return found[0]


def apply_tile(
    stage: Stage, picture: Samples, tile: Tile, plans: Mapping[Place, Plan], regions: Regions,
    *, device: torch.device | None = None,
) -> ImageTensor:  # fmt: skip
    """One tile of the stage's picture, ``[1, 3, h, w]`` without its margin; arguments as above."""

    def visit(place: Place, features: Tensor, seen: Callable[[], Tensor] | None = None) -> Tensor:
        return apply(features, plans[place], regions.at(tile.at(place.stride)).membership)

    return tile.inner(stage.walk(_seen(stage, picture, tile, device), visit))


def _seen(stage: Stage, picture: Samples, tile: Tile, device: torch.device | None) -> ImageTensor:
    """What a stage sees of a tile: floats, mirrored at the picture's end to a size it takes."""
    part = as_floats(tile.cut(picture))
    return SizeRule(multiple=stage.multiple).pad(part.to(device or part.device))


def match_tiles(
    stage: Stage, picture: Samples, transfer: Transfer, regions: Regions, *, side: int,
    depth: torch.dtype, device: torch.device, report: Callable[[float], None],
) -> Samples:  # fmt: skip
    """A picture of any size through a stage, tile by tile: as :func:`match`, within rounding.

    Statistics are merged over all tiles before any tile is changed.

    Args:
        picture: ``[1, 3, H, W]`` of any depth.
        regions: of the picture, at this size or another, on ``device``.
        side: px of a tile.
        depth: of the result.
        device: where the stage's network is.
        report: told the share that is done, before every tile.

    Returns:
        ``[1, 3, H, W]`` in that depth, on the CPU.
    """
    height, width = picture.shape[-2:]
    parts = list(tiles(height, width, side=side, stride=stage.step, margin=stage.halo))
    rounds = len(stage.places) + 1
    plans: dict[Place, Plan] = {}
    for done, place in enumerate(stage.places):
        found: Statistics | None = None
        for k, tile in enumerate(parts):
            report((done + k / len(parts)) / rounds)
            own = measure_tile(
                transfer, stage, picture, tile, place=place, plans=plans, regions=regions, device=device
            )
            found = own if found is None else found.merged(own)
        assert found is not None
        plans[place] = transfer.plan(place, found, regions.present)
    made = empty_picture(height, width, depth)
    for k, tile in enumerate(parts):
        report((rounds - 1 + k / len(parts)) / rounds)
        styled = apply_tile(stage, picture, tile, plans, regions, device=device)
        tile.core(made).copy_(as_samples(styled, depth))
    return made
