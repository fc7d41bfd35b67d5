"""How long a job will take here, from how long others took: a line over the work of each method."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

MOST = 12  # jobs remembered of each method
FADING = 0.7  # weight of a job against the one after it: a machine that grew busy, or idle, is followed
TRIAL = 0.5  # weight of a calibration's job against a visitor's
LIKE = 3.0  # a job of one size says something of jobs up to so many times larger or smaller
TELLING = 0.1  # progress of a job from which on its own pace is believed
CARRIED = 1 / 12  # work of a look's megapixel against the network's, by WCT2's and PhotoWCT's times
SHORTEST = 1e-3  # seconds; a clock may not tick during a job
IN_SECONDS = 90  # longer times are said in minutes


def work(megapixels: float, steps: float | None = None, *, seen: float | None = None) -> float:
    """What the seconds of a job grow with: its megapixels; of a method that takes steps, steps times side.

    Such a method solves growing sizes: every doubling of the side has four times the pixels and half the
    steps, and so twice the work.

    Args:
        seen: megapixels that the network sees of a photo; its look is carried to the others, which is quick.
    """
    by_network = megapixels if seen is None else min(seen, megapixels)
    if steps is not None:  # beside which carrying is nothing
        return steps * math.sqrt(by_network)
    return by_network if seen is None else by_network + CARRIED * megapixels


def about(seconds: float) -> str:
    """A time for a person: "about 4 s", "about 40 s", "about 3 min"."""
    if seconds > IN_SECONDS:
        return f"about {math.ceil(seconds / 60)} min"
    coarse = 1 if seconds <= 10 else 5
    return f"about {max(1, coarse * math.ceil(seconds / coarse))} s"


@dataclass(frozen=True)
class _Job:
    """One that was done.

    Attributes:
        size: its work.
        worth: how much it counts besides its age.
    """

    size: float
    seconds: float
    worth: float


class Pace:
    """Seconds of the last jobs; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, deque[_Job]] = {}

    def note(self, method: str, done: float, seconds: float, *, is_trial: bool = False) -> None:
        """A job was done.

        Args:
            done: its work; see :func:`work`.
            is_trial: it was a calibration's; the machine may have been busy with its own start.
        """
        with self._lock:
            jobs = self._jobs.setdefault(method, deque(maxlen=MOST))
            jobs.append(_Job(done, max(seconds, SHORTEST), TRIAL if is_trial else 1.0))

    def expected(self, method: str, wanted: float, *, is_proportional: bool = False) -> float | None:
        """Seconds of a job of so much work; ``None`` while those of before say nothing of it.

        Args:
            is_proportional: nothing but the work takes time, so that a job of any size says something.
        """
        with self._lock:
            jobs = tuple(self._jobs.get(method, ()))
        if is_proportional and jobs:
            return _recent_median(jobs, (job.seconds / job.size for job in jobs)) * wanted
        return _expected(jobs, wanted)


class Countdown:
    """Seconds that a job under way still takes: as expected, then by its own progress.

    Args:
        expected: by what others took, if that is known.
        clock: seconds.
    """

    def __init__(self, expected: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected, self._clock, self._began = expected, clock, clock()
        self._first: tuple[float, float] | None = None  # time and progress of the first report

    def left(self, fraction: float) -> float | None:
        """At a progress from 0 to 1; ``None`` while nothing is known."""
        now = self._clock()
        if self._first is None and fraction > 0:  # nothing yet is the reading of files
            self._first = (now, fraction)
        began, before = self._first or (now, fraction)
        if fraction - before >= TELLING:
            return (now - began) * (1 - fraction) / (fraction - before)
        return None if self._expected is None else max(0.0, self._expected - (now - self._began))


def _expected(jobs: Sequence[_Job], wanted: float) -> float | None:
    """From the line through all jobs, or from jobs of about that size alone.

    The line says how time grows with size, the last jobs how busy the machine is.
    """
    sizes = [job.size for job in jobs]
    if sizes and max(sizes) > LIKE * min(sizes):
        start, slope = _line(jobs)
        if slope > 0:
            pace = _recent_median(jobs, (job.seconds / (start + slope * job.size) for job in jobs))
            return pace * (start + slope * wanted)
    like = [job for job in jobs if 1 / LIKE < job.size / wanted < LIKE]
    return _recent_median(like, (job.seconds for job in like)) if like else None


def _line(jobs: Sequence[_Job]) -> tuple[float, float]:
    """Seconds of a start, not negative, and of a unit of work: the least squares of relative errors.

    So a job that took ten times its due, beside others, hardly moves it.
    """
    sizes, seconds = (np.array(each) for each in zip(*((job.size, job.seconds) for job in jobs), strict=True))
    slope, start = np.polyfit(sizes, seconds, 1, w=1 / seconds)
    if start < 0:  # the line through nothing
        shares = sizes / seconds
        slope, start = shares.sum() / (shares @ shares), 0.0
    return float(start), float(slope)


def _recent_median(jobs: Sequence[_Job], values: Iterable[float]) -> float:
    """The median of the jobs' values, each the less worth the longer it is ago."""
    worths = [job.worth * FADING**age for age, job in zip(range(len(jobs) - 1, -1, -1), jobs, strict=True)]
    ranked = sorted(zip(values, worths, strict=True))
    reached = np.cumsum([worth for _, worth in ranked])
    return ranked[int(np.searchsorted(reached, reached[-1] / 2))][0]
