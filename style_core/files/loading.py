"""Any picture a person may hand us -> a :class:`~style_core.images.Picture`, upright and in sRGB."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor

from ..errors import InvalidImage
from ..images import Picture, Source, check_image, check_size, too_large

BROKEN = (  # what Pillow's decoders raise on damaged files
    OSError, SyntaxError, ValueError, NotImplementedError, EOFError, IndexError, KeyError, TypeError,
    RuntimeError, struct.error,
)  # fmt: skip


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
        check_image(source.pixels, name)
        return source
    if isinstance(source, Tensor):
        return Picture(check_image(source.detach().cpu(), name).float())
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        try:
            return _from_pil(source, name)
        except BROKEN as error:  # opened but not yet read, and broken
            raise InvalidImage(f"The {name} is damaged or cut short and cannot be read.") from error
    if isinstance(source, (str, os.PathLike)):
        return _from_file(source, name)
    raise InvalidImage(f"The {name} must be a file, PIL image, array or tensor, not {type(source).__name__}.")


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


def load_values(source: Source, *, name: str = "mask") -> StoredValues:
    """Read a picture whose values are data (a mask), untouched by profiles and gamma.

    Args, Raises: as :func:`load_image`.
    """
    if isinstance(source, (str, os.PathLike)) and Path(source).is_file():
        with Image.open(source) as image:
            image.load()
            lossy = image.format in {"JPEG", "MPO"}
            if image.mode == "L":
                return StoredValues(np.asarray(image)[..., None], is_lossy=lossy)
    picture = load_image(source, name=name)
    array = picture.pixels[0].mul(255).round().byte().permute(1, 2, 0).numpy().copy()
    alpha = None if picture.alpha is None else picture.alpha[0, 0].mul(255).round().byte().numpy()
    return StoredValues(array, alpha, False, picture.notes)


def _from_file(source: str | os.PathLike[str], name: str) -> Picture:
    text = os.fspath(source)
    if "://" in text[:12]:
        raise InvalidImage(f"The {name} {text!r} is a web address; save the picture to a file first.")
    path = Path(text)
    try:
        if path.is_dir():
            raise InvalidImage(f"The {name} {text!r} is a folder, not a picture.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise InvalidImage(f"The {name} {text!r} cannot be read: {reason}.") from error
    if not data:
        raise InvalidImage(f"The {name} {path.name!r} is an empty file.")
    try:
        with Image.open(io.BytesIO(data)) as image:
            check_size(*image.size, name)
            image.load()
            return _from_pil(image, name)
    except Image.DecompressionBombError as error:
        raise InvalidImage(too_large(name, "far too many pixels")) from error
    except UnidentifiedImageError as error:
        raise InvalidImage(f"The {name} {path.name!r} is not a picture in a format we can read.") from error
    except BROKEN as error:
        raise InvalidImage(f"The {name} {path.name!r} is damaged or cut short and cannot be read.") from error


def _from_pil(image: Image.Image, name: str) -> Picture:
    check_size(*image.size, name)
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        image.seek(0)
        if image.format != "MPO":  # phones append a depth map or a second view that nobody asked about
            notes.append(f"The {name} has several frames or pages; the first is used.")
    image = ImageOps.exif_transpose(image)
    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        return _from_array(_deep_gray(image), name, notes)
    has_alpha = image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info
    alpha = np.asarray(image.convert("RGBA").getchannel("A")) if has_alpha else None
    rgb, note = _to_srgb(image, name)
    notes += [note] if note else []
    array = np.asarray(rgb)
    if alpha is not None:
        array = np.dstack([array, alpha])
    return _from_array(array, name, notes)


def _to_srgb(image: Image.Image, name: str) -> tuple[Image.Image, str]:
    """RGB in sRGB, and a note if an embedded profile could not be used."""
    profile = image.info.get("icc_profile")
    if image.mode in {"P", "PA", "RGBA", "RGBa", "LA", "La", "1"}:
        image = (
            image.convert("RGBA").convert("RGB")
            if image.mode not in {"1", "LA", "La"}
            else image.convert("L")
        )
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return _profile_to_srgb(image, source), ""
        except (ImageCms.PyCMSError, OSError, ValueError):
            note = f"The {name}'s color profile cannot be used; its colors were read as sRGB."
            return image.convert("RGB"), note
    return image.convert("RGB"), ""


def _profile_to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # only in-place conversion returns None
    return converted


def _deep_gray(image: Image.Image) -> np.ndarray:
    """More than 8 bits of gray as float in [0, 1]: 16-bit files by 65535, 32-bit ones by what they use."""
    array = np.asarray(image).astype(np.float64)
    if image.mode.startswith("I;16"):
        return (array / 65535).astype(np.float32)
    if image.mode == "I":  # 32-bit containers say nothing about the depth of what they hold
        highest = float(array.max())
        scale = 255.0 if highest <= 255 else 65535.0 if highest <= 65535 else highest
        return (array / scale).clip(0, 1).astype(np.float32)
    array = np.nan_to_num(array, nan=0.0, posinf=1.0, neginf=0.0)
    return (array / max(1.0, float(array.max()))).clip(0, 1).astype(np.float32)


def _from_array(array: np.ndarray, name: str, notes: list[str] | None = None) -> Picture:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in {1, 3, 4}:
        raise InvalidImage(f"The {name} array must be [H, W] or [H, W, 1, 3 or 4], not {list(array.shape)}.")
    check_size(array.shape[1], array.shape[0], name)
    scale = {"uint8": 255, "uint16": 65535}.get(array.dtype.name, 1)
    if scale == 1 and not np.issubdtype(array.dtype, np.floating):
        raise InvalidImage(f"The {name} array must be uint8, uint16 or float, not {array.dtype}.")
    planes = torch.from_numpy(np.array(array, dtype=np.float32) / np.float32(scale)).permute(2, 0, 1)[None]
    rgb = (
        planes[:, :3].expand(1, 3, -1, -1).contiguous() if planes.shape[1] < 3 else planes[:, :3].contiguous()
    )
    check_image(rgb, name)
    alpha = planes[:, 3:4].contiguous() if planes.shape[1] == 4 else None
    if alpha is not None and not bool(((alpha >= 0) & (alpha <= 1)).all()):  # false for NaN too
        raise InvalidImage(f"The {name}'s alpha must hold finite values from 0 to 1.")
    if alpha is None or bool((alpha == 1).all()):
        return Picture(rgb, None, tuple(notes or ()))
    if not bool((alpha > 0).any()):
        raise InvalidImage(f"The {name} is entirely transparent.")
    mean = (rgb * alpha).sum((2, 3), keepdim=True) / alpha.sum()
    filled = torch.where(alpha > 0, rgb, mean)
    return Picture(filled, alpha, tuple(notes or ()))
