"""Pictures: anything a person may hand us -> ``[1, 3, H, W]`` float32 RGB in [0, 1], and back."""

from __future__ import annotations

import io
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from .errors import InvalidImage

ImageTensor = Tensor  # [1, 3, H, W], float32, RGB, sRGB-encoded, values in [0, 1]
MIN_SIDE = 16
MAX_PIXELS = 80_000_000  # below Pillow's own warning; a 12,000 x 6,600 panorama fits
METADATA_KEY = "style_core"
BROKEN = (  # what Pillow's decoders raise on damaged files
    OSError, SyntaxError, ValueError, NotImplementedError, EOFError, IndexError, KeyError, TypeError,
    RuntimeError, struct.error,
)  # fmt: skip
SAVE_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: ``[1, 3, H, W]``, float32, RGB in [0, 1]. Where the picture is transparent, its
            mean visible color, so that invisible pixels say nothing.
        alpha: ``[1, 1, H, W]``, float32 in [0, 1], or ``None`` where all is opaque.
        notes: sentences about what was changed on reading.
    """

    pixels: ImageTensor
    alpha: Tensor | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[3], self.pixels.shape[2]


Source = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor | Picture


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


def check_image(tensor: Tensor, name: str = "image") -> ImageTensor:
    """Return ``tensor`` if it is ``[1, 3, H, W]``, floating, finite and in [0, 1].

    Raises:
        InvalidImage: it is not, or its size is not permitted.
    """
    if tensor.ndim != 4 or tensor.shape[0] != 1 or tensor.shape[1] != 3 or not tensor.is_floating_point():
        raise InvalidImage(
            f"The {name} tensor must be [1, 3, H, W] of floats, not {list(tensor.shape)} of {tensor.dtype}."
        )
    _check_size(tensor.shape[3], tensor.shape[2], name)
    if not bool(torch.isfinite(tensor).all()) or tensor.min() < 0 or tensor.max() > 1:
        raise InvalidImage(f"The {name} tensor must hold finite values from 0 to 1.")
    return tensor


def to_pil(pixels: ImageTensor, alpha: Tensor | None = None) -> Image.Image:
    """An 8-bit PIL image, rounded to nearest: RGB, or RGBA with ``alpha``."""
    planes = pixels if alpha is None else torch.cat([pixels, alpha.to(pixels)], dim=1)
    array = planes[0].float().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return Image.fromarray(np.ascontiguousarray(array))


def check_output(path: str | os.PathLike[str]) -> str:
    """Pillow's name of the format that ``path`` is written in.

    Raises:
        InvalidImage: the suffix is not one we write, or the folder does not exist.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise InvalidImage(f"Cannot write {str(path)!r}: there is no folder {str(path.parent)!r}.")
    form = SAVE_FORMATS.get(path.suffix.lower())
    if form is None:
        raise InvalidImage(
            f"Cannot write {path.name!r}; choose a name that ends in {', '.join(SAVE_FORMATS)}."
        )
    return form


def save_image(image: Image.Image, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
    """Write ``image`` by its suffix; ``settings`` go as JSON into a PNG's text or a JPEG's comment.

    Raises:
        InvalidImage: the suffix is not one we write, or the place cannot be written.
    """
    form = check_output(path)
    text = json.dumps(settings, ensure_ascii=False)
    extra: dict[str, Any] = {}
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt(METADATA_KEY, text)
        extra = {"pnginfo": info}
    elif form == "JPEG":
        image = image.convert("RGB")
        extra = {"quality": 95, "subsampling": 0, "comment": text.encode()}
    elif form == "WEBP":
        extra = {"quality": 95}
    try:
        image.save(path, form, **extra)
    except OSError as error:
        raise InvalidImage(f"Cannot write {str(path)!r}: {error.strerror or error}.") from error


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings that :meth:`Result.save` wrote into a PNG or JPEG; empty if there are none.

    Raises:
        InvalidImage: the file is no picture, or what it carries is not ours.
    """
    try:
        with Image.open(path) as image:
            text = getattr(image, "text", {}).get(METADATA_KEY) or image.info.get("comment", b"").decode()
        return dict(json.loads(text)) if text else {}
    except BROKEN as error:  # no picture, or a comment of somebody else
        raise InvalidImage(f"No settings can be read from {str(path)!r}.") from error


@dataclass(frozen=True, kw_only=True)
class SizeRule:
    """What sizes a method's networks take; pictures are padded to it and results cropped back."""

    multiple: int = 1
    minimum: int = 1

    def pad(self, pixels: ImageTensor) -> ImageTensor:
        """Mirror right and bottom edges up to the next permitted size: ``[1, 3, H', W']``."""
        for dim in (2, 3):
            side = pixels.shape[dim]
            wanted = max(side, self.minimum)
            wanted += -wanted % self.multiple
            if wanted > side:
                pixels = pixels.index_select(dim, mirrored(side, wanted).to(pixels.device))
        return pixels


def mirrored(side: int, wanted: int) -> Tensor:
    """Indices 0 … side - 1, back to 0 and so on, ``wanted`` of them, without repeating the ends."""
    place = torch.arange(wanted) % (2 * side - 2)
    return torch.minimum(place, 2 * side - 2 - place)


def resize_longer_side(pixels: ImageTensor, size: int, *, shrink_only: bool = False) -> ImageTensor:
    """Scale so that the longer side is ``size`` px, antialiased; sides never fall below 16 px.

    Raises:
        InvalidImage: the picture is so long that its shorter side would fall below 16 px.
    """
    h, w = pixels.shape[-2:]
    if max(h, w) == size or (shrink_only and max(h, w) < size):
        return pixels
    new_h, new_w = scaled_size(h, w, size)
    return F.interpolate(pixels, (new_h, new_w), mode="bicubic", antialias=True).clamp(0, 1)


def scaled_size(h: int, w: int, size: int) -> tuple[int, int]:
    """Height and width of an ``h`` x ``w`` picture whose longer side is made ``size`` px.

    Raises:
        InvalidImage: the shorter side would fall below 16 px, or the picture be too large.
    """
    new_h, new_w = (max(1, round(side * size / max(h, w))) for side in (h, w))
    if new_h * new_w > MAX_PIXELS:
        raise InvalidImage(_too_large("result", f"{new_w} x {new_h} px"))
    if min(new_h, new_w) < MIN_SIDE:
        needed = -(-MIN_SIDE * max(h, w) // min(h, w))
        raise InvalidImage(
            f"At {size} px the {w} x {h} picture would be under {MIN_SIDE} px thin; use {needed} px."
        )
    return new_h, new_w


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
            _check_size(*image.size, name)
            image.load()
            return _from_pil(image, name)
    except Image.DecompressionBombError as error:
        raise InvalidImage(_too_large(name, "far too many pixels")) from error
    except UnidentifiedImageError as error:
        raise InvalidImage(f"The {name} {path.name!r} is not a picture in a format we can read.") from error
    except BROKEN as error:
        raise InvalidImage(f"The {name} {path.name!r} is damaged or cut short and cannot be read.") from error


def _from_pil(image: Image.Image, name: str) -> Picture:
    _check_size(*image.size, name)
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
    _check_size(array.shape[1], array.shape[0], name)
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


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < MIN_SIDE:
        raise InvalidImage(f"The {name} is {width} x {height} px; both sides must be at least {MIN_SIDE} px.")
    if width * height > MAX_PIXELS:
        raise InvalidImage(_too_large(name, f"{width} x {height} px"))


def _too_large(name: str, size: str) -> str:
    return f"The {name} has {size}; the limit is {MAX_PIXELS // 1_000_000} megapixels."
