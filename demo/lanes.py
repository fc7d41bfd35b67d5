"""Who waits behind whom: the jobs under way in each lane, and what somebody who waits is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from style_core import get_method

from .pace import about
from .texts import say
from .work import LANES, is_iterative

COMPARISON, CLIP = "compare", "clip"  # tabs that are no method's
PHOTO_IS_MADE, PAINTING_IS_MADE = "a photo is being made", "a painting is being made"
DOING = {COMPARISON: "a comparison is being made", CLIP: "a clip is being made"}


@dataclass(eq=False)
class Job:
    """A job under way.

    Attributes:
        doing: what is being made, in words.
        later: seconds of what it does after the part that is counted down, as far as known.
    """

    doing: str
    clock: Callable[[], float]
    later: float = 0.0
    _ends: float | None = None
    _whole: float | None = None

    def expect(self, seconds: float | None) -> None:
        """It takes about so many seconds more, besides ``later``; ``None`` if nobody knows."""
        if seconds is None:
            self._ends = None
            return
        self._ends = self.clock() + seconds + self.later
        self._whole = max(self._whole or 0.0, seconds + self.later)

    def left(self) -> float | None:
        """Seconds until it ends, if that is known."""
        return None if self._ends is None else max(0.0, self._ends - self.clock())

    def whole(self) -> float:
        """Seconds of a job like this one, as far as known."""
        return self._whole or 0.0


class Lanes:
    """The jobs under way by lane; thread-safe.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock, self._clock = threading.Lock(), clock
        self._jobs: dict[str, list[Job]] = {lane: [] for lane in LANES.values()}

    @contextmanager
    def job(self, tab: str) -> Iterator[Job]:
        """While a job of a method, a comparison, or a clip is made."""
        lane, job = lane_of(tab), Job(_doing(tab), self._clock)
        with self._lock:
            self._jobs[lane].append(job)
        try:
            yield job
        finally:
            with self._lock:
                self._jobs[lane].remove(job)

    def words(self, tab: str, place: int, language: str) -> str:
        """What somebody is told who waits for a method, or a comparison; nothing if none is under way.

        Args:
            place: in the queue, from 1 on.
        """
        with self._lock:
            jobs = tuple(self._jobs[lane_of(tab)])
        if not jobs:
            return ""
        first = min(jobs, key=lambda job: float("inf") if (left := job.left()) is None else left)
        left, count = first.left(), len(jobs) + place - 1
        doing = say(first.doing, language)
        if left is None:
            return say(f"{count} before you: {doing}", language)
        seconds = left + (place - 1) * first.whole() / len(jobs)
        return say(f"{count} before you, {say(about(seconds), language)}: {doing}", language)


def lane_of(tab: str) -> str:
    """The lane in which a method's jobs, comparisons, or clips wait.

    Raises:
        InvalidOption: there is no such method.
    """
    return LANES[tab in DOING or is_iterative(get_method(tab))]


def _doing(tab: str) -> str:
    if tab in DOING:
        return DOING[tab]
    return PHOTO_IS_MADE if get_method(tab).photorealistic else PAINTING_IS_MADE
