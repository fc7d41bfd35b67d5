"""The one door to picture files: bytes -> the values they store, by decoders of one list only.

Pillow knows formats that run programs (PostScript) or that nobody means as a photo; none of them is ever
tried here, whatever a file is called. Nothing but pixels can refuse a picture: what else a file carries
is read where it helps (orientation, colors) and left aside where it is broken.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from PIL import (  # the plugins by name: Pillow would load every one it has
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    PpmImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from ..errors import InvalidImage, OutOfMemory
from ..images import check_size, too_large
from . import heif, jpeg, jpeg_xl, png, tiff
from .color import PLAIN, ColorSpace
from .head import Head, head_of
from .opened import BROKEN, deep_jpeg_2000, deep_png, from_opened, upright_size
from .stored import SIDEWAYS, Stored, mode_of, split_alpha

DECODERS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")  # of Pillow
NAMES = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, HEIC, JPEG 2000, JPEG XL or PPM"
FILLERS = (b"", b"\x5a\xa5" * 64)  # what a cut JPEG is completed with, to see whether it matters


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
            return heif.stored(data, name)
        if jpeg_xl.is_jpeg_xl(data):
            return _from_jpeg_xl(data, name, file)
        if (found := tiff.first_page(data)) is not None and found.is_readable and found.is_deep:
            return tiff.stored(data, found, name)
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
            if head.exif or data.startswith(png.SIGNATURE):  # without it Pillow decodes a PNG to look for it
                image.info["exif"] = head.exif
            if head.xmp:
                image.info["xmp"] = head.xmp
            return upright_size(image)
    except (*BROKEN, InvalidImage, MemoryError):
        return None


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
        return from_opened(image, name, Head(b""))
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
    stored = deep_png(image, head, name) or deep_jpeg_2000(image, head, name)
    stored = stored or from_opened(image, name, head)
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


def _from_jpeg_xl(data: bytes, name: str, file: str) -> Stored:
    width, height = jpeg_xl.size(data)
    check_size(width, height, name)
    decoded = jpeg_xl.decode(data)
    if decoded.jpeg:
        return decode(decoded.jpeg, name, file)
    array, alpha = split_alpha(decoded.array)
    space = ColorSpace(profile=decoded.profile) if decoded.profile else PLAIN
    return Stored(array, mode_of(array), alpha, space)  # lossy or not: it does not say
