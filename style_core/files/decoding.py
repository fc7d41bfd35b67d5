"""The one door to picture files: bytes -> the values they store, by decoders of one list only.

Pillow knows formats that run programs (PostScript) or that nobody means as a photo; none of them is ever
tried here, whatever a file is called. Nothing but pixels can refuse a picture: what else a file carries
is read where it helps (orientation, colors) and left aside where it is broken.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
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

from ..errors import InvalidImage, OutOfMemory
from ..images import check_size, too_large
from . import color, heif, jpeg, jpeg_2000, jpeg_xl, png, tiff
from .color import PLAIN, ColorSpace
from .head import Head, head_of
from .strips import spread, strips

DECODERS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")  # of Pillow
NAMES = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, JPEG 2000, JPEG XL or PPM"
LOSSY = {"JPEG", "MPO", "AVIF"}
BROKEN = (  # what decoders raise on damaged files
    OSError, SyntaxError, ValueError, LookupError, EOFError, TypeError, RuntimeError, ArithmeticError,
    struct.error, zlib.error, tifffile.TiffFileError,
    Image.DecompressionBombError,
)  # fmt: skip
WITH_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
SIDEWAYS = {5, 6, 7, 8}
TURNED_BACK = {6: 8, 8: 6}  # the orientation that undoes another; all others undo themselves
UNCALIBRATED, ADOBE_BY_NUMBER = 0xFFFF, 2  # EXIF's ColorSpace
TIFF_COMPRESSION, TIFF_PHOTOMETRIC = 259, 262
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
        OutOfMemory: it takes more memory than there is.
    """
    try:
        if heif.is_heif(data):
            return _from_heif(data, name)
        if jpeg_xl.is_jpeg_xl(data):
            return _from_jpeg_xl(data, name, file)
        if (found := tiff.first_page(data)) is not None and found.is_readable and found.is_deep:
            return _from_tiff(data, found, name)
        head = head_of(data)
        with _opened(head, name, file) as image:
            return _from_file(image, head, name)
    except MemoryError as error:
        raise OutOfMemory(f"There is too little memory to read the {name} {file!r}.") from error
    except BROKEN as error:
        raise _damaged(name, file) from error


def _damaged(name: str, file: str) -> InvalidImage:
    return InvalidImage(f"The {name} {file!r} is damaged or cut short and cannot be read.")


@contextmanager
def _opened(head: Head, name: str, file: str) -> Iterator[Image.Image]:
    """What is left of a file for its pixels, opened by Pillow, with its orientation and colors told."""
    with open_picture(head.pixels, name, file) as image:
        if head.exif:
            image.info["exif"] = head.exif
        if head.xmp:
            image.info["xmp"] = head.xmp
        yield image


@contextmanager
def open_picture(data: bytes, name: str, file: str, *, any_size: bool = False) -> Iterator[Image.Image]:
    """A file opened by Pillow with the permitted decoders, its pixels not yet read.

    Raises:
        InvalidImage: it is none of their formats, or of a size that is not permitted.
    """
    try:
        opened = Image.open(io.BytesIO(data), formats=_registered())
    except UnidentifiedImageError as error:
        if data.startswith(tiff.SIGNATURES):
            raise InvalidImage(
                f"The {name} {file!r} is a TIFF of a kind that is not read here, or damaged; save it as RGB "
                "of 8 or 16 bits."
            ) from error
        raise InvalidImage(
            f"The {name} {file!r} is not a picture in a format we can read ({NAMES})."
        ) from error
    except Image.DecompressionBombError as error:
        raise InvalidImage(too_large(name, "far too many pixels")) from error
    except BROKEN as error:
        raise _damaged(name, file) from error
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
    exif = Image.Exif()
    if heif.is_heif(data):
        stored = heif.open_heif(data).info.get("exif") or b""
    elif jpeg_xl.is_jpeg_xl(data):
        stored = b""
    elif data.startswith((jpeg.SIGNATURE, png.SIGNATURE)):
        stored = head_of(data).exif
    else:
        with open_picture(data, name, file, any_size=True) as image:
            yield image.getexif()
        return
    if stored:
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
        if (page := tiff.first_page(data)) is not None and page.is_readable and page.is_deep:
            width, height = page.size
            return (height, width) if page.orientation in SIDEWAYS else (width, height)
        head = head_of(data)
        with Image.open(io.BytesIO(head.pixels), formats=_registered()) as image:
            if head.exif:
                image.info["exif"] = head.exif
            if head.xmp:
                image.info["xmp"] = head.xmp
            return upright_size(image)
    except (*BROKEN, InvalidImage, MemoryError):
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
        return _from_pixels(image, name, Head(b""))
    except BROKEN as error:  # opened but not yet read, and broken
        raise InvalidImage(f"The {name} is damaged or cut short and cannot be read.") from error


def _registered() -> tuple[str, ...]:
    """The permitted decoders that this build of Pillow has (AVIF may be left out of it)."""
    return tuple(form for form in DECODERS if form in Image.OPEN)


def _from_file(image: Image.Image, head: Head, name: str) -> Stored:
    notes = []
    try:
        image.load()
        is_cut = head.jpeg is not None and not head.jpeg.ends
    except OSError:
        image, is_cut = _completed(image, head), True
    if is_cut:
        notes.append(f"The {name}'s file lacks its last bytes; all of the picture is there.")
    stored = _deep_png(image, head, name) or _deep_jpeg_2000(image, head, name)
    stored = stored or _from_pixels(image, name, head)
    return replace(stored, notes=(*notes, *stored.notes))


def _completed(image: Image.Image, head: Head) -> Image.Image:
    """A JPEG that ends too early, if nothing of the picture is missing: then what follows does not matter.

    Raises:
        OSError: something is missing.
    """
    if head.jpeg is None or not head.jpeg.is_complete:
        raise OSError("cut short")
    tries = []
    for filler in FILLERS:
        whole = head.pixels.rstrip(b"\xff") + filler + jpeg.END_MARKER
        repaired = Image.open(io.BytesIO(whole), formats=("JPEG",))
        repaired.load()
        tries.append(repaired)
    if tries[0].tobytes() != tries[1].tobytes():
        raise OSError("cut short")
    tries[0].info.update(image.info)
    return tries[0]


def _from_pixels(image: Image.Image, name: str, head: Head) -> Stored:
    notes = []
    if head.has_frames or getattr(image, "is_animated", False):
        image.seek(0)
        if image.format != "MPO":  # phones append a depth map or a second view that nobody asked about
            notes.append(f"The {name} has several frames or pages; the first is used.")
    turn = _orientation(image)
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
    as_stored = _turned(upright, TURNED_BACK.get(orientation, orientation))
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


def _orientation(image: Image.Image) -> int:
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


def unusable_colors(name: str, what: str) -> str:
    """The note about a profile or a code that says nothing we understand."""
    return f"The {name}'s {what} cannot be used; its colors were read as sRGB."


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
    array = np.ascontiguousarray(_turned(np.asarray(image), turn))
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


def _deep_png(image: Image.Image, head: Head, name: str) -> Stored | None:
    """Color or alpha of 16 bits, which Pillow would cut to 8, turned; ``None`` for everything else."""
    chunks = head.png
    kinds = (png.TRUE_COLOR, png.TRUE_COLOR_ALPHA, png.GRAY_ALPHA)
    if chunks is None or chunks.depth != png.DEEP or chunks.color_type not in kinds:
        return None
    array, alpha = _split(np.atleast_3d(imagecodecs.png_decode(head.pixels)))
    if chunks.transparent_color is not None:
        alpha = _opaque_but(array != np.array(chunks.transparent_color, np.uint16))
    stored = _from_pixels(image, name, head)  # for the colors and the notes
    turn = _orientation(image)
    alpha = None if alpha is None else _turned(alpha, turn)
    return replace(stored, array=np.ascontiguousarray(_turned(array, turn)), alpha=alpha, mode=_mode(array))


def _deep_jpeg_2000(image: Image.Image, head: Head, name: str) -> Stored | None:
    """Color of more than 8 bits, which Pillow would cut to 8; ``None`` for everything else."""
    bits = jpeg_2000.color_bits(head.pixels) if image.format == "JPEG2000" else 0
    if bits <= 8:
        return None
    array = np.atleast_3d(imagecodecs.jpeg2k_decode(head.pixels))
    if array.dtype != np.uint16 or array.shape[:2] != image.size[::-1] or array.shape[2] not in (3, 4):
        return None
    color, alpha = _split(spread(array, bits))
    return replace(_from_pixels(image, name, head), array=color, alpha=alpha, mode="RGB")


def _split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """``[H, W, 1-4]`` into gray or color, and the alpha that an even number of channels ends with."""
    if array.shape[2] % 2:
        return array, None
    return np.ascontiguousarray(array[..., :-1]), array[..., -1]


def _mode(array: np.ndarray) -> str:
    return "L" if array.shape[2] == 1 else "RGB"


def _from_tiff(data: bytes, page: tiff.FirstPage, name: str) -> Stored:
    check_size(*page.size, name)
    array, alpha = tiff.read(data, page)
    notes = [f"The {name} has several frames or pages; the first is used."] if page.has_more_pages else []
    if page.has_broken_profile:
        notes.append(unusable_colors(name, "color profile"))
    array = np.ascontiguousarray(_turned(array, page.orientation))
    if alpha is not None:
        alpha = _turned(alpha, page.orientation)
        alpha = alpha.clip(0, 1) if alpha.dtype.kind == "f" else alpha
    space = ColorSpace(profile=page.profile) if page.profile else PLAIN
    is_negative = page.photometric == tiff.MIN_IS_WHITE
    return Stored(array, _mode(array), alpha, space, False, is_negative, tuple(notes))


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
    return Stored(array, _mode(array), alpha, space)  # lossy or not: it does not say
