"""The smoothing's linear system: what conjugate gradients ask of it, and its tensor expressions."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from .color_affine_grid import ColorAffineGrid
from .matting_laplacian import REACH, MattingLaplacian


class System(Protocol):
    """``A = (1 - alpha) D + alpha L``, a preconditioner M of it, and the vector arithmetic of a step.

    Vectors are ``[C, H, W]``, scalars ``[C, 1, 1]``. What a method returns may be a buffer that its next
    call writes to.

    Attributes:
        TOLERANCE: estimated energy norm of the error, sqrt(r' M r) for sqrt(e' A e), at which pictures
            are near enough (tests/smoothing/test_propagation.py holds them against direct solves).
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


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Scalar product by channel, ``[C, 1, 1]``."""
    return (a * b).sum((1, 2), keepdim=True)
