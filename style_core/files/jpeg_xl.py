"""JPEG XL: its size from the head, before libjxl is given the rest."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from pillow_jxl import Decoder

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a"
RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # width to height, ISO/IEC 18181-1
KINDS = {  # the decoder's name of what it gives: type and channels
    "L": ("u1", 1), "LA": ("u1", 2), "RGB": ("u1", 3), "RGBA": ("u1", 4),
    "I;16": ("u2", 1), "LA;16": ("u2", 2), "RGB;16": ("u2", 3), "RGBA;16": ("u2", 4),
    "F": ("f4", 1), "F;16": ("f2", 1),
}  # fmt: skip


@dataclass(frozen=True)
class Decoded:
    """Pixels ``[H, W, C]`` uint8, uint16 or float32, upright; or ``jpeg``, the JPEG file that was packed."""

    array: np.ndarray
    profile: bytes | None
    jpeg: bytes = b""


def is_jpeg_xl(data: bytes) -> bool:
    """Whether this is JPEG XL, bare or in its container."""
    return data.startswith((CODESTREAM, CONTAINER))


def size(data: bytes) -> tuple[int, int]:
    """Width and height as stored (a rotation may exchange them).

    Raises:
        ValueError: there is no head.
    """
    stream = _codestream(data)
    if not stream.startswith(CODESTREAM) or len(stream) < 12:
        raise ValueError("no JPEG XL codestream")
    bits = _Bits(int.from_bytes(stream[2:16], "little"))
    is_small = bits.take(1)
    height = 8 * (bits.take(5) + 1) if is_small else _varied(bits)
    ratio = bits.take(3)
    if ratio:
        across, down = RATIOS[ratio - 1]
        return height * across // down, height
    return (8 * (bits.take(5) + 1) if is_small else _varied(bits)), height


def decode(data: bytes) -> Decoded:
    """The first frame.

    Raises:
        ValueError, RuntimeError: damaged.
    """
    try:
        is_jpeg, info, pixels, profile, _ = Decoder(num_threads=-1)(data)
    except BaseException as error:  # a panic of the decoder's Rust code is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise ValueError("the decoder refused it") from error
    if is_jpeg:
        return Decoded(np.empty(0), None, bytes(pixels))
    if info.mode not in KINDS:
        raise ValueError(f"pixels of kind {info.mode}")
    kind, channels = KINDS[info.mode]
    if kind == "u1" and len(pixels) == 2 * info.height * info.width * channels:  # it calls 16-bit LA so too
        kind = "u2"
    array = np.frombuffer(pixels, kind).reshape(info.height, info.width, channels)
    return Decoded(array, bytes(profile) if profile else None)


class _Bits:
    """Bits of the head, the lowest first."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _varied(bits: _Bits) -> int:
    return 1 + bits.take((9, 13, 18, 30)[bits.take(2)])


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, wherever in the container."""
    if data.startswith(CODESTREAM):
        return data[:64]
    place = 0
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        head = 8
        if length == 1 and place + 16 <= len(data):
            (length,), head = struct.unpack_from(">Q", data, place + 8), 16
        if name == b"jxlc":
            return data[place + head : place + head + 64]
        if name == b"jxlp":  # parts, each with a number of four bytes
            return data[place + head + 4 : place + head + 68]
        if length < head:
            break
        place += length
    return b""
