"""A GIF down to its first frame: comments and further frames are never decoded."""

from __future__ import annotations

SIGNATURES = (b"GIF87a", b"GIF89a")
EXTENSION, FRAME, TRAILER = 0x21, 0x2C, 0x3B
CONTROL = 0xF9  # the extension that says which color is transparent
MOST_EXTENSIONS = 10_000  # before the first frame; more are made to keep a reader busy


def first_frame(data: bytes) -> tuple[bytes, bool]:
    """The file with its first frame alone, and whether there are more.

    Raises:
        ValueError, IndexError: it is cut before the frame, or has more extensions than any program writes.
    """
    place = 13 + _table(data[10])
    kept = [data[:place]]
    for _ in range(MOST_EXTENSIONS):
        if data[place] == FRAME:
            break
        if data[place] != EXTENSION:
            raise ValueError("no frame")
        end = _after_blocks(data, place + 2)
        if data[place + 1] == CONTROL:
            kept.append(data[place:end])
        place = end
    else:
        raise ValueError("too many extensions")
    try:
        end = _after_blocks(data, place + 10 + _table(data[place + 9]) + 1)
    except IndexError:  # cut; whether in the picture or behind it, its decoder will say
        end = len(data)
    return b"".join([*kept, data[place:end], bytes((TRAILER,))]), _has_another(data, end)


def _table(flags: int) -> int:
    """Bytes of the color table that follows."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, place: int) -> int:
    """Behind a sequence of blocks and its terminator."""
    while size := data[place]:
        place += size + 1
    return place + 1


def _has_another(data: bytes, place: int) -> bool:
    try:
        for _ in range(MOST_EXTENSIONS):
            if data[place] != EXTENSION:
                return data[place] == FRAME
            place = _after_blocks(data, place + 2)
    except IndexError:
        return False
    return False
