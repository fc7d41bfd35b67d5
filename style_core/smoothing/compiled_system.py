"""The smoothing's linear system with compiled kernels: the steps of conjugate gradients on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..compiled import grid as grid_kernels
from ..compiled import incomplete_cholesky, vectors
from ..compiled.matting import multiply
from ..compiled.threads import Threads
from .color_affine_grid import DAMPING, ColorAffineGrid, GridLevel
from .matting_laplacian import REACH, MattingLaplacian

LEAST_NODES = 24  # rows of a grid below which a second thread costs more than it does


class CompiledSystem:
    """``(1 - alpha) D + alpha L`` on the processor; what ``TensorSystem`` of system.py is elsewhere.

    Preconditioned by the grid for the slow modes and incomplete Cholesky factors for the fast ones.

    Args:
        laplacian: L.
        grid: of the same picture.
        alpha: see ``propagate`` of propagation.py.
        channels: of what is solved for.
        threads: that the kernels run on.
    """

    TOLERANCE = 8e-4  # the largest error on 700 px photos is 0.1 to 1.1 of 255 then

    def __init__(
        self,
        laplacian: MattingLaplacian,
        grid: ColorAffineGrid,
        alpha: float,
        channels: int,
        threads: Threads,
    ) -> None:
        self.threads = threads
        shift = F.pad((1 - alpha) * laplacian.degree, (REACH,) * 4)
        matrix = laplacian.coefficients * alpha
        matrix[0] += shift
        self.matrix: np.ndarray = matrix.numpy()
        self.factors = np.zeros_like(self.matrix)
        self.bands = -(-grid.size[0] // incomplete_cholesky.BAND)
        threads.run(
            incomplete_cholesky.factorize, self.bands, self.matrix, incomplete_cholesky.SHIFT, self.factors
        )
        self.basis: np.ndarray = grid.basis.contiguous().numpy()
        height, width = grid.size
        self.cells = grid.cells
        self.levels = [_LevelArrays(level, channels) for level in grid.levels]
        self.top = _Top(grid, channels)
        self.padded = np.zeros((channels, height + 2 * REACH, width + 2 * REACH), np.float32)
        self.local = np.zeros_like(self.padded)
        self.product_buffer = np.empty((channels, height, width), np.float32)
        self.z = np.empty_like(self.product_buffer)

    def start(self, right: Tensor) -> tuple[Tensor, Tensor]:
        """The solution on the grids, from the smallest one up, and its residual."""
        x = np.empty_like(self.z)
        self.local.fill(0)
        self._coarse(right.numpy(), x)
        found = torch.from_numpy(x)
        return found, self.residual(right, found)

    def residual(self, right: Tensor, x: Tensor) -> Tensor:
        """``right - A x``."""
        self.padded[:, REACH:-REACH, REACH:-REACH] = x.numpy()
        self.threads.run(multiply, self._rows, self.matrix, self.padded, self.product_buffer)
        return right - torch.from_numpy(self.product_buffer)

    def precondition(self, residual: Tensor) -> tuple[Tensor, Tensor]:
        """``z = M residual`` and ``residual' z`` by channel."""
        self.threads.run(incomplete_cholesky.solve, self.bands, self.factors, residual.numpy(), self.local)
        energy = self._coarse(residual.numpy(), self.z)
        return torch.from_numpy(self.z), _by_channel(energy)

    def first_direction(self, z: Tensor) -> Tensor:
        """``z`` with the margin that products need."""
        self.padded[:, REACH:-REACH, REACH:-REACH] = z.numpy()
        return torch.from_numpy(self.padded)

    def product(self, direction: Tensor) -> tuple[Tensor, Tensor]:
        """``A direction`` and ``direction' A direction`` by channel."""
        parts = self.threads.run(multiply, self._rows, self.matrix, direction.numpy(), self.product_buffer)
        return torch.from_numpy(self.product_buffer), _by_channel(sum(parts))

    def advance(self, x: Tensor, residual: Tensor, direction: Tensor, product: Tensor, rate: Tensor) -> None:
        """``x += rate * direction``, ``residual -= rate * product``."""
        self.threads.run(
            vectors.advance, self._rows, x.numpy(), residual.numpy(), direction.numpy(), product.numpy(),
            rate.flatten().numpy(),
        )  # fmt: skip

    def turn(self, z: Tensor, direction: Tensor, ratio: Tensor) -> Tensor:
        """``z + ratio * direction``."""
        self.threads.run(vectors.turn, self._rows, z.numpy(), ratio.flatten().numpy(), direction.numpy())
        return direction

    @property
    def _rows(self) -> int:
        return self.z.shape[1]

    def _coarse(self, values: np.ndarray, out: np.ndarray) -> np.ndarray:
        """``out`` = the grid's approximate solution for ``values`` + the local one; ``values' out``."""
        first = self.levels[0].right if self.levels else self.top.right
        self.threads.run(grid_kernels.restrict, self.cells[0] + 1, self.basis, values, first)
        found = self._cycle(0)
        parts = self.threads.run(
            grid_kernels.prolong, self.cells[0], self.basis, found, self.local, values, out
        )
        return sum(parts)

    def _cycle(self, index: int) -> np.ndarray:
        """One V-cycle from grid ``index`` on, for what its ``right`` holds."""
        if index == len(self.levels):
            return self.top.solve(self.threads)
        level = self.levels[index]
        rows = level.x.shape[2]

        def run(kernel: Any, count: int, *args: Any) -> None:
            self.threads.run(kernel, count, *args, least=LEAST_NODES)

        run(grid_kernels.smooth, rows, level.inverse, level.right, DAMPING, True, level.x)
        run(grid_kernels.cell_residual, rows, level.elements, level.x, level.right, level.rest)
        below = self.levels[index + 1].right if index + 1 < len(self.levels) else self.top.right
        run(grid_kernels.to_coarse, below.shape[2], level.rest, below)
        run(grid_kernels.add_fine, rows, self._cycle(index + 1), level.x)
        run(grid_kernels.cell_residual, rows, level.elements, level.x, level.right, level.rest)
        run(grid_kernels.smooth, rows, level.inverse, level.rest, DAMPING, False, level.x)
        return level.x


def compiled_gradient_cost(
    basis: Tensor, rows: slice, size: tuple[int, int], epsilon: float, *, threads: Threads
) -> Tensor:
    """``gradient_cost`` of color_affine_grid.py."""
    count = rows.stop - rows.start
    out = torch.empty(3, 4, 4, count, basis.shape[2])
    threads.run(grid_kernels.gradient_cost, count, rows.start, basis.numpy(), *size, epsilon, out.numpy())
    return out


class _LevelArrays:
    """A grid's energies and inverted blocks with rows of cells innermost, and its vectors."""

    def __init__(self, level: GridLevel, channels: int) -> None:
        self.elements: np.ndarray = level.elements.permute(0, 2, 3, 1).contiguous().numpy()
        self.inverse: np.ndarray = level.inverse.permute(0, 2, 3, 1).contiguous().numpy()
        rows, columns = level.inverse.shape[:2]
        self.right, self.x, self.rest = (np.empty((channels, 4, rows, columns), np.float32) for _ in range(3))


class _Top:
    """The smallest grid, solved directly."""

    def __init__(self, grid: ColorAffineGrid, channels: int) -> None:
        rows, columns = grid.top_nodes
        inverse = torch.cholesky_inverse(grid.factor.double())
        # From node, coefficient to coefficient, node: the order of vectors here.
        split = inverse.unflatten(0, (rows * columns, 4)).unflatten(2, (rows * columns, 4))
        self.inverse: np.ndarray = split.permute(1, 0, 3, 2).flatten(2).flatten(0, 1).contiguous().numpy()
        self.right, self.x = (np.empty((channels, 4, rows, columns), np.float32) for _ in range(2))

    def solve(self, threads: Threads) -> np.ndarray:
        """For what ``right`` holds."""
        right, out = (v.reshape(len(v), -1) for v in (self.right, self.x))
        threads.run(grid_kernels.dense, right.shape[1], self.inverse, right, out, least=100)
        return self.x


def _by_channel(energy: np.ndarray) -> Tensor:
    """``[C]`` float64 as ``[C, 1, 1]`` float32."""
    return torch.from_numpy(energy)[:, None, None].float()
