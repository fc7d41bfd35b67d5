"""What a clip is: size, length, sound, first frame; counted, since files say what they like of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch

from ..errors import InvalidClip, InvalidImage
from ..files import animation_frames, webp_times
from ..images import Samples
from .colors import samples_of
from .opening import Clip, open_clip


@dataclass(frozen=True)
class ClipFacts:
    """A clip as players show it.

    Attributes:
        width, height: px, upright.
        frame_count: frames that are stored.
        seconds: from the first frame to the end of the last.
        has_sound: whether there is any.
        first_frame: ``[1, 3, H, W]``, RGB, uint8, upright.
    """

    width: int
    height: int
    frame_count: int
    seconds: float
    has_sound: bool
    first_frame: Samples


def inspect_clip(path: str | PathLike[str]) -> ClipFacts:
    """Read what a clip is, decoding its first frame alone.

    Raises:
        InvalidClip: PyAV is not installed, or the clip cannot be read; see :func:`stylize_video`.
    """
    if times := webp_times(path):
        return _of_webp(Path(path), times)
    with open_clip(path) as clip:
        first = next(clip.frames())
        samples = torch.rot90(samples_of(first, is_deep=False), clip.rotation // 90, (-2, -1)).contiguous()
        has_sound = bool(clip.container.streams.audio)
    with open_clip(path) as clip:
        count, seconds = _length(clip)
    height, width = samples.shape[-2:]
    return ClipFacts(width, height, count, seconds, has_sound, samples)


def _of_webp(place: Path, times: list[int]) -> ClipFacts:
    """An animated WebP, which FFmpeg does not read; none of its frames but the first is decoded."""
    try:
        pixels, _ = next(animation_frames(place))
    except InvalidImage as error:
        raise InvalidClip(f"{place.name!r} cannot be read as a clip.") from error
    height, width = pixels.shape[:2]
    samples = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].contiguous()
    return ClipFacts(width, height, len(times), sum(times) / 1000, False, samples)


def _length(clip: Clip) -> tuple[int, float]:
    """Frames and seconds, by the packets, which are not decoded."""
    count, first, last = 0, None, 0.0
    for packet in clip.packets():
        if not packet.size:
            continue
        count += 1
        if packet.pts is None:
            continue
        start = float(packet.pts * packet.time_base)
        lasts = float((packet.duration or 0) * packet.time_base) or float(1 / clip.rate)
        first = start if first is None else min(first, start)
        last = max(last, start + lasts)
    return count, last - first if first is not None else count / float(clip.rate)
