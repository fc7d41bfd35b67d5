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
    laplacian = matting_laplacian(guide, epsilon=epsilon)
    laplacian.coefficients.mul_(alpha)
    degree = laplacian.degree
    shift = (1 - alpha) * degree
    grid = ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon)
    inverse_diagonal = 1 / (laplacian.diagonal + shift)
    scale = degree.sqrt() if normalization == "symmetric" else torch.ones_like(degree)
    right = (1 - alpha) * degree / scale * y[0]

    def precondition(residual: Tensor) -> Tensor:
        return grid.solve(residual).addcmul_(residual, inverse_diagonal)

    def system(x: Tensor) -> Tensor:
        out = torch.empty_like(right)
        laplacian.product(F.pad(x, (REACH,) * 4), out, shift)
        return out

    # Coarse-to-fine start: the solution on the grids, from the smallest one up.
    x = grid.solve(right)
    residual = right - system(x)
    direction = z = precondition(residual)
    energy = _dot(residual, z)
    first = error = float(energy.sum().clamp_min(0).sqrt())
    step, kept, best = 0, x.clone(), 0.0
    while step < max_steps and error > tolerance:
        product = system(direction)
        rate = energy / _dot(direction, product).clamp_min(torch.finfo(torch.float32).tiny)
        x.addcmul_(direction, rate)
        residual.addcmul_(product, rate, value=-1)
        z = precondition(residual)
        previous, energy = energy, _dot(residual, z)
        direction = torch.addcmul(z, direction, energy / previous.clamp_min(torch.finfo(torch.float32).tiny))
        step += 1
        if step % CHECK_EVERY == 0:
            error = float(energy.sum().clamp_min(0).sqrt())
            if not error < float("inf"):  # broken down by rounding: what was reached before counts
                x = kept
                break
            kept = x.clone()
            best = max(best, _share(first, error, tolerance))
            if report is not None:
                report(best)
    final = right - system(x)  # the recurrence may have drifted from the truth
    error = float(_dot(final, precondition(final)).sum().clamp_min(0).sqrt())
    relative = float(final.norm() / right.norm().clamp_min(torch.finfo(torch.float32).tiny))
    return Propagation(
        image=(scale * x)[None], steps=step, residual=relative, error=error,
        is_converged=error <= 2 * tolerance,
    )  # fmt: skip


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar product by channel, ``[C, 1, 1]``."""
    return (a * b).sum((1, 2), keepdim=True)


def _share(first: float, error: float, tolerance: float) -> float:
    """How much of the way from ``first`` to ``tolerance`` is done, on a logarithmic scale."""
    way = torch.tensor([first, max(error, tolerance), tolerance]).log()
    return float(((way[0] - way[1]) / (way[0] - way[2])).clamp(0, 1))
