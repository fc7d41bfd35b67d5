"""The post-processing filter and its window regression against plain NumPy loops in float64."""

import numpy as np
import pytest
import torch

from style_core.ops import local_affine as module
from style_core.ops.guided_filter import window_model
from style_core.ops.local_affine import local_affine_filter

from ..conftest import photo


def window(array, y, x, radius):
    return array[..., max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]


def noise(height, width, seed=0):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def naive_filter(content, result, radius, edge):
    """The released code, pixel by pixel: normal equations of 3x3 windows, then the bilateral average."""
    _, height, width = content.shape
    models = np.zeros((3, 4, height, width))  # of each output channel: three slopes and an offset
    for i in range(height):
        for j in range(width):
            colors = window(content, i, j, 1).reshape(3, -1)
            rows = np.concatenate([colors, np.ones((1, colors.shape[1]))])
            values = window(result, i, j, 1).reshape(3, -1)
            normal = rows @ rows.T + np.diag([1e-3, 1e-3, 1e-3, 0])
            models[:, :, i, j] = np.linalg.solve(normal, rows @ values.T).T
    out = np.zeros_like(content)
    for i in range(height):
        for j in range(width):
            total, weights = np.zeros((3, 4)), 0.0
            for y in range(max(0, i - radius), min(height, i + radius + 1)):
                for x in range(max(0, j - radius), min(width, j + radius + 1)):
                    distance = (y - i) ** 2 + (x - j) ** 2
                    color = ((content[:, y, x] - content[:, i, j]) ** 2).sum() / 3
                    weight = np.exp(-distance / (2 * (radius / 3) ** 2) - color / (2 * edge**2))
                    total += weight * models[:, :, y, x]
                    weights += weight
            out[:, i, j] = total / weights @ np.append(content[:, i, j], 1)
    return out


@pytest.mark.parametrize("edge", [0.05, 0.3])
@pytest.mark.parametrize("radius", [2, 3])
@pytest.mark.parametrize("content", [photo(12, 14), noise(12, 14)], ids=["photo", "noise"])
def test_it_agrees_with_the_released_code_written_out(content, radius, edge):
    result = photo(12, 14, seed=4)
    desired = naive_filter(content[0].double().numpy(), result[0].double().numpy(), radius, edge)
    actual = local_affine_filter(content, result, radius=radius, edge=edge)
    assert actual.dtype == torch.float32
    np.testing.assert_allclose(actual[0], desired, atol=2e-5)


@pytest.mark.parametrize("color", [0.0, 0.5])
def test_flat_and_gray_contents_agree_too(color):
    gray = noise(12, 14)[:, :1].expand(1, 3, -1, -1)
    for content in (torch.full((1, 3, 12, 14), color), gray):
        result = photo(12, 14, seed=4)
        desired = naive_filter(content[0].double().numpy(), result[0].double().numpy(), 2, 0.1)
        actual = local_affine_filter(content, result, radius=2, edge=0.1)
        np.testing.assert_allclose(actual[0], desired, atol=2e-5)


def test_the_content_itself_comes_back_up_to_the_ridge():
    content = noise(24, 28)  # windows of much contrast: the ridge is small against 9 variances of 1/12
    filtered = local_affine_filter(content, content, radius=4, edge=0.1)
    torch.testing.assert_close(filtered, content, atol=5e-3, rtol=0)


def test_a_recoloring_is_reproduced():
    content = noise(24, 28)
    matrix = torch.tensor([[0.1, 0.5, 0.2], [-0.3, 0.4, 0.1], [0.2, 0.0, -0.6]])
    recolored = torch.einsum("dc,ncyx->ndyx", matrix, content) + 0.3
    filtered = local_affine_filter(content, recolored, radius=4, edge=0.1)
    torch.testing.assert_close(filtered, recolored, atol=5e-3, rtol=0)
    inside = (..., slice(1, -1), slice(1, -1))  # full windows
    torch.testing.assert_close(filtered[inside], recolored[inside], atol=2e-3, rtol=0)


def test_noise_that_the_content_does_not_have_is_averaged_away():
    content = torch.full((1, 3, 40, 40), 0.5)
    noisy = content + 0.1 * torch.randn(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    filtered = local_affine_filter(content, noisy, radius=9, edge=0.1)
    assert filtered.std() < 0.15 * noisy.std()


@pytest.mark.parametrize("strip", [1, 5])
def test_the_strips_that_the_work_is_cut_into_do_not_matter(monkeypatch, strip):
    content, result = photo(20, 17), photo(20, 17, seed=1)
    desired = local_affine_filter(content, result, radius=3, edge=0.1)
    monkeypatch.setattr(module, "STRIP", strip)
    torch.testing.assert_close(local_affine_filter(content, result, radius=3, edge=0.1), desired)


def test_a_radius_beyond_the_picture_is_taken():
    content, result = photo(6, 5), photo(6, 5, seed=1)
    desired = naive_filter(content[0].double().numpy(), result[0].double().numpy(), 15, 0.1)
    np.testing.assert_allclose(
        local_affine_filter(content, result, radius=15, edge=0.1)[0], desired, atol=2e-5
    )


def naive_window_model(guide, x, radius, eps):
    """Least squares with a ridge row for each slope, window by window."""
    _, height, width = guide.shape
    slopes, offsets = np.zeros((len(x), 3, height, width)), np.zeros((len(x), height, width))
    for i in range(height):
        for j in range(width):
            colors = window(guide, i, j, radius).reshape(3, -1).T
            values = window(x, i, j, radius).reshape(len(x), -1).T
            ridge = np.sqrt(eps[i, j] * len(colors)) * np.eye(3)
            rows = np.block([[colors, np.ones((len(colors), 1))], [ridge, np.zeros((3, 1))]])
            found = np.linalg.lstsq(rows, np.concatenate([values, np.zeros((3, len(x)))]), rcond=None)[0]
            slopes[:, :, i, j], offsets[:, i, j] = found[:3].T, found[3]
    return slopes, offsets


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("eps", [1e-3, torch.linspace(1e-3, 1e-1, 99).double().reshape(9, 11)])
def test_each_window_is_regressed_by_itself(radius, eps):
    guide, x = photo(9, 11).double(), torch.cat([photo(9, 11, seed=1), noise(9, 11)], 1).double()
    slopes, offset = window_model(guide, x, radius=radius, eps=eps)
    weights = np.broadcast_to(np.asarray(eps), (9, 11))
    desired_slopes, desired_offset = naive_window_model(guide[0].numpy(), x[0].numpy(), radius, weights)
    np.testing.assert_allclose(slopes[0], desired_slopes.reshape(18, 9, 11), atol=1e-8)
    np.testing.assert_allclose(offset[0], desired_offset, atol=1e-8)
