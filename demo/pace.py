"""How long a job will take here, from how long others took: a line over megapixels for each method."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np

MOST = 12  # jobs remembered of each method
LIKE = 3.0  # a job of one size says something of jobs up to so many times larger or smaller


class Pace:
    """Seconds of the last jobs; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, deque[tuple[float, float]]] = {}

    def note(self, method: str, megapixels: float, seconds: float) -> None:
        """A job was done."""
        with self._lock:
            self._jobs.setdefault(method, deque(maxlen=MOST)).append((megapixels, seconds))

    def expected(self, method: str, megapixels: float) -> float | None:
        """Seconds of a job of that size; ``None`` while those of before say nothing of it."""
        with self._lock:
            jobs = tuple(self._jobs.get(method, ()))
        return _expected(jobs, megapixels)


def _expected(jobs: Sequence[tuple[float, float]], megapixels: float) -> float | None:
    """From the line through all jobs, or from jobs of about that size alone."""
    sizes = [size for size, _ in jobs]
    if sizes and max(sizes) > LIKE * min(sizes):
        slope, start = np.polyfit(np.array(sizes), np.array([seconds for _, seconds in jobs]), 1)
        if slope > 0:
            return float(max(start, 0) + slope * megapixels)
    like = [seconds for size, seconds in jobs if 1 / LIKE < size / megapixels < LIKE]
    return float(np.median(like)) if like else None
