"""Kernels of the matting Laplacian: window statistics, its 13 numbers a pixel, and its product.

Arrays are laid out as in matting_laplacian.py: ``coefficients`` is ``[13, H + 4, W + 4]``,
pictures are ``[3, H, W]`` and vectors with a margin ``[C, H + 4, W + 4]``, all float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernel import kernel

Array = Any  # of NumPy; its shape and type are in the docstrings


@kernel
def whiten_row(image: Array, row: int, epsilon: float, scratch: Array, whitened: Array) -> None:
    """Whitened colors of the windows centered on a row: ``C^-1 (I_i - mu)``, ``C C' = Sigma + epsilon / 9``.

    Args:
        image: ``[3, H, W]``.
        row: 1 … H - 2.
        epsilon: of the Laplacian.
        scratch: ``[11, W]`` float64, overwritten.
        whitened: ``[27, W]`` float32: three numbers for each of the nine pixels, in reading order; the
            first and last column are not written.
    """
    width = image.shape[2]
    means, factors, scratch = scratch[:3], scratch[3:9], scratch[9:]
    for channel in range(3):
        above, here, below = image[channel, row - 1], image[channel, row], image[channel, row + 1]
        mean = means[channel]
        for x in range(1, width - 1):
            total = np.float64(above[x - 1]) + above[x] + above[x + 1]
            total += np.float64(here[x - 1]) + here[x] + here[x + 1]
            total += np.float64(below[x - 1]) + below[x] + below[x + 1]
            mean[x] = total / 9
    entry = 0
    for first in range(3):
        for second in range(first + 1):
            out, mean, other = factors[entry], means[first], means[second]
            entry += 1
            for x in range(1, width - 1):
                out[x] = epsilon / 9 if first == second else 0.0
            for dy in range(-1, 2):
                line, partner = image[first, row + dy], image[second, row + dy]
                for x in range(1, width - 1):
                    m, n = mean[x], other[x]
                    total = (line[x - 1] - m) * (partner[x - 1] - n) + (line[x] - m) * (partner[x] - n)
                    out[x] += (total + (line[x + 1] - m) * (partner[x + 1] - n)) / 9
    least = epsilon / 18  # rounding must not make a pivot negative
    f00, f10, f11, f20, f21, f22 = factors[0], factors[1], factors[2], factors[3], factors[4], factors[5]
    for x in range(1, width - 1):
        inverse = 1 / np.sqrt(f00[x])
        f00[x] = inverse
        f10[x] *= inverse
        f20[x] *= inverse
    for x in range(1, width - 1):
        pivot = f11[x] - f10[x] * f10[x]
        inverse = 1 / np.sqrt(pivot if pivot > least else least)
        f11[x] = inverse
        f21[x] = (f21[x] - f20[x] * f10[x]) * inverse
    for x in range(1, width - 1):
        pivot = f22[x] - f20[x] * f20[x] - f21[x] * f21[x]
        f22[x] = 1 / np.sqrt(pivot if pivot > least else least)
    m0, m1, m2 = means[0], means[1], means[2]
    a, b = scratch[0], scratch[1]
    for pixel in range(9):
        dy, dx = pixel // 3 - 1, pixel % 3 - 1
        red, green, blue = image[0, row + dy], image[1, row + dy], image[2, row + dy]
        out0, out1, out2 = whitened[3 * pixel], whitened[3 * pixel + 1], whitened[3 * pixel + 2]
        for x in range(1, width - 1):
            a[x] = (red[x + dx] - m0[x]) * f00[x]
        for x in range(1, width - 1):
            b[x] = (green[x + dx] - m1[x] - f10[x] * a[x]) * f11[x]
        for x in range(1, width - 1):
            out2[x] = (blue[x + dx] - m2[x] - f20[x] * a[x] - f21[x] * b[x]) * f22[x]
        for x in range(1, width - 1):
            out0[x], out1[x] = a[x], b[x]


@kernel
def entries(start: int, stop: int, image: Array, epsilon: float, coefficients: Array) -> None:
    """The entries towards later neighbors, of the pixels in rows ``start`` … ``stop - 1``.

    Args:
        start, stop: rows of the picture.
        image: ``[3, H, W]``.
        epsilon: of the Laplacian.
        coefficients: its planes 1 … 12 are added to.
    """
    height, width = image.shape[1], image.shape[2]
    scratch = np.empty((11, width))
    whitened = np.empty((27, width), np.float32)
    for center in range(max(start - 1, 1), min(stop + 1, height - 1)):
        whiten_row(image, center, epsilon, scratch, whitened)
        for first in range(9):
            ay, ax = first // 3 - 1, first % 3 - 1
            row = center + ay
            if row < start or row >= stop:  # another strip's
                continue
            for second in range(first + 1, 9):
                dy, dx = second // 3 - 1 - ay, second % 3 - 1 - ax
                plane = dx if dy == 0 else 5 * dy + dx  # as in _OFFSETS
                out = coefficients[plane, row + 2]
                a0, a1, a2 = whitened[3 * first], whitened[3 * first + 1], whitened[3 * first + 2]
                b0, b1, b2 = whitened[3 * second], whitened[3 * second + 1], whitened[3 * second + 2]
                shift = ax + 2
                for x in range(1, width - 1):
                    out[x + shift] -= (1 + a0[x] * b0[x] + a1[x] * b1[x] + a2[x] * b2[x]) * np.float32(1 / 9)


@kernel
def diagonal(start: int, stop: int, coefficients: Array) -> None:
    """The diagonal that makes rows sum to zero, into plane 0 of rows ``start`` … ``stop - 1``."""
    width = coefficients.shape[2] - 4
    for y in range(start + 2, stop + 2):
        out = coefficients[0, y]
        for plane in range(1, 13):
            dy = 0 if plane < 3 else (plane + 2) // 5
            dx = plane - 5 * dy
            later, earlier = coefficients[plane, y], coefficients[plane, y - dy]
            for x in range(2, width + 2):
                out[x] -= later[x] + earlier[x - dx]


@kernel
def add_later(matrix: Array, dy: int, row: int, line: Array, factor: float, target: Array) -> None:
    """Add ``factor`` times what a row's entries make of the pixels ``dy`` (1 or 2) rows below.

    Args:
        matrix: ``[13, H + 4, W + 4]``.
        dy: how far ``line`` is away.
        row: of the matrix.
        line: ``[W + 4]``, with its margin.
        factor: float32.
        target: ``[W]``.
    """
    # Planes are taken one by one: only views that Numba knows to be contiguous become vectors.
    a0, a1, a2 = matrix[5 * dy - 2, row], matrix[5 * dy - 1, row], matrix[5 * dy, row]
    a3, a4 = matrix[5 * dy + 1, row], matrix[5 * dy + 2, row]
    for i in range(target.shape[0]):
        value = a0[i + 2] * line[i] + a1[i + 2] * line[i + 1] + a2[i + 2] * line[i + 2]
        target[i] += factor * (value + a3[i + 2] * line[i + 3] + a4[i + 2] * line[i + 4])


@kernel
def add_earlier(matrix: Array, dy: int, row: int, line: Array, factor: float, target: Array) -> None:
    """Add ``factor`` times what the entries of the row ``dy`` above make of its pixels, ``line``, here."""
    a0, a1 = matrix[5 * dy - 2, row - dy], matrix[5 * dy - 1, row - dy]
    a2, a3, a4 = matrix[5 * dy, row - dy], matrix[5 * dy + 1, row - dy], matrix[5 * dy + 2, row - dy]
    for i in range(target.shape[0]):
        value = a0[i + 4] * line[i + 4] + a1[i + 3] * line[i + 3] + a2[i + 2] * line[i + 2]
        target[i] += factor * (value + a3[i + 1] * line[i + 1] + a4[i] * line[i])


@kernel
def multiply(start: int, stop: int, coefficients: Array, x: Array, out: Array) -> Array:
    """``out = L x`` on rows ``start`` … ``stop - 1``; gives ``x' L x`` there by channel, ``[C]`` float64.

    Args:
        start, stop: rows of the picture.
        coefficients: of the Laplacian, or with more on the diagonal.
        x: with a margin of 2 zeros.
        out: ``[C, H, W]``, written.
    """
    channels, width = out.shape[0], out.shape[2]
    energy = np.zeros(channels)
    for y in range(start, stop):
        # Rows are taken plane by plane: only views that Numba knows to be contiguous become vectors.
        center, e1, e2 = coefficients[0, y + 2], coefficients[1, y + 2], coefficients[2, y + 2]
        for channel in range(channels):
            target, line = out[channel, y], x[channel, y + 2]
            for i in range(width):
                j = i + 2
                value = center[j] * line[j] + e1[j] * line[j + 1] + e1[j - 1] * line[j - 1]
                target[i] = value + e2[j] * line[j + 2] + e2[j - 2] * line[j - 2]
            for dy in range(1, 3):
                add_later(coefficients, dy, y + 2, x[channel, y + 2 + dy], np.float32(1), target)
                add_earlier(coefficients, dy, y + 2, x[channel, y + 2 - dy], np.float32(1), target)
            line, total = x[channel, y + 2], np.float32(0)
            for i in range(width):
                total += target[i] * line[i + 2]
            energy[channel] += total
    return energy
