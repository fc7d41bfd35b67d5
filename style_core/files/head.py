"""What a file says before its pixels: taken apart where Pillow would look at more than it needs."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InvalidImage
from . import color, gif, jpeg, png
from .color import PLAIN, ColorSpace


@dataclass(frozen=True)
class Head:
    """A file before its pixels are decoded.

    Attributes:
        pixels: the file with what its pixels need alone: the rest may be broken, or made to keep us busy.
        exif, xmp: as stored, or empty; where only Pillow knows them, they are in the opened picture.
        space: what the values mean; ``problem``: what of that cannot be used.
        frames: whether there are more pictures than the first.
        png: a PNG's chunks.
    """

    pixels: bytes
    exif: bytes = b""
    xmp: bytes = b""
    space: ColorSpace | None = None
    problem: str = ""
    has_frames: bool = False
    png: png.Parts | None = None
    jpeg: jpeg.Parts | None = None


def head_of(data: bytes) -> Head:
    """Take the file apart where Pillow would look at more than its pixels.

    Raises:
        what is in ``BROKEN``: it has parts without number, or is cut in its head.
    """
    if data.startswith(jpeg.SIGNATURE):
        found = jpeg.parts(data)
        if found.scans > jpeg.MOST_SCANS:
            raise InvalidImage(
                f"This is a JPEG of {found.scans} scans, which no camera or program writes; "
                f"{jpeg.MOST_SCANS} are read at most."
            )
        space = ColorSpace(profile=found.profile) if found.profile else None
        problem = "color profile" if found.has_broken_profile else ""
        return Head(found.pixels, found.exif, found.xmp, space, problem, jpeg=found)
    if data.startswith(png.SIGNATURE):
        chunks = png.parts(data)
        exif = chunks.said.get(b"eXIf", b"")
        space, problem = _space_of_png(chunks)
        return Head(
            chunks.pixels, b"Exif\0\0" + exif if exif else b"", b"", space, problem, chunks.frames > 1, chunks
        )
    if data.startswith(gif.SIGNATURES):
        first, has_more = gif.first_frame(data)
        return Head(first, space=PLAIN, has_frames=has_more)
    return Head(data)


def _space_of_png(chunks: png.Parts) -> tuple[ColorSpace, str]:
    """What a PNG's values mean; the strongest statement wins (third edition, 4.3)."""
    try:
        if chunks.codes is not None:
            *codes, is_full = chunks.codes
            if not is_full:
                raise color.UnknownColors("narrow range of values")
            return color.coded_space(*codes), ""
        if (profile := chunks.profile()) is not None:
            return ColorSpace(profile=profile), ""
        return color.stated_space(chunks.gamma, chunks.chromaticities), ""
    except color.UnknownColors as unknown:
        return PLAIN, str(unknown)
    except ValueError:
        return PLAIN, "color profile"
