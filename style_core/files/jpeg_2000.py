"""What a JPEG 2000 codestream says of its depth, and whether it is lossless (ISO/IEC 15444-1, annex A)."""

from __future__ import annotations

import struct

SIZES, CODING_STYLE = b"\xff\x4f\xff\x51", b"\xff\x52\0"  # the markers SIZ (behind SOC) and COD
COMPONENTS, FIRST_DEPTH = 40, 42  # bytes from SIZES
WAVELET, REVERSIBLE = 13, 1  # bytes from CODING_STYLE, and what stands there


def color_bits(data: bytes) -> int:
    """Bits of each of three or four unsigned components; 0 for other files."""
    place = data.find(SIZES)
    if place < 0 or len(data) < place + FIRST_DEPTH + 12:
        return 0
    (count,) = struct.unpack_from(">H", data, place + COMPONENTS)
    depths = {data[place + FIRST_DEPTH + 3 * k] for k in range(min(count, 4))}
    return depths.pop() + 1 if count in (3, 4) and len(depths) == 1 and max(depths) < 16 else 0


def is_reversible(data: bytes) -> bool:
    """Whether the wavelet loses nothing."""
    place = data.find(CODING_STYLE)
    return place >= 0 and data[place + WAVELET : place + WAVELET + 1] == bytes((REVERSIBLE,))
