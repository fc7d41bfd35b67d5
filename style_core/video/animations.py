"""Animations that FFmpeg does not read, as clips that it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InvalidClip, InvalidImage
from ..files import animation_frames, is_animated
from .opening import pyav

TICK = Fraction(1, 1000)  # seconds: animations say their times in milliseconds


@contextmanager
def as_clip(path: str | PathLike[str], most_frames: int | None = None) -> Iterator[Path]:
    """A file that FFmpeg reads: of an animated WebP a copy without loss, of its first frames, else the file.

    Raises:
        InvalidClip: PyAV is not installed, the animation is damaged, or there is no room for the copy.
    """
    place = Path(fspath(path))
    if place.suffix.lower() != ".webp" or not is_animated(place):
        yield place
        return
    with TemporaryDirectory(prefix="style-core-") as folder:
        copy = Path(folder) / f"{place.stem}.mkv"
        try:
            _copy(place, copy, most_frames)
        except InvalidImage as error:
            raise InvalidClip(f"{place.name!r} cannot be read as a clip.") from error
        except (OSError, pyav().error.FFmpegError) as error:
            raise InvalidClip(f"There is no room to unpack the animation {place.name!r}.") from error
        yield copy


def _copy(animation: Path, target: Path, most_frames: int | None) -> None:
    """Frames as FFV1, the last one shown for as long as it says by the clip's duration."""
    av, stream, time = pyav(), None, 0
    with closing(av.open(str(target), "w")) as file:
        for pixels, shown in islice(animation_frames(animation), most_frames):
            if stream is None:
                stream = file.add_stream("ffv1", rate=1000 / Fraction(shown))
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "bgr0"
                stream.codec_context.time_base = TICK
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base, frame.duration = time, TICK, shown
            file.mux(stream.encode(frame))
            time += shown
        if stream is not None:
            file.mux(stream.encode(None))
