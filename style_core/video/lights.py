"""How bright every frame of a shot is by the others: the exposure that a camera sets anew while it films.

A look is of one light. A style of more contrast would make more of every change of exposure; so a frame's
look is that of the shot, moved to the frame's light, and of the light the result keeps no more than the clip
has. What a frame is held against is the one before it, where both show the same: a camera that turns from a
wall to a window changes no exposure by that.
"""

from __future__ import annotations

from array import array
from math import exp, log

import numpy as np

from ..images import ImageTensor
from ..look import Look
from .motion import has_opencv, light_of

MOST_STEP = 0.2  # of a light from one frame to the next; a flash is none
MOST_LIGHT = 1.6  # by the shot's; a fade to black stays one


class Lights:
    """Gathers the light of frames, one after the other."""

    def __init__(self) -> None:
        self._sums = array("f")  # of logarithms of steps
        self._before: np.ndarray | None = None

    def add(self, gray: np.ndarray) -> None:
        """The next frame: float32 ``[h, w]``, 0 to 255, small."""
        step: float | None = None
        if self._before is not None and has_opencv():
            step = light_of(gray, self._before)
        self._before = gray
        known = step is not None and abs(step - 1) < MOST_STEP
        self._sums.append((self._sums[-1] if self._sums else 0.0) + (log(step) if known and step else 0.0))

    def by_the_shots(self) -> array[float]:
        """Of every frame, 1 where it is the shot's (the median)."""
        middle = float(np.median(np.frombuffer(self._sums, np.float32)))
        most = log(MOST_LIGHT)
        return array("f", (exp(min(max(each - middle, -most), most)) for each in self._sums))


def kept_share(sample: ImageTensor, look: Look) -> float:
    """The power of a light with which results change no more by it than the clip: 1, less for bright ones."""
    bright = float(look.apply(sample).mean())
    return min(1.0, float(sample.mean()) / max(bright, 1e-3))
