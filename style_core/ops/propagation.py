"""Photorealistic smoothing: the closed-form solve on the matting affinity (Li et al. 2018, section 3.2).

With ``S = D^(-1/2) W D^(-1/2)`` the paper's ``r = (1 - alpha) (I - alpha S)^(-1) y`` becomes, for
``r = D^(1/2) u``, the symmetric positive definite system

    ((1 - alpha) D + alpha L) u = (1 - alpha) D^(1/2) y

(or, normalized by rows, ``r = (1 - alpha) (I - alpha D^(-1) W)^(-1) y``: the same matrix with
``(1 - alpha) D y`` on the right), which conjugate gradients solve with the Laplacian of
ops/matting_laplacian.py. Its condition number is 1 / (1 - alpha) = 10,000; the coarse space of
ops/color_affine_grid.py, which also gives the start, spares most of the steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .color_affine_grid import ColorAffineGrid
from .matting_laplacian import EPSILON, REACH, matting_laplacian

NORMALIZATIONS = ("symmetric", "rows")
ALPHA = 0.9999  # Li et al. 2018, released code
# Estimated energy norm of the error, sqrt(r' M r) for the energy sqrt(e' A e), at which to stop. On
# photos the largest error is about 1/255 then (tests/ops/test_propagation.py holds it against direct
# solves); the estimate is low by a factor of 2 there, and of 5 on hard-edged graphics, whose errors
# may reach 10/255 in single pixels.
TOLERANCE = 4e-4
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
    normalization: str = "symmetric", tolerance: float = TOLERANCE, max_steps: int = MAX_STEPS,
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
        tolerance: error at which to stop, see :data:`TOLERANCE`.
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
    system = _System(guide, alpha, epsilon)
    scale = system.degree.sqrt() if normalization == "symmetric" else torch.ones_like(system.degree)
    right = (1 - alpha) * system.degree / scale * y[0]
    x, steps = _conjugate_gradients(system, right, tolerance, max_steps, report)
    residual = right - system(x)  # anew, because the recurrence may have drifted from the truth
    error = _energy_norm(_dot(residual, system.precondition(residual)))
    relative = float(residual.norm() / right.norm().clamp_min(TINY))
    return Propagation((scale * x)[None], steps, relative, error, is_converged=error <= 2 * tolerance)


class _System:
    """``(1 - alpha) D + alpha L`` of a guide as a product, and what preconditions it."""

    def __init__(self, guide: Tensor, alpha: float, epsilon: float) -> None:
        self.laplacian = matting_laplacian(guide, epsilon=epsilon)
        self.laplacian.coefficients.mul_(alpha)
        self.degree = self.laplacian.degree
        self.shift = (1 - alpha) * self.degree
        self.grid = ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon)
        self.inverse_diagonal = 1 / (self.laplacian.diagonal + self.shift)

    def __call__(self, x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        self.laplacian.product(F.pad(x, (REACH,) * 4), out, self.shift)
        return out

    def precondition(self, residual: Tensor) -> Tensor:
        """The slow modes from the grid, the fast ones from the diagonal."""
        return self.grid.solve(residual).addcmul_(residual, self.inverse_diagonal)


def _conjugate_gradients(
    system: _System, right: Tensor, tolerance: float, max_steps: int, report: Callable[[float], None] | None
) -> tuple[Tensor, int]:
    """The solution for ``[C, H, W]`` on the right, all channels in step, and the steps taken."""
    x = system.grid.solve(right)  # coarse-to-fine start: solved on the grids, from the smallest one up
    residual = right - system(x)
    direction = z = system.precondition(residual)
    energy = _dot(residual, z)
    first = error = _energy_norm(energy)
    step, kept, best = 0, x.clone(), 0.0
    while step < max_steps and error > tolerance:
        product = system(direction)
        rate = energy / _dot(direction, product).clamp_min(TINY)
        x.addcmul_(direction, rate)
        residual.addcmul_(product, rate, value=-1)
        z = system.precondition(residual)
        previous, energy = energy, _dot(residual, z)
        direction = torch.addcmul(z, direction, energy / previous.clamp_min(TINY))
        step += 1
        if step % CHECK_EVERY == 0:
            error = _energy_norm(energy)
            if not error < float("inf"):  # broken down by rounding: what was reached before counts
                return kept, step
            kept = x.clone()
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
