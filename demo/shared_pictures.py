"""Pictures and clips as they leave in a share: pixels alone, without what cameras and programs add."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

SETTINGS_KEY = "style_core"  # of the PNG text that style_core.read_settings reads
JPEG_SIDE = 65_500  # px, the most a JPEG can have


@dataclass(frozen=True)
class SharedFile:
    """A picture to share: ``exact`` ones and those with transparency become PNG, others JPEG."""

    image: Image.Image
    exact: bool = False
    settings: Mapping[str, Any] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.image.size

    def encoded(self) -> tuple[bytes, str]:
        """See :func:`encode_picture`."""
        return encode_picture(self)


@dataclass(frozen=True)
class SharedClip:
    """A clip to share, as this demo wrote it, without metadata; ``size`` is width and height in px."""

    path: Path
    size: tuple[int, int]

    def encoded(self) -> tuple[bytes, str]:
        """The file's bytes and suffix.

        Raises:
            OSError: the file is gone.
        """
        return self.path.read_bytes(), self.path.suffix[1:]


def encode_picture(file: SharedFile) -> tuple[bytes, str]:
    """The file's bytes and suffix: pixels alone, so that no EXIF, GPS, profile or comment leaves with it.

    Raises:
        OSError: the picture's file is damaged.
    """
    image = file.image
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if not file.exact:
        image = _in_srgb(image.convert("RGBA") if has_alpha else image)
    if image.mode not in ("1", "L", "P", "RGB", "RGBA") or "transparency" in image.info:
        image = image.convert("RGBA" if has_alpha else "RGB")
    plain = Image.new(image.mode, image.size)
    if image.mode == "P":
        plain.putpalette(image.getpalette() or [])
    plain.paste(image)
    buffer = io.BytesIO()
    if file.exact or has_alpha or max(image.size) > JPEG_SIDE:
        info = PngImagePlugin.PngInfo()
        if file.settings is not None:
            info.add_itxt(SETTINGS_KEY, json.dumps(dict(file.settings), ensure_ascii=False))
        plain.save(buffer, "PNG", pnginfo=info)
        return buffer.getvalue(), "png"
    plain.convert("RGB").save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue(), "jpg"


def _in_srgb(image: Image.Image) -> Image.Image:
    """The colors that the picture's profile means, since the profile does not go along."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("L", "RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        return (
            ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode) or image
        )
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile says nothing
        return image
