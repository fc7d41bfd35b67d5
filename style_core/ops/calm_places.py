"""Where a photo is calm: skies, water, walls. A network's grain and blotches show there, not in its look."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .box_filter import box_mean
from .color_preservation import luminance

WINDOW = 2  # px, half; twice: of the variance, and of its mean
OPENING = 4  # px, half: a single edge between two calm places is no structure
CALM_BELOW, BUSY_ABOVE = 0.006, 0.02  # standard deviations of luminance, 0-1; 1.5 and 5 of 255
TRANSITION = 3  # px, half


def calm_places(content: Tensor) -> Tensor:
    """How calm a photo is at each pixel, from 0 (foliage, brickwork, text) to 1.

    Structure is what varies throughout a window: the local standard deviation of luminance after a
    morphological opening. The thresholds were chosen on the photo pairs, see benchmarks/README.md.

    Args:
        content: ``[1, 3, H, W]``, RGB in [0, 1].

    Returns:
        ``[1, 1, H, W]``, of the content's type.
    """
    gray = luminance(content)[:, :1]
    variance = box_mean((gray - box_mean(gray, WINDOW)).square(), WINDOW)
    deviation = _largest(-_largest(-variance)).clamp_min(0).sqrt()
    busy = ((deviation - CALM_BELOW) / (BUSY_ABOVE - CALM_BELOW)).clamp(0, 1)
    return 1 - box_mean(busy, TRANSITION)


def _largest(x: Tensor) -> Tensor:
    """Over the window of the opening: of 1, 2, 4, … neighbors, each of the one before, along either axis."""
    window = 2 * OPENING + 1
    for axis in (-2, -1):
        ends = (0, 0, OPENING, OPENING) if axis == -2 else (OPENING, OPENING)
        x, size = F.pad(x, ends, value=-math.inf), 1
        while size < window:
            step = min(size, window - size)
            last = x.shape[axis] - step
            x, size = torch.maximum(x.narrow(axis, 0, last), x.narrow(axis, step, last)), size + step
    return x
