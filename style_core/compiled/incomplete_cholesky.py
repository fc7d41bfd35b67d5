"""Incomplete Cholesky factors of the smoothing's matrix: ``A ~ (1 + f) D (1 + f)'`` without fill-in.

What the diagonal alone leaves to conjugate gradients, small patches of one color between hard
edges, the factors solve almost exactly; a third of the steps is left. Rows are worked on in bands
of BAND, and what couples two bands is left out, so that threads need not wait for each other and
the result does not depend on their number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel
from .matting import add_earlier, add_later

Array = Any  # of NumPy; its shape and type are in the docstrings
BAND = 64
# Added to the diagonal, as a share of it: entries of both signs would else give pivots below zero.
SHIFT = 0.05
LEAST_PIVOT = 0.01  # share of the diagonal below which a pivot is replaced by the diagonal


@kernel
def factorize(start: int, stop: int, matrix: Array, shift: float, factors: Array) -> None:
    """The factors of bands ``start`` … ``stop - 1``.

    Args:
        start, stop: bands of rows.
        matrix: ``[13, H + 4, W + 4]`` float32, laid out as the Laplacian's coefficients.
        shift: share of the diagonal that is added to it.
        factors: like ``matrix``, zeros; written: plane 0 is ``1 / D``, the others are entries of f.
    """
    height, width = matrix.shape[1] - 4, matrix.shape[2] - 4
    pivots = np.zeros((3, width + 4))  # D of this row and the two above, by row modulo 3
    for band in range(start, stop):
        first, last = band * BAND + 2, min((band + 1) * BAND, height) + 2
        for y in range(first, last):
            here = pivots[y % 3]
            for x in range(2, width + 2):
                own = matrix[0, y, x] * (1 + shift)
                pivot = np.float64(own)
                for i in range(1, 13):  # earlier neighbors, by what leads from them here
                    dy = 0 if i < 3 else (i + 2) // 5
                    dx = i - 5 * dy
                    if y - dy >= first:
                        f = np.float64(factors[i, y - dy, x - dx])
                        pivot -= f * f * pivots[(y - dy) % 3, x - dx]
                if not pivot > LEAST_PIVOT * own:
                    pivot = own
                here[x] = pivot
                factors[0, y, x] = 1 / pivot
                for k in range(1, 13):  # later neighbors
                    ky = 0 if k < 3 else (k + 2) // 5
                    kx = k - 5 * ky
                    if y + ky >= last or x + kx < 2 or x + kx >= width + 2:
                        continue
                    total = np.float64(matrix[k, y, x])
                    for i in range(1, 13):
                        dy = 0 if i < 3 else (i + 2) // 5
                        dx = i - 5 * dy
                        sy, sx = dy + ky, dx + kx
                        if y - dy < first or sy > 2 or sx > 2 or sx < -2 or (sy == 0 and sx <= 0):
                            continue
                        f = np.float64(factors[i, y - dy, x - dx]) * pivots[(y - dy) % 3, x - dx]
                        total -= f * factors[5 * sy + sx, y - dy, x - dx]
                    factors[k, y, x] = total / pivot


@kernel
def forward(f1: Array, f2: Array, t0: Array, t1: Array, t2: Array) -> None:
    """Along a row, ``t[i] -= f1[i - 1] t[i - 1] + f2[i - 2] t[i - 2]`` for three channels at once.

    Each number waits for the one before; three channels wait together.
    """
    p0 = p1 = p2 = q0 = q1 = q2 = np.float32(0)
    for i in range(t0.shape[0] - 4):
        a, b = f1[i + 1], f2[i]
        v0, v1, v2 = t0[i + 2] - b * q0, t1[i + 2] - b * q1, t2[i + 2] - b * q2
        v0, v1, v2 = v0 - a * p0, v1 - a * p1, v2 - a * p2
        t0[i + 2], t1[i + 2], t2[i + 2] = v0, v1, v2
        q0, q1, q2 = p0, p1, p2
        p0, p1, p2 = v0, v1, v2


@kernel
def backward(f1: Array, f2: Array, t0: Array, t1: Array, t2: Array) -> None:
    """Back along a row, ``t[i] -= f1[i] t[i + 1] + f2[i] t[i + 2]`` for three channels at once."""
    p0 = p1 = p2 = q0 = q1 = q2 = np.float32(0)
    end = t0.shape[0] - 3
    for i in range(t0.shape[0] - 4):
        j = end - i
        a, b = f1[j], f2[j]
        v0, v1, v2 = t0[j] - b * q0, t1[j] - b * q1, t2[j] - b * q2
        v0, v1, v2 = v0 - a * p0, v1 - a * p1, v2 - a * p2
        t0[j], t1[j], t2[j] = v0, v1, v2
        q0, q1, q2 = p0, p1, p2
        p0, p1, p2 = v0, v1, v2


@kernel
def solve(start: int, stop: int, factors: Array, residual: Array, out: Array) -> None:
    """``out = ((1 + f) D (1 + f)')^-1 residual`` on bands.

    Args:
        start, stop: bands of rows.
        factors: from :func:`factorize`.
        residual: ``[C, H, W]`` float32.
        out: ``[C, H + 4, W + 4]`` with a margin of zeros; written inside it.
    """
    channels, height, width = residual.shape
    spare = np.zeros(width + 4, np.float32)  # stands in for missing channels
    for band in range(start, stop):
        first, last = band * BAND, min((band + 1) * BAND, height)
        for y in range(first, last):
            for channel in range(channels):
                target, source = out[channel, y + 2], residual[channel, y]
                for i in range(width):
                    target[i + 2] = source[i]
                for dy in range(1, min(2, y - first) + 1):
                    add_earlier(factors, dy, y + 2, out[channel, y + 2 - dy], np.float32(-1), target[2:-2])
            f1, f2 = factors[1, y + 2], factors[2, y + 2]
            for channel in range(0, channels, 3):
                t0 = out[channel, y + 2]
                t1 = out[channel + 1, y + 2] if channel + 1 < channels else spare
                t2 = out[channel + 2, y + 2] if channel + 2 < channels else spare
                forward(f1, f2, t0, t1, t2)
        for y in range(last - 1, first - 1, -1):
            inverse = factors[0, y + 2]
            for channel in range(channels):
                target = out[channel, y + 2]
                for i in range(width):
                    target[i + 2] *= inverse[i + 2]
                for dy in range(1, min(2, last - 1 - y) + 1):
                    add_later(factors, dy, y + 2, out[channel, y + 2 + dy], np.float32(-1), target[2:-2])
            f1, f2 = factors[1, y + 2], factors[2, y + 2]
            for channel in range(0, channels, 3):
                t0 = out[channel, y + 2]
                t1 = out[channel + 1, y + 2] if channel + 1 < channels else spare
                t2 = out[channel + 2, y + 2] if channel + 2 < channels else spare
                backward(f1, f2, t0, t1, t2)
