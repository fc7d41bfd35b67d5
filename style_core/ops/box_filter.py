"""Means over square windows, clipped at the borders."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def box_mean(x: Tensor, radius: int) -> Tensor:
    """Mean over the (2 radius + 1)² window of each pixel, of the pixels inside the picture.

    Args:
        x: ``[N, C, H, W]``, float.
        radius: pixels; 0 returns ``x``.
    """
    h, w = x.shape[-2:]
    vertical, horizontal = min(radius, h - 1), min(radius, w - 1)
    down, right = (2 * vertical + 1, 1), (1, 2 * horizontal + 1)
    x = F.avg_pool2d(x, down, stride=1, padding=(vertical, 0), count_include_pad=False)
    return F.avg_pool2d(x, right, stride=1, padding=(0, horizontal), count_include_pad=False)
