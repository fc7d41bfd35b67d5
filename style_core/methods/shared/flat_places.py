"""Noise for flat places: a transform only reshapes what is there, and needs something to make strokes of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ops.color_preservation import luminance

GRID = 2  # px between the samples of the noise: coarser than grain, and cheap for large pictures
WINDOW = 16  # px within which a place is flat or not
SIGMAS = {5: 5.0, 4: 2.5}  # level -> px; about a third of what one of its features is made from


def with_noise_for_level(image: Tensor, level: int, *, deviation: float, seed: int) -> Tensor:
    """The picture a level is to encode: :func:`fill_flat_places` for the deep ones, which make strokes."""
    if level not in SIGMAS or deviation == 0:
        return image
    generator = torch.Generator().manual_seed(seed + level)
    return fill_flat_places(image, deviation=deviation, sigma=SIGMAS[level], generator=generator)


def fill_flat_places(image: Tensor, *, deviation: float, sigma: float, generator: torch.Generator) -> Tensor:
    """Gray noise where the image varies little: ``deviation`` where it is flat, less the more it varies.

    It fills up what a place varies by, s, to the root of s^2 + deviation^2.

    Args:
        image: ``[1, 3, H, W]``, RGB in [0, 1], sides of at least 16 px.
        deviation: of the luminance in flat places; 0 adds nothing.
        sigma: px, of the Gaussian that the noise is smoothed with: the size of its blobs.
        generator: on the CPU, so that every device draws the same.

    Returns:
        ``[1, 3, H, W]``, in [0, 1].
    """
    height, width = image.shape[-2:]
    gray = luminance(F.avg_pool2d(image, GRID, ceil_mode=True))[:, :1]
    mean, square = (F.avg_pool2d(x, WINDOW // GRID, 1) for x in (gray, gray.square()))
    variance = (square - mean.square()).clamp_min(0)
    missing = (variance + deviation**2).sqrt() - variance.sqrt()
    size = (gray.shape[-2], gray.shape[-1])
    noise = _smooth_noise(size, sigma / GRID, generator).to(image)
    added = F.interpolate(missing, size, mode="bilinear") * noise
    return (image + F.interpolate(added, (height, width), mode="bicubic")).clamp(0, 1)


def _smooth_noise(size: tuple[int, int], sigma: float, generator: torch.Generator) -> Tensor:
    """``[1, 1, h, w]`` of variance 1, a Gaussian of ``sigma`` samples wide."""
    radius = max(1, round(3 * sigma))
    line = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    line = (line / line.norm())[None, None, :, None]
    noise = torch.randn(1, 1, size[0] + 2 * radius, size[1] + 2 * radius, generator=generator)
    return F.conv2d(F.conv2d(noise, line), line.mT)
