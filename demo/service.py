"""What all tabs share: the limits, the finished runs, the shared comparisons, and how jobs are done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from style_core import Segments, get_method
from style_core.fronts import ClipFacts, image_size, inspect_clip, option_default

from .calibration import calibrations
from .clips import ClipDone, ClipRequest, restyle
from .lanes import Job, Lanes
from .limits import Limits
from .pace import Countdown, Pace, work
from .runs import Runs, TabRun
from .shares import ShareStore
from .stream import Update
from .work import Done, Request, is_iterative, perform, regions, seen_side, threads_of
from .zero_gpu import LONGEST_LOAN, on_gpu

HOUR = 3600.0  # seconds
LOAN_MARGIN = 10.0  # seconds


class Service:
    """One demo: made once, handed to every tab and route.

    Args:
        limits: what a job may take.
        store: where shared comparisons are kept.
        jobs: how many run at the same time.
    """

    def __init__(self, limits: Limits, store: ShareStore, *, jobs: int = 1) -> None:
        self.limits, self.store, self.jobs = limits, store, jobs
        self.runs, self.pace, self.lanes = Runs(), Pace(), Lanes()
        self._lock = threading.Lock()
        self._shared: dict[str, list[float]] = {}  # visitor to the times of the last hour's shares
        self._perform = on_gpu(limits.max_seconds)(perform)
        self._regions = on_gpu(limits.max_seconds)(regions)
        self._restyle = on_gpu(limits.max_seconds)(restyle)

    def begin(self, kind: str, tab: str, request: Request) -> TabRun:
        """A new run of a request."""
        return self.runs.begin(kind, tab, request, request.files())

    def drop(self, run: TabRun) -> None:
        """Forget a run that came to nothing."""
        self.runs.drop(run)

    def may_share(self, who: str) -> bool:
        """Whether a visitor may share once more this hour; counts it."""
        now = time.monotonic()
        with self._lock:
            recent = {name: [t for t in times if now - t < HOUR] for name, times in self._shared.items()}
            self._shared = {name: times for name, times in recent.items() if times}
            mine = self._shared.setdefault(who, [])
            if len(mine) >= self.limits.shares_per_hour:
                return False
            mine.append(now)
            return True

    def perform(
        self, request: Request, enough: threading.Event | None = None, job: Job | None = None
    ) -> Iterator[Update | Done]:
        """Progress with the seconds left, then the finished job; see :func:`demo.work.perform`.

        Args:
            job: that this is a part of; it is told the seconds left.
        """
        # A lent GPU's process takes no events; there Stop ends the job without a result.
        event = enough if self._perform is perform else None
        done: Any = self._perform(request, self._lent_limits(), event, threads_of(self.jobs))
        countdown = Countdown(self.expected(request))
        for each in done:
            if isinstance(each, Update):
                each = replace(each, seconds_left=countdown.left(each.fraction))
                if job is not None:
                    job.expect(each.seconds_left)
            elif not (enough and enough.is_set()):
                self._note(request, each)
            yield each

    def restyle(
        self, request: ClipRequest, target: Path, most_frames: int, enough: threading.Event | None = None,
        job: Job | None = None,
    ) -> Iterator[Update | ClipDone]:  # fmt: skip
        """Progress, then the finished clip; see :func:`demo.clips.restyle`.

        Args:
            job: that this is; it is told the seconds left.
        """
        event = enough if self._restyle is restyle else None
        found = inspect_clip(request.clip)
        limits, countdown = (
            self._lent_limits(),
            Countdown(self.expected_of(found, most_frames, request.method)),
        )
        done: Any = self._restyle(request, target, most_frames, limits, event, threads_of(self.jobs))
        for each in done:
            if isinstance(each, Update):
                if job is not None:
                    job.expect(countdown.left(each.fraction))
            elif most_frames > 1 and each.result.is_complete:  # one frame is its first look
                made = each.result.frame_count * _megapixels(found)
                self.pace.note(_of_clips(request.method), made, each.result.seconds)
            yield each

    def expected_of(self, clip: ClipFacts, frames: int, method: str) -> float | None:
        """Seconds that so many frames of a clip will take here, if clips of before say so."""
        return self.pace.expected(_of_clips(method), frames * _megapixels(clip))

    def _lent_limits(self) -> Limits:
        """The limits; where a GPU is lent, the work must end, with what it has, before the loan does."""
        if self._perform is perform:
            return self.limits
        seconds = min(self.limits.max_seconds, LONGEST_LOAN - LOAN_MARGIN)
        return replace(self.limits, max_seconds=seconds)

    def size_of(self, request: Request) -> tuple[int, int]:
        """Width and height in px of what a request gives, within the limits; zeros if that is unknown."""
        width, height = image_size(request.content) or (0, 0)
        options, _ = self.limits.fit(request.content, request.options, takes_steps=False)
        scale = (options.get("size") or max(width, height)) / max(width, height, 1)
        return round(width * scale), round(height * scale)

    def expected(self, request: Request) -> float | None:
        """Seconds that a request will take here, if jobs of before say so."""
        width, height = self.size_of(request)
        wanted = _work(request, width, height)
        is_proportional = is_iterative(get_method(request.method))
        return self.pace.expected(request.method, wanted, is_proportional=is_proportional) if wanted else None

    def _note(self, request: Request, done: Done, *, is_trial: bool = False) -> None:
        """Remember the seconds of a job with nothing unusual about it."""
        if request.is_plain(besides=("size", "steps")) and done.notes == done.result.notes:
            width, height = done.result.picture.size
            size = _work(request, width, height)
            self.pace.note(request.method, size, done.seconds, is_trial=is_trial)

    def calibrate(self) -> None:
        """Learn this machine's pace from small jobs before anybody has run one; takes some seconds.

        The first job of a method loads its networks and tells nothing of what comes after.
        """
        if self._perform is not perform:  # nobody lends a GPU to nobody
            return
        for _, requests in groupby(calibrations(), lambda request: request.method):
            for place, request in enumerate(requests):
                for each in self._perform(request, self.limits, None, threads_of(self.jobs)):
                    if place and isinstance(each, Done):
                        self._note(request, each, is_trial=True)

    def regions(self, request: Request) -> Segments:
        """The matched regions that :meth:`perform` would use; see :func:`demo.work.regions`."""
        return self._regions(request, self.limits, threads_of(self.jobs))


def _of_clips(method: str) -> str:
    """What a method's clips are called beside its pictures."""
    return f"clips of {method}"


def _megapixels(clip: ClipFacts) -> float:
    """Of a frame."""
    return clip.width * clip.height / 1e6


def _work(request: Request, width: int, height: int) -> float:
    """What the seconds of a request grow with.

    Args:
        width, height: px of what it gives; zeros if that is unknown.
    """
    method, megapixels = get_method(request.method), width * height / 1e6
    steps = (
        request.options.get("steps", option_default(method.options, "steps"))
        if is_iterative(method)
        else None
    )
    side = seen_side(request)
    if side is None:
        return work(megapixels, steps, seen=megapixels if method.photorealistic else None)
    share = min(1.0, side / max(width, height, 1))
    return work(megapixels, steps, seen=share**2 * megapixels)
