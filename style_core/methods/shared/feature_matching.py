"""What WCT, PhotoWCT and WCT2 share: how one set of feature statistics is turned into another, by region."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ...method import SMALL_REGION_NOTE
from ...ops.moments import Moments
from ...ops.whitening import AffineMap, optimal_transport, whitening_coloring
from ...options import NEVER, Condition, NetworkOptions, choice, needs, slider
from ...regions import EVERYTHING
from ...transfer import Statistics

WHITENINGS = ("transport", "paper")
LEEWAY = 1.3  # where each of two pictures has its furthest, a mapped one may have it a little further out
TINY = 1e-12  # of a square: features may all be 0
STYLED = Condition(  # a texture is always made at full style strength
    "style_strength above 0", lambda options, texture: texture or options.style_strength > 0
)


@dataclass(frozen=True, kw_only=True)
class MatchingOptions(NetworkOptions):
    """The options of every method that matches feature statistics."""

    group: ClassVar[str] = "Feature statistics"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": NEVER,
        "whitening": STYLED,
        "noise_floor": needs("whitening", "transport") & STYLED,
    }
    whitening: str = choice(
        "transport", WHITENINGS, advanced=True,
        help="transport reaches the style's statistics with the least change to the content; paper is the "
        "whitening and coloring formula.",
    )  # fmt: skip
    noise_floor: float = slider(
        0.01, 0, 0.1, step=0.001, advanced=True,
        help="With transport: share of the mean feature variance that counts as noise and is not amplified; "
        "raise it against grain in flat areas.",
    )  # fmt: skip


def feature_map(content: Moments, style: Moments, options: MatchingOptions, *, strength: float) -> AffineMap:
    """The map from the content's to the style's statistics that the options ask for, blended by strength."""
    if options.whitening == "paper":
        return whitening_coloring(content, style, strength=strength)
    return optimal_transport(content, style, noise_floor=options.noise_floor, strength=strength)


def maps_by_region(
    content: Statistics,
    style: Statistics,
    labels: Sequence[int],
    make: Callable[[Moments, Moments], AffineMap],
    note: Callable[[str], None],
) -> dict[int, AffineMap]:
    """The map of every region that is measured on both sides, and of the whole pictures under label 0.

    Args:
        labels: of all the content's regions; a note says that one of them has no map.
        make: gives the map from the content's to the style's moments.
    """
    here, there = content.moments.measurable, style.moments.measurable
    measured = here.keys() & there.keys()
    note_unmeasured(labels, measured, note)
    return {label: make(here[label], there[label]) for label in measured}


def reach_of(content: Statistics, styles: Sequence[Statistics]) -> Tensor | None:
    """The norm that no position is moved beyond: LEEWAY times what the furthest has before, by the usual one.

    Departure: whitening brings a direction that one position alone has in a photo to the variance of all
    others, so that this position is thrown far beyond what a decoder knows, which makes a gaudy spot of it.

    Returns:
        a scalar where the features are; ``None`` if the furthest was not measured.
    """
    found: Tensor | None = None
    usual = 0.0
    for one in (content, *styles):
        if one.furthest is None:
            return None
        times = one.furthest / _usual_norm(one.moments.measurable[EVERYTHING])
        found = times if found is None else found.maximum(times)
        usual = max(usual, *map(_usual_norm, one.moments.measurable.values()))
    return None if found is None else found * (LEEWAY * usual)


def _usual_norm(moments: Moments) -> float:
    """Root mean square of the norms."""
    return max(TINY, float(moments.covariance.trace() + moments.mean.square().sum())) ** 0.5


def note_unmeasured(labels: Sequence[int], measured: Collection[int], note: Callable[[str], None]) -> None:
    """Say that there are regions without statistics of their own, if there are."""
    if set(labels) - {EVERYTHING, *measured}:
        note(SMALL_REGION_NOTE)
