"""HEIC and HEIF, what phones make: decoded by libheif, which turns the picture upright itself."""

from __future__ import annotations

import io
import struct

import numpy as np
import pi_heif

from ..images import check_size
from .color import PLAIN, ColorSpace, UnknownColors, coded_space
from .stored import Stored, mode_of, split_alpha, unusable_colors
from .strips import spread

BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
AVIF_BRANDS = {b"avif", b"avis"}
NCLX, JP2_PROFILE = b"colrnclx", b"colr\2"
HEAD = 1 << 16  # bytes in which the boxes about color are looked for


def brands(data: bytes) -> set[bytes]:
    """The brands of an ISO base media file, or nothing."""
    if data[4:8] != b"ftyp" or len(data) < 16:
        return set()
    (length,) = struct.unpack_from(">I", data)
    names = data[8 : min(length, 4096)]
    return {names[k : k + 4] for k in range(0, len(names) - 3, 4) if k != 4}  # 4: the minor version


def is_heif(data: bytes) -> bool:
    """Whether this is HEIC or HEIF, and not AVIF, which shares the container."""
    found = brands(data)
    return bool(found & BRANDS) and not found & AVIF_BRANDS


def open_heif(data: bytes) -> pi_heif.HeifImage:
    """The primary picture; its size is known, its pixels are decoded when they are asked for.

    Raises:
        ValueError, RuntimeError, SyntaxError: damaged.
    """
    opened = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    return opened[opened.primary_index]


def pixels(image: pi_heif.HeifImage) -> np.ndarray:
    """``[H, W, C]``, uint8, or uint16 spread over all 16 bits where the file has more than 8."""
    array = np.array(image)  # a copy: the memory goes with the decoder
    array = array[:, :, None] if array.ndim == 2 else array
    if array.dtype == np.uint8:
        return array
    return spread(array, int(image.info.get("bit_depth", 16)))


def colors(image: pi_heif.HeifImage) -> tuple[ColorSpace, str]:
    """What the pixels mean, and what of it cannot be used."""
    if profile := image.info.get("icc_profile"):
        return ColorSpace(profile=bytes(profile)), ""
    nclx = image.info.get("nclx_profile")
    return _coded((int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])) if nclx else None)


def colors_of_box(data: bytes) -> tuple[ColorSpace, str]:
    """The same from the color box of an AVIF or JPEG 2000 file, of which Pillow tells little."""
    place = data.find(JP2_PROFILE, 0, HEAD)
    if place >= 4:
        (length,) = struct.unpack_from(">I", data, place - 4)
        return ColorSpace(profile=data[place + 7 : place - 4 + length]), ""
    place = data.find(NCLX, 0, HEAD)
    codes = data[place + len(NCLX) : place + len(NCLX) + 4] if place >= 0 else b""
    return _coded((int(codes[1]), int(codes[3])) if len(codes) == 4 else None)


def _coded(numbers: tuple[int, int] | None) -> tuple[ColorSpace, str]:
    if numbers is None:
        return PLAIN, ""
    try:
        return coded_space(*numbers), ""
    except UnknownColors as unknown:
        return PLAIN, str(unknown)


def stored(data: bytes, name: str) -> Stored:
    """What the file stores; ``name`` is what the picture is, in messages.

    Raises:
        InvalidImage: a size that is not permitted; what libheif raises: damaged.
    """
    image = open_heif(data)
    width, height = image.size
    check_size(width, height, name)
    array, alpha = split_alpha(pixels(image))
    space, problem = colors(image)
    notes = (unusable_colors(name, problem),) if problem else ()
    return Stored(array, mode_of(array), alpha, space, is_lossy=True, notes=notes)
