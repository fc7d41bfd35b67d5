"""Opening a picture for what it says of itself; its pixels are not decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from ..errors import InvalidImage
from .loading import BROKEN

OPENED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")


@contextmanager
def open_picture(data: bytes, name: str) -> Iterator[Image.Image]:
    """The picture in ``data``.

    Args:
        name: what to call it in messages.

    Raises:
        InvalidImage: it is none that can be read.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=OPENED)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise InvalidImage(f"The {name} is not a picture in a format we can read.") from error
    with image:
        yield image
