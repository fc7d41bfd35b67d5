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
def row_of_grid(grid: Array, place: Any, line: Array) -> None:
    """The grid between two of its rows.

    Args:
        grid: ``[bins, ny, nx, 12]``.
        place: 0 to ny - 1.
        line: ``[bins * nx, 12]``, written.
    """
    bins, ny, nx, _ = grid.shape
    top = min(int(place), ny - 2) if ny > 1 else 0
    below = min(top + 1, ny - 1)
    down = place - np.float32(top)
    for z in range(bins):
        for x in range(nx):
            for k in range(12):
                line[z * nx + x, k] = grid[z, top, x, k] + down * (grid[z, below, x, k] - grid[z, top, x, k])


@kernel
def map_row(
    line: Array, bins: int, pixel: Array, left: Array, share: Array, around: Array, new: Array
) -> None:
    """A row of pixels through the maps, interpolated over x and luminance.

    In two loops, of which compilers keep the first in vector registers.

    Args:
        line: of :func:`row_of_grid`.
        bins: of the grid.
        pixel: ``[3, W]``, 0 to 1.
        left: ``[W]`` int32, the node to the left of every column.
        share: ``[W]`` float32, how far on the way to the next node the column is.
        around: ``[5, W]``, written over: every pixel's node below and to the left, and four weights.
        new: ``[3, W]``, written.
    """
    nx, one = len(line) // bins, np.float32(1)
    over, right = nx if bins > 1 else 0, 1 if nx > 1 else 0
    for x in range(pixel.shape[1]):
        light = (
            np.float32(0.299) * pixel[0, x]
            + np.float32(0.587) * pixel[1, x]
            + np.float32(0.114) * pixel[2, x]
        )
        place = min(max(light, np.float32(0)), one) * np.float32(bins - 1)
        z = max(min(np.int32(place), np.int32(bins - 2)), np.int32(0))
        up = place - np.float32(z)
        corner = share[x] * up
        around[0, x] = np.float32(z * nx + left[x])
        around[1, x], around[2, x] = one - up - share[x] + corner, share[x] - corner
        around[3, x], around[4, x] = up - corner, corner
    for x in range(pixel.shape[1]):
        n = int(around[0, x])
        w0, w1, w2, w3 = around[1, x], around[2, x], around[3, x], around[4, x]
        for c in range(3):
            total = np.float32(0)
            for k in range(4):
                m = 4 * c + k
                value = w0 * line[n, m] + w1 * line[n + right, m]
                value += w2 * line[n + over, m] + w3 * line[n + over + right, m]
                total += value * (pixel[k, x] if k < 3 else one)
            new[c, x] = total


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
        left, share: as for :func:`map_row`.
        weights: ``[rows, W]`` float32, of this grid.
        out: ``[3, rows, W]``, added to.
    """
    bins, width = grid.shape[0], picture.shape[2]
    line = np.empty((bins * grid.shape[2], 12), np.float32)
    around, new = np.empty((5, width), np.float32), np.empty((3, width), np.float32)
    for y in range(start, stop):
        first, end = 0, width  # of the columns that have weight: most regions are in few places
        while first < width and weights[y, first] == 0:
            first += 1
        while end > first and weights[y, end - 1] == 0:
            end -= 1
        if first == end:
            continue
        row_of_grid(grid, ys[y], line)
        map_row(line, bins, picture[:, y, first:end], left[first:end], share[first:end], around, new)
        for c in range(3):
            for x in range(first, end):
                out[c, y, x] += weights[y, x] * new[c, x - first]


@kernel
def slice_samples(
    start: int, stop: int, samples: Array, highest: Any, grid: Array, ys: Array, left: Array, share: Array,
    out: Array, target: Any,
) -> None:  # fmt: skip
    """The same for a picture of one grid as files have it, clipped and rounded once, never floats as a whole.

    Args:
        start, stop: rows of the picture.
        samples: ``[H, W, 3]`` uint8 or uint16.
        highest: float32, what stands for 1 in it.
        grid, left, share: as for :func:`slice_rows`.
        ys: ``[H]``.
        out: ``[H, W, 3]`` uint8 or uint16, written.
        target: float32, what stands for 1 in it.
    """
    bins, width = grid.shape[0], samples.shape[1]
    zero, one = np.float32(0), np.float32(1)
    line = np.empty((bins * grid.shape[2], 12), np.float32)
    around, new = np.empty((5, width), np.float32), np.empty((3, width), np.float32)
    pixel = np.empty((3, width), np.float32)
    for y in range(start, stop):
        row_of_grid(grid, ys[y], line)
        for x in range(width):
            for c in range(3):
                pixel[c, x] = np.float32(samples[y, x, c]) / highest
        map_row(line, bins, pixel, left, share, around, new)
        for x in range(width):
            for c in range(3):
                out[y, x, c] = np.rint(min(max(new[c, x], zero), one) * target)
