"""A JPEG taken apart: what its pixels need, what its metadata say, whether only its end is missing."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
PROGRESSIVE = {0xC2, 0xCA}
STANDALONE = {0x01, START}
APPLICATION, COMMENT = range(0xE0, 0xF0), 0xFE
EXIF_SEGMENT, PROFILE_SEGMENT, ADOBE_SEGMENT = 0xE1, 0xE2, 0xEE
EXIF_NAME, XMP_NAME, PROFILE_NAME = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
ADOBE_NAME, ADOBE_LENGTH = b"Adobe", 12
MARKER = re.compile(rb"(\xff+)([\x01-\xcf\xd8-\xfe])")  # not what is stuffed or restarts a scan
MOST_SCANS = 100  # encoders write at most a dozen or two; thousands would keep a decoder busy for minutes
MOST_SEGMENTS, MOST_FILL = 5000, 65_536  # more of either is made to keep a reader busy
SIGNATURE, END_MARKER = bytes((0xFF, START)), bytes((0xFF, END))


@dataclass
class Parts:
    """What the markers say.

    Attributes:
        pixels: the file without what programs and cameras add, which may be broken and helps no pixel.
        exif, xmp: as stored, or empty.
        profile: the ICC profile, put together; ``None`` if there is none.
        has_broken_profile: there is one that cannot be put together.
        scans: how many there are.
        ends: whether the end marker was seen.
        missing: (component, coefficient) of a progressive file whose last bit no scan brings.
    """

    pixels: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    profile: bytes | None = None
    has_broken_profile: bool = False
    scans: int = 0
    ends: bool = False
    is_progressive: bool = False
    missing: set[tuple[int, int]] = field(default_factory=set)

    @property
    def is_complete(self) -> bool:
        """Whether scans bring every coefficient to its last bit."""
        return self.scans > 0 and not self.missing


def parts(data: bytes) -> Parts:
    """Take a file apart, up to the end marker or the end of the data.

    Raises:
        ValueError: it has more segments or filling than any program writes.
    """
    found, dropped = Parts(), []
    profiles: dict[int, tuple[int, bytes]] = {}
    place, segments, fill = 0, 0, 0
    while (match := MARKER.search(data, place)) is not None:
        marker, place = match[2][0], match.end()
        segments, fill = segments + 1, fill + len(match[1]) - 1
        if segments > MOST_SEGMENTS or fill > MOST_FILL:
            raise ValueError("too many segments")
        if marker == END:
            found.ends = True
            break
        if marker in STANDALONE or place + 2 > len(data):
            continue
        (length,) = struct.unpack_from(">H", data, place)
        body, begin = data[place + 2 : place + length], match.start()
        place += max(length, 2)
        if marker in APPLICATION or marker == COMMENT:
            if not (marker == ADOBE_SEGMENT and body.startswith(ADOBE_NAME) and len(body) >= ADOBE_LENGTH):
                dropped.append((begin, place))
            _read_metadata(found, profiles, marker, body)
        else:
            _read_segment(found, marker, body)
    found.pixels = _without(data, dropped)
    if profiles:
        counts = {count for count, _ in profiles.values()}
        is_whole = len(counts) == 1 and sorted(profiles) == list(range(1, counts.copy().pop() + 1))
        found.profile = b"".join(profiles[k][1] for k in sorted(profiles)) if is_whole else None
        found.has_broken_profile = not is_whole
    return found


def _without(data: bytes, dropped: list[tuple[int, int]]) -> bytes:
    kept, place = [], 0
    for begin, end in dropped:
        kept.append(data[place:begin])
        place = end
    return b"".join([*kept, data[place:]])


def _read_metadata(found: Parts, profiles: dict[int, tuple[int, bytes]], marker: int, body: bytes) -> None:
    if marker == EXIF_SEGMENT and body.startswith(EXIF_NAME) and not found.exif:
        found.exif = body
    elif marker == EXIF_SEGMENT and body.startswith(XMP_NAME) and not found.xmp:
        found.xmp = body[len(XMP_NAME) :]
    elif marker == PROFILE_SEGMENT and body.startswith(PROFILE_NAME):
        rest = body[len(PROFILE_NAME) :]
        if len(rest) > 2:
            profiles[rest[0]] = (rest[1], rest[2:])
        else:
            found.has_broken_profile = True


def _read_segment(found: Parts, marker: int, body: bytes) -> None:
    if marker in FRAMES and len(body) >= 6:
        found.is_progressive = marker in PROGRESSIVE
        count = 64 if found.is_progressive else 1
        components = body[6 : 6 + 3 * body[5] : 3]
        found.missing = {(component, k) for component in components for k in range(count)}
    elif marker == SCAN and len(body) >= 4:
        found.scans += 1
        components = body[1 : 1 + 2 * body[0] : 2]
        first, last, bits = (body[-3], body[-2], body[-1] & 15) if found.is_progressive else (0, 0, 0)
        if bits == 0:
            found.missing -= {(c, k) for c in components for k in range(first, last + 1)}
