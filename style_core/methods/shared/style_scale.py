"""The size of the style picture relative to the result's, and so of its strokes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...images import ImageTensor
from ...method import Inputs, Runtime, StyleInput
from ...options import slider
from .coarse_to_fine import SHORTEST, resized

LEAST_SCALE, MOST_SCALE = 0.25, 2
TOLERANCE = 1.05  # times a style's own size up to which nobody would see that it was not enlarged


def style_scale_slider() -> Any:
    """The option ``style_scale``."""
    return slider(
        1.0, LEAST_SCALE, MOST_SCALE, step=0.05,
        help="Longer side of the style picture relative to the result's, and so the size of its strokes. It "
        "is never enlarged.",
    )  # fmt: skip


def scaled_styles(inputs: Inputs, scale: float, runtime: Runtime) -> tuple[StyleInput, ...]:
    """The styles at ``scale`` times the content's longer side, but no larger than they are.

    What took effect is kept in the result's settings, and a note says which style was too small.
    """
    content = max(inputs.content.shape[-2:])
    sizes = [(max(style.pixels.shape[-2:]), min(style.pixels.shape[-2:])) for style in inputs.styles]
    largest = max(long for long, _ in sizes) / content
    smallest = min(long * SHORTEST / short for long, short in sizes) / content
    runtime.used(style_scale=min(max(min(scale, largest), smallest, LEAST_SCALE), MOST_SCALE))
    for style in inputs.styles:
        h, w = style.pixels.shape[-2:]
        if content * scale > TOLERANCE * max(h, w):
            runtime.note(
                f"A style picture was read at {w} x {h} px, smaller than the result; its strokes keep that "
                "size."
            )
    return styles_at(inputs.styles, content * scale)


def styles_at(styles: tuple[StyleInput, ...], longest: float) -> tuple[StyleInput, ...]:
    """The styles with a longer side of ``longest`` px, but no larger than they are.

    Their shorter side stays SHORTEST px, which the deepest layer needs.
    """
    return tuple(_scaled(style, longest) for style in styles)


def _scaled(style: StyleInput, longest: float) -> StyleInput:
    h, w = style.pixels.shape[-2:]
    factor = max(min(1.0, longest / max(h, w)), SHORTEST / min(h, w))
    size = (round(h * factor), round(w * factor))
    pixels: ImageTensor = resized(style.pixels, *size)
    return replace(style, pixels=pixels, labels=None if style.labels is None else style.labels.at(*size))
