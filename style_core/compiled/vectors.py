"""Kernels of conjugate gradients: its updates of whole vectors, ``[C, H, W]`` float32."""

from __future__ import annotations

from typing import Any

from .kernel import kernel

Array = Any  # of NumPy; its shape and type are in the docstrings


@kernel
def advance(
    start: int, stop: int, x: Array, residual: Array, direction: Array, product: Array, rate: Array
) -> None:
    """``x += rate * direction`` and ``residual -= rate * product`` on rows of the picture.

    Args:
        start, stop: rows.
        x, residual, product: ``[C, H, W]``.
        direction: with a margin of 2.
        rate: ``[C]`` float32.
    """
    channels, width = x.shape[0], x.shape[2]
    for channel in range(channels):
        factor = rate[channel]
        for y in range(start, stop):
            target, source = x[channel, y], direction[channel, y + 2]
            for i in range(width):
                target[i] += factor * source[i + 2]
            target, source = residual[channel, y], product[channel, y]
            for i in range(width):
                target[i] -= factor * source[i]


@kernel
def turn(start: int, stop: int, z: Array, ratio: Array, direction: Array) -> None:
    """``direction = z + ratio * direction`` inside its margin of 2, on rows of the picture."""
    channels, width = z.shape[0], z.shape[2]
    for channel in range(channels):
        factor = ratio[channel]
        for y in range(start, stop):
            source, target = z[channel, y], direction[channel, y + 2]
            for i in range(width):
                target[i + 2] = source[i] + factor * target[i + 2]
