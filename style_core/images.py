"""Pictures in memory: ``[1, 3, H, W]`` float32 RGB in [0, 1]; their sizes and their checks."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .errors import InvalidImage, shortened

ImageTensor = Tensor  # [1, 3, H, W], float32, RGB, sRGB-encoded, values in [0, 1]
MIN_SIDE = 16
LONGEST_COMPUTED = 10**12  # px; larger sizes are refused before they overflow a float
MAX_PIXELS = 80_000_000  # below Pillow's own warning; a 12,000 x 6,600 panorama fits


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: ``[1, 3, H, W]``, float32, RGB in [0, 1]. Where the picture is transparent, its
            mean visible color, so that invisible pixels say nothing.
        alpha: ``[1, 1, H, W]``, float32 in [0, 1], or ``None`` where all is opaque.
        notes: sentences about what was changed on reading.
    """

    pixels: ImageTensor
    alpha: Tensor | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[3], self.pixels.shape[2]


Source = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor | Picture


def check_image(tensor: Tensor, name: str = "image") -> ImageTensor:
    """Return ``tensor`` if it is ``[1, 3, H, W]``, floating, finite and in [0, 1].

    Raises:
        InvalidImage: it is not, or its size is not permitted.
    """
    if tensor.ndim != 4 or tensor.shape[0] != 1 or tensor.shape[1] != 3 or not tensor.is_floating_point():
        raise InvalidImage(
            f"The {name} tensor must be [1, 3, H, W] of floats, not {list(tensor.shape)} of {tensor.dtype}."
        )
    check_size(tensor.shape[3], tensor.shape[2], name)
    if not bool(torch.isfinite(tensor).all()) or tensor.min() < 0 or tensor.max() > 1:
        raise InvalidImage(f"The {name} tensor must hold finite values from 0 to 1.")
    return tensor


def to_pil(pixels: ImageTensor, alpha: Tensor | None = None) -> Image.Image:
    """An 8-bit PIL image, rounded to nearest: RGB, or RGBA with ``alpha``."""
    planes = pixels if alpha is None else torch.cat([pixels, alpha.to(pixels)], dim=1)
    array = planes[0].float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(array))


@dataclass(frozen=True, kw_only=True)
class SizeRule:
    """What sizes a method's networks take; pictures are padded to it and results cropped back."""

    multiple: int = 1
    minimum: int = 1

    def pad(self, pixels: ImageTensor) -> ImageTensor:
        """Mirror right and bottom edges up to the next permitted size: ``[1, 3, H', W']``."""
        for dim in (2, 3):
            side = pixels.shape[dim]
            wanted = max(side, self.minimum)
            wanted += -wanted % self.multiple
            if wanted > side:
                pixels = pixels.index_select(dim, mirrored(side, wanted).to(pixels.device))
        return pixels


def mirrored(side: int, wanted: int) -> Tensor:
    """Indices 0 … side - 1, back to 0 and so on, ``wanted`` of them, without repeating the ends."""
    place = torch.arange(wanted) % (2 * side - 2)
    return torch.minimum(place, 2 * side - 2 - place)


def resize_longer_side(pixels: ImageTensor, size: int, *, shrink_only: bool = False) -> ImageTensor:
    """Scale so that the longer side is ``size`` px, antialiased; sides never fall below 16 px.

    Raises:
        InvalidImage: the picture is so long that its shorter side would fall below 16 px.
    """
    h, w = pixels.shape[-2:]
    if max(h, w) == size or (shrink_only and max(h, w) < size):
        return pixels
    new_h, new_w = scaled_size(h, w, size)
    return F.interpolate(pixels, (new_h, new_w), mode="bicubic", antialias=True).clamp(0, 1)


def scaled_size(h: int, w: int, size: int) -> tuple[int, int]:
    """Height and width of an ``h`` x ``w`` picture whose longer side is made ``size`` px.

    Raises:
        InvalidImage: the shorter side would fall below 16 px, or the picture be too large.
    """
    if size > LONGEST_COMPUTED:
        raise InvalidImage(too_large("result", f"a longer side of {shortened(size)} px"))
    new_h, new_w = (max(1, round(side * size / max(h, w))) for side in (h, w))
    if new_h * new_w > MAX_PIXELS:
        raise InvalidImage(too_large("result", f"{new_w} x {new_h} px"))
    if min(new_h, new_w) < MIN_SIDE:
        needed = -(-MIN_SIDE * max(h, w) // min(h, w))
        raise InvalidImage(
            f"At {size} px the {w} x {h} picture would be under {MIN_SIDE} px thin; use {needed} px."
        )
    return new_h, new_w


def check_size(width: int, height: int, name: str) -> None:
    """Let pass what has at least 16 px on both sides and at most 80 megapixels.

    Args:
        width, height: pixels.
        name: what the picture is, in the message.

    Raises:
        InvalidImage: it is too small or too large.
    """
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(f"The {name} is {width} x {height} px; both sides must be at least {MIN_SIDE} px.")
    if width * height > MAX_PIXELS:
        raise InvalidImage(too_large(name, f"{width} x {height} px"))


def too_large(name: str, size: str) -> str:
    """The refusal of a picture over 80 megapixels, whose size is told as ``size``."""
    return f"The {name} has {size}; the limit is {MAX_PIXELS // 1_000_000} megapixels."
