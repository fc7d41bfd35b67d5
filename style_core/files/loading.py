"""Any picture a person may hand us -> a :class:`~style_core.images.Picture`, upright and in sRGB."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InvalidImage
from ..images import Picture, Samples, Source, check_image, check_picture, check_size
from . import decoding
from .color import PLAIN, UnknownColors, to_srgb
from .stored import Stored, unusable_colors
from .strips import strips

MAX_BYTES = 1_000_000_000  # of a file; 80 megapixels of 16-bit RGBA are 640 MB
BRIGHT = 16.0  # a picture of 0 to 255 that stays below is black; one of 0 to 1 that reaches it is glaring
WIDE = 1 << 24  # from here on whole numbers of 32 bits use all of them
ARRAY_TYPES = {"uint8": 255, "uint16": 65535}


@dataclass(frozen=True)
class StoredValues:
    """What a picture's file stores, upright, without any color management: numbers, not light.

    Attributes:
        array: ``[H, W, 1 | 3]``, uint8 or uint16 (palettes as their colors).
        alpha: ``[H, W]``, uint8, or ``None`` where all is opaque.
        is_lossy: the format changes values (JPEG, lossy WebP, AVIF, HEIC …), so that one flat color comes
            back as many.
        notes: sentences about what was changed on reading.
    """

    array: np.ndarray
    alpha: np.ndarray | None = None
    is_lossy: bool = False
    notes: tuple[str, ...] = ()


def load_image(source: Source, *, name: str = "image") -> Picture:
    """Read a picture upright and in sRGB, whatever its orientation, profile, mode or depth.

    Args:
        source: a file, a PIL image, an array ``[H, W]`` or ``[H, W, 1|3|4]`` (uint8, uint16, or
            float in [0, 1]), a tensor ``[1, 3, H, W]`` in [0, 1], or a :class:`Picture`.
        name: what to call it in messages ("content", "style").

    Raises:
        InvalidImage: it cannot be read, or is smaller than 16 px or larger than 80 megapixels.
    """
    if isinstance(source, Picture):
        return check_picture(source, name)
    if isinstance(source, Tensor):
        return Picture(check_image(source.detach().cpu(), name).float())
    return _as_picture(_stored(source, name), name)


def load_values(source: Source, *, name: str = "mask") -> StoredValues:
    """Read a picture whose values are data (a mask), untouched by profiles and curves.

    Args, Raises: as :func:`load_image`. Floats are parts of 1, or of 255 where one is larger; but
    whole ones beyond 255 are numbers, as whole numbers of any other type are.
    """
    if isinstance(source, (Picture, Tensor)):
        picture = load_image(source, name=name)
        alpha = None if picture.alpha is None else _bytes(picture.alpha[0, 0].numpy())
        return StoredValues(_bytes(picture.pixels[0].permute(1, 2, 0).numpy()), alpha, False, picture.notes)
    stored = _stored(source, name)
    array, alpha = stored.array, stored.alpha
    if stored.mode in ("CMYK", "LAB"):
        array = to_srgb(array, stored.mode, PLAIN)
    is_numbers = array.dtype.kind in "iu" or _is_numbers(array)
    if array.dtype.name not in ARRAY_TYPES and is_numbers:
        array = np.nan_to_num(array).clip(0, 65535).astype(np.uint16)
    elif array.dtype.kind == "f":
        array = _bytes(array if array.max() <= 1 else array / 255)
    if alpha is not None and alpha.dtype != np.uint8:
        alpha = _bytes(_unit(alpha))
    return StoredValues(array, alpha, stored.is_lossy, stored.notes)


def read_bytes(path: Path, name: str) -> bytes:
    """A file's bytes.

    Raises:
        InvalidImage: there is no such file, it is empty, too large, or cannot be read.
    """
    shown = str(path)
    try:
        if path.is_dir():
            raise InvalidImage(f"The {name} {shown!r} is a folder, not a picture.")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InvalidImage(f"The {name} {shown!r} cannot be read: {reason}.") from error
    if not data:
        raise InvalidImage(f"The {name} {path.name!r} is an empty file.")
    if len(data) > MAX_BYTES:
        raise InvalidImage(f"The {name} {path.name!r} has over {MAX_BYTES // 10**9} GB, which is the limit.")
    return data


def image_size(source: Source | None) -> tuple[int, int] | None:
    """Width and height that :func:`load_image` would give, from a file's head; ``None`` if it cannot tell."""
    if isinstance(source, Picture):
        return source.size
    if isinstance(source, Tensor) and source.ndim == 4:
        return source.shape[3], source.shape[2]
    if isinstance(source, np.ndarray) and source.ndim >= 2:
        return source.shape[1], source.shape[0]
    if isinstance(source, Image.Image):
        return decoding.upright_size(source)
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        return decoding.size(read_bytes(Path(os.fspath(source)), "picture"))
    except InvalidImage:
        return None


def _stored(source: Source, name: str) -> Stored:
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        return decoding.from_pil(source, name)
    if isinstance(source, (str, os.PathLike)):
        text = os.fspath(source)
        if "://" in text[:12]:
            raise InvalidImage(f"The {name} {text!r} is a web address; save the picture to a file first.")
        path = Path(text)
        return decoding.decode(read_bytes(path, name), name, path.name)
    raise InvalidImage(f"The {name} must be a file, PIL image, array or tensor, not {type(source).__name__}.")


def _from_array(array: np.ndarray, name: str) -> Stored:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        raise InvalidImage(f"The {name} array must be [H, W] or [H, W, 1, 3 or 4], not {list(array.shape)}.")
    check_size(array.shape[1], array.shape[0], name)
    if array.dtype.name not in ARRAY_TYPES:
        if not np.issubdtype(array.dtype, np.floating):
            raise InvalidImage(f"The {name} array must be uint8, uint16 or float, not {array.dtype}.")
        array = array.astype(np.float32)
        if not bool(((array >= 0) & (array <= 1)).all()):  # false for NaN too
            raise InvalidImage(f"The {name} array must hold finite values from 0 to 1.")
    else:
        array = array.copy()  # a picture stays as it is when the caller's array is changed
    alpha = array[..., 3] if array.shape[2] == 4 else None
    return Stored(array[..., :3], "L" if array.shape[2] == 1 else "RGB", alpha)


def _as_picture(stored: Stored, name: str) -> Picture:
    """In sRGB, in the depth it is stored in, with what is invisible filled."""
    notes = list(stored.notes)
    if stored.array.dtype.name not in ARRAY_TYPES and not _is_unit(stored.array):
        array, note = scaled(stored.array, name)
        stored = replace(stored, array=array)
        notes += [note] if note else []
    if stored.is_negative:
        highest = stored.array.dtype.type(ARRAY_TYPES.get(stored.array.dtype.name, 1))
        stored = replace(stored, array=highest - stored.array)
    try:
        array = to_srgb(stored.array, stored.mode, stored.space)
    except UnknownColors as unknown:
        notes.append(unusable_colors(name, str(unknown)))
        array = to_srgb(stored.array, stored.mode, PLAIN)
    else:
        if stored.space.is_hdr:
            notes.append(
                f"The {name} is a high dynamic range picture ({stored.space.name}); what is brighter "
                "than the white of a page was clipped."
            )
    rgb, alpha = array, stored.alpha
    if alpha is not None and bool((alpha == ARRAY_TYPES.get(alpha.dtype.name, 1)).all()):
        alpha = None
    if alpha is not None:
        rgb = _filled(rgb, alpha, name)
    coverage = None if alpha is None else _planes(alpha[..., None])
    return Picture(_planes(rgb).expand(1, 3, -1, -1), coverage, tuple(notes))


def _planes(array: np.ndarray) -> Samples:
    """``[H, W, C]`` as ``[1, C, H, W]``: whole samples as they lie, others as float32."""
    if array.dtype.name not in ARRAY_TYPES:
        return torch.from_numpy(np.array(array.transpose(2, 0, 1)[None], np.float32, order="C"))
    own = np.require(array, array.dtype.newbyteorder("="), ("C_CONTIGUOUS", "WRITEABLE"))
    return torch.from_numpy(own).permute(2, 0, 1)[None]


def _filled(array: np.ndarray, alpha: np.ndarray, name: str) -> np.ndarray:
    """The picture with its mean visible color, of its own type, where nothing is seen."""
    seen = np.zeros(array.shape[2])
    for rows in strips(array):
        seen += np.einsum("hwc,hw->c", array[rows].astype(np.float64), alpha[rows].astype(np.float64))
    weight = float(alpha.sum(dtype=np.float64))
    if weight == 0:
        raise InvalidImage(f"The {name} is entirely transparent.")
    mean = seen / weight if array.dtype.kind == "f" else np.rint(seen / weight)
    return np.where(alpha[..., None] > 0, array, mean.astype(array.dtype))


def scaled(array: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Numbers of no stated range as float32 in [0, 1], and a note if some were clipped.

    A few bright points must not darken everything, so the range is judged by the median and the
    brightest hundredth, and what is beyond is clipped. Whole numbers are 8, 16 or more bits of gray;
    others are 0 to 1, unless most of them are larger.
    """
    values = array.astype(np.float64)
    is_finite = np.isfinite(values)
    values[~is_finite] = 0.0
    is_whole = bool((values == np.floor(values)).all()) and values.max() > 1
    high = float(np.quantile(values, 0.99))
    if not is_whole and (float(np.median(values)) <= 2 or high <= BRIGHT):
        scale = 1.0
    elif array.dtype == np.uint32 and high > WIDE:
        scale = float(2**32 - 1)
    else:
        scale = next((top for top in (255.0, 65535.0) if high <= top), high)
    is_clipped = not is_finite.all() or bool(((values < 0) | (values > scale)).any())
    note = f"The {name} holds values outside 0 to {scale:g}; they were clipped." if is_clipped else ""
    return (values / scale).clip(0, 1).astype(np.float32), note


def _is_unit(array: np.ndarray) -> bool:
    return bool(((array >= 0) & (array <= 1)).all())


def _is_numbers(array: np.ndarray) -> bool:
    """Whether floats are whole numbers, which a label map's are, that 8 bits do not hold.

    What is not finite stands for no number and does not count.
    """
    values = array[np.isfinite(array)]
    return bool(values.size and values.max() > 255 and (values == np.floor(values)).all())


def _unit(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) / np.float32(ARRAY_TYPES.get(array.dtype.name, 1))


def _bytes(array: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] as 8 bits, rounded to nearest."""
    return (np.nan_to_num(array).clip(0, 1) * 255 + 0.5).astype(np.uint8)
