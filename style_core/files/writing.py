"""Results as files: refused before the work where they cannot be, never half written, with their settings."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..errors import InvalidImage, shortened
from ..images import Samples, interleaved
from .camera_data import DAMAGED, kept_exif
from .decoding import open_exif
from .encoders import Metadata, encode
from .formats import WRITTEN, WrittenFormat, written_format
from .place import cannot_write, check_place, written_whole
from .settings import settings_text

Photo = str | os.PathLike[str] | Image.Image
FAILED = (OSError, ValueError, RuntimeError, SystemError, MemoryError, OverflowError, struct.error)
QUALITIES = range(1, 101)


def check_output(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    bits: int = 8,
    quality: int | None = None,
) -> str:
    """Find out before the work whether a result can be written, by trying out its place.

    Args:
        path: the file, whose suffix chooses the format.
        size: width and height in pixels, once they are known.
        bits, quality: as for :meth:`Result.save`.

    Returns:
        the name of the format.

    Raises:
        InvalidImage: the suffix is not one we write, the format cannot hold such a picture, or there is no
            folder, something else in the file's place, or no permission.
    """
    path = _as_path(path)
    if str(path) != "-":  # which the place says more about
        form = written_format(path)
        _check_format(form, path, size, bits, quality)
    check_place(path)
    return form.name


def save_image(
    samples: Samples,
    coverage: Samples | None,
    path: str | os.PathLike[str],
    settings: Mapping[str, Any],
    *,
    bits: int = 8,
    quality: int | None = None,
    metadata_from: Photo | None = None,
    keep_gps: bool = False,
) -> tuple[str, ...]:
    """Write a picture by the file's suffix, marked as sRGB, with its settings; all of it or nothing.

    Args:
        samples: ``[1, 3, H, W]``, float32 in [0, 1], uint8 or uint16; rounded to the nearest of ``bits``.
        coverage: ``[1, 1, H, W]`` of such types, or ``None``.
        settings: plain JSON.
        bits, quality, metadata_from, keep_gps: as for :meth:`Result.save`.

    Returns:
        notes about what the format could not take.

    Raises:
        InvalidImage: as :func:`check_output`, or the disk is full.
    """
    path, notes = _as_path(path), []
    form = written_format(path)
    _check_format(form, path, (samples.shape[3], samples.shape[2]), bits, quality)
    if coverage is not None and not form.has_alpha:
        coverage = None
        notes.append(f"{form.name} has no transparency; the result was saved without it.")
    if bits == 16 and samples.dtype == torch.uint8:
        notes.append("The result was made with 8 bits per channel; saved with 16, it holds no more.")
    text = settings_text(settings)
    exif, sentences = _camera_data(metadata_from, keep_gps=keep_gps)
    metadata, more = _fitting(form, Metadata(text, exif))
    check_place(path)
    chosen = form.quality if quality is None else int(quality)
    try:
        with written_whole(path) as file:
            pixels = interleaved(samples, coverage, torch.uint16 if bits == 16 else torch.uint8)
            encode(form.name, file, pixels, metadata, chosen)
    except FAILED as error:
        raise cannot_write(path, error) from error
    return (*notes, *sentences, *more)


def _as_path(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path)
    except TypeError as error:
        raise InvalidImage(f"A result is saved under a file's name, not {shortened(path)}.") from error


def _check_format(
    form: WrittenFormat, path: Path, size: tuple[int, int] | None, bits: int, quality: int | None
) -> None:
    if bits not in form.depths:
        able = [f.name for f in WRITTEN if bits in f.depths]
        holds = f"{form.name} holds {' or '.join(map(str, form.depths))} bits per channel, not {bits}"
        raise InvalidImage(f"{holds}; {' and '.join(able)} do." if able else f"{holds}.")
    if quality is not None and form.quality is None:
        raise InvalidImage(f"{form.name} is written without loss and takes no quality ({path.name!r}).")
    if quality is not None and (isinstance(quality, (bool, np.bool_)) or quality not in QUALITIES):
        raise InvalidImage(f"quality must be a whole number from 1 to 100, not {shortened(quality)}.")
    if size is not None and form.longest is not None and max(size) > form.longest:
        raise InvalidImage(
            f"{form.name} holds at most {form.longest} px on a side, and the result is {size[0]} x {size[1]} "
            "px; choose PNG or TIFF, or a smaller size."
        )


def _fitting(form: WrittenFormat, metadata: Metadata) -> tuple[Metadata, list[str]]:
    """The metadata that the format has room for, and notes about the rest."""
    notes: list[str] = []
    if form.packet is not None and len(metadata.xmp) > form.packet:
        notes.append(f"The settings are too long for {form.name} and were left out.")
        metadata = Metadata("", metadata.exif)
    return metadata, notes


def _camera_data(photo: Photo | None, *, keep_gps: bool) -> tuple[Image.Exif | None, list[str]]:
    """What of the photo's EXIF is kept, and notes; whatever is wrong with it, the result is written."""
    if photo is None:
        return None, []
    try:
        with _opened(photo) as exif:  # as long as it is read, which in a TIFF is spread over the file
            kept, is_whole = kept_exif(exif, with_place=keep_gps)
    except (*DAMAGED, InvalidImage):
        return None, ["The content's camera data cannot be read and was left out."]
    if not is_whole:
        return kept, ["Some of the content's camera data is damaged and was left out."]
    return kept, ["The content has no camera data to keep."] if kept is None else []


def _opened(photo: Photo) -> AbstractContextManager[Image.Exif]:
    if isinstance(photo, Image.Image):
        return nullcontext(photo.getexif())
    return open_exif(Path(photo).read_bytes(), "content", Path(photo).name)
