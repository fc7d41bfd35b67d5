"""A result's local contrast on the way to the styles': how crisp, how hazy.

Departure from all papers but Gatys et al.: what they match leaves detail as strong as in the content, or
fades it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...images import ImageTensor, resize_longer_side
from ...method import Inputs
from ...ops.calm_places import calm_places
from ...ops.local_contrast import BANDS, band_contrasts, more_contrast

MEASURED, THINNEST = 512, 16  # px, longer and shorter side
FAINTEST = 1e-4  # a contrast, below which there is no detail to strengthen


@dataclass(frozen=True)
class Limits:
    """How far contrast may be moved.

    Attributes:
        least, most: of a band's: less is soft, more is harsh.
        largest: of values in [0, 1]; see :func:`more_contrast`.
        spares_calm: leave the content's calm places: a photo's skies have no detail, a painting's do.
    """

    least: float
    most: float
    largest: float
    spares_calm: bool


PHOTO = Limits(0.8, 1.3, 0.1, spares_calm=True)
PAINTING = Limits(0.7, 1.6, 0.15, spares_calm=False)


def nearer_to_styles_contrast(
    image: ImageTensor, inputs: Inputs, *, strength: float, limits: Limits = PHOTO
) -> ImageTensor:
    """A result whose detail of each size is about as strong as in the styles.

    Args:
        image: ``[1, 3, H, W]``, in the content's size, RGB in [0, 1].
        strength: 0 changes nothing, 1 goes to the styles' contrast within the limits.
        limits: how far.

    Returns:
        ``[1, 3, H, W]`` float32, in [0, 1].
    """
    if strength == 0:
        return image
    gains = 1 + strength * (_gains(image, inputs, limits) - 1)
    added = more_contrast(image, gains, largest=limits.largest)
    if limits.spares_calm:
        added = (1 - calm_places(inputs.content)) * added
    return (image + added).clamp(0, 1)


def _gains(image: ImageTensor, inputs: Inputs, limits: Limits) -> Tensor:
    """``[bands, 3]``: measured on pictures of one size, and of a band by its share of that size."""
    styles = [style.pixels for style in inputs.styles]
    side = min(MEASURED, *(max(picture.shape[-2:]) for picture in (image, *styles)))
    measured = [_contrasts(picture, side) for picture in (image, *styles)]
    count = min(len(each) for each in measured)
    if count == 0:
        return torch.ones(BANDS, 3)
    own, *theirs = (each[:count] for each in measured)
    wanted = torch.stack([s.weight * each for s, each in zip(inputs.styles, theirs, strict=True)]).sum(0)
    found = torch.where(own > FAINTEST, wanted / own.clamp_min(FAINTEST), 1.0)
    found = found.clamp(limits.least, limits.most)
    at = (torch.arange(BANDS) - math.log2(max(image.shape[-2:]) / side)).clamp(0, count - 1)
    low = at.floor().long()
    return torch.lerp(found[low], found[at.ceil().long()], (at - low)[:, None])


def _contrasts(picture: ImageTensor, side: int) -> Tensor:
    """Of a picture whose longer side is that; none of a strip that would be too thin."""
    height, width = picture.shape[-2:]
    if min(height, width) * side < THINNEST * max(height, width):
        return torch.zeros(0, 3)
    return band_contrasts(resize_longer_side(picture, side)).cpu()
