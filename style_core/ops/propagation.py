"""Photorealistic smoothing: the closed-form solve on the matting affinity (Li et al. 2018, section 3.2).

With ``S = D^(-1/2) W D^(-1/2)`` the paper's ``r = (1 - alpha) (I - alpha S)^(-1) y`` becomes, for
``r = D^(1/2) u``, the symmetric positive definite system

    ((1 - alpha) D + alpha L) u = (1 - alpha) D^(1/2) y

(or, normalized by rows, ``r = (1 - alpha) (I - alpha D^(-1) W)^(-1) y``: the same matrix with
``(1 - alpha) D y`` on the right), which conjugate gradients solve with the Laplacian of
ops/matting_laplacian.py. Its condition number is 1 / (1 - alpha) = 10,000; the coarse space of
ops/color_affine_grid.py, which also gives the start, spares most of the steps. On the processor
the steps are compiled (ops/compiled) and half as many, by incomplete Cholesky factors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .color_affine_grid import ColorAffineGrid
from .compiled.kernel import Crew, is_usable
from .compiled.system import CompiledSystem, compiled_gradient_cost
from .matting_laplacian import EPSILON, REACH, MattingLaplacian, matting_laplacian

NORMALIZATIONS = ("symmetric", "rows")
ALPHA = 0.9999  # Li et al. 2018, released code
MAX_STEPS = 300
TINY = torch.finfo(torch.float32).tiny
CHECK_EVERY = 3  # steps between looks at the error: each waits for the device


@dataclass(frozen=True)
class Propagation:
    """A smoothed picture and how well the system is solved.

    Attributes:
        image: ``[1, C, H, W]``, float32, not clamped.
        steps: conjugate gradient steps taken.
        residual: ``|b - A u| / |b|`` in the Euclidean norm, computed anew at the end.
        error: estimate of the error's energy norm, to compare with the tolerance; low by 2 to 5.
        is_converged: whether the error, computed anew, is within twice the tolerance.
    """

    image: Tensor
    steps: int
    residual: float
    error: float
    is_converged: bool


def propagate(
    y: Tensor, guide: Tensor, *, alpha: float = ALPHA, epsilon: float = EPSILON,
    normalization: str = "symmetric", tolerance: float | None = None, max_steps: int = MAX_STEPS,
    report: Callable[[float], None] | None = None,
) -> Propagation:  # fmt: skip
    """Smooth every channel of ``y`` along the matting affinity of ``guide``.

    Args:
        y: ``[1, C, H, W]``, float32, the stylized picture.
        guide: ``[1, 3, H, W]``, float32, RGB in [0, 1], the content; H and W at least 3.
        alpha: how far values spread; 0 gives ``y`` back.
        epsilon: see :func:`matting_laplacian`.
        normalization: "symmetric" is the paper's. It keeps sqrt(degree), not constants, so that two
            pixels along the borders, which fewer windows cover, come out dark; "rows" keeps constants.
            More than two pixels from the border they hardly differ.
        tolerance: error at which to stop; without one it is the system's TOLERANCE.
        max_steps: after so many steps the result is what was reached.
        report: called now and then with the share of the way, 0 … 1; may raise to stop.

    Raises:
        ValueError: the sizes differ, or an unknown normalization.
    """
    if normalization not in NORMALIZATIONS:
        raise ValueError(f"normalization must be one of {', '.join(NORMALIZATIONS)}, not {normalization!r}")
    if y.shape[-2:] != guide.shape[-2:]:
        raise ValueError(f"sizes differ: {tuple(y.shape[-2:])} and {tuple(guide.shape[-2:])}")
    # Networks hand over channels-last pictures; every step here goes plane by plane.
    y, guide = y.contiguous(), guide.contiguous()
    laplacian = matting_laplacian(guide, epsilon=epsilon)
    degree = laplacian.degree
    scale = degree.sqrt() if normalization == "symmetric" else torch.ones_like(degree)
    right = (1 - alpha) * degree / scale * y[0]
    with Crew() as crew:
        system: System
        if is_usable(guide.device):
            cost = partial(compiled_gradient_cost, crew=crew)
            grid = ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon, cost=cost)
            system = CompiledSystem(laplacian, grid, alpha, len(right), crew)
        else:
            grid = ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon)
            system = TensorSystem(laplacian, grid, alpha)
        tolerance = system.TOLERANCE if tolerance is None else tolerance
        x, steps = _conjugate_gradients(system, right, tolerance, max_steps, report)
        residual = system.residual(right, x)  # anew, because the recurrence may have drifted from the truth
        error = _energy_norm(system.precondition(residual)[1])
    relative = float(residual.norm() / right.norm().clamp_min(TINY))
    return Propagation((scale * x)[None], steps, relative, error, is_converged=error <= 2 * tolerance)


class System(Protocol):
    """``A = (1 - alpha) D + alpha L``, a preconditioner M of it, and the vector arithmetic of a step.

    Vectors are ``[C, H, W]``, scalars ``[C, 1, 1]``. What a method returns may be a buffer that its next
    call writes to.

    Attributes:
        TOLERANCE: estimated energy norm of the error, sqrt(r' M r) for sqrt(e' A e), at which pictures
            are near enough (tests/ops/test_propagation.py holds them against direct solves).
    """

    TOLERANCE: float

    def start(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """A first solution for ``right``, and its residual."""

    def residual(self, right: Tensor, x: Tensor) -> Tensor:
        """``right - A x``."""

    def precondition(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """``z = M residual``, and ``residual' z``."""

    def first_direction(self, z: Tensor) -> Tensor:
        """``z`` in the form that the three methods below take directions in."""

    def product(self, direction: Tensor) -> tuple[Tensor, Tensor]:
        """``A direction``, and ``direction' A direction``."""

    def advance(self, x: Tensor, residual: Tensor, direction: Tensor, product: Tensor, rate: Tensor) -> None:
        """``x += rate * direction``, ``residual -= rate * product``."""

    def turn(self, z: Tensor, direction: Tensor, ratio: Tensor) -> Tensor:
        """``z + ratio * direction``."""


class TensorSystem:
    """The system in tensor expressions, on any device, preconditioned by the grid and the diagonal."""

    # The largest error on photos is about 1/255 at 256 px then, up to 4/255 in single pixels of larger
    # ones; the estimate is low by a factor of 2 there, and of 5 on hard-edged graphics.
    TOLERANCE = 4e-4

    def __init__(self, laplacian: MattingLaplacian, grid: ColorAffineGrid, alpha: float) -> None:
        self.laplacian = MattingLaplacian(laplacian.coefficients * alpha, laplacian.degree)
        self.shift = (1 - alpha) * laplacian.degree
        self.inverse_diagonal = 1 / (self.laplacian.diagonal + self.shift)
        self.grid = grid

    def start(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """Solved on the grids, from the smallest one up."""
        x = self.grid.solve(right)
        return x, self.residual(right, x)

    def residual(self, right: Tensor, x: Tensor) -> Tensor:
        """``right - A x``."""
        return right - self._times(x)

    def precondition(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """The slow modes from the grid, the fast ones from the diagonal."""
        z = self.grid.solve(residual).addcmul_(residual, self.inverse_diagonal)
        return z, _dot(residual, z)

    def first_direction(self, z: Tensor) -> Tensor:
        """As it is."""
        return z

    def product(self, direction: Tensor) -> tuple[Tensor, Tensor]:
        """``A direction``, and ``direction' A direction``."""
        product = self._times(direction)
        return product, _dot(direction, product)

    def advance(self, x: Tensor, residual: Tensor, direction: Tensor, product: Tensor, rate: Tensor) -> None:
        """``x += rate * direction``, ``residual -= rate * product``."""
        x.addcmul_(direction, rate)
        residual.addcmul_(product, rate, value=-1)

    def turn(self, z: Tensor, direction: Tensor, ratio: Tensor) -> Tensor:
        """``z + ratio * direction``."""
        return torch.addcmul(z, direction, ratio)

    def _times(self, x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        self.laplacian.product(F.pad(x, (REACH,) * 4), out, self.shift)
        return out


def _conjugate_gradients(
    system: System, right: Tensor, tolerance: float, max_steps: int, report: Callable[[float], None] | None
) -> tuple[Tensor, int]:
    """The solution for ``[C, H, W]`` on the right, all channels in step, and the steps taken."""
    x, residual = system.start(right)
    z, energy = system.precondition(residual)
    direction = system.first_direction(z)
    first = error = _energy_norm(energy)
    step, kept, best = 0, x.clone(), 0.0
    while step < max_steps and error > tolerance:
        product, curvature = system.product(direction)
        system.advance(x, residual, direction, product, energy / curvature.clamp_min(TINY))
        previous = energy
        z, energy = system.precondition(residual)
        direction = system.turn(z, direction, energy / previous.clamp_min(TINY))
        step += 1
        if step % CHECK_EVERY == 0:
            error = _energy_norm(energy)
            if not error < float("inf"):  # broken down by rounding: what was reached before counts
                return kept, step
            kept.copy_(x)
            best = max(best, _share(first, error, tolerance))
            if report is not None:
                report(best)
    return x, step


def _energy_norm(by_channel: Tensor) -> float:
    return float(by_channel.sum().clamp_min(0).sqrt())


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar product by channel, ``[C, 1, 1]``."""
    return (a * b).sum((1, 2), keepdim=True)


def _share(first: float, error: float, tolerance: float) -> float:
    """How much of the way from ``first`` to ``tolerance`` is done, on a logarithmic scale."""
    way = torch.tensor([first, max(error, tolerance), tolerance]).log()
    return float(((way[0] - way[1]) / (way[0] - way[2])).clamp(0, 1))
