"""Writing clips with PyAV: pictures encoded, sound copied, times, rotation and color tags as they came."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import InvalidClip, shortened
from ..images import Samples
from .colors import ColorTags, frame_of
from .opening import Clip, pyav
from .palettes import Palettes

WRITTEN = (".mp4", ".mov", ".mkv", ".webm", ".gif", ".webp", ".apng")
PALETTES = "pal8"  # a pixel format of 256 colors


@dataclass(frozen=True)
class Codec:
    """An encoder as it is used here.

    Attributes:
        encoder: FFmpeg's name.
        pixels, deep_pixels: pixel formats for 8 bits and for more.
        suffixes: of the files that may hold it.
        options: of the encoder, for a result that nobody tells from its source.
        container: options of the file; animations are shown again and again.
    """

    encoder: str
    pixels: str
    deep_pixels: str
    suffixes: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)


CODECS = {
    "h264": Codec("libx264", "yuv420p", "yuv420p", (".mp4", ".mov", ".mkv"),
                  {"crf": "18", "preset": "veryfast"}),
    "hevc": Codec("libx265", "yuv420p", "yuv420p10le", (".mp4", ".mov", ".mkv"),
                  {"crf": "20", "preset": "veryfast", "x265-params": "log-level=error"}),
    "av1": Codec("libsvtav1", "yuv420p", "yuv420p10le", (".mp4", ".mkv", ".webm"),
                 {"crf": "28", "preset": "9"}),
    "vp9": Codec("libvpx-vp9", "yuv420p", "yuv420p10le", (".webm", ".mkv", ".mp4"),
                 {"crf": "24", "b:v": "0", "cpu-used": "5", "row-mt": "1"}),
    "prores": Codec("prores_ks", "yuv422p10le", "yuv422p10le", (".mov", ".mkv"), {"profile": "3"}),
    "ffv1": Codec("ffv1", "bgr0", "gbrp16le", (".mkv",)),  # without any loss
    "gif": Codec("gif", PALETTES, PALETTES, (".gif",), container={"loop": "0"}),
    "webp": Codec("libwebp_anim", "bgra", "bgra", (".webp",), {"quality": "90"}, {"loop": "0"}),
    "apng": Codec("apng", "rgb24", "rgb48be", (".apng",), container={"plays": "0"}),
}  # fmt: skip
DEFAULTS = {
    ".mp4": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "vp9", ".gif": "gif", ".webp": "webp",
    ".apng": "apng",
}  # fmt: skip


def codec_for(path: Path, name: str | None, *, is_deep: bool) -> tuple[str, Codec]:
    """The codec of a file that is to be written: the one named, or what its suffix is mostly used for.

    Pictures of more than 8 bits are HEVC by default, which keeps them; H.264 has 8, which all players play.

    Raises:
        InvalidClip: the suffix is none of WRITTEN, there is no such codec, or such a file cannot hold it.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise InvalidClip(f"A clip is written as {', '.join(WRITTEN)}, not as {path.name!r}.")
    if name is None:
        name = DEFAULTS[suffix]
        name = "hevc" if is_deep and name == "h264" else name
    found = CODECS.get(name)
    if found is None:
        raise InvalidClip(f"codec must be one of {', '.join(CODECS)}, not {shortened(name)}.")
    if suffix not in found.suffixes:
        raise InvalidClip(f"{name} goes into {' or '.join(found.suffixes)}, not into {suffix}.")
    return name, found


def can_hold(file: Any, stream: Any) -> bool:
    """Whether an open file takes the packets of a stream as they are."""
    return stream.codec_context is not None and stream.codec_context.name in file.supported_codecs


class ClipWriter:
    """A clip that is being written, beside its name until it is whole.

    Args:
        path: of the result.
        source: the clip it is made of, whose sound is copied.
        codec: of the pictures.
        tags: what the pictures say of their colors.
        size: width and height of the frames.
        before: the first frames, as such a writer has written them.
    """

    def __init__(
        self, path: Path, source: Clip, codec: Codec, *, tags: ColorTags, size: tuple[int, int],
        before: Iterator[Any] | None = None,
    ) -> None:  # fmt: skip
        self.path, self.tags, self.count, self._before = path, tags, 0, before or iter(())
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._rate = source.rate
        self._base = source.stream.time_base or 1 / source.rate
        is_odd = bool(size[0] % 2 or size[1] % 2)
        pixels = codec.deep_pixels if source.is_deep else codec.pixels
        self.pixel_format = pixels.replace("420", "444") if is_odd else pixels
        try:
            self._part.touch()  # PyAV opens files when the first packet comes
            self._file: Any = pyav().open(str(self._part), "w", container_options=codec.container)
        except (OSError, pyav().error.FFmpegError) as error:
            raise InvalidClip(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error
        is_reduced = self.pixel_format == PALETTES
        self._palettes = Palettes(*size, Fraction(self._base)) if is_reduced else None
        self._pictures = self._add_pictures(codec, size, source.rotation)
        self._sound = {s.index: self._add_sound(s) for s in source.container.streams.audio}
        self.silent = [index for index, stream in self._sound.items() if stream is None]

    def _add_pictures(self, codec: Codec, size: tuple[int, int], rotation: int) -> Any:
        stream = self._file.add_stream(codec.encoder, rate=self._rate, options=dict(codec.options))
        stream.width, stream.height = size
        stream.pix_fmt = self.pixel_format
        context = stream.codec_context
        context.time_base = stream.time_base = Fraction(self._base)
        context.thread_type = "AUTO"
        context.color_range = self.tags.range
        context.colorspace, context.color_primaries = self.tags.matrix, self.tags.primaries
        context.color_trc = self.tags.curve
        if codec.encoder == "libx265" and self.path.suffix.lower() in (".mp4", ".mov"):
            context.codec_tag = "hvc1"  # Apple plays no other
        if rotation:
            stream.set_display_rotation(rotation)
        return stream

    def _add_sound(self, stream: Any) -> Any:
        """A stream for copied packets, or ``None`` where this kind of file does not hold such sound."""
        return self._file.add_stream_from_template(stream) if can_hold(self._file, stream) else None

    def add(self, samples: Samples, frame: Any) -> None:
        """Write a frame at the time of the one it was made of."""
        pixels = "rgb24" if self._palettes else self.pixel_format
        self._encode(frame_of(samples, self.tags, pixels), frame)

    def _encode(self, made: Any, frame: Any) -> None:
        made.time_base = Fraction(self._base)
        made.pts = frame.pts if frame.pts is not None else round(self.count / (self._rate * self._base))
        if self._palettes:
            made = self._palettes.reduced(made.reformat(format="rgb24"))
        for packet in self._pictures.encode(made):
            self._file.mux(packet)
        self.count += 1

    def go_on(self, frame: Any) -> None:
        """Write what was made of a frame before."""
        made = next(self._before, None)
        if made is None:
            raise InvalidClip(f"{self.path.name!r} was changed since its run was stopped; delete it.")
        made.pict_type = 0  # the encoder is to choose anew
        self._encode(made, frame)

    def copy(self, packet: Any) -> None:
        """Write a packet of sound as it came."""
        stream = self._sound.get(packet.stream.index)
        if stream is not None and packet.dts is not None:
            packet.stream = stream
            self._file.mux(packet)

    def finish(self) -> None:
        """Write what is left, and give the file its name."""
        for packet in self._pictures.encode(None):
            self._file.mux(packet)
        self._file.close()
        os.replace(self._part, self.path)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._part.unlink(missing_ok=True)
