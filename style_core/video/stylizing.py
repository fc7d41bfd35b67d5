"""A clip in, the clip in its new look out: read, cut into shots, restyled frame by frame, written."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import Cancelled, EnoughDone, InvalidClip, InvalidOption, shortened
from ..files import webp_times
from ..images import ImageTensor, Samples, Source, as_floats, as_samples
from ..look import Look
from ..options import option_default
from ..pipeline import Beginning, FrameOptimizer, FrameTransfer, ShotPlan, frame_transfer, get_method
from ..progress import Progress, ignore_progress, time_to_go
from ..regions import Labels, is_auto
from .advection import EVERY, Carried, advected
from .animations import as_clip
from .colors import ColorTags, samples_of, small_of
from .frame_regions import SETTLED, SteadyMembership, frame_labels
from .lights import kept_share
from .looks import shot_look
from .motion import has_opencv
from .opening import Clip, open_clip
from .optimizing import OptimizedFrames
from .shots import Shot, shots_of
from .side_threads import Behind
from .side_threads import ahead as read_ahead
from .starts import recolored_as, start_from
from .unfinished import frames_done, mark_finished, mark_unfinished, run_digest
from .writing import ClipWriter, codec_for

WORKING_SIZE = 512  # px at which networks see frames whose look is carried to all pixels
MEASURED_SIZE = 1280  # px, at most, of the frames by which paintings are planned
REPORT_SECONDS = 0.25
BITS = 8  # of the frames that flow is found between
UNSTEADY = "Every frame was painted by itself; with opencv-python-headless strokes stay in place."
Before = Callable[[ImageTensor], Beginning]  # what a picture of that frame starts from
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
            _stopped_run(target, digest) as before,
        ):
            run = _Run(
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


@dataclass(frozen=True)
class _Before:
    """What a stopped run has left: its first frames, as it has written them."""

    count: int = 0
    frames: Iterator[Any] | None = None
    path: Path | None = None

    def last(self, *, is_deep: bool) -> Samples:
        """The last of them."""
        assert self.path is not None
        with open_clip(self.path) as clip:
            (frame,) = deque(clip.frames(), maxlen=1)
            return samples_of(frame, is_deep=is_deep)

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.count:
            return ()
        return (f"Went on after the {self.count} frames of a run that was stopped; they were encoded again.",)


@contextmanager
def _stopped_run(target: Path, digest: str | None) -> Iterator[_Before]:
    """The stopped run to go on from, open, or an empty one."""
    count = frames_done(target, digest)
    with ExitStack() as opened:
        try:
            clip = opened.enter_context(open_clip(target)) if count else None
        except InvalidClip:  # damaged since: it is made again
            clip = None
        yield _Before() if clip is None else _Before(count, clip.frames(), target)


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


def _written(run: _Run, ahead: Clip, writer: ClipWriter, digest: str | None) -> bool:
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


def _write(run: _Run, ahead: Clip, writer: ClipWriter, behind: Behind) -> None:
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


class _Run:
    """One clip on its way through a method."""

    def __init__(
        self, source: Clip, transfer: FrameTransfer | FrameOptimizer, working_size: int | None,
        stopped: _Before, progress: Progress, most_frames: int | None, by_regions: bool,
    ) -> None:  # fmt: skip
        self.source, self.transfer, self.working_size = source, transfer, working_size
        self.stopped, self.done = stopped, stopped.count
        self.progress, self.most_frames, self.by_regions = progress, most_frames, by_regions
        self.shot_count = 0
        self.share, self.said = 0.0, ""
        self.began, self.reported = time.monotonic(), 0.0
        self.optimized = (
            OptimizedFrames(transfer, self._on_step) if isinstance(transfer, FrameOptimizer) else None
        )
        self.first: int | None = None  # frames done when the pace began to be measured

    def frames(
        self, ahead: Clip, on_sound: Callable[[Any], None]
    ) -> Generator[tuple[Callable[[], Samples] | None, Any]]:
        """What makes every restyled frame, in any thread (``None``: it was made), and what it is made of."""
        decoded = self.source.frames_with_sound(on_sound, self.most_frames)
        with closing(read_ahead(decoded)) as frames:
            for shot in shots_of(self._watched(islice(ahead.frames(), self.most_frames)), self._small):
                self.shot_count += 1
                done = min(shot.count, max(0, self.done - shot.first))
                own = islice(frames, shot.count)
                if done == shot.count:
                    yield from ((None, frame) for frame in own)
                elif self.is_carried:
                    yield from self._carried(shot, own, done)
                else:
                    yield from self._shot(shot, own, done)
            for _ in frames:  # sound goes on after the last picture
                pass

    def _watched(self, frames: Iterator[Any]) -> Iterator[Any]:
        """Frames that are read ahead: a long shot takes a while, in which one may want to stop."""
        for number, frame in enumerate(frames):
            if time.monotonic() - self.reported >= REPORT_SECONDS:
                self.reported = time.monotonic()
                self.progress(self.share, f"Looking for cuts, {number} frames", None)
            yield frame

    @property
    def is_carried(self) -> bool:
        """Whether paintings are carried along from frame to frame."""
        return self.working_size is None and has_opencv()

    def _carried(
        self, shot: Shot, frames: Iterator[Any], done: int
    ) -> Iterator[tuple[Callable[[], Samples] | None, Any]]:
        """A shot whose strokes stay on what they were painted on; of its first ``done`` frames nothing."""
        plan = self._planned(shot.samples)
        self._expect(1 + math.ceil((self._from(shot) - 1) / EVERY))

        def paint(frame: Any, carried: Carried | None) -> np.ndarray:
            before = None if carried is None else partial(start_from, carried=carried)
            return _interleaved(self._painted(frame, plan, before))

        paintings = advected(frames, self._bytes, paint)
        for number, (painting, frame) in enumerate(paintings):
            made = torch.from_numpy(painting).permute(2, 0, 1)[None]
            yield None if number < done else partial(_itself, made), frame

    def _planned(self, samples: Sequence[ImageTensor]) -> ShotPlan:
        self._say(f"Measuring shot {self.shot_count}")
        if isinstance(self.transfer, FrameOptimizer):
            return ShotPlan()  # every picture is made by itself
        # Of paintings every second sample: at their size a plan takes as long as painting them.
        chosen = samples[:: 1 if self.working_size else 2]
        return self.transfer.plan(chosen, self._within, by_regions=self.by_regions)

    def _expect(self, count: int) -> None:
        """Say how many pictures are to come, where they are optimized."""
        if self.optimized is not None:
            self.optimized.expect(count)

    def _made(
        self, picture: ImageTensor, plan: ShotPlan, labels: Labels | None, before: Before | None
    ) -> ImageTensor:
        """What the method makes of one frame.

        Args:
            before: gives what an optimizer starts from; ``None`` for its own start.
        """
        if isinstance(self.transfer, FrameTransfer):
            return self.transfer.apply(picture, plan, self._within, labels)
        assert self.optimized is not None
        return self.optimized.made(picture, None if before is None else before(picture))

    def _shot(
        self, shot: Shot, frames: Iterator[Any], done: int
    ) -> Iterator[tuple[Callable[[], Samples] | None, Any]]:
        """A shot whose frames are made one by one; of the first ``done`` nothing."""
        samples = shot.samples if self.working_size is None else shot.in_its_light()
        plan = self._planned(samples)
        regions = plan.regions
        if self.working_size is None:
            yield from self._each_painted(shot, frames, plan, done)
            return
        left = math.ceil(self._from(shot) / shot.count)  # shots, if all are as long
        self._expect(left * len(samples))
        last: tuple[ImageTensor, ImageTensor] | None = None  # sample and what was made of it

        def restyle(picture: ImageTensor, labels: Labels | None) -> ImageTensor:
            nonlocal last
            self._say(f"Measuring shot {self.shot_count}")
            before = None if last is None else partial(recolored_as, frame=last[0], made=last[1])
            last = picture, self._made(picture, plan, labels, before)
            return last[1]

        look = shot_look(samples, restyle, regions)
        share = kept_share(samples[-1], look)
        steady = None if regions is None else SteadyMembership(regions)
        for number, (frame, light) in enumerate(zip(frames, shot.lights, strict=False)):
            own = look.under(light, light**share)
            if steady is not None and number >= done - SETTLED:  # as it would be without the interruption
                self._check_size(frame)
                own = replace(own, shares=steady.next(self._small(frame).div_(light).clamp_max_(1)))
            yield None if number < done else partial(self._looked, frame, own), frame

    def _each_painted(
        self, shot: Shot, frames: Iterator[Any], plan: ShotPlan, done: int
    ) -> Iterator[tuple[Callable[[], Samples] | None, Any]]:
        """A shot without what carries strokes along: what is optimized has the colors of the frame before."""
        self._expect(self._from(shot) - done)
        before: Before | None = None
        for number, frame in enumerate(frames):
            painted: Samples | None = None
            if number >= done:
                painted = self._painted(frame, plan, before)
            elif number == done - 1 and self.optimized is not None:  # where the stopped run ended
                painted = self.stopped.last(is_deep=self.source.is_deep)
            if painted is not None and self.optimized is not None:
                own = as_floats(self._samples(frame))
                before = partial(recolored_as, frame=own, made=as_floats(painted))
            yield None if number < done or painted is None else partial(_itself, painted), frame

    def _painted(self, frame: Any, plan: ShotPlan, before: Before | None) -> Samples:
        samples = self._samples(frame)
        picture = as_floats(samples).contiguous()
        labels = None if plan.regions is None else frame_labels(plan.regions, picture)
        return as_samples(self._made(picture, plan, labels, before), samples.dtype)

    def _bytes(self, frame: Any) -> np.ndarray:
        """What flow is found between, uint8 ``[H, W, 3]``."""
        samples = _interleaved(self._samples(frame))
        return samples if samples.dtype == np.uint8 else (samples >> BITS).astype(np.uint8)

    def _within(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        """While one picture is made, what was said before."""
        self.progress(self.share, self.said, None)

    def _on_step(self, message: str, preview: ImageTensor | None) -> None:
        self.progress(self.share, message, preview)

    def _say(self, message: str) -> None:
        self.said = message
        self.progress(self.share, message, None)

    def _looked(self, frame: Any, look: Look) -> Samples:
        return look.apply(self._samples(frame))

    def _samples(self, frame: Any) -> Samples:
        self._check_size(frame)
        return samples_of(frame, is_deep=self.source.is_deep)

    def _check_size(self, frame: Any) -> None:
        if (frame.width, frame.height) != (self.source.width, self.source.height):
            raise InvalidClip(
                f"The frames change from {self.source.width} x {self.source.height} to {frame.width} x "
                f"{frame.height} px on the way; split the clip there."
            )

    def _small(self, frame: Any) -> ImageTensor:
        return small_of(frame, self.working_size or MEASURED_SIZE)

    def _from(self, shot: Shot) -> int:
        """How many frames there are from a shot on; the shot's, if nothing is known beyond it."""
        return max(self._frame_count - shot.first, shot.count)

    @property
    def _frame_count(self) -> int:
        """How many frames are to be made, as the file says; 0 where it does not."""
        return min(self.source.frame_count, self.most_frames or self.source.frame_count)

    def report(self, done: int) -> None:
        """Say how many frames are done, how fast, and how long it will take."""
        now = time.monotonic()
        total = max(self._frame_count, done)
        if self.first is None:
            self.first = done
            if done < total:  # what came before, the measuring of a shot, tells nothing of the pace
                self.began = self.reported = now
        if now - self.reported < REPORT_SECONDS and done < total:
            return
        self.reported = now
        pace = ((done - self.first) or done) / max(now - self.began, 1e-6)
        self.share = min(done / total, 0.999)
        self._say(f"{done} of {total} frames, {pace:.1f} a second, {time_to_go((total - done) / pace)} to go")


def _interleaved(samples: Samples) -> np.ndarray:
    """``[1, 3, H, W]`` as ``[H, W, 3]``."""
    return np.ascontiguousarray(samples[0].permute(1, 2, 0).numpy())


def _itself(samples: Samples) -> Samples:
    return samples
