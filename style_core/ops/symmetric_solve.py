"""Many small symmetric systems at once, one per pixel: by hand, because a library solves them one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

PAIRS = tuple((i, j) for i in range(3) for j in range(i, 3))  # of three colors, each pair once


def solve_symmetric(matrix: Mapping[tuple[int, int], Tensor], right: Sequence[Tensor]) -> list[Tensor]:
    """Solve ``matrix @ x = right`` for 3 x 3 symmetric positive definite matrices, one at every position.

    The square-root-free Cholesky factorization (Golub and Van Loan, *Matrix Computations*, 4.1.2), in the
    floating dtype that comes; no pivots are needed where the matrices are positive definite.

    Args:
        matrix: the entries of :data:`PAIRS`, ``[H, W]`` each.
        right: three rows, ``[K, H, W]`` each.

    Returns:
        three rows of the solution, ``[K, H, W]`` each.
    """
    second = matrix[0, 1] / matrix[0, 0]  # the multipliers that eliminate the first unknown
    third = matrix[0, 2] / matrix[0, 0]
    pivot = matrix[1, 1] - second * matrix[0, 1]
    below = matrix[1, 2] - third * matrix[0, 1]
    last = below / pivot
    end = matrix[2, 2] - third * matrix[0, 2] - last * below
    y1 = right[1] - second * right[0]
    y2 = right[2] - third * right[0] - last * y1
    x2 = y2 / end
    x1 = y1.div_(pivot).sub_(last * x2)
    x0 = (right[0] / matrix[0, 0]).sub_(second * x1).sub_(third * x2)
    return [x0, x1, x2]
