"""Means over square windows, clipped at the borders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def box_mean(x: Tensor, radius: int) -> Tensor:
    """Mean over the (2 radius + 1)² window of each pixel, of the pixels inside the picture.

    Args:
        x: ``[N, C, H, W]``, float.
        radius: pixels; 0 returns ``x``.
    """
    for axis in (-2, -1):
        reach = min(radius, x.shape[axis] - 1)
        if reach > 0:
            x = _window_sum(x, axis, reach).mul_(_reciprocal_count(x, axis, reach))
    return x


def _window_sum(x: Tensor, axis: int, reach: int) -> Tensor:
    """Sums of 2 reach + 1 neighbors along an axis, zeros beyond the borders.

    Sums of 1, 2, 4, … neighbors are made of one another, and those that the window's length has in binary
    are added: some ten additions whatever the window, each of small numbers only. A running sum along the
    line would subtract what float32 had long rounded away.
    """
    count, length = x.shape[axis], 2 * reach + 1
    sums = F.pad(x, (0, 0, reach, reach) if axis == -2 else (reach, reach))
    total: Tensor | None = None
    begin, size = 0, 1
    while True:
        if length & size:
            part = sums.narrow(axis, begin, count)
            total = part.clone() if total is None else total.add_(part)
            begin += size
        if 2 * size > length:
            assert total is not None
            return total
        last = sums.shape[axis] - size
        sums = sums.narrow(axis, 0, last) + sums.narrow(axis, size, last)
        size *= 2


def _reciprocal_count(x: Tensor, axis: int, reach: int) -> Tensor:
    """One over the pixels inside the picture, for every place along an axis."""
    last = x.shape[axis] - 1
    place = torch.arange(last + 1, device=x.device)
    inside = (place + reach).clamp_max(last) - (place - reach).clamp_min(0) + 1
    found = inside.to(x.dtype).reciprocal()
    return found[:, None] if axis == -2 else found
