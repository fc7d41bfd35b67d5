"""The kernel that puts a look's grid on pixels: trilinear interpolation of affine color maps.

The grid is ``[bins, ny, nx, 12]`` float32, rows of 3 x 4 matrices one after another; pictures are
``[3, rows, W]`` float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel

Array = Any  # of NumPy; its shape and type are in the docstrings


@kernel
def slice_rows(
    start: int, stop: int, picture: Array, grid: Array, ys: Array, left: Array, share: Array,
    weights: Array, out: Array,
) -> None:  # fmt: skip
    """``out = weights * (matrix (r, g, b, 1))``, added to what is there.

    Args:
        start, stop: rows of the picture.
        picture: ``[3, rows, W]``, 0 to 1.
        grid: ``[bins, ny, nx, 12]``.
        ys: ``[rows]`` float32, the rows' places in the grid, 0 to ny - 1.
        left: ``[W]`` int32, the node to the left of every column.
        share: ``[W]`` float32, how far on the way to the next node the column is.
        weights: ``[rows, W]`` float32, of this grid.
        out: ``[3, rows, W]``, added to.
    """
    bins, ny, nx, _ = grid.shape
    width = picture.shape[2]
    line = np.empty((bins, nx, 12), np.float32)
    one = np.float32(1)
    for y in range(start, stop):
        top = min(int(ys[y]), ny - 2) if ny > 1 else 0
        below = min(top + 1, ny - 1)
        down = ys[y] - np.float32(top)
        for z in range(bins):
            for x in range(nx):
                for k in range(12):
                    line[z, x, k] = grid[z, top, x, k] + down * (grid[z, below, x, k] - grid[z, top, x, k])
        for x in range(width):
            weight = weights[y, x]
            if weight == 0:
                continue
            r, g, b = picture[0, y, x], picture[1, y, x], picture[2, y, x]
            light = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            place = min(max(light, np.float32(0)), one) * np.float32(bins - 1)
            z = min(int(place), bins - 2) if bins > 1 else 0
            above = min(z + 1, bins - 1)
            up = place - np.float32(z)
            i = left[x]
            j = min(i + 1, nx - 1)
            w1 = share[x] * (one - up)
            w3 = share[x] * up
            w0 = one - share[x] - up + w3
            w2 = up - w3
            for c in range(3):
                total = np.float32(0)
                for k in range(4):
                    m = 4 * c + k
                    value = (
                        w0 * line[z, i, m]
                        + w1 * line[z, j, m]
                        + w2 * line[above, i, m]
                        + w3 * line[above, j, m]
                    )
                    total += value * (r if k == 0 else g if k == 1 else b if k == 2 else one)
                out[c, y, x] += weight * total
