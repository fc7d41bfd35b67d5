"""Moments against NumPy."""

import numpy as np
import pytest
import torch

from style_core.ops import moments as module
from style_core.ops.moments import Mean, as_rows, from_rows, moments, summed_products


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_moments_agree_with_numpy(memory_format):
    x = (torch.randn(1, 6, 9, 11) * 3 + 50).contiguous(memory_format=memory_format)
    found = moments(x)
    rows = x[0].flatten(1).double().numpy()
    np.testing.assert_allclose(found.mean, rows.mean(1), rtol=1e-6)
    np.testing.assert_allclose(found.covariance, np.cov(rows), rtol=1e-4, atol=1e-4)
    assert found.count == 99


def test_blocks_do_not_change_the_result(monkeypatch):
    x = torch.randn(1, 4, 20, 20, dtype=torch.float64)
    whole = moments(x)
    monkeypatch.setattr(module, "BLOCK", 28)
    torch.testing.assert_close(moments(x).covariance, whole.covariance)


def test_small_variance_beside_a_large_mean_is_measured_in_float32():
    noise = 1e-2 * torch.randn(1, 4, 300, 300, generator=torch.Generator().manual_seed(0))
    found = moments(noise + 8.0)  # 8: the largest means of a Haar encoder's features
    desired = np.cov((noise + 8.0)[0].flatten(1).double().numpy())
    np.testing.assert_allclose(found.covariance, desired, atol=2e-6)


@pytest.mark.parametrize("channels", [3, 80])
def test_a_few_large_values_do_not_swallow_many_small_ones(channels):
    rows = torch.rand(150_007, channels, generator=torch.Generator().manual_seed(0))
    rows[10:30] *= 200
    desired = rows.double().T @ rows.double()
    for form in rows, rows.T.contiguous().T:
        torch.testing.assert_close(summed_products(form).double(), desired, rtol=2e-5, atol=0)
    found = moments(from_rows(rows, 1, len(rows)))
    np.testing.assert_allclose(found.covariance, np.cov(rows.double().T.numpy()), rtol=2e-5, atol=2e-4)


def test_mask_selects_positions():
    x, mask = torch.randn(1, 4, 6, 7, dtype=torch.float64), torch.rand(6, 7) > 0.5
    np.testing.assert_allclose(moments(x, mask).covariance, np.cov(x[0][:, mask].numpy()))


def test_a_single_position_has_zero_covariance():
    mask = torch.zeros(3, 3, dtype=torch.bool)
    mask[1, 1] = True
    found = moments(torch.randn(1, 4, 3, 3), mask)
    assert found.count == 1
    assert not found.covariance.any()


def test_no_position_is_refused():
    with pytest.raises(ValueError, match="no position"):
        moments(torch.randn(1, 4, 3, 3), torch.zeros(3, 3, dtype=torch.bool))


@pytest.mark.parametrize("split", [1, 7, 40, 59])
def test_parts_merge_to_the_whole(split):
    x = torch.randn(1, 5, 6, 10, dtype=torch.float64) * 3 + 100
    rows = as_rows(x)
    parts = [moments(from_rows(part, 1, len(part))) for part in (rows[:split], rows[split:])]
    found = parts[0].merged(parts[1])
    np.testing.assert_allclose(found.mean, rows.numpy().mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(rows.numpy().T), rtol=1e-10, atol=1e-10)
    assert found.count == 60


def test_the_order_of_merging_does_not_matter():
    parts = [moments(torch.randn(1, 3, 4, k + 1, dtype=torch.float64) + k) for k in range(4)]
    a = parts[0].merged(parts[1]).merged(parts[2]).merged(parts[3])
    b = parts[3].merged(parts[1]).merged(parts[2].merged(parts[0]))
    torch.testing.assert_close(a.covariance, b.covariance)


def test_means_merge_by_weight():
    values = torch.rand(5, 3, dtype=torch.float64)
    weights = [1.0, 4.0, 0.5, 2.0, 7.0]
    found = Mean(values[0], weights[0])
    for value, weight in zip(values[1:], weights[1:], strict=True):
        found = found.merged(Mean(value, weight))
    np.testing.assert_allclose(found.value, np.average(values, axis=0, weights=weights))
    assert found.weight == sum(weights)


def test_rows_and_back_is_the_same_map():
    x = torch.randn(1, 4, 3, 5)
    assert torch.equal(from_rows(as_rows(x), 3, 5), x)


def test_a_rough_mean_far_from_the_true_one_does_no_harm():
    """The vectors that the rough mean is made of lie elsewhere than all others."""
    x = torch.randn(1, 3, 4, 4096, generator=torch.Generator().manual_seed(0))
    x.flatten(2)[..., :: 4 * 4096 // module.SAMPLES] += 10
    rows = x[0].flatten(1).double().numpy()
    np.testing.assert_allclose(moments(x).covariance, np.cov(rows), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(moments(x).mean, rows.mean(1), atol=1e-5)
