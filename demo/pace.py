"""How long a job will take here, from how long others took: a line over the work of each method."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

MOST = 12  # jobs remembered of each method
LIKE = 3.0  # a job of one size says something of jobs up to so many times larger or smaller
TELLING = 0.1  # progress of a job from which on its own pace is believed
IN_SECONDS = 90  # longer times are said in minutes


def work(megapixels: float, steps: float | None = None) -> float:
    """What the seconds of a job grow with: its megapixels; of a method that takes steps, steps times side.

    Such a method solves growing sizes: every doubling of the side has four times the pixels and half the
    steps, and so twice the work.
    """
    return megapixels if steps is None else steps * math.sqrt(megapixels)


def about(seconds: float) -> str:
    """A time for a person: "about 4 s", "about 40 s", "about 3 min"."""
    if seconds > IN_SECONDS:
        return f"about {math.ceil(seconds / 60)} min"
    coarse = 1 if seconds <= 10 else 5
    return f"about {max(1, coarse * math.ceil(seconds / coarse))} s"


class Pace:
    """Seconds of the last jobs; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, deque[tuple[float, float]]] = {}

    def note(self, method: str, done: float, seconds: float) -> None:
        """A job was done.

        Args:
            done: its work; see :func:`work`.
        """
        with self._lock:
            self._jobs.setdefault(method, deque(maxlen=MOST)).append((done, seconds))

    def expected(self, method: str, wanted: float, *, is_proportional: bool = False) -> float | None:
        """Seconds of a job of so much work; ``None`` while those of before say nothing of it.

        Args:
            is_proportional: nothing but the work takes time, so that a job of any size says something.
        """
        with self._lock:
            jobs = tuple(self._jobs.get(method, ()))
        if is_proportional and jobs:
            return float(np.median([seconds / done for done, seconds in jobs])) * wanted
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


def _expected(jobs: Sequence[tuple[float, float]], wanted: float) -> float | None:
    """From the line through all jobs, or from jobs of about that size alone."""
    sizes = [size for size, _ in jobs]
    if sizes and max(sizes) > LIKE * min(sizes):
        slope, start = np.polyfit(np.array(sizes), np.array([seconds for _, seconds in jobs]), 1)
        if slope > 0:
            return float(max(start, 0) + slope * wanted)
    like = [seconds for size, seconds in jobs if 1 / LIKE < size / wanted < LIKE]
    return float(np.median(like)) if like else None
