"""The options of the methods that optimize pixels for Gram matrices: Gatys et al. and Deep Photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...nets.encoder import LAYERS
from ...ops.pixel_optimization import OPTIMIZERS
from ...options import (
    CONTENT,
    NEVER,
    Condition,
    NetworkOptions,
    choice,
    needs_above_zero,
    slider,
    switch,
    weighted,
    weights_of,
    whole,
)

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")  # Gatys et al. 2016, section 3
CONTENT_LAYERS = ("conv4_2",)
CONTENT_POWER = 3  # a strength of 1 weighs eight times, one of 0.25 an eighth of that


def noise_weight(default: float) -> Any:
    """The option that is the factor of the total variation."""
    return slider(
        default, 0, 10, step=0.05, advanced=True,
        help="Weight against differences of neighboring pixels (noise).",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GramOptions(NetworkOptions):
    """The options of the methods that optimize pixels for Gram matrices."""

    group: ClassVar[str] = "Losses and optimizer"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": NEVER,
        "content_strength": CONTENT,
        "content_layers": CONTENT & needs_above_zero("content_strength"),
        "pooling": Condition(
            "a layer beyond conv1_2",
            lambda options, texture: any(not layer.startswith("conv1_") for layer in options.layers),
        ),
    }
    content_strength: float = slider(
        0.5, 0, 1,
        help="Weight of the content's features against the style's, by the third power: 0 is style alone, 1 "
        "eight times the default.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1,
        help="How far the Gram matrices to reach lie from the content's own (0: the content as it is) to the "
        "style's (1: the paper).",
    )  # fmt: skip
    steps: int = slider(
        200, 1, 2000, step=1,
        help="Steps of the optimizer at the smallest size; every doubling of the size takes half as many. At "
        "full size alone (coarse to fine off) all of them.",
    )  # fmt: skip
    max_seconds: int | None = whole(
        None, 1, unit="s", help="Ends with the best picture so far after that many seconds.",
    )  # fmt: skip
    style_layers: tuple[str, ...] = weighted(
        STYLE_LAYERS, LAYERS, advanced=True,
        help="Layers whose Gram matrices are matched: shallow ones carry colors and fine strokes, deep ones "
        "large motifs.",
    )  # fmt: skip
    content_layers: tuple[str, ...] = weighted(
        CONTENT_LAYERS, LAYERS, advanced=True,
        help="Layers whose features stay the content's: the deeper, the freer the drawing.",
    )  # fmt: skip
    pooling: str = choice(
        "max", ("max", "average"), advanced=True,
        help="Pooling of the network: max as it was trained, average as in the paper.",
    )  # fmt: skip
    optimizer: str = choice(
        "lbfgs", OPTIMIZERS, advanced=True, help="lbfgs is the paper's and needs fewer steps than adam.",
    )  # fmt: skip
    coarse_to_fine: bool = switch(
        True, advanced=True,
        help="Solves a small picture first and refines it at every doubling of the size; off optimizes the "
        "full size from the start, as in the paper.",
    )  # fmt: skip
    total_variation: float = noise_weight(0.1)

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers with a weight, in the network's order."""
        both = (weights_of(self.style_layers), weights_of(self.content_layers))
        return tuple(layer for layer in LAYERS if any(weights.get(layer, 0) > 0 for weights in both))


def content_factor(options: GramOptions) -> float:
    """What the content strength multiplies weights by: 1 at 0.5."""
    return (2 * options.content_strength) ** CONTENT_POWER
