"""A small painting carried up to a large content's size, and painted over after every doubling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil, log2

import torch

from ...images import Samples, as_floats, as_samples, resized, strips
from ...method import Sketch

LARGEST_STEP = 2.0
BETWEEN = torch.uint16  # depth of pictures between steps; half of floats, and no band to be seen
Report = Callable[[float], None]
Paint = Callable[[Samples, torch.dtype, Report], Samples]


def paint_upward(sketch: Sketch, paint: Paint, *, detail: float, report: Report) -> Samples:
    """The sketch at its content's size.

    Args:
        paint: paints over an enlarged picture and gives it in a depth; is told where to report its share.
        detail: share of what the content has beyond the small one that is put into the enlarged picture.
        report: told the share of the whole that is done.

    Returns:
        ``[1, 3, H, W]`` in the sketch's depth, on the CPU.
    """
    small, large = (t.shape[-2:] for t in (sketch.painted, sketch.content))
    sizes = sizes_between((small[0], small[1]), (large[0], large[1]))
    pixels = [height * width for height, width in sizes]
    picture, before = as_samples(sketch.painted, BETWEEN), sketch.small
    for k, (height, width) in enumerate(sizes):
        done, share = sum(pixels[:k]) / sum(pixels), pixels[k] / sum(pixels)
        is_last = k + 1 == len(sizes)
        now = before
        if detail > 0:
            now = sketch.content if is_last else resized(sketch.content, height, width, depth=BETWEEN)
        picture = paint(
            # Without a name here, so that the painter can let go of it.
            _enlarged(picture, height, width, before, now, detail=detail),
            sketch.depth if is_last else BETWEEN,
            partial(_report_part, report, done, share),
        )
        before = now
    return picture


def _report_part(report: Report, done: float, share: float, part: float) -> None:
    report(done + share * part)


def _enlarged(
    picture: Samples, height: int, width: int, before: Samples, now: Samples, *, detail: float
) -> Samples:
    large = resized(picture, height, width, depth=BETWEEN)
    if detail > 0:
        put_in_detail(large, before, now, share=detail)
    return large


def sizes_between(small: tuple[int, int], large: tuple[int, int]) -> list[tuple[int, int]]:
    """Heights and widths on the way up, in equal steps of at most LARGEST_STEP; the last is ``large``."""
    factor = max(new / old for old, new in zip(small, large, strict=True))
    count = max(1, ceil(log2(factor) / log2(LARGEST_STEP) - 0.05))  # a hair more than a step is no other one
    height, width = ((new / old) ** (1 / count) for old, new in zip(small, large, strict=True))
    between = [(round(small[0] * height**k), round(small[1] * width**k)) for k in range(1, count)]
    return [*between, large]


def put_in_detail(picture: Samples, before: Samples, now: Samples, *, share: float) -> None:
    """Add to a picture, in place, what the content has at its size and not at the size before.

    Args:
        picture: ``[1, 3, H, W]`` of any depth.
        before, now: the content at both sizes.
        share: of the detail.
    """
    height, width = picture.shape[-2:]
    blurred = resized(before, height, width, depth=BETWEEN)
    for rows in strips(height, width):
        own = as_floats(picture[:, :, rows])
        own = own.add(as_floats(now[:, :, rows]) - as_floats(blurred[:, :, rows]), alpha=share)
        picture[:, :, rows] = as_samples(own.clamp_(0, 1), picture.dtype)
