"""How bright every frame of a shot is by the others: the exposure that a camera sets anew while it films.

A look is of one light. A style of more contrast would make more of every change of exposure; so a frame's
look is that of the shot, moved to the frame's light, and of the light the result keeps no more than the clip
has. A frame is held against an earlier one where both show the same: a camera that turns from a wall to a
window changes no exposure by that. The earlier one stays for as long as most of it is seen, so that errors do
not add up; and a flash, which is no exposure, is passed over to what comes after it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import log

import numpy as np

from ..images import ImageTensor
from ..look import Look
from .motion import has_opencv, light_of

ENOUGH, MOST = (
    0.6,
    0.85,
)  # shares of a frame that show the same: for a light to be told; for the earlier to stay
MOST_STEP = 0.2  # of the logarithm from one frame to the next that is known
MOST_LIGHT = 1.6  # by the shot's; a fade to black stays one
SMOOTH = 7  # frames whose mean a light is: exposure drifts, and what is told of one frame has noise
LONGEST_FLASH = 12  # frames of which nothing is known; then what is there is begun with anew


@dataclass(frozen=True)
class _Known:
    """A frame and the logarithm of its light."""

    gray: np.ndarray
    light: float


class Lights:
    """Gathers the light of frames, one after the other."""

    def __init__(self) -> None:
        self._lights = array("f")  # logarithms
        self._reference: _Known | None = None  # what frames are held against
        self._last: _Known | None = None  # the last frame whose light is known
        self._unknown = 0

    def add(self, gray: np.ndarray) -> None:
        """The next frame: float32 ``[h, w]``, 0 to 255, small."""
        self._lights.append(self._light(gray) if has_opencv() else 0.0)

    def _light(self, gray: np.ndarray) -> float:
        if self._reference is None or self._last is None:
            self._reference = self._last = _Known(gray, 0.0)
            return 0.0
        found = self._told_by(self._reference, gray, MOST)
        if found is None:
            self._reference = self._last
            found = self._told_by(self._last, gray, ENOUGH)
        self._unknown = 0 if found is not None else self._unknown + 1
        if found is not None:
            self._last = found
        elif self._unknown > LONGEST_FLASH:
            self._reference = self._last = _Known(gray, self._last.light)
            self._unknown = 0
        return self._last.light

    def _told_by(self, other: _Known, gray: np.ndarray, least: float) -> _Known | None:
        """The frame with its light, if enough of both is the same and the light goes on from the last one."""
        assert self._last is not None
        light, share = light_of(gray, other.gray)
        if share < least or light <= 0:
            return None
        found = _Known(gray, other.light + log(light))
        return found if abs(found.light - self._last.light) < MOST_STEP else None

    def by_the_shots(self) -> array[float]:
        """Of every frame, 1 where it is the shot's (the median)."""
        lights = np.frombuffer(self._lights, np.float32)
        around = np.pad(lights, SMOOTH // 2, mode="edge")
        smooth = np.convolve(around, np.full(SMOOTH, 1 / SMOOTH), mode="valid")
        most = log(MOST_LIGHT)
        return array(
            "f", np.exp(np.clip(smooth - np.median(smooth), -most, most)).astype(np.float32).tobytes()
        )


def kept_share(sample: ImageTensor, look: Look) -> float:
    """The power of a light with which results change no more by it than the clip: 1, less for bright ones."""
    bright = float(look.apply(sample).mean())
    return min(1.0, float(sample.mean()) / max(bright, 1e-3))
