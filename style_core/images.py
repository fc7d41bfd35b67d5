"""Pictures in memory, their depths, sizes and checks.

A photo stays in the depth it came in, 8 or 16 bits a sample, and its colors next to each other as files have
them; floats are made of it strip by strip where they are computed with. What networks take and give is
``[1, 3, H, W]`` float32 RGB in [0, 1].
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .errors import InvalidImage, shortened

ImageTensor = Tensor  # [1, 3, H, W], float32, RGB, sRGB-encoded, values in [0, 1]
Samples = Tensor  # [1, C, H, W], uint8 or uint16 from 0 to HIGHEST, or floats in [0, 1]
HIGHEST = {torch.uint8: 255, torch.uint16: 65_535}  # what stands for 1
STRIP = 1 << 18  # px; the floats of a strip, 3 MB, stay in the processor's cache
MIN_SIDE = 16
LONGEST_COMPUTED = 10**12  # px; larger sizes are refused before they overflow a float
MAX_PIXELS = 80_000_000  # below Pillow's own warning; a 12,000 x 6,600 panorama fits


@dataclass(frozen=True)
class Picture:
    """A decoded picture, in the depth it came in.

    Attributes:
        samples: ``[1, 3, H, W]``, RGB: uint8 or uint16, or float32 in [0, 1]. Where the picture is
            transparent, its mean visible color, so that invisible pixels say nothing.
        coverage: ``[1, 1, H, W]``, how opaque it is, of the same types; ``None`` where all of it is.
        notes: sentences about what was changed on reading.
    """

    samples: Samples
    coverage: Samples | None = None
    notes: tuple[str, ...] = ()

    @property
    def pixels(self) -> ImageTensor:
        """``samples`` as ``[1, 3, H, W]``, float32 in [0, 1]: of 8 or 16 bits a new copy every time."""
        return as_floats(self.samples)

    @property
    def alpha(self) -> Tensor | None:
        """``coverage`` as ``[1, 1, H, W]``, float32 in [0, 1], or ``None``."""
        return None if self.coverage is None else as_floats(self.coverage)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.samples.shape[3], self.samples.shape[2]


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


def check_picture(picture: Picture, name: str = "image") -> Picture:
    """Return ``picture`` if its samples are what they are said to be.

    Raises:
        InvalidImage: they are not, or its size is not permitted.
    """
    samples = picture.samples
    if samples.dtype not in HIGHEST:
        check_image(samples, name)
    elif samples.ndim != 4 or samples.shape[:2] != (1, 3):
        raise InvalidImage(f"The {name}'s samples must be [1, 3, H, W], not {list(samples.shape)}.")
    check_size(*picture.size, name)
    return picture


def as_floats(samples: Samples) -> Tensor:
    """Samples of any depth as float32 in [0, 1]; floats as they are."""
    highest = HIGHEST.get(samples.dtype)
    if highest is None:
        return samples.float()
    return samples.to(torch.float32, memory_format=torch.contiguous_format).div_(highest)


def as_samples(pixels: Tensor, depth: torch.dtype) -> Samples:
    """Floats in [0, 1] in that depth, rounded to the nearest; unchanged where it is one of floats."""
    highest = HIGHEST.get(depth)
    return pixels if highest is None else pixels.mul(highest).round_().clamp_(0, highest).to(depth)


def strips(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture, so many at a time that they are about :data:`STRIP` px."""
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def empty_picture(height: int, width: int, depth: torch.dtype, device: torch.device | None = None) -> Samples:
    """``[1, 3, H, W]`` to be filled; of whole samples a pixel's colors lie together, as files have them."""
    order = torch.channels_last if depth in HIGHEST else torch.contiguous_format
    return torch.empty((1, 3, height, width), dtype=depth, device=device, memory_format=order)


def interleaved(samples: Samples, coverage: Samples | None, depth: torch.dtype) -> np.ndarray:
    """A picture as encoders take it: ``[H, W, 3]``, or ``[H, W, 4]`` with ``coverage``, uint8 or uint16.

    Made strip by strip and rounded to the nearest; not at all where it is stored like that.
    """
    height, width = samples.shape[-2:]
    stored = samples[0].permute(1, 2, 0)
    if coverage is None and samples.dtype == depth and stored.is_contiguous():
        return stored.cpu().numpy()
    made = torch.empty(height, width, 3 if coverage is None else 4, dtype=depth)
    for rows in strips(height, width):
        made[rows, :, :3] = as_samples(as_floats(samples[0, :, rows]), depth).permute(1, 2, 0)
        if coverage is not None:
            made[rows, :, 3] = as_samples(as_floats(coverage[0, 0, rows]), depth)
    return made.numpy()


def to_pil(samples: Samples, coverage: Samples | None = None) -> Image.Image:
    """An 8-bit PIL image, rounded to nearest: RGB, or RGBA with ``coverage``."""
    return Image.fromarray(interleaved(samples, coverage, torch.uint8))


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


def resize_longer_side(samples: Samples, size: int, *, shrink_only: bool = False) -> ImageTensor:
    """Floats scaled so that the longer side is ``size`` px, antialiased; sides never fall below 16 px.

    Raises:
        InvalidImage: the picture is so long that its shorter side would fall below 16 px.
    """
    h, w = samples.shape[-2:]
    if max(h, w) == size or (shrink_only and max(h, w) < size):
        return as_floats(samples)
    return resized(samples, *scaled_size(h, w, size))


def resized(
    samples: Samples, height: int, width: int, *, mode: str = "bicubic", depth: torch.dtype = torch.float32
) -> Samples:
    """``[1, C, H, W]`` at another size, antialiased, in [0, 1] or in the depth that is asked for.

    Of whole samples no floats are made but of strips: first every strip is made as wide as wanted, then
    columns as high. The numbers are those of both at once, which does the same one after the other.
    """
    if samples.dtype not in HIGHEST:
        found = F.interpolate(samples, (height, width), mode=mode, antialias=True)
        return as_samples(found.clamp(0, 1), depth)
    count, h, w = samples.shape[-3:]
    wide = torch.empty((1, count, h, width))
    for rows in strips(h, w):
        strip = as_floats(samples[:, :, rows])
        wide[:, :, rows] = F.interpolate(strip, (strip.shape[2], width), mode=mode, antialias=True)
    if depth not in HIGHEST:
        return F.interpolate(wide, (height, width), mode=mode, antialias=True).clamp(0, 1)
    made = torch.empty((1, count, height, width), dtype=depth, memory_format=torch.channels_last)
    for columns in strips(width, max(h, height)):
        part = wide[..., columns]
        high = F.interpolate(part, (height, part.shape[3]), mode=mode, antialias=True)
        made[..., columns] = as_samples(high, depth)
    return made


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
