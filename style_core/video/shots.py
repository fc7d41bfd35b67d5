"""Where a clip is cut: shots, found while it is read, and a few frames of each."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..images import ImageTensor
from .lights import Lights

SEEN_WIDTH, SEEN_HEIGHT = 64, 36  # px at which frames are compared
BINS, SHIFT = 16, 4  # of each color's histogram
LEAST_CHANGE = 0.2  # of the histograms, 0 to 1, that a cut makes ...
PEAK = 2.5  # ... and how many times that between the frames around it
AROUND = 3  # frames before and after that a change is compared with
FEWEST_FRAMES = 6  # of a shot; flashes make none
SAMPLES = 6  # frames kept of a shot, at most


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts.

    Attributes:
        first: number of its first frame.
        count: of its frames.
        samples: small pictures of some of them.
        step: frames from each of those to the next; the first is one.
        lights: how bright each of its frames is, by the light of the shot.
    """

    first: int
    count: int
    samples: tuple[ImageTensor, ...]
    step: int
    lights: array[float]

    def in_its_light(self) -> list[ImageTensor]:
        """The samples as they would be in the light of the shot."""
        lights = self.lights[:: self.step]
        return [sample.div(light).clamp_max_(1) for sample, light in zip(self.samples, lights, strict=True)]


@dataclass
class _Gathered:
    """Frames of a shot that is being read: every 2^k-th, 3 to 6 of them however long it is."""

    samples: list[ImageTensor] = field(default_factory=list)
    lights: Lights = field(default_factory=Lights)
    step: int = 1
    count: int = 0

    def add(self, frame: Any, seen: np.ndarray, small: Callable[[Any], ImageTensor]) -> None:
        self.lights.add(_gray(seen))
        if self.count % self.step == 0:
            if len(self.samples) == SAMPLES:
                self.samples, self.step = self.samples[::2], 2 * self.step
            if self.count % self.step == 0:
                self.samples.append(small(frame))
        self.count += 1

    def shot(self, first: int) -> Shot:
        return Shot(first, self.count, tuple(self.samples), self.step, self.lights.by_the_shots())


def shots_of(frames: Iterable[Any], small: Callable[[Any], ImageTensor]) -> Iterator[Shot]:
    """The shots of a clip in order, each as soon as its end is known.

    Args:
        frames: decoded ones, all of the clip.
        small: makes a picture of a frame to be kept.
    """
    first, now = 0, _Gathered()
    for frame, seen, is_first in _with_cuts(frames):
        if is_first and now.count >= FEWEST_FRAMES:
            yield now.shot(first)
            first, now = first + now.count, _Gathered()
        now.add(frame, seen, small)
    if now.count:
        yield now.shot(first)


def _with_cuts(frames: Iterable[Any]) -> Iterator[tuple[Any, np.ndarray, bool]]:
    """Every frame, AROUND frames late, as it is and tiny, and whether it is the first after a cut."""
    waiting: deque[tuple[Any, np.ndarray, float]] = deque()  # the last: their change from the one before
    past: deque[float] = deque(maxlen=AROUND)
    before: np.ndarray | None = None
    for frame in frames:
        seen = frame.reformat(width=SEEN_WIDTH, height=SEEN_HEIGHT, format="rgb24").to_ndarray()
        here = _histogram(seen)
        change = 0.0 if before is None else 0.5 * float(np.abs(here - before).sum()) / 3
        before = here
        waiting.append((frame, seen, change))
        if len(waiting) > AROUND:
            yield _judged(waiting, past)
    while waiting:
        yield _judged(waiting, past)


def _judged(
    waiting: deque[tuple[Any, np.ndarray, float]], past: deque[float]
) -> tuple[Any, np.ndarray, bool]:
    frame, seen, change = waiting.popleft()
    around = [*past, *(later for *_, later in waiting)]
    past.append(change)
    return frame, seen, change > LEAST_CHANGE and change > PEAK * max(around, default=0.0)


def _histogram(seen: np.ndarray) -> np.ndarray:
    """Of each color of uint8 ``[h, w, 3]``, ``[3, BINS]``, summing to one."""
    counts = [np.bincount(seen[..., c].ravel() >> SHIFT, minlength=BINS) for c in range(3)]
    return np.stack(counts) / (SEEN_WIDTH * SEEN_HEIGHT)


def _gray(seen: np.ndarray) -> np.ndarray:
    """float32 ``[h, w]``, 0 to 255."""
    return seen.mean(2, dtype=np.float32)
