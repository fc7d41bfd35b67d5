"""Optimizing a picture at growing sizes, watched: a small one is solved first and refined at each doubling.

Large shapes settle where a step costs a sixteenth; the full size only adds detail. The result of a size
is carried up as its difference to the content, so that the content's own fine detail is there at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
import torch.nn.functional as F

from ...errors import EnoughDone
from ...images import ImageTensor
from ...method import Inputs, LossPoint, Runtime
from ...ops.pixel_optimization import EndEarly, Loss, minimize
from ...progress import Pulse

SMALLEST = 128  # px of the longer side at the first size
SHORTEST = 32  # px of the shorter side, which the deepest layer needs
WORKING = 1024  # px of the longer side of the largest size at which a picture is solved, not only refined
FEWEST_REFINING = 5  # steps beyond it
FEWEST_STEPS = 10  # at a size that is not the only one
T = TypeVar("T")


@dataclass(frozen=True)
class Scale:
    """One size to solve at, ``factor`` of the full one."""

    factor: float
    height: int
    width: int
    steps: int

    @property
    def cost(self) -> float:
        """Relative time: pixels times steps."""
        return float(self.height * self.width * self.steps)


def growing_sizes(height: int, width: int, *, steps: int, coarse_to_fine: bool) -> list[Scale]:
    """The sizes from small to full: halvings down to SMALLEST, with half as many steps per doubling."""
    factors = [1.0]
    while (
        coarse_to_fine
        and max(height, width) * factors[-1] / 2 >= SMALLEST
        and min(height, width) * factors[-1] / 2 >= SHORTEST
    ):
        factors.append(factors[-1] / 2)
    few = min(FEWEST_STEPS, steps)
    return [
        Scale(factor, round(height * factor), round(width * factor), max(few, round(steps / 2**k)))
        for k, factor in enumerate(reversed(factors))
    ]


def working_scale(scales: list[Scale]) -> Scale:
    """The largest size of at most WORKING px on its longer side; the smallest if all are larger."""
    small = [scale for scale in scales if max(scale.height, scale.width) <= WORKING]
    return (small or scales[:1])[-1]


def refined(scale: Scale) -> Scale:
    """A size beyond the working size: half the steps, for only what is small changes."""
    return replace(scale, steps=min(scale.steps, max(FEWEST_REFINING, scale.steps // 2)))


def resized(image: ImageTensor, height: int, width: int) -> ImageTensor:
    """Bicubic, antialiased, clamped; the picture itself if the size is right."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, (height, width), mode="bicubic", antialias=True).clamp(0, 1)


def carry_up(image: ImageTensor, before: ImageTensor, after: ImageTensor, *, detail: bool) -> ImageTensor:
    """A result at the next size: enlarged, or with ``detail`` its difference to ``before`` on ``after``."""
    size = (after.shape[-2], after.shape[-1])
    if not detail:
        return F.interpolate(image, size, mode="bicubic")
    return after + F.interpolate(image - before, size, mode="bicubic")


class Watch:
    """Progress, budget and end of a run over several sizes.

    Args:
        runtime: where progress, losses and notes go.
        scales: all sizes to come.
        max_seconds: budget of the run, shared out by cost; ``None`` for none.
        first, last: the fractions of progress it covers.
    """

    def __init__(
        self, runtime: Runtime, scales: list[Scale], *, max_seconds: float | None = None,
        first: float = 0.05, last: float = 0.95,
    ) -> None:  # fmt: skip
        self.runtime, self.first, self.last = runtime, first, last
        self.max_seconds = max_seconds
        self.began = time.monotonic()
        self.total = sum(scale.cost for scale in scales)
        self.spent = 0.0
        self.pace: float | None = None  # seconds per unit of cost, at the last size
        self.restarts = 0
        self.steps_run: list[list[int]] = []  # width, height and steps of every size
        self.is_stopped = self.is_noted = False
        self._pulse = Pulse(first, "Measuring the style")

    def run(
        self, scale: Scale, start: Callable[[], ImageTensor], loss: Loss, *, optimizer: str, stage: str = "",
        history_room: int | None = None,
    ) -> ImageTensor:  # fmt: skip
        """Minimize at one size; the best picture, not clamped.

        Args:
            start: makes the picture to start from, which nobody else holds then: it is let go of.
            stage: put before the message.
            history_room: see :func:`minimize`.
        """
        deadline = None
        if self.max_seconds is not None:
            share = (self.spent + scale.cost) / self.total
            deadline = self.began + self.max_seconds * share
        began = time.monotonic()

        def report(step: int, loss_value: float, image: ImageTensor) -> None:
            done = (self.spent + scale.cost * step / scale.steps) / self.total
            if self.is_stopped:  # by a report between two runs
                raise EndEarly
            now = f"{scale.width} x {scale.height} px, step {step} of {scale.steps}, loss {loss_value:.4f}"
            fraction = self.first + (self.last - self.first) * done
            self._report(fraction, stage + now, image.detach().clamp(0, 1))
            if self.is_stopped:
                raise EndEarly

        found = minimize(
            start(), loss, steps=scale.steps, optimizer=optimizer, deadline=deadline, report=report,
            history_room=history_room,
        )  # fmt: skip
        self.pace = (time.monotonic() - began) / scale.cost
        for step, seconds in found.seconds.items():
            self.runtime.log_loss(
                LossPoint(began - self.began + seconds, scale.width, scale.height, step, found.losses[step])
            )
        steps = max(0, len(found.losses) - 1)
        self.steps_run.append([scale.width, scale.height, steps])
        self.runtime.used(steps_run=self.steps_run)
        self.spent += scale.cost
        self.restarts += found.restarts
        if found.is_ended_early and not self.is_stopped and scale.factor == 1:
            self.runtime.note(
                f"The time of {self.max_seconds} s was over after step {steps} of "
                f"{scale.steps} at full size; this is the best picture so far."
            )
        if self.is_stopped:
            self.is_noted = True
            self.runtime.note(
                f"Stopped at step {steps} of {scale.steps} at {scale.width} x "
                f"{scale.height} px; this is the best picture so far."
            )
        return found.image

    def say(self, message: str, image: ImageTensor) -> None:
        """Report what is done between two runs; a stop is kept for them."""
        self._report(self.fraction, message, image.clamp(0, 1))

    def prepared(self, make: Callable[[], T]) -> T | None:
        """What a run needs, made with a network that has this :meth:`pulse`; ``None`` if it was stopped."""
        try:
            return None if self.is_stopped else make()
        except EndEarly:
            return None

    def pulse(self) -> None:
        """Report within a step, now and then, that it goes on.

        Raises:
            EndEarly: it is enough.
        """
        if not self.is_stopped:
            self._pulse.beat(self._report)
        if self.is_stopped:
            raise EndEarly

    def _report(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        self._pulse.reported(fraction, message)
        try:
            self.runtime.progress(fraction, message, preview)
        except EnoughDone:
            self.is_stopped = True

    @property
    def seconds_left(self) -> float | None:
        """About how long the sizes to come will take, by the last one; ``None`` before there is one."""
        return None if self.pace is None else self.pace * (self.total - self.spent)

    @property
    def fraction(self) -> float:
        """The progress so far."""
        return self.first + (self.last - self.first) * self.spent / self.total

    def finish(self) -> None:
        """Say what happened on the way."""
        if self.is_stopped and not self.is_noted:
            self.runtime.used(steps_run=self.steps_run)
            self.runtime.note(
                "Stopped between two sizes; this is the best picture so far."
                if self.steps_run
                else "Stopped before the first step; this is the picture that it would have begun with."
            )
        if self.restarts:
            times = "once" if self.restarts == 1 else f"{self.restarts} times"
            self.runtime.note(
                f"The optimization diverged {times} and went on from its best picture with shorter steps."
            )


def scaled_pictures(inputs: Inputs, scale: Scale, styles: list[ImageTensor]) -> tuple[ImageTensor, ...]:
    """Content and styles at a scale; styles shrink with the content, but not below SHORTEST px."""
    content = resized(inputs.content, scale.height, scale.width)
    return content, *(resized(s, *scaled_style_size(s.shape[-2], s.shape[-1], scale.factor)) for s in styles)


def scaled_style_size(height: int, width: int, factor: float) -> tuple[int, int]:
    """The style's size at ``factor``, with its shorter side at least SHORTEST px."""
    factor = max(factor, SHORTEST / min(height, width))
    return round(height * factor), round(width * factor)


def noise(generator: torch.Generator, height: int, width: int, device: torch.device) -> ImageTensor:
    """Seeded white noise around gray, drawn on the CPU so that every device starts alike."""
    drawn = torch.randn(1, 3, height, width, generator=generator)
    return (0.5 + 0.15 * drawn).clamp(0, 1).to(device)
