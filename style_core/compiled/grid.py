"""Kernels of the color-affine grid: what its cells cost, the way to it and back, and its V-cycle.

Arrays are float32. The basis is ``[4, H', W']``, zero outside the picture; vectors of a grid are
``[C, 4, ny + 1, nx + 1]``, channels and coefficients of its nodes. The energies of cells are laid
out as ``[ny, 16, 16, nx]`` and the inverted blocks of nodes as ``[ny + 1, 4, 4, nx + 1]``, so that
the innermost loops run along rows of cells.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel
from .matting import whiten_row

Array = Any  # of NumPy; its shape and type are in the docstrings
CELL = 8  # pixels between the nodes of the finest grid


@kernel
def gradient_cost(
    start: int, stop: int, top: int, basis: Array, height: int, width: int,
    epsilon: float, out: Array,
) -> None:  # fmt: skip
    """Energy of unit gradients of the coefficients, see ``gradient_cost`` of color_affine_grid.py.

    Args:
        start, stop: rows of ``out``.
        top: the picture's row that ``out`` begins with.
        basis: ``[4, H', W']``.
        height, width: of the picture.
        epsilon: of the Laplacian.
        out: ``[3, 4, 4, rows, W']``, written; 0 where no window is centered.
    """
    columns = basis.shape[2]
    image = basis[1:]
    scratch, whitened = np.empty((11, columns)), np.zeros((27, columns), np.float32)
    common = np.empty((4, 2, 4, columns), np.float32)
    third = np.float32(1 / 3)
    for row in range(start, stop):
        y = top + row
        out[:, :, :, row] = 0
        if y < 1 or y >= height - 1:
            continue
        whiten_row(image, y, epsilon, scratch, whitened)
        common[:] = 0
        for pixel in range(9):
            offsets = (pixel // 3 - 1, pixel % 3 - 1)
            dy, dx = offsets
            for d in range(2):
                factor = np.float32(offsets[d]) * third
                if offsets[d] == 0:
                    continue
                for k in range(4):
                    line, total = basis[k, y + dy], common[0, d, k]
                    for x in range(1, columns - 1):
                        total[x] += factor * line[x + dx]
                    for f in range(3):
                        total, white = common[1 + f, d, k], whitened[3 * pixel + f]
                        for x in range(1, columns - 1):
                            total[x] += factor * white[x] * line[x + dx]
        for pair in range(3):
            d, e = pair % 2, (pair + 1) // 2  # (0, 0), (1, 1), (0, 1)
            for k in range(4):
                for m in range(0 if pair == 2 else k, 4):
                    target = out[pair, k, m, row]
                    for dy in range(-1, 2):
                        a, b = basis[k, y + dy], basis[m, y + dy]
                        if pair == 0 and dy != 0:
                            for x in range(1, width - 1):
                                target[x] += a[x - 1] * b[x - 1] + a[x] * b[x] + a[x + 1] * b[x + 1]
                        if pair == 1:
                            for x in range(1, width - 1):
                                target[x] += a[x - 1] * b[x - 1] + a[x + 1] * b[x + 1]
                        if pair == 2 and dy != 0:
                            for x in range(1, width - 1):
                                target[x] += np.float32(dy) * (a[x + 1] * b[x + 1] - a[x - 1] * b[x - 1])
                    a0, a1, a2, a3 = common[0, d, k], common[1, d, k], common[2, d, k], common[3, d, k]
                    b0, b1, b2, b3 = common[0, e, m], common[1, e, m], common[2, e, m], common[3, e, m]
                    for x in range(1, width - 1):
                        free = a0[x] * b0[x] + a1[x] * b1[x] + a2[x] * b2[x] + a3[x] * b3[x]
                        target[x] -= free
                    if pair < 2 and k != m:
                        mirrored = out[pair, m, k, row]
                        for x in range(1, width - 1):
                            mirrored[x] = target[x]


@kernel
def restrict(start: int, stop: int, basis: Array, values: Array, out: Array) -> None:
    """Nodes in rows ``start`` … ``stop - 1`` of the transpose of ``prolong``.

    Args:
        start, stop: rows of nodes.
        basis: ``[4, H', W']``.
        values: ``[C, H, W]``.
        out: ``[C, 4, ny + 1, nx + 1]``, written.
    """
    channels, height, width = values.shape
    nx = out.shape[3] - 1
    totals = np.zeros((4, nx * CELL), np.float32)
    line = np.empty(width, np.float32)
    for node in range(start, stop):
        for channel in range(channels):
            totals[:] = 0
            for y in range(max((node - 1) * CELL, 0), min((node + 1) * CELL, height)):
                share = np.float32(1) - np.float32(abs(y - node * CELL)) / np.float32(CELL)
                source = values[channel, y]
                t0, t1, t2, t3 = totals[0], totals[1], totals[2], totals[3]
                b1, b2, b3 = basis[1, y], basis[2, y], basis[3, y]
                for x in range(width):
                    line[x] = share * source[x]
                for x in range(width):
                    t0[x] += line[x]
                for x in range(width):
                    t1[x] += line[x] * b1[x]
                for x in range(width):
                    t2[x] += line[x] * b2[x]
                for x in range(width):
                    t3[x] += line[x] * b3[x]
            for k in range(4):
                total, target = totals[k], out[channel, k, node]
                target[:] = 0
                for cell in range(nx):
                    near, far = np.float32(0), np.float32(0)
                    for q in range(CELL):
                        value = total[cell * CELL + q]
                        near += value
                        far += value * np.float32(q / CELL)
                    target[cell] += near - far
                    target[cell + 1] += far


@kernel
def prolong(
    start: int, stop: int, basis: Array, coefficients: Array, local: Array, residual: Array, out: Array
) -> Array:
    """``out`` = the function with ``coefficients`` + ``local``, on rows of cells.

    Args:
        start, stop: rows of cells.
        basis: ``[4, H', W']``.
        coefficients: ``[C, 4, ny + 1, nx + 1]``.
        local: ``[C, H + 4, W + 4]``, with a margin of 2.
        residual: ``[C, H, W]``.
        out: ``[C, H, W]``, written.

    Returns:
        ``[C]`` float64: the scalar product of ``residual`` and ``out`` on these rows.
    """
    channels, height, width = residual.shape
    nx = coefficients.shape[3] - 1
    # Of the lines of nodes above and below a row of cells: the upper, and how far the lower is away.
    upper, steps = np.empty((4, nx * CELL), np.float32), np.empty((4, nx * CELL), np.float32)
    energy = np.zeros(channels)
    for cells in range(start, stop):
        for channel in range(channels):
            for k in range(4):
                above, below = coefficients[channel, k, cells], coefficients[channel, k, cells + 1]
                first, step = upper[k], steps[k]
                for cell in range(nx):
                    left, right = above[cell], above[cell + 1]
                    fall_left, fall_right = below[cell] - left, below[cell + 1] - right
                    for q in range(CELL):
                        share = np.float32(q / CELL)
                        first[cell * CELL + q] = left + share * (right - left)
                        step[cell * CELL + q] = fall_left + share * (fall_right - fall_left)
            for y in range(cells * CELL, min((cells + 1) * CELL, height)):
                t = np.float32((y - cells * CELL) / CELL)
                target, own, added = out[channel, y], residual[channel, y], local[channel, y + 2]
                u0, u1, u2, u3 = upper[0], upper[1], upper[2], upper[3]
                s0, s1, s2, s3 = steps[0], steps[1], steps[2], steps[3]
                b1, b2, b3 = basis[1, y], basis[2, y], basis[3, y]
                for x in range(width):
                    target[x] = u0[x] + t * s0[x] + (u1[x] + t * s1[x]) * b1[x]
                for x in range(width):
                    target[x] += (u2[x] + t * s2[x]) * b2[x] + (u3[x] + t * s3[x]) * b3[x]
                total = np.float32(0)
                for x in range(width):
                    value = target[x] + added[x + 2]
                    target[x] = value
                    total += value * own[x]
                energy[channel] += total
    return energy


@kernel
def smooth(
    start: int, stop: int, inverse: Array, residual: Array, damping: float, is_first: bool, x: Array
) -> None:
    """``x += damping * inverse residual`` on rows of nodes; the first time ``x`` is taken for 0.

    Args:
        start, stop: rows of nodes.
        inverse: ``[ny + 1, 4, 4, nx + 1]``.
        residual, x: ``[C, 4, ny + 1, nx + 1]``.
        damping: factor.
        is_first: whether ``x`` is only written.
    """
    channels, nodes = x.shape[0], x.shape[3]
    factor = np.float32(damping)
    for row in range(start, stop):
        for channel in range(channels):
            r0, r1 = residual[channel, 0, row], residual[channel, 1, row]
            r2, r3 = residual[channel, 2, row], residual[channel, 3, row]
            for k in range(4):
                target = x[channel, k, row]
                i0, i1, i2, i3 = (
                    inverse[row, k, 0],
                    inverse[row, k, 1],
                    inverse[row, k, 2],
                    inverse[row, k, 3],
                )
                if is_first:
                    target[:] = 0
                for j in range(nodes):
                    target[j] += factor * (i0[j] * r0[j] + i1[j] * r1[j] + i2[j] * r2[j] + i3[j] * r3[j])


@kernel
def cell_residual(start: int, stop: int, elements: Array, x: Array, right: Array, out: Array) -> None:
    """``out = right - A x`` for the assembled energies, on rows of nodes.

    Args:
        start, stop: rows of nodes.
        elements: ``[ny, 16, 16, nx]``: corner and coefficient, twice.
        x, right, out: ``[C, 4, ny + 1, nx + 1]``; ``out`` is written.
    """
    channels, (ny, nx) = x.shape[0], (elements.shape[0], elements.shape[3])
    for node in range(start, stop):
        for channel in range(channels):
            for k in range(4):
                out[channel, k, node] = right[channel, k, node]
        for corner in range(4):  # which corner of a cell the node is
            down, side = corner // 2, corner % 2
            row = node - down
            if row < 0 or row >= ny:
                continue
            for k in range(4):
                for other in range(4):
                    e0, e1 = (
                        elements[row, 4 * corner + k, 4 * other],
                        elements[row, 4 * corner + k, 4 * other + 1],
                    )
                    e2 = elements[row, 4 * corner + k, 4 * other + 2]
                    e3 = elements[row, 4 * corner + k, 4 * other + 3]
                    line, shift = row + other // 2, other % 2
                    for channel in range(channels):
                        target = out[channel, k, node]
                        x0, x1 = x[channel, 0, line], x[channel, 1, line]
                        x2, x3 = x[channel, 2, line], x[channel, 3, line]
                        for j in range(nx):
                            i = j + shift
                            target[j + side] -= e0[j] * x0[i] + e1[j] * x1[i] + e2[j] * x2[i] + e3[j] * x3[i]


@kernel
def to_coarse(start: int, stop: int, fine: Array, out: Array) -> None:
    """Transpose of ``add_fine``, on rows of the coarse grid's nodes: ``[C, 4, …]`` to ``[C, 4, …]``."""
    channels, rows, columns = fine.shape[0], fine.shape[2], fine.shape[3]
    line = np.empty(columns + 2, np.float32)  # one more at both ends
    half = np.float32(0.5)
    for node in range(start, stop):
        for channel in range(channels):
            for k in range(4):
                line[:] = 0
                for row in range(max(2 * node - 1, 0), min(2 * node + 2, rows)):
                    share = np.float32(1) if row == 2 * node else half
                    source = fine[channel, k, row]
                    for j in range(columns):
                        line[j + 1] += share * source[j]
                target = out[channel, k, node]
                for j in range(target.shape[0]):
                    right = line[2 * j + 2] if 2 * j + 2 < columns + 2 else np.float32(0)
                    target[j] = line[2 * j + 1] + half * (line[2 * j] + right)


@kernel
def add_fine(start: int, stop: int, coarse: Array, x: Array) -> None:
    """Add the coarse grid's function to ``x``, on rows of the fine grid's nodes."""
    channels, columns = x.shape[0], x.shape[3]
    half = np.float32(0.5)
    line = np.empty(coarse.shape[3], np.float32)
    for node in range(start, stop):
        for channel in range(channels):
            for k in range(4):
                upper, lower = coarse[channel, k, node // 2], coarse[channel, k, (node + 1) // 2]
                for j in range(line.shape[0]):
                    line[j] = half * (upper[j] + lower[j])
                target = x[channel, k, node]
                for j in range((columns + 1) // 2):
                    target[2 * j] += line[j]
                for j in range(columns // 2):
                    target[2 * j + 1] += half * (line[j] + line[j + 1])


@kernel
def dense(start: int, stop: int, matrix: Array, right: Array, out: Array) -> None:
    """``out = matrix right`` in float64 for rows of the matrix: ``[n, n]`` and ``[C, n]``."""
    channels, count = right.shape
    for row in range(start, stop):
        line = matrix[row]
        for channel in range(channels):
            source, total = right[channel], 0.0
            for j in range(count):
                total += line[j] * source[j]
            out[channel, row] = total
