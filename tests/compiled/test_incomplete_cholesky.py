"""Incomplete Cholesky factors against a dense textbook factorization in float64."""

import numpy as np
import pytest
import torch

from style_core.compiled import incomplete_cholesky as module
from style_core.compiled.threads import Threads
from style_core.smoothing.matting_laplacian import _OFFSETS, matting_laplacian

from ..conftest import photo


def matrix_of(image, shift=0.0009):
    """The Laplacian's numbers with something on the diagonal, ``[13, H + 4, W + 4]``."""
    laplacian = matting_laplacian(image)
    matrix = laplacian.coefficients.clone()
    matrix[0, 2:-2, 2:-2] += shift * laplacian.degree
    return matrix.numpy()


def dense(matrix):
    """``[H W, H W]`` float64."""
    height, width = matrix.shape[1] - 4, matrix.shape[2] - 4
    full = np.zeros((height * width, height * width))
    for y in range(height):
        for x in range(width):
            here = y * width + x
            full[here, here] = matrix[0, y + 2, x + 2]
            for plane, (dy, dx) in enumerate(_OFFSETS, start=1):
                if y + dy < height and 0 <= x + dx < width:
                    there = (y + dy) * width + x + dx
                    full[here, there] = full[there, here] = matrix[plane, y + 2, x + 2]
    return full


def textbook(full, shift):
    """L and D of the incomplete factorization with the pattern of ``full``."""
    count, pattern = len(full), full != 0
    work = full + shift * np.diag(full.diagonal())
    lower, pivots = np.eye(count), np.zeros(count)
    for k in range(count):
        pivots[k] = work[k, k]
        column = np.where(pattern[k + 1 :, k], work[k + 1 :, k] / pivots[k], 0)
        lower[k + 1 :, k] = column
        update = np.outer(column, column) * pivots[k]
        work[k + 1 :, k + 1 :] -= np.where(
            pattern[k + 1 :, k + 1 :] | np.eye(len(column), dtype=bool), update, 0
        )
    return lower, pivots


def factors_of(matrix, shift, count=1):
    factors = np.zeros_like(matrix)
    bands = -(-(matrix.shape[1] - 4) // module.BAND)
    with Threads(count) as threads:
        threads.run(module.factorize, bands, matrix, shift, factors)
    return factors


def solved(factors, residual, count=1):
    channels, height, width = residual.shape
    out = np.zeros((channels, height + 4, width + 4), np.float32)
    with Threads(count) as threads:
        threads.run(module.solve, -(-height // module.BAND), factors, residual, out)
    margin = out.copy()
    margin[:, 2:-2, 2:-2] = 0
    assert not margin.any()
    return out[:, 2:-2, 2:-2]


def random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).numpy()


@pytest.mark.parametrize("image", [photo(9, 11), photo(14, 6, seed=2)], ids=["9x11", "14x6"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_factors_and_solution_are_the_textbooks(image, channels):
    matrix = matrix_of(image)
    lower, pivots = textbook(dense(matrix), module.SHIFT)
    factors, residual = factors_of(matrix, module.SHIFT), random(channels, *image.shape[-2:])
    np.testing.assert_allclose(1 / factors[0, 2:-2, 2:-2].ravel(), pivots, rtol=1e-4)
    full = lower @ np.diag(pivots) @ lower.T
    desired = np.linalg.solve(full, residual.reshape(channels, -1).T.astype(float)).T
    actual = solved(factors, residual).reshape(channels, -1)
    np.testing.assert_allclose(actual, desired, atol=1e-3 * np.abs(desired).max())


def test_without_fill_the_solution_is_exact():
    matrix = matrix_of(photo(12, 30))
    matrix[3:] = 0  # rows of pixels by themselves: a band of five, whose factors lie inside it
    residual = random(3, 12, 30)
    actual = solved(factors_of(matrix, 0.0), residual).reshape(3, -1)
    desired = np.linalg.solve(dense(matrix), residual.reshape(3, -1).T.astype(float)).T
    np.testing.assert_allclose(actual, desired, atol=1e-3 * np.abs(desired).max())


def test_bands_are_solved_by_themselves(monkeypatch):
    height = module.BAND + 10
    matrix, residual = matrix_of(photo(height, 8)), random(2, height, 8)
    together = solved(factors_of(matrix, module.SHIFT), residual)
    for rows in (slice(0, module.BAND), slice(module.BAND, height)):
        part = np.ascontiguousarray(matrix[:, rows.start : rows.stop + 4])
        part[:, :2] = 0
        part[:, -2:] = 0
        alone = solved(factors_of(part, module.SHIFT), np.ascontiguousarray(residual[:, rows]))
        np.testing.assert_allclose(together[:, rows], alone, atol=1e-5 * np.abs(alone).max())


def test_the_number_of_threads_changes_nothing():
    matrix, residual = matrix_of(photo(150, 20)), random(3, 150, 20)
    one, three = (solved(factors_of(matrix, module.SHIFT, k), residual, k) for k in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize(
    "image",
    [
        photo(10, 12),
        torch.full((1, 3, 10, 12), 0.5),
        torch.rand(1, 3, 10, 12, generator=torch.Generator().manual_seed(1)).round(),
        photo(10, 12).mean(1, keepdim=True).expand(1, 3, -1, -1),
    ],
    ids=["photo", "flat", "black and white noise", "gray"],
)
def test_it_is_symmetric_and_positive_definite(image):
    factors = factors_of(matrix_of(image.contiguous()), module.SHIFT)
    assert (factors[0, 2:-2, 2:-2] > 0).all()
    columns = np.eye(120, dtype=np.float32).reshape(120, 10, 12)
    inverse = solved(factors, columns).reshape(120, 120).astype(float)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-4 * np.abs(inverse).max())
    assert np.linalg.eigvalsh((inverse + inverse.T) / 2)[0] > 0


def test_a_pivot_below_zero_is_replaced():
    matrix = np.zeros((13, 5, 6), np.float32)
    matrix[0, 2, 2:4] = 1, 1
    matrix[1, 2, 2] = 3  # 1 - 3² < 0
    factors = factors_of(matrix, 0.0)
    assert factors[0, 2, 2:4].tolist() == [1, 1]
