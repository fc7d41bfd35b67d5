"""Copies that every browser plays: H.264 of 8 bits in MP4, with nothing of what cameras say of themselves."""

from __future__ import annotations

import os
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

from ..errors import InvalidClip
from .animations import as_clip
from .colors import ColorTags, samples_of
from .opening import Clip, open_clip, pyav
from .writing import CODECS, ClipWriter, can_hold

PLAYED = ("yuv420p", "yuvj420p")  # pixel formats of H.264 that browsers play
STORED = ("mov", "matroska")  # readers of files whose packets MP4 takes as they are


def browser_copy(
    clip: str | PathLike[str], output: str | PathLike[str], *, most_frames: int | None = None
) -> Path:
    """Copy a clip for a browser: its pictures as they are stored where browsers play them, else encoded anew.

    Args:
        clip: any clip.
        output: a name that ends in .mp4; written whole or not at all.
        most_frames: copy the first ones alone.

    Raises:
        InvalidClip: the clip cannot be read, or the output not written.
    """
    target = Path(fspath(output))
    with as_clip(clip, most_frames) as readable, open_clip(readable) as source:
        reader = source.container.format.name.split(",")[0]
        context = source.stream.codec_context
        is_played = context.name == "h264" and context.pix_fmt in PLAYED and reader in STORED
        if is_played:
            _remuxed(source, target, most_frames)
        else:
            _encoded(source, target, most_frames)
    return target


def _remuxed(source: Clip, target: Path, most_frames: int | None) -> None:
    """The stored pictures, and the sound to their end, in another file."""
    part = target.with_name(f".{target.stem}.part{target.suffix}")
    av = pyav()
    try:
        with av.open(str(part), "w") as out:
            streams = {source.stream.index: out.add_stream_from_template(source.stream)}
            sounds = [each for each in source.container.streams.audio if can_hold(out, each)]
            streams |= {each.index: out.add_stream_from_template(each) for each in sounds}
            for packet in source.stored(sounds, most_frames):
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
        os.replace(part, target)
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise InvalidClip(f"{target.name!r} cannot be written: {error}.") from error
    finally:
        part.unlink(missing_ok=True)


def _encoded(source: Clip, target: Path, most_frames: int | None) -> None:
    """The pictures anew, and the sound as it came."""
    source = replace(source, is_deep=False)
    first = next(source.frames())
    source.container.seek(0)
    size = (source.width, source.height)
    writer = ClipWriter(target, source, CODECS["h264"], tags=ColorTags.of(first), size=size)
    try:
        for frame in source.frames_with_sound(writer.copy, most_frames):
            if (frame.width, frame.height) != size:
                raise InvalidClip("The frames of the clip change their size on the way; split it there.")
            writer.add(samples_of(frame, is_deep=False), frame)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
