"""What a picture that Pillow has opened stores: values, turn, transparency, colors, depth it would cut."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import ExifTags, Image, TiffImagePlugin

from . import color, heif, jpeg_2000, png, tiff
from .color import PLAIN, ColorSpace
from .head import Head
from .stored import SIDEWAYS, Stored, mode_of, split_alpha, turned, unusable_colors
from .strips import spread, strips

BROKEN = (  # what decoders raise on damaged files
    OSError, SyntaxError, ValueError, LookupError, EOFError, TypeError, RuntimeError, ArithmeticError,
    struct.error, zlib.error, tifffile.TiffFileError,
    Image.DecompressionBombError,
)  # fmt: skip
LOSSY = {"JPEG", "MPO", "AVIF"}
WITH_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
TURNED_BACK = {6: 8, 8: 6}  # the orientation that undoes another; all others undo themselves
UNCALIBRATED, ADOBE_BY_NUMBER = 0xFFFF, 2  # EXIF's ColorSpace
TIFF_COMPRESSION, TIFF_PHOTOMETRIC = 259, 262


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture once it is turned upright."""
    width, height = image.size  # of a TIFF, Pillow tells what it will turn it to
    turns = image.format != "TIFF" and orientation_of(image) in SIDEWAYS
    return (height, width) if turns else (width, height)


def from_opened(image: Image.Image, name: str, head: Head) -> Stored:
    """What a picture that Pillow has opened stores: its first frame, upright, and what to note.

    Args:
        image: opened, not yet decoded.
        name: what to call it in notes ("content", "style").
        head: what the file says before its pixels.
    """
    notes = []
    if head.has_frames or getattr(image, "is_animated", False):
        image.seek(0)
        if image.format != "MPO":  # phones append a depth map or a second view that nobody asked about
            notes.append(f"The {name} has several frames or pages; the first is used.")
    turn = orientation_of(image)
    space, problem = _space(image, head)
    if problem:
        notes.append(unusable_colors(name, problem))
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        array, alpha = _deep_gray(image, turn, head)
        is_negative = _tag(image, TIFF_PHOTOMETRIC) == tiff.MIN_IS_WHITE
        return Stored(array[..., None], "L", alpha, space, False, is_negative, tuple(notes))
    if head.png is not None:
        _apply_transparency(image, head.png)
    plain, opacity = _plain(image)
    array = _upright(plain, turn)
    alpha = None if opacity is None else _upright(opacity, turn)[..., 0]
    is_negative = plain.mode == "L" and _tag(image, TIFF_PHOTOMETRIC) == tiff.MIN_IS_WHITE
    if is_negative:  # which Pillow has undone already
        array = 255 - array
    return Stored(
        array, plain.mode, alpha, space, _changes_values(image, head.pixels), is_negative, tuple(notes)
    )


def _upright(image: Image.Image, orientation: int) -> np.ndarray:
    """The values of an 8-bit picture ``[H, W, C]``, turned.

    Strip by strip, for Pillow gives out all of them at once as two more copies, and turns them into a third.
    """
    width, height = image.size
    sides = (width, height) if orientation in SIDEWAYS else (height, width)
    upright = np.empty((*sides, len(image.getbands())), np.uint8)
    as_stored = turned(upright, TURNED_BACK.get(orientation, orientation))
    for rows in strips(as_stored):
        strip = np.asarray(image.crop((0, rows.start, width, rows.stop)))
        as_stored[rows] = strip.reshape(as_stored[rows].shape)
    return upright


def _apply_transparency(image: Image.Image, chunks: png.Parts) -> None:
    """Give Pillow the transparent color of a PNG without alpha, scaled as it scales the pixels."""
    stated = chunks.transparent_color
    if stated is None or image.mode not in ("1", "L", "RGB"):
        return
    highest = (1 << chunks.depth) - 1
    scaled = tuple(value * 255 // highest for value in stated)
    image.info["transparency"] = scaled if len(scaled) == 3 else scaled[0]


def _plain(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The picture in one of :class:`Stored`'s modes, and its alpha."""
    alpha = None
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        whole = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = whole.getchannel("A")
        image = image.convert("L") if image.mode in ("LA", "L") else whole.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    return (image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGB")), alpha


def orientation_of(image: Image.Image) -> int:
    """EXIF's number; 1, upright, where the data are broken or the decoder has turned the picture itself."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) else 1


def _space(image: Image.Image, head: Head) -> tuple[ColorSpace, str]:
    """What the pixels mean, and what of it cannot be used."""
    if head.space is not None or head.problem:
        return head.space or PLAIN, head.problem
    if image.format in ("AVIF", "JPEG2000") and not image.info.get("icc_profile"):
        return heif.colors_of_box(head.pixels)
    profile = image.info.get("icc_profile")
    if profile is not None and not isinstance(profile, bytes):
        return PLAIN, "color profile"
    if profile:
        return ColorSpace(profile=profile), ""
    return (color.ADOBE if image.mode in ("RGB", "YCbCr") and _says_adobe_rgb(image) else PLAIN), ""


def _says_adobe_rgb(image: Image.Image) -> bool:
    """Whether a camera says so by EXIF alone: interoperability "R03" (DCF 2.0), or the number 2."""
    space = _exif_entry(image, ExifTags.IFD.Exif, ExifTags.Base.ColorSpace)
    index = str(_exif_entry(image, ExifTags.IFD.Interop, ExifTags.Interop.InteropIndex))
    return space == ADOBE_BY_NUMBER or (space in (UNCALIBRATED, None) and index.startswith("R03"))


def _exif_entry(image: Image.Image, directory: int, tag: int) -> Any:
    """An entry of one of EXIF's directories; ``None`` where either is missing or broken."""
    try:
        return image.getexif().get_ifd(directory).get(tag)
    except BROKEN:
        return None


def _changes_values(image: Image.Image, data: bytes) -> bool:
    """Whether the format is a lossy one; WebP, TIFF and JPEG 2000 are either."""
    if image.format == "WEBP":
        return b"VP8L" not in _webp_chunks(data)
    if image.format == "TIFF":
        return _tag(image, TIFF_COMPRESSION, 1) in tiff.LOSSY
    if image.format == "JPEG2000":
        return not jpeg_2000.is_reversible(data)
    return image.format in LOSSY


def _webp_chunks(data: bytes) -> set[bytes]:
    """The names of a WebP's first chunks."""
    names: set[bytes] = set()
    place = 12
    while place + 8 <= len(data) and len(names) < 16:
        name, length = struct.unpack_from("<4sI", data, place)
        names.add(name)
        place += 8 + length + length % 2
    return names


def _tag(image: Image.Image, number: int, default: Any = None) -> Any:
    """A TIFF's tag; the default for other formats."""
    return image.tag_v2.get(number, default) if isinstance(image, TiffImagePlugin.TiffImageFile) else default


def _deep_gray(image: Image.Image, turn: int, head: Head) -> tuple[np.ndarray, np.ndarray | None]:
    """More than 8 bits of gray ``[H, W]``, turned; and the alpha."""
    array = np.ascontiguousarray(turned(np.asarray(image), turn))
    if (
        image.format == "PPM" and image.mode == "I"
    ):  # whose range is stated, and spread over 16 bits by Pillow
        return array.clip(0, 65535).astype(np.uint16), None
    if not image.mode.startswith("I;16"):
        return array, None
    array = array.astype(np.uint16)
    transparent = None if head.png is None else head.png.transparent_color
    return array, None if transparent is None else _opaque_but(array[..., None] != np.uint16(transparent[0]))


def _opaque_but(differs: np.ndarray) -> np.ndarray:
    return np.where(differs.any(2), np.uint16(65535), np.uint16(0))


def deep_png(image: Image.Image, head: Head, name: str) -> Stored | None:
    """Color or alpha of 16 bits, which Pillow would cut to 8, turned; ``None`` for everything else."""
    chunks = head.png
    kinds = (png.TRUE_COLOR, png.TRUE_COLOR_ALPHA, png.GRAY_ALPHA)
    if chunks is None or chunks.depth != png.DEEP or chunks.color_type not in kinds:
        return None
    array, alpha = split_alpha(np.atleast_3d(imagecodecs.png_decode(head.pixels)))
    if chunks.transparent_color is not None:
        alpha = _opaque_but(array != np.array(chunks.transparent_color, np.uint16))
    stored = from_opened(image, name, head)  # for the colors and the notes
    turn = orientation_of(image)
    alpha = None if alpha is None else turned(alpha, turn)
    return replace(stored, array=np.ascontiguousarray(turned(array, turn)), alpha=alpha, mode=mode_of(array))


def deep_jpeg_2000(image: Image.Image, head: Head, name: str) -> Stored | None:
    """Color of more than 8 bits, which Pillow would cut to 8; ``None`` for everything else."""
    bits = jpeg_2000.color_bits(head.pixels) if image.format == "JPEG2000" else 0
    if bits <= 8:
        return None
    array = np.atleast_3d(imagecodecs.jpeg2k_decode(head.pixels))
    if array.dtype != np.uint16 or array.shape[:2] != image.size[::-1] or array.shape[2] not in (3, 4):
        return None
    color, alpha = split_alpha(spread(array, bits))
    return replace(from_opened(image, name, head), array=color, alpha=alpha, mode="RGB")
