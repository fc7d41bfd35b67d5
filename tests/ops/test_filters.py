"""Box means and the guided filter against plain NumPy loops in float64."""

import numpy as np
import pytest
import torch

from style_core.ops.box_filter import box_mean
from style_core.ops.guided_filter import guided_filter

from ..conftest import photo


def window(array, y, x, radius):
    return array[..., max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]


@pytest.mark.parametrize("radius", [0, 1, 3, 20])
def test_box_mean_agrees_with_clipped_windows(radius):
    x = torch.rand(1, 2, 7, 9, dtype=torch.float64)
    desired = np.array(
        [[[window(c, i, j, radius).mean() for j in range(9)] for i in range(7)] for c in x[0].numpy()]
    )
    np.testing.assert_allclose(box_mean(x, radius)[0], desired)


def naive_guided_filter(guide, x, radius, eps):
    _, height, width = guide.shape
    slopes, offsets = np.zeros((height, width, 3)), np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            colors = window(guide, i, j, radius).reshape(3, -1)
            values = window(x, i, j, radius).reshape(-1)
            covariance = np.cov(colors, bias=True) + eps * np.eye(3)
            cross = ((colors - colors.mean(1, keepdims=True)) * values).mean(1)
            slopes[i, j] = np.linalg.solve(covariance, cross)
            offsets[i, j] = values.mean() - slopes[i, j] @ colors.mean(1)
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            a = window(slopes.transpose(2, 0, 1), i, j, radius).reshape(3, -1).mean(1)
            result[i, j] = a @ guide[:, i, j] + window(offsets, i, j, radius).mean()
    return result


def test_guided_filter_agrees_with_the_definition():
    guide, x = photo(12, 14, seed=1).double(), photo(12, 14, seed=2).double()[:, :1]
    desired = naive_guided_filter(guide[0].numpy(), x[0, 0].numpy(), 2, 1e-3)
    actual = guided_filter(guide, x, radius=2, eps=1e-3)
    np.testing.assert_allclose(actual[0, 0], desired, atol=1e-9)


@pytest.mark.parametrize("subsample", [1, 2, 4])
def test_a_linear_recoloring_of_the_guide_is_unchanged(subsample):
    guide = photo(40, 56, seed=3).double()
    recolored = 0.5 * guide.flip(1) + 0.2
    filtered = guided_filter(guide, recolored, radius=8, eps=1e-9, subsample=subsample)
    torch.testing.assert_close(filtered, recolored, atol=1e-3, rtol=0)


def test_noise_that_the_guide_does_not_have_is_smoothed_away():
    guide = torch.full((1, 3, 64, 64), 0.5)
    noisy = guide + 0.1 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    filtered = guided_filter(guide, noisy, radius=8, eps=1e-4, subsample=2)
    assert filtered.std() < 0.1 * noisy.std()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 33), (16, 300)])
def test_sizes_that_do_not_divide_keep_their_size(height, width):
    guide = photo(height, width)
    assert guided_filter(guide, guide, radius=8, eps=1e-4, subsample=4).shape == guide.shape
