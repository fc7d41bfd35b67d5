"""Haar pooling against PyWavelets and the formulas of Yoo et al. (2019)."""

import pytest
import pywt
import torch

from style_core.nets.haar import haar_low, haar_pool, haar_unpool


def test_bands_agree_with_pywavelets():
    x = torch.randn(2, 3, 10, 14, dtype=torch.float64)
    low, lh, hl, hh = haar_pool(x)
    desired_low, (horizontal, vertical, diagonal) = pywt.dwt2(x.numpy(), "haar", axes=(-2, -1))
    # PyWavelets subtracts the second sample from the first, the paper the first from the second.
    for actual, desired in ((low, desired_low), (lh, -vertical), (hl, -horizontal), (hh, diagonal)):
        torch.testing.assert_close(actual, torch.from_numpy(desired))


def test_bands_of_one_block_follow_the_formula():
    block = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    assert [band.item() for band in haar_pool(block)] == [7.5, 2.5, 4.5, 1.5]


def test_unpooling_inverts_pooling():
    x = torch.randn(1, 5, 8, 6, dtype=torch.float64)
    torch.testing.assert_close(haar_unpool(*haar_pool(x)), x)


def test_pooling_keeps_the_energy():
    x = torch.randn(1, 5, 8, 6, dtype=torch.float64)
    torch.testing.assert_close(sum(band.square().sum() for band in haar_pool(x)), x.square().sum())


def test_low_band_alone_is_the_low_band_and_leaves_its_input():
    x = torch.randn(1, 5, 8, 6)
    before = x.clone()
    torch.testing.assert_close(haar_low(x), haar_pool(x)[0])
    assert torch.equal(x, before)


@pytest.mark.parametrize(("height", "width"), [(5, 4), (4, 5)])
def test_odd_sides_are_refused(height, width):
    with pytest.raises(ValueError, match=f"even sides, not {height} x {width}"):
        haar_pool(torch.zeros(1, 1, height, width))
