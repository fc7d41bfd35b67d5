"""Arrays worked on strip by strip, so that what is made on the way is never as large as the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

STRIP = 1 << 19  # values


def strips(array: np.ndarray) -> Iterator[slice]:
    """The rows of ``[H, W, …]``, some at a time."""
    rows = max(1, STRIP // array[0].size)
    for top in range(0, len(array), rows):
        yield slice(top, min(top + rows, len(array)))


def in_strips(array: np.ndarray, convert: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What ``convert`` makes of an array, pixel by pixel, whatever type and channels that has."""
    result = None
    for rows in strips(array):
        part = convert(array[rows])
        if result is None:
            result = np.empty((len(array), *part.shape[1:]), part.dtype)
        result[rows] = part
    assert result is not None  # pictures have rows
    return result


def spread(array: np.ndarray, bits: int) -> np.ndarray:
    """Whole samples of up to 16 ``bits`` over all of uint16."""
    highest = (1 << bits) - 1

    def convert(part: np.ndarray) -> np.ndarray:
        return (part.astype(np.uint32) * 65535 // highest).clip(0, 65535).astype(np.uint16)

    return in_strips(array, convert)
