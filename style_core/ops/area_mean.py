"""Means over the rectangles that a smaller map's pixels cover, on every device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

DIVISIBLE_ONLY = ("mps",)  # adaptive pooling there takes no sizes that do not divide


def area_mean(x: Tensor, height: int, width: int) -> Tensor:
    """Every pixel of the smaller map is the mean of the pixels it touches, as ``F.adaptive_avg_pool2d``.

    Args:
        x: ``[N, C, H, W]``, float.
        height, width: of the result, at most H and W.

    Returns:
        ``[N, C, height, width]``.
    """
    h, w = x.shape[-2:]
    if x.device.type not in DIVISIBLE_ONLY or (h % height == 0 and w % width == 0):
        return F.adaptive_avg_pool2d(x, (height, width))
    return window_means(h, height).to(x) @ x @ window_means(w, width).to(x).T


def window_means(size: int, smaller: int) -> Tensor:
    """``[smaller, size]`` float32 that averages a line: row k from ``floor(k size / smaller)`` up to
    ``ceil((k + 1) size / smaller)``."""
    row, place = torch.arange(smaller)[:, None], torch.arange(size)
    first, last = row * size // smaller, -(-(row + 1) * size // smaller)
    inside = ((place >= first) & (place < last)).float()
    return inside / inside.sum(1, keepdim=True)
