"""Methods that optimize every picture by itself, on frames of a clip, and how long it takes."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable

from ..errors import TakesLong
from ..images import ImageTensor
from ..pipeline import Beginning, FrameOptimizer
from ..progress import time_to_go

WORTH_A_WARNING = 60  # seconds


class OptimizedFrames:
    """The frames of a clip that are optimized.

    Args:
        optimizer: what optimizes them.
        report: told in words where it is, with a preview; may raise to stop.
    """

    def __init__(self, optimizer: FrameOptimizer, report: Callable[[str, ImageTensor | None], None]) -> None:
        self.optimizer, self.report = optimizer, report
        self.coming = 0  # pictures, about
        self.seconds: list[float] = []  # that each took

    def expect(self, count: int) -> None:
        """Say that about so many pictures are to come.

        Warns:
            TakesLong: the first time.
        """
        self.coming = max(1, count)
        if not self.seconds:
            pictures = "one frame" if self.coming == 1 else f"about {self.coming} frames"
            _warn(
                f"{self.optimizer.method.title} optimizes {pictures} of this clip, each for as long as a "
                "picture takes; how long all will take is told after the first."
            )

    def made(self, picture: ImageTensor, before: Beginning | None) -> ImageTensor:
        """The next picture, as by :meth:`FrameOptimizer.apply`.

        Warns:
            TakesLong: after the first, if it is worth a warning.
        """
        began = time.monotonic()
        made = self.optimizer.apply(picture, before, self._step)
        self.seconds.append(time.monotonic() - began)
        self.coming -= 1
        if len(self.seconds) == 1 and self.seconds_left > WORTH_A_WARNING:
            _warn(
                f"The first took {math.ceil(self.seconds[0])} s, so that the clip will take "
                f"{time_to_go(self.seconds_left)}; stopped before, it leaves what is done."
            )
        return made

    @property
    def seconds_left(self) -> float:
        """About how long the pictures to come will take; the first takes longer than those that follow it."""
        known = self.seconds[1:] or self.seconds
        return max(0, self.coming) * sum(known) / len(known) if known else 0.0

    def _step(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        number = len(self.seconds) + 1
        where = f"picture {number} of about {max(number, len(self.seconds) + self.coming)}"
        to_go = f", {time_to_go(self.seconds_left)} to go" if self.seconds else ""
        self.report(f"{self.optimizer.method.title}, {where}{to_go}: {message}", preview)


def _warn(sentence: str) -> None:
    warnings.warn(sentence, TakesLong, stacklevel=2)
