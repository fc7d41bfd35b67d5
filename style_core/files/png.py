"""A PNG taken apart: the chunks its pixels need, and what the others say of colors and transparency."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OF_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
SAYING = (b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"eXIf", b"acTL")
DEEP = 16  # bits
GRAY, TRUE_COLOR, PALETTE, GRAY_ALPHA, TRUE_COLOR_ALPHA = 0, 2, 3, 4, 6  # color types
MOST_CHUNKS = 100_000  # 80 megapixels in chunks of 8 kB are 30,000; more are made to keep a reader busy
HUGE_PROFILE = 1 << 20  # bytes


@dataclass(frozen=True)
class Parts:
    """What the chunks say.

    Attributes:
        pixels: the file with the chunks alone that pixels need: texts may be bombs, others broken.
        said: the first chunk of every other kind we know before the pixels.
    """

    pixels: bytes = b""
    said: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Bits a sample."""
        head = self.said.get(b"IHDR", b"")
        return head[8] if len(head) >= 10 else 8

    @property
    def color_type(self) -> int:
        """Whether gray, color or a palette, and with alpha or not."""
        head = self.said.get(b"IHDR", b"")
        return head[9] if len(head) >= 10 else TRUE_COLOR

    @property
    def frames(self) -> int:
        """How many pictures an animation has; 1 for a still."""
        stated = self.said.get(b"acTL", b"")
        return int(struct.unpack_from(">I", stated)[0]) if len(stated) == 8 else 1

    @property
    def gamma(self) -> float | None:
        """The exponent of gAMA, or ``None`` where sRGB is said or nothing usable."""
        stated = self.said.get(b"gAMA", b"")
        if len(stated) != 4 or b"sRGB" in self.said:
            return None
        value = int(struct.unpack(">I", stated)[0]) / 100_000
        return value if 0.1 <= value <= 2 else None

    @property
    def chromaticities(self) -> tuple[tuple[float, float], ...] | None:
        """Red, green, blue and white of cHRM, or ``None`` where sRGB is said or nothing usable."""
        stated = self.said.get(b"cHRM", b"")
        if len(stated) != 32 or b"sRGB" in self.said:
            return None
        numbers = [value / 100_000 for value in struct.unpack(">8I", stated)]
        white, red, green, blue = ((numbers[k], numbers[k + 1]) for k in (0, 2, 4, 6))
        return (red, green, blue, white)

    @property
    def codes(self) -> tuple[int, int, bool] | None:
        """The primaries, the transfer curve and whether the range is the full one, of cICP; or ``None``."""
        stated = self.said.get(b"cICP", b"")
        return (stated[0], stated[1], bool(stated[3])) if len(stated) == 4 else None

    @property
    def transparent_color(self) -> tuple[int, ...] | None:
        """The one color that tRNS makes transparent in a picture without alpha or palette: 1 or 3 numbers."""
        stated = self.said.get(b"tRNS", b"")
        if len(stated) != {GRAY: 2, TRUE_COLOR: 6}.get(self.color_type, -1):
            return None
        return struct.unpack(f">{len(stated) // 2}H", stated)

    def profile(self) -> bytes | None:
        """The ICC profile of iCCP, or ``None`` where there is none.

        Raises:
            ValueError: it is broken, or unpacks to more than any profile has.
        """
        stored = self.said.get(b"iCCP")
        if stored is None:
            return None
        name, separator, packed = stored.partition(b"\0")
        if not separator or len(name) > 79 or packed[:1] != b"\0":
            raise ValueError("no profile")
        try:
            profile = zlib.decompressobj().decompress(packed[1:], HUGE_PROFILE + 1)
        except zlib.error as error:
            raise ValueError("damaged") from error
        if len(profile) > HUGE_PROFILE:
            raise ValueError("too large")
        return profile


def parts(data: bytes) -> Parts:
    """Take a file apart.

    Raises:
        ValueError: it has more chunks than any program writes.
    """
    kept, said, place, count, has_pixels = [SIGNATURE], {}, len(SIGNATURE), 0, False
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        end, count = place + 12 + length, count + 1
        if count > MOST_CHUNKS:
            raise ValueError("too many chunks")
        has_pixels |= name == b"IDAT"
        if name in SAYING and not has_pixels and name not in said and end <= len(data):
            said[name] = data[place + 8 : end - 4]
        if name in OF_PIXELS or (name == b"tRNS" and _fits(data[place + 8 : end - 4], said)):
            kept.append(data[place:end])
        place = end
    return Parts(b"".join(kept), said)


def _fits(transparency: bytes, said: dict[bytes, bytes]) -> bool:
    """Whether a palette's alpha has no more entries than it; what else tRNS says is applied here."""
    kind = said.get(b"IHDR", bytes(10))[9:10]
    return kind == bytes((PALETTE,)) and 0 < len(transparency) <= len(said.get(b"PLTE", b"")) // 3
