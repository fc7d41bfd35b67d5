"""The structure of a JPEG file: its scans, and whether nothing but its end marker is missing."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
PROGRESSIVE = {0xC2, 0xCA}
STANDALONE = {0x01, *range(0xD0, 0xD8)}
MOST_SCANS = 100  # encoders write at most a dozen or two; thousands would keep a decoder busy for minutes
END_MARKER = bytes((0xFF, END))


@dataclass
class Structure:
    """What the markers say.

    Attributes:
        scans: how many there are.
        ends: whether the end marker was seen.
        missing: (component, coefficient) of a progressive file whose last bit no scan brings.
    """

    scans: int = 0
    ends: bool = False
    is_progressive: bool = False
    missing: set[tuple[int, int]] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        """Whether scans bring every coefficient to its last bit."""
        return self.scans > 0 and not self.missing


def structure(data: bytes) -> Structure:
    """Read the markers up to the end marker, or to the end of the data."""
    found, place = Structure(), 0
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        marker = data[place + 1]
        place += 1 if marker == 0xFF else 2
        if marker == END:
            found.ends = True
            break
        if marker in STANDALONE or marker in (0x00, 0xFF, START):
            continue
        if place + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, place)
        _read_segment(found, marker, data[place + 2 : place + length])
        place += max(length, 2)
    return found


def _read_segment(found: Structure, marker: int, body: bytes) -> None:
    if marker in FRAMES and len(body) >= 6:
        found.is_progressive = marker in PROGRESSIVE
        count = 64 if found.is_progressive else 1
        components = body[6 : 6 + 3 * body[5] : 3]
        found.missing = {(component, k) for component in components for k in range(count)}
    elif marker == SCAN and body:
        found.scans += 1
        components = body[1 : 1 + 2 * body[0] : 2]
        first, last, bits = (body[-3], body[-2], body[-1] & 15) if found.is_progressive else (0, 0, 0)
        if bits == 0:
            found.missing -= {(c, k) for c in components for k in range(first, last + 1)}
