"""The kernel that sums up what a look's grid is fitted to: every pixel counts at eight nodes around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel

Array = Any  # of NumPy; its shape and type are in the docstrings
SUMS = (
    22  # of a node: the 10 products of two of (r, g, b, 1), then each of the four times r, g, b of the other
)


@kernel
def node_sums(
    start: int, stop: int, content: Array, styled: Array, weights: Array, bins: int, ny: int, nx: int,
    ys: Array, left: Array, share: Array,
) -> tuple[int, Array]:  # fmt: skip
    """Of some rows of a pair of pictures, summed in float32 along a row and in float64 over rows.

    Args:
        start, stop: rows of the pictures.
        content, styled: ``[3, H, W]`` float32.
        weights: ``[H, W]`` float32, how much each pixel counts.
        bins, ny, nx: of the grid, ny and nx at least 2.
        ys: ``[H]`` float32, the rows' places in the grid, 0 to ny - 1.
        left: ``[W]`` int32, the node to the left of every column.
        share: ``[W]`` float32, how far on the way to the next node the column is.

    Returns:
        the first row of nodes that these rows count at, and ``[bins, rows of nodes, nx, SUMS]`` float64.
    """
    first, last = min(int(ys[start]), ny - 2), min(int(ys[stop - 1]), ny - 2)
    total = np.zeros((bins, last - first + 2, nx, SUMS), np.float64)
    row = np.empty((bins * nx, SUMS), np.float32)
    value = np.empty(SUMS, np.float32)
    one, over = np.float32(1), nx if bins > 1 else 0
    for y in range(start, stop):
        row[:] = 0
        for x in range(content.shape[2]):
            if weights[y, x] == 0:  # most regions are in few places
                continue
            r, g, b = content[0, y, x], content[1, y, x], content[2, y, x]
            light = np.float32(0.299) * r + np.float32(0.587) * g + np.float32(0.114) * b
            place = min(max(light, np.float32(0)), one) * np.float32(bins - 1)
            z = max(min(np.int32(place), np.int32(bins - 2)), np.int32(0))
            up, along, w = place - np.float32(z), share[x], weights[y, x]
            wr, wg, wb = w * r, w * g, w * b
            value[0], value[1], value[2], value[3] = wr * r, wr * g, wr * b, wr
            value[4], value[5], value[6] = wg * g, wg * b, wg
            value[7], value[8], value[9] = wb * b, wb, w
            for c in range(3):
                q = styled[c, y, x]
                value[10 + c], value[13 + c], value[16 + c], value[19 + c] = wr * q, wg * q, wb * q, w * q
            n = z * nx + left[x]
            w0, w1, w2, w3 = (one - up) * (one - along), (one - up) * along, up * (one - along), up * along
            for k in range(SUMS):
                row[n, k] += w0 * value[k]
                row[n + 1, k] += w1 * value[k]
                row[n + over, k] += w2 * value[k]
                row[n + over + 1, k] += w3 * value[k]
        top = min(int(ys[y]), ny - 2)
        down = np.float64(ys[y]) - top
        for n in range(bins * nx):
            level, node = n // nx, n % nx
            for k in range(SUMS):
                total[level, top - first, node, k] += (1 - down) * row[n, k]
                total[level, top - first + 1, node, k] += down * row[n, k]
    return first, total
