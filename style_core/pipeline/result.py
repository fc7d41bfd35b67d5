"""A finished picture and how it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from PIL import Image
from torch import Tensor

from ..errors import InvalidOption
from ..files import Photo, save_image
from ..images import ImageTensor, Picture, to_pil
from ..look import Look
from ..method import LossPoint
from ..regions import Segments

FitLook = Callable[[], Look]


@dataclass(frozen=True)
class Result:
    """A finished picture and how it was made.

    Attributes:
        picture: what was made, on the CPU, with the content's transparency: floats as a network gave them, or
            the depth of the photo where a look was carried to a larger one.
        settings: what it takes to make it again, as plain JSON: version, method, family, device, sha256 of
            the networks and of the input files, sizes, shares, masks, and every option as it took effect.
        notes: sentences about what was changed or could not be done.
        seconds: wall time by stage, and "total".
        peak_memory: bytes; of the process on the CPU, of the GPU's allocator there.
        segments: the label maps that were used, ``[H, W]`` uint8, or ``None``.
        losses: the loss curve of a method that optimizes, else empty.
        fit_look: gives :attr:`look`, at its first use.
    """

    picture: Picture
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    peak_memory: int
    segments: Segments | None = None
    losses: tuple[LossPoint, ...] = ()
    fit_look: FitLook | None = field(default=None, repr=False, compare=False)

    @property
    def image(self) -> ImageTensor:
        """``[1, 3, H, W]``, float32, RGB in [0, 1]; of a picture of 8 or 16 bits a new copy every time."""
        return self.picture.pixels

    @property
    def alpha(self) -> Tensor | None:
        """``[1, 1, H, W]``, float32 in [0, 1], carried over from the content, or ``None``."""
        return self.picture.alpha

    @property
    def look(self) -> Look:
        """What was done to the photo's colors, and where: good for the photo at any size, and as a ``.cube``.

        Raises:
            InvalidOption: the method paints; only those that recolor photos have a look.
        """
        if self.fit_look is None:
            raise InvalidOption(
                f"{self.settings['method']} paints; only a method that recolors photos has a look."
            )
        return replace(self.fit_look(), settings=self.settings)

    def to_pil(self) -> Image.Image:
        """8-bit RGB, or RGBA where the content had transparency."""
        return to_pil(self.picture.samples, self.picture.coverage)

    def save(
        self,
        path: str | PathLike[str],
        *,
        bits: int = 8,
        quality: int | None = None,
        metadata_from: Photo | None = None,
        keep_gps: bool = False,
    ) -> tuple[str, ...]:
        """Write the picture by its suffix, marked as sRGB, with its settings; all of it or nothing.

        Args:
            bits: per channel: 8, or 16 in PNG and TIFF; see ``bits`` of :func:`stylize`.
            quality: 1 to 100 for JPEG, WebP and AVIF; 95 if not given, of AVIF 90.
            metadata_from: the photo whose camera data, exposure, time, author and copyright are kept.
            keep_gps: keep the place it was taken at, too.

        Returns:
            notes about what could not be written: transparency in a JPEG, damaged camera data, bits that the
            result does not have.

        Raises:
            InvalidImage: the suffix is not one we write, its format cannot hold this, or the place cannot be
                written; a file that is there stays as it is.
        """
        return save_image(
            self.picture.samples, self.picture.coverage, path, self.settings,
            bits=bits, quality=quality, metadata_from=metadata_from, keep_gps=keep_gps,
        )  # fmt: skip
