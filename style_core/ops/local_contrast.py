"""How strong a picture's detail is at each size, and its strengthening.

The picture is split by the stationary wavelet transform "à trous" (Starck, Murtagh, Bijaoui, Image Processing
and Data Analysis, 1998, section 1.4): each band is what a cubic B-spline takes away, at twice the size of
the one before. The bands and the last smooth picture add up to the picture.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from .color_preservation import YIQ

BANDS = 5  # detail of about 1, 2, 4, 8 and 16 px
SPLINE = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def detail_bands(picture: Tensor) -> Iterator[Tensor]:
    """The bands of every channel, finest first.

    Args:
        picture: ``[1, C, H, W]``, float; one too small for a band has fewer.
    """
    for level in range(BANDS):
        reach = 2 << level
        if min(picture.shape[-2:]) <= reach:
            return
        smooth = _smoothed(_smoothed(picture, level, -2), level, -1)
        yield picture - smooth
        picture = smooth


def band_contrasts(picture: Tensor) -> Tensor:
    """Standard deviation of each band of luminance and the two chroma planes of YIQ.

    Args:
        picture: ``[1, 3, H, W]``, RGB in [0, 1].

    Returns:
        ``[bands, 3]``, of the picture's type.
    """
    planes = _turned(picture, picture.new_tensor(YIQ))
    found = [band.square().mean((0, 2, 3)).sqrt() for band in detail_bands(planes)]
    return torch.stack(found) if found else picture.new_zeros(0, 3)


def more_contrast(picture: Tensor, gains: Tensor, *, largest: float) -> Tensor:
    """The detail that is added where each band is multiplied.

    Args:
        picture: ``[1, 3, H, W]``, RGB in [0, 1].
        gains: ``[bands, 3]``, of luminance and chroma; 1 leaves a band as it is.
        largest: the part of a band that is multiplied at all; beyond it are edges, which would get halos.

    Returns:
        ``[1, 3, H, W]``, to be added to the picture.
    """
    matrix = picture.new_tensor(YIQ)
    added = torch.zeros_like(picture)
    for gain, band in zip(gains.to(picture), detail_bands(_turned(picture, matrix)), strict=False):
        added.addcmul_((gain - 1)[:, None, None] * largest, band.div_(largest).tanh_())
    return _turned(added, torch.linalg.inv(matrix))


def _turned(picture: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("dc,nchw->ndhw", matrix, picture)


def _smoothed(picture: Tensor, level: int, axis: int) -> Tensor:
    """Along an axis by the spline with holes, mirrored at the ends."""
    step, count = 1 << level, picture.shape[axis]
    reach = (0, 0, 2 * step, 2 * step) if axis == -2 else (2 * step, 2 * step, 0, 0)
    padded = F.pad(picture, reach, "reflect")
    parts = [padded.narrow(axis, k * step, count) for k in range(5)]
    total = parts[2] * SPLINE[2]
    for k in (0, 1, 3, 4):
        total.add_(parts[k], alpha=SPLINE[k])
    return total
