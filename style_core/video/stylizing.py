"""A clip in, the clip in its new look out: read, cut into shots, restyled frame by frame, written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from ..errors import Cancelled, EnoughDone, InvalidClip, InvalidOption, shortened
from ..files import webp_times
from ..images import ImageTensor, Samples, Source
from ..options import option_default
from ..pipeline import frame_transfer, get_method
from ..progress import Progress, ignore_progress
from ..regions import is_auto
from .animations import as_clip
from .colors import ColorTags, small_of
from .motion import has_opencv
from .opening import Clip, open_clip
from .restyling import MEASURED_SIZE, Restyling
from .side_threads import Behind
from .unfinished import mark_finished, mark_unfinished, run_digest, stopped_run
from .writing import ClipWriter, codec_for

WORKING_SIZE = 512  # px at which networks see frames whose look is carried to all pixels
UNSTEADY = "Every frame was painted by itself; with opencv-python-headless strokes stay in place."
SHORTFALL = 0.98  # of the frames a file says it has; counts from durations are not exact


@dataclass(frozen=True)
class ClipResult:
    """A clip that was written.

    Attributes:
        path: of the file.
        frame_count: of frames written.
        shot_count: of shots found.
        seconds: it took.
        notes: what was changed or could not be done.
        is_complete: not stopped before the end.
    """

    path: Path
    frame_count: int
    shot_count: int
    seconds: float
    notes: tuple[str, ...]
    is_complete: bool


def stylize_video(
    method: str,
    clip: str | PathLike[str],
    style: Source | Sequence[Source],
    output: str | PathLike[str],
    *,
    codec: str | None = None,
    most_frames: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> ClipResult:
    """Restyle a clip after a picture, without flicker.

    The style is measured once, the content's statistics are merged over frames of a shot, and one plan serves
    all of them. What methods that recolor photos do is carried to all pixels by one look for the whole shot.
    WCT paints a frame now and then by the shot's plan, and its strokes are carried along by optical flow
    (OpenCV's; without it every frame is painted). Memory does not grow with the length.

    Args:
        method: any; Gatys and Deep Photo optimize some frames of a shot, each for as long as a picture takes
            and from what was made of the one before.
        clip: any file that FFmpeg reads, but playlists, or an animated WebP; its first video stream is taken.
        style: a picture, or several where the method mixes them.
        output: a name that ends in .mp4, .mov, .mkv, .webm, or .gif, .webp or .apng for animations; written
            whole or not at all.
        codec: a key of :data:`CODECS` that goes into such a file; if not given what such files mostly have,
            and HEVC for pictures of more than 8 bits.
        most_frames: take the first ones alone, and the sound to their end.
        progress: called with (fraction, message, preview); may raise :class:`EnoughDone` or
            :class:`Cancelled`, which leaves a playable file of what is done; the same call goes on there.
        **options: as of :func:`stylize`; ``working_size`` is 512 px here; ``size`` does not apply, and
            ``content_mask="auto"`` finds regions, once for every shot.

    Raises:
        InvalidClip: the clip cannot be read, or the output not written.
        StyleCoreError: as :func:`stylize`.

    Warns:
        TakesLong: frames are optimized; after the first, how long all will take.
    """
    began = time.perf_counter()
    target = Path(fspath(output))
    by_regions = _refuse_unfit(method, options, most_frames)
    stored = len(webp_times(clip))
    with as_clip(clip, most_frames) as readable, open_clip(readable) as ahead, open_clip(readable) as source:
        if target.exists() and target.samefile(clip):
            raise InvalidClip(f"The output {target.name!r} is the clip itself; choose another name.")
        name, chosen = codec_for(target, codec, is_deep=source.is_deep)
        tags, working = _first_look(readable, _working_size(method, options))
        digest = run_digest(
            clip,
            style,
            {**options, "method": method, "codec": name, "most_frames": most_frames, "regions": by_regions},
        )
        with (
            frame_transfer(method, working, style, **options) as transfer,
            stopped_run(target, digest) as before,
        ):
            run = Restyling(
                source, transfer, _working_size(method, options), before, progress or ignore_progress,
                most_frames, by_regions,
            )  # fmt: skip
            size = (source.width, source.height)
            writer = ClipWriter(target, source, chosen, tags=tags, size=size, before=before.frames)
            is_complete = _written(run, ahead, writer, digest)
            notes = [*before.notes, *transfer.notes]
            notes += _notes(source, writer, name, codec, most_frames, stored) if is_complete else ()
            if run.working_size is None and not run.is_carried:
                notes.append(UNSTEADY)
    return ClipResult(
        target, writer.count, run.shot_count, time.perf_counter() - began, tuple(notes), is_complete
    )


def _refuse_unfit(method: str, options: dict[str, Any], most_frames: int | None) -> bool:
    """Raise for what no clip can have; options that say nothing of a clip are taken out.

    Returns:
        whether regions are to be found.
    """
    if most_frames is not None and most_frames < 1:
        raise InvalidOption(f"most_frames must be 1 or more, not {shortened(most_frames)}.")
    if options.pop("size", None) is not None:
        raise InvalidClip("size does not go with clips; they keep theirs.")
    content_mask, style_mask = (options.pop(name, None) for name in ("content_mask", "style_mask"))
    by_regions = is_auto(content_mask) and (style_mask is None or is_auto(style_mask))
    if not by_regions and (content_mask is not None or style_mask is not None):
        raise InvalidClip("Masks do not go with clips; 'auto' as content_mask finds regions in their frames.")
    chosen = get_method(method)
    if chosen.prepare is None and not chosen.photorealistic and not has_opencv():
        raise InvalidOption(
            f"{chosen.title} paints every picture anew, so that clips would flicker and take hours; "
            "with opencv-python-headless installed its strokes are carried along."
        )
    if by_regions and chosen.prepare is None:
        raise InvalidClip(f"{chosen.title} finds no regions in clips, whose frames it makes one by one.")
    return by_regions


def _working_size(method: str, options: dict[str, Any]) -> int | None:
    """The longer side at which networks see a frame; ``None`` for its own, as paintings are made."""
    chosen = get_method(method)
    if not chosen.photorealistic:
        return None
    size = options.get("working_size", WORKING_SIZE)
    default = option_default(chosen.options, "working_size")
    return WORKING_SIZE if size == default else size


def _first_look(clip: str | PathLike[str], size: int | None) -> tuple[ColorTags, ImageTensor]:
    """The color tags of a clip, and its first frame as networks see it."""
    with open_clip(clip) as opened:
        frame = next(opened.frames())
        return ColorTags.of(frame), small_of(frame, size or MEASURED_SIZE)


def _written(run: Restyling, ahead: Clip, writer: ClipWriter, digest: str | None) -> bool:
    """Write all frames; whether none was left out because somebody said to stop.

    Args:
        digest: of the run, to be found again by it when it is stopped.
    """
    stop: Cancelled | None = None
    try:
        with Behind() as behind:
            try:
                _write(run, ahead, writer, behind)
            except Cancelled as error:  # or EnoughDone, which is one
                stop = error
        if writer.count:
            writer.finish()
    except BaseException:
        writer.discard()
        raise
    if not writer.count:
        writer.discard()
        raise stop or EnoughDone("Stopped before the first frame.")
    if stop is None:
        mark_finished(writer.path)
    else:
        mark_unfinished(writer.path, digest, writer.count)
    if stop is not None and not isinstance(stop, EnoughDone):
        raise stop
    return stop is None


def _write(run: Restyling, ahead: Clip, writer: ClipWriter, behind: Behind) -> None:
    def on_sound(packet: Any) -> None:
        behind.add(partial(writer.copy, packet))

    with closing(run.frames(ahead, on_sound)) as frames:
        for number, (restyled, frame) in enumerate(frames, 1):
            behind.add(partial(_add, writer, restyled, frame))
            run.report(number)


def _add(writer: ClipWriter, restyled: Callable[[], Samples] | None, frame: Any) -> None:
    if restyled is None:
        writer.go_on(frame)
    else:
        writer.add(restyled(), frame)


def _notes(
    source: Clip, writer: ClipWriter, name: str, asked: str | None, most_frames: int | None, stored: int
) -> Iterator[str]:
    """What was changed without being asked for.

    Args:
        stored: frames of an animation, of which ``source`` may be the beginning; else 0.
    """
    frame_count = max(source.frame_count, stored)
    if most_frames is not None and most_frames < frame_count and writer.count == most_frames:
        yield f"The first {most_frames} of the clip's {frame_count} frames were taken."
    elif writer.count < SHORTFALL * frame_count:
        yield f"The clip says it has {frame_count} frames; {writer.count} could be read."
    if writer.silent:
        yield f"The sound is of a kind that {writer.path.suffix} files do not hold; it was left out."
    if source.is_deep and asked is None and name == "hevc":
        yield "The clip has more than 8 bits a channel, which HEVC keeps; codec h264 is for older players."
    if "444" in writer.pixel_format:
        yield "The frames have an odd side, so colors are kept at full size (4:4:4), which not all play."
