"""Minimizing a loss over the pixels of a picture: L-BFGS or Adam, watched, stoppable, never worse for it.

Nothing in a step waits for the device; every tenth loss is looked at (on the CPU, where that costs
nothing, every one), at fixed steps, so that the same start gives the same picture. By hand, because
``torch.optim.LBFGS`` looks at numbers in every step and drops all pairs of a mean over a million pixels.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

OPTIMIZERS = ("lbfgs", "adam")
HISTORY = 12  # pairs of L-BFGS; each is two pictures of memory
FEWEST_PAIRS = 1  # where memory is short
# Cosine of step and gradient change below which a pair is not kept. PyTorch's 1e-10 on the bare product
# would drop every pair of a loss that is a mean over a million pixels.
CURVATURE_FLOOR = 1e-7
FIRST_STEP, LARGEST_STEP = 0.005, 0.1  # root mean square over the pixels of one step, values in [0, 1]
LARGEST_CHANGE = 0.5  # of any pixel in one step
ADAM_RATE, ADAM_BETAS = 0.02, (0.9, 0.99)  # crowsonkb/style-transfer-pytorch
REPORT_SECONDS = 0.25
LOOK_EVERY = 10  # steps between looks at the loss on a GPU, which has to be waited for
DIVERGED = 2.0  # times the best loss seen ...
NOTHING = 1e-3  # ... or this share of the first one, below which ups and downs do not matter
RESTARTS = 4
RESTART_FACTOR = 0.3  # of the step length, at every restart
STRIP = 1 << 22  # values of a picture beyond which sums go strip by strip
TINY = torch.finfo(torch.float32).tiny
Loss = Callable[[Tensor], Tensor]  # picture -> scalar, differentiable
OnStep = Callable[[int, float, Tensor], None]  # steps done, loss, picture


class EndEarly(Exception):
    """Raised by a report, or in the middle of a loss, to end with the best picture so far."""


@dataclass(frozen=True)
class Minimum:
    """What a minimization came to.

    Attributes:
        image: ``[1, 3, H, W]``, the best picture that was looked at.
        losses: before every step, and of the last picture; none if the first was not finished.
        seconds: step -> time since the start, of the losses that were reported.
        restarts: how often it diverged and was begun again from the best picture.
        is_ended_early: by a report or by the deadline.
    """

    image: Tensor
    losses: list[float]
    seconds: dict[int, float]
    restarts: int
    is_ended_early: bool


def minimize(
    image: Tensor, loss: Loss, *, steps: int, optimizer: str = "lbfgs", deadline: float | None = None,
    report: OnStep | None = None, history_room: int | None = None,
) -> Minimum:  # fmt: skip
    """Change ``image`` so that ``loss`` falls.

    Args:
        image: ``[1, 3, H, W]``, float32, the start.
        loss: picture -> scalar, differentiable; may raise :class:`EndEarly`.
        steps: evaluations of the gradient, one step each.
        optimizer: "lbfgs" or "adam".
        deadline: ``time.monotonic()`` after which no step is begun.
        report: called a few times a second with steps done, loss and picture; may raise
            :class:`EndEarly` to end here, or anything else to give up.
        history_room: bytes that the pairs of L-BFGS may take; ``None`` for all of them in float32.

    Returns:
        the best picture looked at. A loss that is not finite, or twice the best, restarts from the
        best picture with shorter steps; after RESTARTS of these it is returned as it is.
    """
    began = time.monotonic()
    look_every = 1 if image.device.type == "cpu" else LOOK_EVERY
    x = best = image.detach()  # no step changes it in place
    del image  # a large start is let go of with the first better picture
    best_loss = first_loss = float("inf")
    curve = torch.full((steps + 1,), float("nan"), device=x.device)
    restarts, is_ended_early, seconds = 0, False, dict[int, float]()
    history = history_that_fits(x.numel(), history_room)
    rate, stepper = 1.0, _stepper(optimizer, 1.0, history)
    reported = -float("inf")
    done, looked = 0, -1
    for done in range(steps + 1):
        try:
            if done < steps:
                value, gradient = value_and_gradient(loss, x)
            else:
                value = loss(x)
        except EndEarly:
            is_ended_early, done = True, looked  # what came since says nothing, as this one
            break
        curve[done] = value
        if done % look_every == 0 or done == steps:
            now_loss, looked = float(value), done  # waits for the device
            first_loss = now_loss if done == 0 else first_loss
            now = time.monotonic()
            if now_loss < best_loss:
                best, best_loss = x, now_loss
            elif not now_loss <= DIVERGED * max(best_loss, NOTHING * first_loss):
                restarts += 1
                rate *= RESTART_FACTOR
                x, stepper = best, _stepper(optimizer, rate, history)
                if restarts > RESTARTS:
                    break
                continue
            if now - reported >= REPORT_SECONDS or done == steps:
                reported = now
                seconds[done] = now - began
                is_ended_early = _ends(report, done, now_loss, x)
            if deadline is not None and now >= deadline:
                is_ended_early = True
            if is_ended_early:
                break
        if done < steps:
            x = stepper(x, gradient)
    losses = [float(v) for v in curve[: done + 1].tolist()]
    return Minimum(best, losses, seconds, restarts, is_ended_early)


def _ends(report: OnStep | None, done: int, loss: float, x: Tensor) -> bool:
    try:
        if report is not None:
            report(done, loss, x)
    except EndEarly:
        return True
    return False


def value_and_gradient(loss: Loss, x: Tensor) -> tuple[Tensor, Tensor]:
    """The loss at ``x`` and its gradient."""
    with torch.enable_grad():
        variable = x.detach().requires_grad_()
        value = loss(variable)
        (gradient,) = torch.autograd.grad(value, variable)
    return value.detach(), gradient


Stepper = Callable[[Tensor, Tensor], Tensor]  # picture, gradient -> next picture


@dataclass(frozen=True)
class History:
    """How many pairs of L-BFGS are kept, and in what dtype; ``None`` is the picture's own."""

    pairs: int = HISTORY
    dtype: torch.dtype | None = None


def history_that_fits(values: int, room: int | None) -> History:
    """All pairs in float32 where they fit, else in bfloat16, and as many as fit, but at least FEWEST_PAIRS.

    Args:
        values: of a picture; a pair has twice as many.
        room: bytes, or ``None`` for enough.
    """
    if room is None or 2 * values * 4 * HISTORY <= room:
        return History()
    return History(max(FEWEST_PAIRS, min(HISTORY, room // (2 * values * 2))), torch.bfloat16)


def _stepper(optimizer: str, rate: float, history: History) -> Stepper:
    if optimizer == "lbfgs":
        return LBFGS(rate, history=history)
    if optimizer == "adam":
        return _Adam(rate * ADAM_RATE)
    raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {optimizer!r}")


class LBFGS:
    """Limited-memory BFGS without line search, as in Torch7 and ``torch.optim.LBFGS``.

    The same steps but the first (tests/ops/test_pixel_optimization.py holds them against each
    other), and without a look at any number on the way: what PyTorch decides with ``if`` is
    decided on the device. The first step has a fixed size, so that nothing depends on the loss's
    scale, and no step may move the pixels by more than LARGEST_STEP.

    Args:
        rate: factor of every step.
        history: the pairs kept; by default all in float32.
        first, largest, farthest: see FIRST_STEP, LARGEST_STEP, LARGEST_CHANGE.
    """

    def __init__(
        self, rate: float = 1.0, *, history: History | None = None, first: float = FIRST_STEP,
        largest: float = LARGEST_STEP, farthest: float = LARGEST_CHANGE,
    ) -> None:  # fmt: skip
        self.rate, self.first, self.largest, self.farthest = rate, first, largest, farthest
        self.history = History() if history is None else history
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(
            maxlen=self.history.pairs
        )  # s, y, 1 / y's or 0
        self._last: tuple[Tensor, Tensor] | None = None  # gradient, step
        self._scale: Tensor | None = None

    def __call__(self, x: Tensor, gradient: Tensor) -> Tensor:
        """The next point."""
        if self._last is None:
            self._scale = torch.ones((), device=x.device)
            size = _dot(gradient, gradient).div(gradient.numel()).sqrt()
            step = gradient * (-self.first * self.rate / size.clamp_min(TINY))
        else:
            self._remember(gradient)
            step = self._direction(gradient).mul_(self.rate)
        size = torch.maximum(
            _dot(step, step).div(step.numel()).sqrt() / self.largest, _peak(step) / self.farthest
        )
        step.div_(size.clamp_min(1))
        moved = x + step
        self._last = (gradient, step.to(self.history.dtype or step.dtype))
        return moved

    def _remember(self, gradient: Tensor) -> None:
        assert self._last is not None
        assert self._scale is not None
        change, step = self._last
        self._last = None  # a large picture has no memory for what is not needed any more
        torch.sub(gradient, change, out=change)
        curvature, bend = _dot(change, step), _dot(change, change)
        is_kept = curvature > CURVATURE_FLOOR * (bend * _dot(step, step)).sqrt()
        inverse = torch.where(is_kept, 1 / curvature.clamp_min(TINY), 0.0)
        self._scale = torch.where(is_kept, curvature / bend.clamp_min(TINY), self._scale)
        dtype = self.history.dtype
        change = change.to(dtype or change.dtype)
        self._pairs.append((step, change, inverse))  # an inverse of 0 leaves the pair without effect

    def _direction(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient: the two-loop recursion."""
        assert self._scale is not None
        q = gradient.neg()
        shares = []
        for step, change, inverse in reversed(self._pairs):
            share = _dot(step, q) * inverse
            _add(q, change, -share)
            shares.append(share)
        q.mul_(self._scale)
        for (step, change, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            _add(q, step, share - _dot(change, q) * inverse)
        return q


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The sum of products, of large pictures strip by strip, so that no product of their size is held."""
    if a.numel() <= STRIP:
        return (a * b).sum()
    return torch.stack([(own * other).sum() for own, other in _strips(a, b)]).sum()


def _peak(step: Tensor) -> Tensor:
    """The largest size of a value, without a copy of all."""
    return torch.maximum(step.max(), -step.min())


def _add(q: Tensor, direction: Tensor, share: Tensor) -> None:
    """Add ``share`` times a direction, kept in whatever precision, to ``q``, in place."""
    if q.numel() <= STRIP:
        q.addcmul_(direction.to(q.dtype), share)
        return
    for own, other in _strips(q, direction):
        own.addcmul_(other.to(q.dtype), share)


def _strips(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of two pictures of one size, about STRIP values at a time; views."""
    rows = max(1, STRIP * a.shape[-2] // a.numel())
    return zip(a.split(rows, -2), b.split(rows, -2), strict=True)


class _Adam:
    """``torch.optim.Adam`` as a stepper."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._optimizer: torch.optim.Adam | None = None
        self._variable = torch.empty(0)

    def __call__(self, x: Tensor, gradient: Tensor) -> Tensor:
        if self._optimizer is None:
            self._variable = x.clone()
            self._optimizer = torch.optim.Adam([self._variable], lr=self.rate, betas=ADAM_BETAS)
        self._variable.grad = gradient
        self._optimizer.step()
        return self._variable.clone()
