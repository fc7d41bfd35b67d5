"""A clip's frames restyled: shot by shot, each by one plan, and how far that is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch

from ..errors import InvalidClip
from ..images import ImageTensor, Samples, as_floats, as_samples
from ..look import Look
from ..pipeline import Beginning, FrameOptimizer, FrameTransfer, ShotPlan
from ..progress import Progress, time_to_go
from ..regions import Labels
from .advection import EVERY, Carried, advected
from .colors import samples_of, small_of
from .frame_regions import SETTLED, SteadyMembership, frame_labels
from .lights import kept_share
from .looks import shot_look
from .motion import has_opencv
from .opening import Clip
from .optimizing import OptimizedFrames
from .shots import Shot, shots_of
from .side_threads import ahead as read_ahead
from .starts import recolored_as, start_from
from .unfinished import StoppedRun

MEASURED_SIZE = 1280  # px, at most, of the frames by which paintings are planned
REPORT_SECONDS = 0.25
BITS = 8  # of the frames that flow is found between
Before = Callable[[ImageTensor], Beginning]  # what a picture of that frame starts from


class Restyling:
    """One clip on its way through a method."""

    def __init__(
        self, source: Clip, transfer: FrameTransfer | FrameOptimizer, working_size: int | None,
        stopped: StoppedRun, progress: Progress, most_frames: int | None, by_regions: bool,
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
