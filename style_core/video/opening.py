"""Opening clips with PyAV: what is in them, their frames, and one sentence for what cannot be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import InvalidClip
from ..files import is_animated

CLIP_SUFFIXES = (
    ".mp4",
    ".mov",
    ".m4v",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".ts",
    ".mts",
    ".3gp",
    ".gif",
    ".apng",
)
# Of FFmpeg's readers those of one file each: playlists would have it open other files and addresses.
READERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpeg", "mpegts", "mpegvideo", "m4v", "h264", "hevc",
    "gif", "apng", "flv", "asf", "ogg", "mxf", "nut", "ivf", "yuv4mpegpipe", "dv", "rm",
)  # fmt: skip
SOUND_BEHIND = 2.0  # seconds by which files store sound behind its pictures, at most
ANIMATED_PICTURES = (".webp", ".png")  # most are of one frame
LARGEST_SIDE = 8192  # px
FASTEST = 240  # frames a second; beyond it the header is not to be believed


def pyav() -> Any:
    """The module ``av``, loaded when the first clip comes: FFmpeg is 90 MB.

    Raises:
        InvalidClip: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise InvalidClip(
            "Clips need PyAV, which the extra installs: pip install 'style-core[video]'."
        ) from error
    return av


@dataclass(frozen=True)
class Clip:
    """An open clip.

    Attributes:
        container, stream: PyAV's, of the first video stream.
        width, height: px as stored, before ``rotation``.
        rotation: degrees counterclockwise by which players turn it.
        rate: frames a second on average.
        frame_count: about how many there are; 0 where nobody knows.
        is_deep: more than 8 bits a channel.
    """

    container: Any
    stream: Any
    width: int
    height: int
    rotation: int
    rate: Fraction
    frame_count: int
    is_deep: bool

    def packets(self, *others: Any) -> Iterator[Any]:
        """The packets of the pictures and of other streams in order, up to where a cut file ends."""
        try:
            yield from self.container.demux([self.stream, *others])
        except pyav().error.FFmpegError:
            return

    def stored(self, sounds: Sequence[Any], most_frames: int | None = None) -> Iterator[Any]:
        """The packets of the pictures, all or the first, and of some sounds up to their end."""
        count, ends = 0, 0.0
        for packet in self.packets(*sounds):
            is_picture = packet.stream.type == "video"
            if packet.dts is None or (count == most_frames and (is_picture or _starts(packet) >= ends)):
                continue
            if is_picture:
                count, ends = count + 1, max(ends, _starts(packet) + float(1 / self.rate))
            yield packet

    def decoded(self, packet: Any) -> list[Any]:
        """The frames that a packet completes; of a damaged one none."""
        try:
            return list(packet.decode())
        except pyav().error.FFmpegError:
            return []

    def frames(self) -> Iterator[Any]:
        """All frames in order."""
        for packet in self.packets():
            yield from self.decoded(packet)

    def frames_with_sound(
        self, on_sound: Callable[[Any], object], most_frames: int | None = None
    ) -> Iterator[Any]:
        """Frames in order, all or the first; packets of their sound are handed over as they come."""
        left, ends = most_frames, math.inf
        for packet in self.packets(*self.container.streams.audio):
            if packet.stream.type != "video":
                if _starts(packet) < ends:
                    on_sound(packet)
            elif ends == math.inf:
                for frame in self.decoded(packet)[:left]:
                    yield frame
                    left = None if left is None else left - 1
                    if left == 0:
                        ends = (frame.time or 0.0) + float(1 / self.rate)
            elif _starts(packet) > ends + SOUND_BEHIND:
                return


def has_pyav() -> bool:
    """Whether clips can be opened here at all."""
    return find_spec("av") is not None


def is_clip(source: object) -> bool:
    """Whether a source is a file whose name is that of a clip, or an animation in a picture's format.

    Without PyAV the latter are the pictures that their first frames are.
    """
    if not isinstance(source, (str, PathLike)):
        return False
    suffix = Path(fspath(source)).suffix.lower()
    if suffix in ANIMATED_PICTURES:
        return has_pyav() and is_animated(source)
    return suffix in CLIP_SUFFIXES


@contextmanager
def open_clip(path: str | PathLike[str]) -> Iterator[Clip]:
    """A clip, closed at the end.

    Raises:
        InvalidClip: PyAV is not installed, or the file is not there, has no pictures that can be decoded, or
            says impossible things of itself.
    """
    place = Path(fspath(path))
    av = pyav()
    if not place.is_file():
        raise InvalidClip(f"There is no clip {str(place)!r}.")
    if not place.stat().st_size:
        raise InvalidClip(f"{place.name!r} is empty: there is no frame in it.")
    try:
        container = av.open(
            str(place), metadata_errors="replace", options={"format_whitelist": ",".join(READERS)}
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(place.name) from error
    with container:
        yield _checked(container, place.name)


def _unreadable(name: str) -> InvalidClip:
    return InvalidClip(f"{name!r} cannot be read as a clip: it is none, or was cut off.")


def _checked(container: Any, name: str) -> Clip:
    if not (container.streams.video or container.streams.audio):
        raise _unreadable(name)
    stream = next((s for s in container.streams.video if not _is_cover(s)), None)
    if stream is None:
        raise InvalidClip(f"{name!r} has no moving pictures.")
    if stream.codec_context is None:
        raise InvalidClip(f"{name!r} has pictures of a kind that nobody here can decode.")
    context = stream.codec_context
    width, height = context.width, context.height
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise InvalidClip(
            f"{name!r} has frames of {width} x {height} px; at most {LARGEST_SIDE} px a side go."
        )
    rate = stream.average_rate or stream.guessed_rate
    if rate is None or not 0 < rate <= FASTEST:
        raise InvalidClip(f"{name!r} says it has {rate} frames a second; at most {FASTEST} go.")
    stream.thread_type = "AUTO"
    seconds = container.duration / 1e6 if container.duration else 0.0
    first = _first_frame(container, stream, name)
    return Clip(
        container=container, stream=stream, width=first.width, height=first.height, rotation=first.rotation,
        rate=Fraction(rate), frame_count=stream.frames or round(seconds * rate),
        is_deep=max(part.bits for part in first.format.components) > 8,
    )  # fmt: skip


def _starts(packet: Any) -> float:
    """Seconds of the clip."""
    return 0.0 if packet.pts is None else float(packet.pts * packet.time_base)


def _is_cover(stream: Any) -> bool:
    """A song's cover is a video stream of one picture."""
    return bool(stream.disposition & stream.disposition.attached_pic)


def _first_frame(container: Any, stream: Any, name: str) -> Any:
    """The first frame, after which the clip stands at its beginning again."""
    try:
        frame = next(container.decode(stream), None)
        container.seek(0)
    except pyav().error.FFmpegError as error:
        raise InvalidClip(f"{name!r} is damaged or encrypted: no frame of it can be decoded.") from error
    if frame is None:
        raise InvalidClip(f"{name!r} is empty: there is no frame in it.")
    return frame
