"""Taking out the weave that decoders leave: what repeats with the grid of their up-sampling.

A decoder that enlarges by repeating leaves a pattern with a period of 2 to 16 px, and the next level of WCT,
which scales every direction of the features to the style's variance, makes a weave of it. Strokes lie
anywhere, the weave is locked to the grid: cells of the grid, averaged over their neighbors, hold the
pattern alone. Subtracting that is a comb of narrow notches at the harmonics of the grid's frequency.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .box_filter import box_mean

PERIODS = (4, 8, 16)  # px: one after another, as the finer ones change within fewer px
CELLS = 2  # neighbors to each side that a cell's pattern is averaged over
EVEN = 1 / 255  # amplitude below which all cells count alike
MASKED = 2.0  # cells of more than this times their neighborhood's energy are strokes, which hide a weave
GRID = max(PERIODS)  # px that tiles begin at multiples of
REACH = sum(CELLS * p + p - 1 + p // 2 for p in PERIODS)  # px that a pixel of the result depends on


def without_lattice(picture: Tensor, source: Tensor) -> Tensor:
    """A decoder's picture without the pattern that is locked to its grid.

    What was in the source already, such as blinds or bricks, is not touched.

    Args:
        picture: ``[1, 3, H, W]``, float, sides of at least 32 px; its grid begins at its corner.
        source: the same size: what was encoded.

    Returns:
        ``[1, 3, H, W]``, not clamped.
    """
    height, width = picture.shape[-2:]
    change = F.pad(picture - source, (0, -width % GRID, 0, -height % GRID), mode="reflect")
    for period in PERIODS:
        change = change - _locked(change, period)
    return source + change[..., :height, :width]


def _locked(x: Tensor, period: int) -> Tensor:
    """What repeats from cell to cell around every place, of ``[1, C, H, W]``."""
    cells = F.pixel_unshuffle(x - _mean_over_period(x, period), period)  # [1, C p p, H / p, W / p]
    with torch.no_grad():
        energy = cells.square().mean(1, keepdim=True)
        weights = (
            energy + EVEN**2
        ).rsqrt()  # strokes and edges say little of a weave, and would leave echoes
        total = box_mean(weights, CELLS)
        around = box_mean(energy * weights, CELLS) / total
        share = (MASKED * around / energy.clamp_min(torch.finfo(x.dtype).tiny)).clamp_max(1) / total
    return F.pixel_shuffle(box_mean(cells * weights, CELLS) * share, period)


def _mean_over_period(x: Tensor, period: int) -> Tensor:
    """A mean that is blind to everything of that period: of as many pixels, half of one at either end."""
    around = (period // 2,) * 4
    x = 2 * F.pad(x, around, mode="replicate") - F.pad(x, around, mode="reflect")  # a slope goes on as one
    for axis in (-2, -1):
        for step in (
            *(1 << k for k in range(period.bit_length() - 1)),
            1,
        ):  # sums of 2, 4, … and two of these
            count = x.shape[axis] - step
            x = x.narrow(axis, 0, count) + x.narrow(axis, step, count)
    return x / (2 * period) ** 2
