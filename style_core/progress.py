"""How work reports where it is: a callback that may also stop it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

PULSE_SECONDS = 0.1  # between reports that only say that the work goes on
TextReport = Callable[[str], None]  # told in words what is going on; may raise to stop


class Progress(Protocol):
    """Called at least once a second during long work.

    Args:
        fraction: share of the work done, 0 to 1, never falling.
        message: what is being done, for a person.
        preview: ``[1, 3, H, W]``, float32, RGB in [0, 1], or ``None``.

    Raises:
        Cancelled: to stop the work.
    """

    def __call__(self, fraction: float, message: str, preview: Tensor | None = None) -> None: ...


class Pulse:
    """Repeats the last report where nothing was reported for PULSE_SECONDS, so that it may stop the work."""

    def __init__(self, fraction: float = 0.0, message: str = "") -> None:
        self.reported(fraction, message)

    def reported(self, fraction: float, message: str) -> None:
        """To be told of every report."""
        self._last, self._at = (fraction, message), time.monotonic()

    def beat(self, progress: Progress) -> None:
        """Report, if it is time."""
        if time.monotonic() - self._at >= PULSE_SECONDS:
            progress(*self._last)


def ignore_progress(fraction: float, message: str, preview: Tensor | None = None) -> None:
    """The callback of a caller who does not want to know."""


def ignore_text(message: str) -> None:
    """The report of a caller who does not want to know."""


def time_to_go(seconds: float) -> str:
    """A time for a person, rounded up: "about 40 s", "about 3 min"."""
    if seconds <= 90:
        return f"about {max(5, 5 * math.ceil(seconds / 5))} s"
    return f"about {math.ceil(seconds / 60)} min"
