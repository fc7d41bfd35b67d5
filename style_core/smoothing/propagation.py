"""Photorealistic smoothing: the closed-form solve on the matting affinity (Li et al. 2018, section 3.2).

With ``S = D^(-1/2) W D^(-1/2)`` the paper's ``r = (1 - alpha) (I - alpha S)^(-1) y`` becomes, for
``r = D^(1/2) u``, the symmetric positive definite system

    ((1 - alpha) D + alpha L) u = (1 - alpha) D^(1/2) y

(or, normalized by rows, ``r = (1 - alpha) (I - alpha D^(-1) W)^(-1) y``: the same matrix with
``(1 - alpha) D y`` on the right), which conjugate gradients solve with the Laplacian of
matting_laplacian.py. Its condition number is 1 / (1 - alpha) = 10,000; the coarse space of
color_affine_grid.py, which also gives the start, spares most of the steps. On the processor the
steps are compiled (compiled_system.py) and half as many, by incomplete Cholesky factors. By hand,
because PyMatting takes over ten times as long (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..compiled.kernel import is_usable
from ..compiled.threads import Threads
from ..ops.float64 import float64_device
from .color_affine_grid import ColorAffineGrid
from .compiled_system import CompiledSystem, compiled_gradient_cost
from .matting_laplacian import EPSILON, MattingLaplacian, matting_laplacian
from .system import System, TensorSystem

NORMALIZATIONS = ("symmetric", "rows")
ALPHA = 0.9999  # Li et al. 2018, released code
MAX_STEPS = 300
TINY = torch.finfo(torch.float32).tiny
WARM_UP_SIDE = 144  # pixels; large enough for a grid that is not solved directly
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

    On a device without float64 the processor does it; the picture comes back to where ``y`` is.

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
    place = float64_device(guide.device)
    # Networks hand over channels-last pictures; every step here goes plane by plane.
    report = report or _ignore
    picture, by = y.to(place).contiguous(), guide.to(place).contiguous()
    laplacian = matting_laplacian(by, epsilon=epsilon)
    report(0.0)
    degree = laplacian.degree
    scale = degree.sqrt() if normalization == "symmetric" else torch.ones_like(degree)
    right = (1 - alpha) * degree / scale * picture[0]
    with Threads() as threads:
        system = _system(laplacian, by, alpha, epsilon, len(right), threads)
        report(0.0)
        solved = _solve(system, right, tolerance, max_steps, report)
    return replace(solved, image=(scale * solved.image).to(y.device))


def warm_up() -> None:
    """Compile the smoothing's kernels, or load what an earlier process compiled.

    Takes about ten seconds once on a machine, then a fraction of one.
    """
    shape = (1, 3, WARM_UP_SIDE, WARM_UP_SIDE)
    picture = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    propagate(picture, picture.flip(3), max_steps=1)


def _system(
    laplacian: MattingLaplacian, guide: Tensor, alpha: float, epsilon: float, channels: int, threads: Threads
) -> System:
    """With compiled kernels where they can be used, which is on the processor."""
    if not is_usable(guide.device):
        return TensorSystem(laplacian, ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon), alpha)
    cost = partial(compiled_gradient_cost, threads=threads)
    grid = ColorAffineGrid(guide, alpha=alpha, epsilon=epsilon, cost=cost)
    return CompiledSystem(laplacian, grid, alpha, channels, threads)


def _solve(
    system: System, right: Tensor, tolerance: float | None, max_steps: int, report: Callable[[float], None],
) -> Propagation:  # fmt: skip
    """The solution ``[1, C, H, W]`` for ``[C, H, W]`` on the right."""
    tolerance = system.TOLERANCE if tolerance is None else tolerance
    x, steps = _conjugate_gradients(system, right, tolerance, max_steps, report)
    residual = system.residual(right, x)  # anew, because the recurrence may have drifted from the truth
    error = _energy_norm(system.precondition(residual)[1])
    relative = float(residual.norm() / right.norm().clamp_min(TINY))
    return Propagation(x[None], steps, relative, error, is_converged=error <= 2 * tolerance)


def _conjugate_gradients(
    system: System, right: Tensor, tolerance: float, max_steps: int, report: Callable[[float], None]
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
            report(best)
    return x, step


def _ignore(share: float) -> None:
    pass


def _energy_norm(by_channel: Tensor) -> float:
    return float(by_channel.sum().clamp_min(0).sqrt())


def _share(first: float, error: float, tolerance: float) -> float:
    """How much of the way from ``first`` to ``tolerance`` is done, on a logarithmic scale."""
    way = torch.tensor([first, max(error, tolerance), tolerance]).log()
    return float(((way[0] - way[1]) / (way[0] - way[2])).clamp(0, 1))
