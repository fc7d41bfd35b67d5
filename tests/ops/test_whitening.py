"""The feature transforms against float64 formulas computed with SciPy."""

import numpy as np
import pytest
import scipy.linalg
import torch

from style_core.ops.moments import Moments, moments
from style_core.ops.whitening import (
    matrix_power,
    optimal_transport,
    symmetric_eigen,
    whitening_coloring,
)
from style_core.regions import EVERYTHING, apply_maps


def features(channels=6, height=12, width=15, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    x = torch.randn(channels, height * width, generator=generator, dtype=torch.float64)
    return (mix @ x + torch.rand(channels, 1, generator=generator)).view(1, channels, height, width)


def apply_map(x, transform):
    return apply_maps(x, {EVERYTHING: transform}, None)


def whiten_and_color(content, style):
    return apply_map(content, whitening_coloring(moments(content), moments(style)))


CONTENT, STYLE = features(seed=1), features(height=10, width=9, seed=2)
TRANSFORMS = [whitening_coloring, optimal_transport]


def test_wct_agrees_with_the_formula_by_sqrtm():
    rows = CONTENT[0].flatten(1).numpy()
    style = STYLE[0].flatten(1).numpy()
    whiten = np.linalg.inv(scipy.linalg.sqrtm(np.cov(rows)))
    color = scipy.linalg.sqrtm(np.cov(style))
    desired = color @ whiten @ (rows - rows.mean(1, keepdims=True)) + style.mean(1, keepdims=True)
    actual = whiten_and_color(CONTENT, STYLE)[0].flatten(1).numpy()
    np.testing.assert_allclose(actual, desired, rtol=1e-8, atol=1e-8)


def test_ridge_agrees_with_the_released_regularisation():
    identity = np.eye(6)
    rows, style = CONTENT[0].flatten(1).numpy(), STYLE[0].flatten(1).numpy()
    whiten = np.linalg.inv(scipy.linalg.sqrtm(np.cov(rows) + identity))
    desired = scipy.linalg.sqrtm(np.cov(style) + identity) @ whiten
    actual = whitening_coloring(moments(CONTENT), moments(STYLE), ridge=1.0).matrix
    np.testing.assert_allclose(actual, desired, rtol=1e-8, atol=1e-10)


def test_optimal_transport_agrees_with_the_monge_map_by_sqrtm():
    content, style = moments(CONTENT), moments(STYLE)
    root = scipy.linalg.sqrtm(content.covariance.numpy())
    inverse = np.linalg.inv(root)
    desired = inverse @ scipy.linalg.sqrtm(root @ style.covariance.numpy() @ root) @ inverse
    np.testing.assert_allclose(optimal_transport(content, style).matrix, desired, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_result_has_the_moments_of_the_style(transform):
    moved = moments(apply_map(CONTENT, transform(moments(CONTENT), moments(STYLE))))
    torch.testing.assert_close(moved.mean, moments(STYLE).mean)
    torch.testing.assert_close(moved.covariance, moments(STYLE).covariance, rtol=1e-3, atol=1e-3)


def test_optimal_transport_moves_the_features_less_than_whitening_and_coloring():
    moves = [
        (apply_map(CONTENT, transform(moments(CONTENT), moments(STYLE))) - CONTENT).square().mean()
        for transform in TRANSFORMS
    ]
    assert moves[1] < moves[0]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_equal_content_and_style_change_nothing(transform):
    same = apply_map(CONTENT, transform(moments(CONTENT), moments(CONTENT)))
    torch.testing.assert_close(same, CONTENT, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_folded_strength_is_the_blend_of_both_ends(transform):
    full = apply_map(CONTENT, transform(moments(CONTENT), moments(STYLE)))
    blended = apply_map(CONTENT, transform(moments(CONTENT), moments(STYLE), strength=0.3))
    torch.testing.assert_close(blended, 0.3 * full + 0.7 * CONTENT)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("flat_side", ["content", "style", "both"])
def test_flat_features_give_finite_results(transform, flat_side):
    flat = moments(torch.full((1, 6, 4, 4), 3.0))
    content = flat if flat_side in {"content", "both"} else moments(CONTENT)
    style = flat if flat_side in {"style", "both"} else moments(STYLE)
    assert torch.isfinite(apply_map(CONTENT, transform(content, style))).all()


def test_dead_channel_is_dropped_not_amplified():
    content = CONTENT.clone()
    content[:, 2] = 0
    moved = whiten_and_color(content, STYLE)
    assert torch.isfinite(moved).all()
    assert moved.abs().max() < 10 * STYLE.abs().max()


def test_noise_floor_bounds_the_amplification_of_a_flat_region():
    flat = Moments(torch.zeros(2).double(), torch.diag(torch.tensor([1e-4, 1e-4], dtype=torch.float64)), 100)
    style = Moments(torch.zeros(2).double(), torch.eye(2, dtype=torch.float64), 100)
    bounded = optimal_transport(flat, style, noise_floor=0.01).matrix
    free = optimal_transport(flat, style).matrix
    # (1e-4 + 0.01 * 0.5)^(-1/2) against (1e-4)^(-1/2)
    np.testing.assert_allclose(bounded.diagonal(), (1e-4 + 0.01 * (1 + 1e-4) / 2) ** -0.5, rtol=2e-3)
    assert free.diagonal().min() > 6 * bounded.diagonal().max()


def test_float32_features_are_transformed_as_precisely_as_float32_allows():
    moved = whiten_and_color(CONTENT.float(), STYLE.float())
    torch.testing.assert_close(moved.double(), whiten_and_color(CONTENT, STYLE), rtol=1e-4, atol=1e-4)


def test_matrix_power_of_a_known_matrix():
    matrix = torch.tensor([[5.0, 4.0], [4.0, 5.0]], dtype=torch.float64)  # eigenvalues 1 and 9
    desired = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(matrix_power(matrix, 0.5), desired)


def test_a_failing_decomposition_is_tried_again_with_a_ridge(monkeypatch):
    genuine, calls = torch.linalg.eigh, []

    def failing_once(matrix):
        calls.append(matrix)
        if len(calls) == 1:
            raise torch.linalg.LinAlgError("did not converge")
        return genuine(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", failing_once)
    values, _ = symmetric_eigen(torch.eye(3, dtype=torch.float64))
    assert len(calls) == 2
    torch.testing.assert_close(values, torch.ones(3, dtype=torch.float64))


def test_covariance_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        symmetric_eigen(torch.full((2, 2), float("nan")))


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_different_channel_counts_are_refused(transform):
    with pytest.raises(ValueError, match="channels differ: 6 and 5"):
        transform(moments(CONTENT), moments(STYLE[:, :5]))
