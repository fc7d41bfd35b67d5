"""The coarse space in which the matting Laplacian is nearly zero, and a multigrid cycle on it.

The Laplacian charges nothing for what is, window by window, an affine function of the image's
colors. So what its iterative solvers are slow at looks like ``c_0 + c_1 R + c_2 G + c_3 B`` with
coefficients that change slowly in space. This module spans such functions with coefficients that
are bilinear on a grid, and solves the Galerkin system there by V-cycles over ever coarser grids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from ..compiled.grid import CELL
from ..ops.strips import strip_rows
from .matting_laplacian import POSITIONS, whiten_windows

STRIP = 8  # rows of cells worked on at once, for the cache
MID_GRAY = 0.5  # colors are taken relative to it, which keeps the four coefficients apart
DENSE_NODES = 300  # a grid of at most so many nodes is solved directly
# Of the block Jacobi smoother. A cell has four nodes, so no eigenvalue exceeds 4: below 2 / 4 the
# cycle is positive definite whatever the picture, as a preconditioner must be.
DAMPING = 0.45
# Share of a node's largest diagonal entry that is added to all: in gray and in flat places the four
# coefficients say the same, and some nodes lie beyond the image.
RIDGE = 1e-5
# Of the basis, rows of it, the picture's size and epsilon: what gradient_cost gives.
GradientCost = Callable[[Tensor, slice, tuple[int, int], float], Tensor]
CORNERS = tuple(product((0, 1), (0, 1)))  # of a cell: row, column


@dataclass(frozen=True)
class GridLevel:
    """One grid: energies of its cells ``[ny, nx, 16, 16]``, inverted blocks of its nodes ``[…, 4, 4]``."""

    elements: Tensor
    inverse: Tensor


class ColorAffineGrid:
    """The span of locally color-affine functions on an image, and an approximate solve in it.

    Args:
        image: ``[1, 3, H, W]``, float, RGB in [0, 1].
        alpha, epsilon: the system is ``(1 - alpha) diag(degree) + alpha L`` with the matting
            Laplacian L of that epsilon.
        cost: computes what :func:`gradient_cost` does.
    """

    def __init__(
        self, image: Tensor, *, alpha: float, epsilon: float, cost: GradientCost | None = None
    ) -> None:
        self.size = (image.shape[-2], image.shape[-1])
        self.cells = (-(-self.size[0] // CELL), -(-self.size[1] // CELL))
        ones = torch.ones_like(image[:, :1])
        padding = (0, self.cells[1] * CELL - self.size[1], 0, self.cells[0] * CELL - self.size[0])
        self.basis = F.pad(torch.cat([ones, image - MID_GRAY], 1)[0], padding)  # [4, H', W'], 0 outside
        self.levels: list[GridLevel] = []
        energies = _energies(self.basis, self.size, alpha, epsilon, cost or gradient_cost)
        while True:
            elements = _as_matrices(energies)
            blocks = _node_blocks(elements)
            size = blocks.diagonal(dim1=-2, dim2=-1)  # [ny + 1, nx + 1, 4]
            ridge = RIDGE * size.amax(-1, keepdim=True) + 1e-3 * RIDGE * size.amax()
            if blocks.shape[0] * blocks.shape[1] <= DENSE_NODES:
                self.top_nodes = (blocks.shape[0], blocks.shape[1])
                matrix = _dense(elements).double()
                matrix.diagonal().add_(ridge.expand_as(size).flatten())
                self.factor = torch.linalg.cholesky(matrix).float()
                return
            inverse = torch.linalg.inv((blocks + torch.diag_embed(ridge.expand_as(size))).double())
            self.levels.append(GridLevel(elements, inverse.to(elements)))
            energies = _coarser(energies)

    def solve(self, right: Tensor) -> Tensor:
        """An approximate solution, in the span, of the system for ``[C, H, W]`` on the right.

        Symmetric and positive definite as a map, so that it can precondition.
        """
        coefficients = self._cycle(self.restrict(right).permute(2, 3, 1, 0).contiguous(), 0)
        return self.prolong(coefficients.permute(3, 2, 0, 1))

    def prolong(self, coefficients: Tensor) -> Tensor:
        """The functions with ``[C, 4, ny + 1, nx + 1]`` coefficients: ``[C, H, W]``."""
        ny, nx = self.cells
        share = torch.arange(CELL).to(coefficients) / CELL
        left, right = coefficients[..., :-1, None], coefficients[..., 1:, None]
        lines = torch.lerp(left, right, share).flatten(-2)  # [C, 4, ny + 1, W']
        out = lines.new_empty(len(lines), ny, CELL, nx * CELL)
        for rows in self._strips():
            below = slice(rows.start + 1, rows.stop + 1)
            fields = torch.lerp(lines[:, :, rows, None], lines[:, :, below, None], share[:, None])
            out[:, rows] = (fields * self._basis_cells(rows)).sum(1)
        return out.flatten(1, 2)[:, : self.size[0], : self.size[1]]

    def restrict(self, values: Tensor) -> Tensor:
        """The transpose of :meth:`prolong`: ``[C, H, W]`` to ``[C, 4, ny + 1, nx + 1]``."""
        ny, nx = self.cells
        share = torch.arange(CELL).to(values) / CELL
        weights = torch.stack([1 - share, share])  # [2, CELL]
        padded = F.pad(values, (0, nx * CELL - self.size[1], 0, ny * CELL - self.size[0]))
        padded = padded.unflatten(1, (ny, CELL))
        lines = values.new_zeros(len(values), 4, ny + 1, nx * CELL)
        for rows in self._strips():
            ends = weights @ (padded[:, None, rows] * self._basis_cells(rows))  # [C, 4, rows, 2, W']
            lines[:, :, rows] += ends[..., 0, :]
            lines[:, :, rows.start + 1 : rows.stop + 1] += ends[..., 1, :]
        ends = lines.unflatten(-1, (nx, CELL)) @ weights.T  # [C, 4, ny + 1, nx, 2]
        return F.pad(ends[..., 0], (0, 1)) + F.pad(ends[..., 1], (1, 0))

    def _strips(self) -> Iterator[slice]:
        return _strips(*self.cells, self.basis.device)

    def _basis_cells(self, rows: slice) -> Tensor:
        """The four basis functions on some rows of cells: ``[4, rows, CELL, W']``."""
        return self.basis[:, rows.start * CELL : rows.stop * CELL].unflatten(1, (-1, CELL))

    def _cycle(self, right: Tensor, index: int) -> Tensor:
        """One V-cycle for ``[ny + 1, nx + 1, 4, C]`` on the right, from grid ``index`` on."""
        if index == len(self.levels):
            return torch.cholesky_solve(right.flatten(0, 2), self.factor).view_as(right)
        level = self.levels[index]
        x = DAMPING * (level.inverse @ right)
        coarse = self._cycle(_to_coarse(right - _product(level.elements, x)), index + 1)
        x = x + _to_fine(coarse, *right.shape[:2])
        return x + DAMPING * (level.inverse @ (right - _product(level.elements, x)))


def _strips(rows: int, columns: int, device: torch.device) -> Iterator[slice]:
    """Rows of cells that are worked on at once."""
    strip = strip_rows(STRIP * CELL, columns * CELL, device) // CELL
    for top in range(0, rows, strip):
        yield slice(top, min(top + strip, rows))


def _energies(
    basis: Tensor, size: tuple[int, int], alpha: float, epsilon: float, cost_of: GradientCost
) -> Tensor:
    """What each cell adds to the system, ``[ny, nx, 16, 16]``: corner pairs, then coefficient pairs.

    Within a window, a function with coefficients c(x) is the window's own affine function plus
    what the gradients of c add; only those cost energy. All windows are summed: a sample of them
    misses lonely pixels in flat cells, and the grid then corrects far too much there.
    """
    ny, nx = basis.shape[1] // CELL, basis.shape[2] // CELL
    weights, slopes_y, slopes_x = _corner_weights(basis)
    total = basis.new_empty(ny, nx, 16, 4, 4)
    for cells in _strips(ny, nx, basis.device):
        rows = slice(cells.start * CELL, cells.stop * CELL)
        cost = cost_of(basis, rows, size, epsilon) * alpha
        mass = (1 - alpha) * 9 * basis[:, None, rows] * basis[:, rows]  # [4, 4, rows, W'], 9 is the degree
        mixed = _sum_cells(cost[2], _pairs(slopes_y, slopes_x))
        total[cells] = (
            _sum_cells(cost[0], _pairs(slopes_y, slopes_y))
            + _sum_cells(cost[1], _pairs(slopes_x, slopes_x))
            + mixed + mixed.unflatten(2, (4, 4)).permute(0, 1, 3, 2, 5, 4).flatten(2, 3)
            + _sum_cells(mass, _pairs(weights, weights))
        )  # fmt: skip
    return total.flatten(3)


def gradient_cost(basis: Tensor, rows: slice, size: tuple[int, int], epsilon: float) -> Tensor:
    """Energy of unit gradients of the coefficients: ``[3, 4, 4, rows, W']``, 0 where no window is centered.

    The first index says which gradients go together: y with y, x with x, y with x.

    For functions ``c(x) . b`` with basis ``b`` and window offsets ``o``, gradients ``g`` of ``c`` add the
    values ``sum_d,k g_dk o_d b_k`` to a window; what the window's affine fit explains of them is free:
    ``cost[d, k, e, l] = sum_i o_d b_k o_e b_l - sum_f common[f, d, k] common[f, e, l]`` with
    ``common[f, d, k] = sum_i F_fi o_d b_k`` for the rows ``F = (1, y) / 3`` of the affinity ``F' F``.

    Args:
        basis: ``[4, H', W']``.
        rows: of the basis.
        size: height and width of the picture.
        epsilon: of the Laplacian.
    """
    centers = torch.zeros_like(basis[0])
    centers[1 : size[0] - 1, 1 : size[1] - 1] = 1
    margin = F.pad(basis, (1, 1, 1, 1))[:, rows.start : rows.stop + 2]
    products = margin[:, None] * margin
    h, w = margin.shape[1] - 2, margin.shape[2] - 2
    window = [margin[:, 1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] for dy, dx in POSITIONS]
    colors = [pixel[1:].double() for pixel in window]
    mean = sum(colors[1:], colors[0]) / 9
    whitened = [y.float() for y in whiten_windows([color - mean for color in colors], epsilon)]
    common = margin.new_zeros(4, 2, 4, h, w)
    for pixel, y, offset in zip(window, whitened, POSITIONS, strict=True):
        for d in (0, 1):
            if offset[d]:
                common[0, d].add_(pixel, alpha=offset[d] / 3)
                common[1:, d].addcmul_(y[:, None], pixel, value=offset[d] / 3)
    lines = products[..., :-2] + products[..., 1:-1] + products[..., 2:]
    columns = products[..., :-2, :] + products[..., 1:-1, :] + products[..., 2:, :]
    cost = margin.new_empty(3, 4, 4, h, w)
    cost[0] = lines[..., :-2, :] + lines[..., 2:, :]
    cost[1] = columns[..., :-2] + columns[..., 2:]
    diagonal = products[..., 2:, :] - products[..., :-2, :]
    cost[2] = diagonal[..., 2:] - diagonal[..., :-2]
    for together, (d, e) in zip(cost, ((0, 0), (1, 1), (0, 1)), strict=True):
        for row in common:
            together.addcmul_(row[d, :, None], row[e], value=-1)
    return cost.mul_(centers[rows])


def _corner_weights(like: Tensor) -> list[Tensor]:
    """At each pixel of a cell: the corners' weights and their y and x gradients, ``[CELL², 4]`` each."""
    places = [_bilinear(y / CELL, x / CELL) for y, x in product(range(CELL), range(CELL))]
    values = torch.stack([weight for weight, _ in places])
    slopes = torch.stack([slope for _, slope in places]) / CELL
    return [values.to(like), slopes[:, 0].to(like), slopes[:, 1].to(like)]


def _pairs(first: Tensor, second: Tensor) -> Tensor:
    """``[CELL², 16]``: products of two corners' weights at each pixel."""
    return (first[:, :, None] * second[:, None]).flatten(1)


def _sum_cells(maps: Tensor, weights: Tensor) -> Tensor:
    """``[4, 4, rows, W']`` weighed by ``[CELL², 16]`` and summed over each cell: ``[ny, nx, 16, 4, 4]``."""
    split = maps.unflatten(3, (-1, CELL)).unflatten(2, (-1, CELL))  # [4, 4, ny, CELL, nx, CELL]
    return (split.permute(2, 4, 0, 1, 3, 5).flatten(4) @ weights).permute(0, 1, 4, 2, 3)


def _bilinear(y: float, x: float) -> tuple[Tensor, Tensor]:
    """Weights ``[4]`` of a cell's corners at (y, x) in [0, 1], and their gradients ``[2, 4]``."""
    lines, columns = torch.tensor([1 - y, y]), torch.tensor([1 - x, x])
    slope = torch.tensor([-1.0, 1.0])
    weights = torch.outer(lines, columns).flatten()
    return weights, torch.stack([torch.outer(slope, columns), torch.outer(lines, slope)]).flatten(1)


def _coarser(energies: Tensor) -> Tensor:
    """Energies of cells twice as large, whose functions the four small cells also have."""
    ny, nx = energies.shape[:2]
    energies = F.pad(energies, (0, 0, 0, 0, 0, nx % 2, 0, ny % 2))
    total = torch.zeros_like(energies[::2, ::2])
    for down, right in CORNERS:
        corners = [_bilinear((down + i) / 2, (right + j) / 2)[0] for i, j in CORNERS]
        small = torch.stack(corners).to(energies)  # [4 corners of the small cell, 4 of the large]
        total += torch.kron(small, small).T @ energies[down::2, right::2]
    return total


def _as_matrices(energies: Tensor) -> Tensor:
    """Pairs of corners and pairs of coefficients as cell matrices ``[ny, nx, 16, 16]``."""
    split = energies.unflatten(3, (4, 4)).unflatten(2, (4, 4))  # corner, corner, coefficient, coefficient
    return split.transpose(3, 4).flatten(4).flatten(2, 3).contiguous()


def _node_blocks(elements: Tensor) -> Tensor:
    """Diagonal 4x4 blocks of the assembled matrix: ``[ny + 1, nx + 1, 4, 4]``."""
    ny, nx = elements.shape[:2]
    blocks = elements.new_zeros(ny + 1, nx + 1, 4, 4)
    for k, (i, j) in enumerate(CORNERS):
        own = slice(4 * k, 4 * k + 4)
        blocks[i : ny + i, j : nx + j] += elements[:, :, own, own]
    return blocks


def _dense(elements: Tensor) -> Tensor:
    """The assembled matrix, ``[4 nodes, 4 nodes]``."""
    ny, nx = elements.shape[:2]
    matrix = elements.new_zeros(ny + 1, nx + 1, 4, ny + 1, nx + 1, 4)
    line, column = torch.meshgrid(torch.arange(ny), torch.arange(nx), indexing="ij")
    for a, (i, j) in enumerate(CORNERS):
        for b, (k, m) in enumerate(CORNERS):
            part = elements[:, :, 4 * a : 4 * a + 4, 4 * b : 4 * b + 4]
            matrix[line + i, column + j, :, line + k, column + m] += part
    return matrix.flatten(3).flatten(0, 2)


def _product(elements: Tensor, x: Tensor) -> Tensor:
    """The assembled matrix times ``[ny + 1, nx + 1, 4, C]``."""
    ny, nx = elements.shape[:2]
    corners = elements @ torch.cat([x[i : ny + i, j : nx + j] for i, j in CORNERS], 2)  # [ny, nx, 16, C]
    out = torch.zeros_like(x)
    for k, (i, j) in enumerate(CORNERS):
        out[i : ny + i, j : nx + j] += corners[:, :, 4 * k : 4 * k + 4]
    return out


def _to_coarse(x: Tensor) -> Tensor:
    """Transpose of :func:`_to_fine`."""
    for dim in (0, 1):
        x = x.movedim(dim, 0)
        x = F.pad(x, (0, 0) * (x.ndim - 1) + (1, 2 - x.shape[0] % 2))  # node 0 gets a left neighbor
        x = (x[1:-1:2] + (x[0:-2:2] + x[2::2]) / 2).movedim(0, dim)
    return x


def _to_fine(x: Tensor, rows: int, columns: int) -> Tensor:
    """Nodes of a grid between those of the twice coarser one: ``[ny, nx, 4, C]`` to rows, columns."""
    for dim, count in ((0, rows), (1, columns)):
        x = x.movedim(dim, 0)
        between = torch.cat([(x[:-1] + x[1:]) / 2, x[-1:] / 2])  # past the last node there is none
        x = torch.stack([x, between], 1).flatten(0, 1)[:count].movedim(0, dim)
    return x
