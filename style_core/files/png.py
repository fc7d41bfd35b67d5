"""What the chunks of a PNG say that Pillow leaves aside: colors (cICP, gAMA, cHRM), depth, transparency."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
DEEP = 16  # bits
TRUE_COLOR, GRAY_ALPHA, TRUE_COLOR_ALPHA = 2, 4, 6  # color types
HUGE_PROFILE = 1 << 20  # bytes; Pillow takes no more


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, and where the whole chunk begins and ends, of every chunk that is all there."""
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length
        if end > len(data):
            return
        yield data[place + 4 : place + 8], place, end
        place = end


def content(data: bytes, name: bytes) -> bytes | None:
    """The content of the first chunk of that name before the pixels, or ``None``."""
    for found, begin, end in chunks(data):
        if found == b"IDAT":
            return None
        if found == name:
            return data[begin + 8 : end - 4]
    return None


def without(data: bytes, names: tuple[bytes, ...]) -> bytes:
    """The file without the chunks of those names: pixels need none of them, and texts may be bombs."""
    dropped = [(begin, end) for found, begin, end in chunks(data) if found in names]
    if not dropped:
        return data
    kept, place = [], 0
    for begin, end in dropped:
        kept.append(data[place:begin])
        place = end
    return b"".join([*kept, data[place:]])


def has_huge_profile(data: bytes) -> bool:
    """Whether the color profile would unpack to more than Pillow takes."""
    stored = content(data, b"iCCP")
    if stored is None:
        return False
    packed = stored[stored.find(b"\0") + 2 :]
    try:
        return len(zlib.decompressobj().decompress(packed, HUGE_PROFILE + 1)) > HUGE_PROFILE
    except zlib.error:  # Pillow leaves a broken one aside itself
        return False


def depth_and_type(data: bytes) -> tuple[int, int]:
    """Bits a sample, and the color type."""
    head = content(data, b"IHDR") or b""
    return (head[8], head[9]) if len(head) >= 10 else (8, TRUE_COLOR)


def stated_gamma(data: bytes) -> float | None:
    """The exponent of gAMA, or ``None`` where sRGB is said or nothing usable."""
    stated = content(data, b"gAMA")
    if stated is None or len(stated) != 4 or content(data, b"sRGB") is not None:
        return None
    value = int(struct.unpack(">I", stated)[0]) / 100_000
    return value if 0.1 <= value <= 2 else None


def stated_chromaticities(data: bytes) -> tuple[tuple[float, float], ...] | None:
    """Red, green, blue and white of cHRM, or ``None`` where sRGB is said or nothing."""
    stated = content(data, b"cHRM")
    if stated is None or len(stated) != 32 or content(data, b"sRGB") is not None:
        return None
    numbers = [value / 100_000 for value in struct.unpack(">8I", stated)]
    white, red, green, blue = ((numbers[k], numbers[k + 1]) for k in (0, 2, 4, 6))
    return (red, green, blue, white)


def coded_colors(data: bytes) -> tuple[int, int] | None:
    """The primaries and the transfer curve of cICP, or ``None``."""
    stated = content(data, b"cICP")
    return (stated[0], stated[1]) if stated is not None and len(stated) == 4 else None


def transparent_color(data: bytes) -> tuple[int, ...] | None:
    """The one color that tRNS makes transparent in a picture without alpha: 1 or 3 numbers."""
    stated = content(data, b"tRNS")
    if stated is None or len(stated) not in (2, 6):
        return None
    return struct.unpack(f">{len(stated) // 2}H", stated)
