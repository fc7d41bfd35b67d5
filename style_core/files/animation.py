"""Pictures that move: WebP and PNG files of several frames, and how long each is shown."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import InvalidImage
from .decoding import open_picture
from .opened import BROKEN

HEAD = 1 << 16  # bytes in which a file says whether it moves; a PNG's profile may come before
SHORTEST = 20  # ms; what says less is shown for 100, as browsers do
UNSAID = 100  # ms
MOVES = 0x02  # of the flags of a WebP's first chunk


def is_animated(path: str | PathLike[str]) -> bool:
    """Whether a file is a WebP or a PNG of several frames, from its first bytes; no file is not."""
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20:21]) and bool(head[20] & MOVES)
    return head.startswith(b"\x89PNG\r\n\x1a\n") and b"acTL" in head.partition(b"IDAT")[0]


def webp_times(path: str | PathLike[str]) -> list[int]:
    """For how many milliseconds each frame of an animated WebP is shown, undecoded; none of other files."""
    times: list[int] = []
    if not is_animated(path):
        return times
    with open(path, "rb") as file:
        if file.read(12)[8:] != b"WEBP":
            return times
        while len(head := file.read(8)) == 8:  # the chunks of the container, each of an even length
            size = int.from_bytes(head[4:], "little")
            end = file.tell() + size + size % 2
            if head[:4] == b"ANMF" and len(frame := file.read(16)) == 16:
                times.append(_shown(int.from_bytes(frame[12:15], "little")))
            file.seek(end)
    return times


def _shown(milliseconds: int) -> int:
    """For how long browsers show a frame that says so."""
    return milliseconds if milliseconds >= SHORTEST else UNSAID


def animation_frames(path: str | PathLike[str]) -> Iterator[tuple[np.ndarray, int]]:
    """The frames of an animation that Pillow reads, whole ones, over white where they are transparent.

    Yields:
        ``[H, W, 3]``, uint8, RGB, and for how many milliseconds it is shown.

    Raises:
        InvalidImage: it is no picture, damaged, or of a size that is not permitted.
    """
    place = Path(path)
    with open_picture(place.read_bytes(), "clip", place.name) as image:
        for number in range(getattr(image, "n_frames", 1)):
            try:
                image.seek(number)
                frame = image.convert("RGBA")
            except BROKEN as error:
                raise InvalidImage(f"The clip {place.name!r} is damaged or cut short.") from error
            shown = _shown(int(image.info.get("duration") or UNSAID))
            white = Image.new("RGBA", frame.size, "white")
            pixels = np.asarray(Image.alpha_composite(white, frame).convert("RGB"))
            yield pixels, shown
