"""The one door to picture files: bytes -> the values they store, by decoders of one list only.

Pillow knows formats that run programs (PostScript) or that nobody means as a photo; none of them is ever
tried here, whatever a file is called. Nothing but pixels can refuse a picture: what else a file carries
is read where it helps (orientation, colors) and left aside where it is broken.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import (  # the plugins by name: Pillow would load every one it has
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from ..errors import InvalidImage
from ..images import check_size, too_large
from . import color, heif, jpeg, jpeg_xl, png
from .color import PLAIN, ColorSpace

DECODERS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")  # of Pillow
NAMES = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, JPEG 2000, JPEG XL or PPM"
LOSSY = {"JPEG", "MPO", "AVIF", "JPEG2000"}
BROKEN = (  # what decoders raise on damaged files
    OSError, SyntaxError, ValueError, LookupError, EOFError, TypeError, RuntimeError, ArithmeticError,
    struct.error, zlib.error, tifffile.TiffFileError,
    Image.DecompressionBombError,
)  # fmt: skip
WITH_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = {5, 6, 7, 8}
UNCALIBRATED, ADOBE_BY_NUMBER = 0xFFFF, 2  # EXIF's ColorSpace
MIN_IS_WHITE = 0  # TIFF's PhotometricInterpretation
TIFF_BITS, TIFF_COMPRESSION, TIFF_PHOTOMETRIC, TIFF_SAMPLES = 258, 259, 262, 277
TIFF_RGB, SEPARATE_PLANES = 2, 2
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LOSSY_COMPRESSIONS = {6, 7, 33003, 33005, 34712, 34892, 50001}  # of TIFF: JPEG, JPEG 2000, WebP
PLAIN_COMPRESSIONS = {1, 5, 8, 32773, 32946}  # none, LZW, Deflate, PackBits, old Deflate
FILLERS = (b"", b"\x5a\xa5" * 64)  # what a cut JPEG is completed with, to see whether it matters


@dataclass(frozen=True)
class Stored:
    """What a file stores, upright.

    Attributes:
        array: ``[H, W, C]``, uint8, uint16, int32 or float32 (the last two of no stated range); C as of
            ``mode``.
        mode: "L", "RGB", "CMYK" or "LAB".
        alpha: ``[H, W]``, uint8 or uint16, or float32 in [0, 1]; or ``None``.
        is_negative: the highest value is black.
        space: what the values mean.
        is_lossy: whether the format changes values.
        notes: sentences about what was left aside.
    """

    array: np.ndarray
    mode: str
    alpha: np.ndarray | None = None
    space: ColorSpace = PLAIN
    is_lossy: bool = False
    is_negative: bool = False
    notes: tuple[str, ...] = ()


def decode(data: bytes, name: str, file: str) -> Stored:
    """The values of the first frame.

    Args:
        data: the file's bytes.
        name: what the picture is, in messages ("content").
        file: the file's name, in messages.

    Raises:
        InvalidImage: no picture of a readable format, damaged, or of a size that is not permitted.
    """
    try:
        if heif.is_heif(data):
            return _from_heif(data, name)
        if jpeg_xl.is_jpeg_xl(data):
            return _from_jpeg_xl(data, name, file)
        if (stored := _from_unusual_tiff(data, name)) is not None:
            return stored
        with open_picture(data, name, file) as image:
            return _from_file(image, data, name)
    except BROKEN as error:
        raise InvalidImage(f"The {name} {file!r} is damaged or cut short and cannot be read.") from error


@contextmanager
def open_picture(data: bytes, name: str, file: str, *, any_size: bool = False) -> Iterator[Image.Image]:
    """The file opened by Pillow with the permitted decoders, its pixels not yet read.

    Raises:
        InvalidImage: it is none of their formats, or of a size that is not permitted.
    """
    try:
        opened = Image.open(io.BytesIO(_harmless(data)), formats=_registered())
    except UnidentifiedImageError as error:
        raise InvalidImage(
            f"The {name} {file!r} is not a picture in a format we can read ({NAMES})."
        ) from error
    except Image.DecompressionBombError as error:
        raise InvalidImage(too_large(name, "far too many pixels")) from error
    except BROKEN as error:
        raise InvalidImage(f"The {name} {file!r} is damaged or cut short and cannot be read.") from error
    with opened as image:
        if not any_size:
            check_size(*image.size, name)
        yield image


@contextmanager
def open_exif(data: bytes, name: str, file: str) -> Iterator[Image.Exif]:
    """The camera data of a picture; empty where there are none.

    Raises:
        InvalidImage, and what is in ``BROKEN``: the picture or its data cannot be read.
    """
    if not is_opened_elsewhere(data):
        with open_picture(data, name, file, any_size=True) as image:
            yield image.getexif()
        return
    exif = Image.Exif()
    if heif.is_heif(data) and (stored := heif.open_heif(data).info.get("exif")):
        exif.load(bytes(stored))
    yield exif


def is_opened_elsewhere(data: bytes) -> bool:
    """Whether another decoder than Pillow's reads this format."""
    return heif.is_heif(data) or jpeg_xl.is_jpeg_xl(data)


def size(data: bytes) -> tuple[int, int] | None:
    """Width and height of the upright picture, from the head alone; ``None`` if it cannot be told."""
    try:
        if heif.is_heif(data):
            found: tuple[int, int] = heif.open_heif(data).size
            return found
        if jpeg_xl.is_jpeg_xl(data):
            return jpeg_xl.size(data)
        with Image.open(io.BytesIO(_harmless(data)), formats=_registered()) as image:
            return upright_size(image)
    except BROKEN:
        return None


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an opened picture once it is turned upright."""
    width, height = image.size  # of a TIFF, Pillow tells what it will turn it to
    turns = image.format != "TIFF" and _orientation(image) in SIDEWAYS
    return (height, width) if turns else (width, height)


def from_pil(image: Image.Image, name: str) -> Stored:
    """The values of a picture that Pillow has opened or made.

    Raises:
        InvalidImage: it comes from a decoder that is not permitted, is damaged, or has no permitted size.
    """
    if isinstance(image, ImageFile.ImageFile) and image.format not in (*DECODERS, "HEIF", "JXL"):
        raise InvalidImage(
            f"The {name} is a picture in the format {image.format}, which is not read here ({NAMES})."
        )
    check_size(*image.size, name)
    try:
        return _from_pixels(image, name, b"")
    except BROKEN as error:  # opened but not yet read, and broken
        raise InvalidImage(f"The {name} is damaged or cut short and cannot be read.") from error


def _registered() -> tuple[str, ...]:
    """The permitted decoders that this build of Pillow has (AVIF may be left out of it)."""
    return tuple(form for form in DECODERS if form in Image.OPEN)


def _harmless(data: bytes) -> bytes:
    """A PNG without texts or a profile so large that Pillow refuses the picture for them."""
    if not data.startswith(png.SIGNATURE):
        return data
    return png.without(data, (*png.TEXTS, *((b"iCCP",) if png.has_huge_profile(data) else ())))


def _from_file(image: Image.Image, data: bytes, name: str) -> Stored:
    notes: list[str] = []
    if image.format in {"JPEG", "MPO"}:
        found = jpeg.structure(data)
        if found.scans > jpeg.MOST_SCANS:
            raise InvalidImage(
                f"The {name} is a JPEG of {found.scans} scans, which no camera or program writes; "
                f"{jpeg.MOST_SCANS} are read at most."
            )
    stored_turn = _tag(image, ExifTags.Base.Orientation) or _orientation(image)  # loading turns a TIFF
    try:
        image.load()
        is_cut = image.format in {"JPEG", "MPO"} and not found.ends
    except OSError:
        image, is_cut = _completed(image, data), True
    if is_cut:
        notes.append(f"The {name}'s file lacks its last bytes; all of the picture is there.")
    stored = _deep(image, data, name, stored_turn) or _from_pixels(image, name, data)
    return replace(stored, notes=(*notes, *stored.notes))


def _completed(image: Image.Image, data: bytes) -> Image.Image:
    """A JPEG that ends too early, if nothing of the picture is missing: then what follows does not matter.

    Raises:
        OSError: something is missing.
    """
    if image.format not in {"JPEG", "MPO"} or not jpeg.structure(data).is_complete:
        raise OSError("cut short")
    tries = []
    for filler in FILLERS:
        repaired = Image.open(io.BytesIO(data.rstrip(b"\xff") + filler + jpeg.END_MARKER), formats=("JPEG",))
        repaired.load()
        tries.append(repaired)
    if tries[0].tobytes() != tries[1].tobytes():
        raise OSError("cut short")
    return tries[0]


def _from_pixels(image: Image.Image, name: str, data: bytes) -> Stored:
    notes = []
    if getattr(image, "is_animated", False):
        image.seek(0)
        if image.format != "MPO":  # phones append a depth map or a second view that nobody asked about
            notes.append(f"The {name} has several frames or pages; the first is used.")
    turn = UPRIGHT.get(_orientation(image))
    space, problem = _space(image, data)
    if problem:
        notes.append(unusable_colors(name, problem))
    is_lossy = _changes_values(image, data)
    upright = image if turn is None else image.transpose(turn)
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        array, alpha = _deep_gray(image, upright, data)
        is_negative = _tag(image, TIFF_PHOTOMETRIC) == MIN_IS_WHITE  # Pillow turns 8-bit ones itself
        return Stored(array[..., None], "L", alpha, space, False, is_negative, tuple(notes))
    upright, alpha = _plain(upright)
    array = np.asarray(upright)
    array = array[..., None] if array.ndim == 2 else array
    return Stored(array, upright.mode, alpha, space, is_lossy, notes=tuple(notes))


def _plain(image: Image.Image) -> tuple[Image.Image, np.ndarray | None]:
    """The picture in one of :class:`Stored`'s modes, and its alpha."""
    alpha = None
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        whole = image.convert("RGBA")
        alpha = np.asarray(whole.getchannel("A"))
        image = image.convert("L") if image.mode in ("LA", "L") else whole.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    return (image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGB")), alpha


def _orientation(image: Image.Image) -> int:
    """EXIF's number; 1, upright, where the data are broken or the decoder has turned the picture itself."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except BROKEN:
        return 1
    return found if isinstance(found, int) else 1


def _space(image: Image.Image, data: bytes) -> tuple[ColorSpace, str]:
    """What the pixels mean, and what of it cannot be used; the strongest statement wins (PNG 3, 4.3)."""
    try:
        if image.format == "PNG" and (codes := png.coded_colors(data)) is not None:
            return color.coded_space(*codes), ""
        if profile := image.info.get("icc_profile"):
            return ColorSpace(profile=bytes(profile)), ""
        if image.format == "PNG" and png.content(data, b"iCCP") is not None:
            return PLAIN, "color profile"
        if image.format == "PNG":
            return color.stated_space(png.stated_gamma(data), png.stated_chromaticities(data)), ""
        if image.format == "AVIF":
            return heif.colors_of_box(data)
    except color.UnknownColors as unknown:
        return PLAIN, str(unknown)
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


def unusable_colors(name: str, what: str) -> str:
    """The note about a profile or a code that says nothing we understand."""
    return f"The {name}'s {what} cannot be used; its colors were read as sRGB."


def _changes_values(image: Image.Image, data: bytes) -> bool:
    """Whether the format is a lossy one; WebP and TIFF are either."""
    if image.format == "WEBP":
        return b"VP8L" not in data[:4096] or b"VP8 " in data[:4096]
    if image.format == "TIFF":
        return _tag(image, TIFF_COMPRESSION, 1) in LOSSY_COMPRESSIONS
    return image.format in LOSSY


def _tag(image: Image.Image, number: int, default: Any = None) -> Any:
    """A TIFF's tag; the default for other formats."""
    return image.tag_v2.get(number, default) if isinstance(image, TiffImagePlugin.TiffImageFile) else default


def _deep_gray(image: Image.Image, upright: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """More than 8 bits of gray ``[H, W]``, spread over all 16 bits where it has fewer; and the alpha."""
    array = np.asarray(upright)
    if not image.mode.startswith("I;16"):
        return array, None
    bits = _tag(image, TIFF_BITS, (16,))[0]
    array = array.astype(np.uint16)
    if 8 < bits < 16:
        array = (array.astype(np.uint32) * 65535 // ((1 << bits) - 1)).clip(0, 65535).astype(np.uint16)
    transparent = png.transparent_color(data) if image.format == "PNG" else None
    return array, None if transparent is None else _opaque_but(array[..., None] != np.uint16(transparent[0]))


def _opaque_but(differs: np.ndarray) -> np.ndarray:
    return np.where(differs.any(2), np.uint16(65535), np.uint16(0))


def _deep(image: Image.Image, data: bytes, name: str, turn: int) -> Stored | None:
    """RGB of 16 bits, which Pillow would cut to 8, turned; ``None`` for everything else."""
    if image.format == "PNG":
        depth, kind = png.depth_and_type(data)
        is_deep = depth == png.DEEP and kind in (png.TRUE_COLOR, png.TRUE_COLOR_ALPHA, png.GRAY_ALPHA)
        read: Callable[[bytes], np.ndarray] = imagecodecs.png_decode
    elif image.format == "TIFF":
        is_deep = (
            set(_tag(image, TIFF_BITS, ())) == {16}
            and _tag(image, TIFF_PHOTOMETRIC) == TIFF_RGB
            and _tag(image, TIFF_COMPRESSION, 1) in PLAIN_COMPRESSIONS
            and _tag(image, TIFF_SAMPLES) in (3, 4)
        )
        read = _read_tiff
    else:
        return None
    if not is_deep:
        return None
    array = read(data)
    if array.dtype != np.uint16 or array.ndim != 3 or sorted(array.shape[:2]) != sorted(image.size):
        return None
    array, alpha = _split(array)
    if image.format == "PNG" and (transparent := png.transparent_color(data)) is not None:
        alpha = _opaque_but(array != np.array(transparent, np.uint16))
    stored = _from_pixels(image, name, data)  # for the colors and the notes
    return replace(
        stored,
        array=np.ascontiguousarray(_turned(array, turn)),
        alpha=None if alpha is None else _turned(alpha, turn),
        mode=_mode(array),
    )


def _split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """``[H, W, 1-4]`` into gray or color, and the alpha that an even number of channels ends with."""
    if array.shape[2] % 2:
        return array, None
    return np.ascontiguousarray(array[..., :-1]), array[..., -1]


def _mode(array: np.ndarray) -> str:
    return "L" if array.shape[2] == 1 else "RGB"


def _read_tiff(data: bytes) -> np.ndarray:
    """The first page ``[H, W, C]``."""
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        page = opened.pages.first
        array = page.asarray()
        return np.moveaxis(array, 0, -1) if page.planarconfig == SEPARATE_PLANES else array


def _from_unusual_tiff(data: bytes, name: str) -> Stored | None:
    """Color of floats, which Pillow has no mode for; ``None`` for everything else."""
    if not data.startswith(TIFF_SIGNATURES):
        return None
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        page = opened.pages.first
        tags = page.tags
        is_float = page.dtype is not None and page.dtype.kind == "f" and page.photometric == TIFF_RGB
        if not is_float or page.compression not in PLAIN_COMPRESSIONS or page.ndim != 3:
            return None
        check_size(page.imagewidth, page.imagelength, name)
        array = _read_tiff(data).astype(np.float32)
        turn = int(tags["Orientation"].value) if "Orientation" in tags else 1
        profile = tags["InterColorProfile"].value if "InterColorProfile" in tags else None
    array, alpha = _split(_turned(array, turn))
    space = ColorSpace(profile=bytes(profile)) if profile else PLAIN
    return Stored(array, _mode(array), None if alpha is None else alpha.clip(0, 1), space)


def _turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array brought upright, as :data:`UPRIGHT` does with pictures."""
    if orientation in SIDEWAYS:
        array = array.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return array[::rows, ::columns]


def _from_heif(data: bytes, name: str) -> Stored:
    image = heif.open_heif(data)
    width, height = image.size
    check_size(width, height, name)
    array, alpha = _split(heif.pixels(image))
    space, problem = heif.colors(image)
    notes = (unusable_colors(name, problem),) if problem else ()
    return Stored(array, _mode(array), alpha, space, is_lossy=True, notes=notes)


def _from_jpeg_xl(data: bytes, name: str, file: str) -> Stored:
    width, height = jpeg_xl.size(data)
    check_size(width, height, name)
    decoded = jpeg_xl.decode(data)
    if decoded.jpeg:
        return decode(decoded.jpeg, name, file)
    array, alpha = _split(decoded.array)
    space = ColorSpace(profile=decoded.profile) if decoded.profile else PLAIN
    return Stored(array, _mode(array), alpha, space, is_lossy=True)
