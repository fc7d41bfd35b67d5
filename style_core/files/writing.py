"""Results as files: checked before the work, with the settings in their metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from ..errors import InvalidImage
from .decoding import BROKEN

METADATA_KEY = "style_core"
SAVE_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


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
