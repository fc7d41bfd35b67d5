"""What of a photo's EXIF is kept in its result when asked: camera, exposure, time, author and copyright.

Nothing that tells one camera or person from others but the author's own fields: no serial numbers, no
owner's name, no maker's notes, no thumbnail (which is the picture before), and the place only when asked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.TiffImagePlugin import IFDRational

LONGEST = 1000  # bytes of one value
SHORTS = range(1 << 16)  # what whole numbers of EXIF may be
UPRIGHT = 1
PICTURE_TAGS: dict[int, type] = dict.fromkeys(
    (Base.Make, Base.Model, Base.DateTime, Base.Artist, Base.Copyright), str
)
PHOTO_TAGS: dict[int, type] = {
    **dict.fromkeys(
        (
            Base.DateTimeOriginal, Base.DateTimeDigitized, Base.OffsetTime, Base.OffsetTimeOriginal,
            Base.OffsetTimeDigitized, Base.SubsecTime, Base.SubsecTimeOriginal, Base.SubsecTimeDigitized,
            Base.LensMake, Base.LensModel,
        ),
        str,
    ),
    **dict.fromkeys(
        (
            Base.ExposureProgram, Base.ISOSpeedRatings, Base.SensitivityType, Base.RecommendedExposureIndex,
            Base.MeteringMode, Base.LightSource, Base.Flash, Base.ExposureMode, Base.WhiteBalance,
            Base.FocalLengthIn35mmFilm, Base.SceneCaptureType,
        ),
        int,
    ),
    **dict.fromkeys(
        (
            Base.ExposureTime, Base.FNumber, Base.ShutterSpeedValue, Base.ApertureValue, Base.BrightnessValue,
            Base.ExposureBiasValue, Base.MaxApertureValue, Base.SubjectDistance, Base.FocalLength,
            Base.DigitalZoomRatio, Base.LensSpecification,
        ),
        IFDRational,
    ),
    Base.ExifVersion: bytes,
}  # fmt: skip
PLACE_TYPES = (bytes, str, int, IFDRational)
DAMAGED = (  # what Pillow raises for directories, and for values that their type cannot hold
    struct.error, TypeError, ValueError, ArithmeticError, AttributeError, LookupError, SyntaxError, OSError,
    RuntimeError,
)  # fmt: skip


def kept_exif(exif: Image.Exif, *, with_place: bool) -> tuple[Image.Exif | None, bool]:
    """The part of a photo's EXIF that goes along, its orientation set to upright.

    Args:
        with_place: keep the GPS data too.

    Returns:
        what is kept, if anything, and whether something had to be left out because it is damaged.
    """
    kept, is_empty, is_whole = Image.Exif(), True, True
    for ifd, tag, value, kinds in _wanted(exif, with_place):
        if ifd is None:
            value = _as_stored(value)
        if not _is_sound(ifd, tag, value, kinds):
            is_whole = False
            continue
        _directory(kept, ifd)[tag] = value
        is_empty = False
    kept[Base.Orientation] = UPRIGHT
    return None if is_empty else kept, is_whole


def _wanted(exif: Image.Exif, with_place: bool) -> Iterator[tuple[int | None, int, Any, tuple[type, ...]]]:
    """The directory, tag, value and permitted types of everything that may go along."""
    directories: list[tuple[int | None, Mapping[int, type]]] = [(None, PICTURE_TAGS), (IFD.Exif, PHOTO_TAGS)]
    for ifd, tags in directories:
        found = _directory(exif, ifd)
        for tag, kind in tags.items():
            if tag in found:
                yield ifd, tag, found[tag], (kind, bytes) if kind is str else (kind,)
    if with_place:
        for tag, value in _directory(exif, IFD.GPSInfo).items():
            yield IFD.GPSInfo, tag, value, PLACE_TYPES


def _directory(exif: Image.Exif, ifd: int | None) -> Any:
    """One directory of an EXIF block; ``None`` stands for the picture's own."""
    return exif if ifd is None else exif.get_ifd(ifd)


def _as_stored(value: Any) -> Any:
    """Texts as the bytes they were read from, since Pillow reads Latin-1 and writes ASCII.

    Not in a directory below, where it would take bytes for numbers.
    """
    return value.encode("latin-1", "replace") if isinstance(value, str) else value


def _is_sound(ifd: int | None, tag: int, value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of its tag's type, can be written, and is no longer than such values are."""
    parts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(part, kinds) for part in parts):
        return False
    if any(isinstance(part, int) and part not in SHORTS for part in parts):
        return False
    alone = Image.Exif()
    try:
        _directory(alone, ifd)[tag] = value
        return len(alone.tobytes()) < LONGEST
    except DAMAGED:
        return False
