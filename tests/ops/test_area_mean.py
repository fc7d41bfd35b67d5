"""Means over the rectangles of a smaller map: PyTorch's numbers, also for sizes that it refuses."""

import pytest
import torch
import torch.nn.functional as F

from style_core.ops import area_mean as module
from style_core.ops.area_mean import area_mean, window_means
from style_core.regions import Labels, Regions, carry_masks

from ..conftest import photo
from ..without_float64 import DEVICE, device_without_float64

SIZES = [(37, 53, 18, 26), (40, 48, 40, 48), (33, 65, 17, 33), (64, 96, 8, 12), (5, 5, 2, 3), (7, 9, 1, 1)]


@pytest.fixture
def divisible_only(monkeypatch):
    """A device whose adaptive pooling takes no sizes that do not divide."""
    monkeypatch.setattr(module, "DIVISIBLE_ONLY", (DEVICE.type,))
    pooling = F.adaptive_avg_pool2d

    def refusing(x, size):
        if x.device == DEVICE and (x.shape[-2] % size[0] or x.shape[-1] % size[1]):
            raise RuntimeError("Adaptive pool MPS: input sizes must be divisible by output sizes.")
        return pooling(x, size)

    monkeypatch.setattr(F, "adaptive_avg_pool2d", refusing)
    with device_without_float64() as device:
        yield device


@pytest.mark.parametrize(("h", "w", "height", "width"), SIZES)
def test_the_numbers_are_those_of_adaptive_pooling(divisible_only, h, w, height, width):
    x = torch.rand(2, 3, h, w)
    found = area_mean(x.to(divisible_only), height, width)
    assert found.device == divisible_only
    torch.testing.assert_close(found.to("cpu"), F.adaptive_avg_pool2d(x, (height, width)))


@pytest.mark.parametrize(("size", "smaller"), [(7, 3), (8, 4), (5, 5), (300, 150), (301, 151)])
def test_windows_begin_and_end_where_real_ones_do(size, smaller):
    for k, row in enumerate(window_means(size, smaller)):
        touched = [place for place in range(size) if place < (k + 1) * size / smaller]
        touched = [place for place in touched if place + 1 > k * size / smaller]
        assert row.nonzero().flatten().tolist() == touched
        torch.testing.assert_close(row[touched], torch.full((len(touched),), 1 / len(touched)))


def test_membership_at_a_feature_maps_size_works_there(divisible_only):
    labels = Labels((torch.arange(37 * 53).view(37, 53) // 500).to(torch.uint8))
    there = Regions.of(labels, photo(37, 53)).membership
    found = type(there)(there.labels, there.shares.to(divisible_only)).at(19, 27).shares
    torch.testing.assert_close(found.to("cpu"), there.at(19, 27).shares)


def test_masks_carried_through_poolings_of_odd_sizes_work_there(divisible_only):
    masks, layers = torch.rand(1, 2, 37, 53), ("conv1_1", "conv2_1", "conv3_1")
    found, expected = (
        carry_masks(m, layers, layers, pool_before=layers[1:]) for m in (masks.to(divisible_only), masks)
    )
    for layer in layers:
        torch.testing.assert_close(found[layer].to("cpu"), expected[layer])
