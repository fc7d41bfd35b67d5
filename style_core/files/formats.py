"""The formats that are read and written, each once: what decoders, checks, the batch and the page go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from ..errors import InvalidImage

READABLE = (  # lower-case suffixes of what the decoders take, by format
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo",
    ".png", ".apng",
    ".webp",
    ".gif",
    ".bmp", ".dib",
    ".tif", ".tiff",
    ".avif",
    ".heic", ".heif", ".hif",
    ".jp2", ".j2k", ".jpx", ".jpc", ".j2c", ".jpf",
    ".ppm", ".pgm", ".pbm", ".pnm",
    ".jxl",
)  # fmt: skip


@dataclass(frozen=True)
class WrittenFormat:
    """A format that results are written in.

    Attributes:
        name: what Pillow and people call it.
        suffixes: lower-case, the first is the usual one.
        depths: the bits per channel it can hold.
        longest: px of the longest side that it can hold and its decoders read, ``None`` for no limit.
        has_alpha: whether it can hold transparency.
        quality: what its lossy encoder is asked for unless told otherwise, ``None`` if it is lossless.
        packet: the most bytes that its XMP packet may have, ``None`` for no limit.
    """

    name: str
    suffixes: tuple[str, ...]
    depths: tuple[int, ...] = (8,)
    longest: int | None = None
    has_alpha: bool = True
    quality: int | None = None
    packet: int | None = None


WRITTEN = (
    WrittenFormat("PNG", (".png",), depths=(8, 16)),
    # A marker's length is two bytes, themselves included, and XMP's begins with a name of 29.
    WrittenFormat("JPEG", (".jpg", ".jpeg"), longest=65_500, has_alpha=False, quality=95, packet=65_504),
    WrittenFormat("WEBP", (".webp",), longest=16_383, quality=95),
    WrittenFormat("TIFF", (".tif", ".tiff"), depths=(8, 16)),
    # 65,536 px can be written, but libavif reads no more than this; its qualities run lower than JPEG's.
    WrittenFormat("AVIF", (".avif",), longest=32_768, quality=90),
)
WRITABLE = tuple(suffix for form in WRITTEN for suffix in form.suffixes)


def written_format(path: PurePath) -> WrittenFormat:
    """The format that a file of that name is written in.

    Raises:
        InvalidImage: the suffix is not one we write.
    """
    for form in WRITTEN:
        if path.suffix.lower() in form.suffixes:
            return form
    raise InvalidImage(f"Cannot write {path.name!r}; choose a name that ends in {', '.join(WRITABLE)}.")
