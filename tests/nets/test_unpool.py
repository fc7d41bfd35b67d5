"""Max pooling with positions, and its unpooling, against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from style_core.nets.unpool import max_pool, max_unpool

SIZES = [(2, 2), (8, 6), (4, 10), (5, 4), (4, 5), (7, 9), (1, 1), (1, 6)]


def torch_pool(x):
    return F.max_pool2d(x, 2, return_indices=True, ceil_mode=True)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pooling_and_unpooling_agree_with_torch(height, width):
    x = torch.randn(2, 3, height, width)
    desired, indices = torch_pool(x)
    actual, maxima = max_pool(x)
    assert torch.equal(actual, desired)
    other = torch.randn_like(actual)
    unpooled = F.max_unpool2d(other, indices, 2, output_size=(height, width))
    assert torch.equal(max_unpool(other, maxima), unpooled)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_every_maximum_goes_back_to_where_it_was(height, width):
    x = torch.randn(1, 2, height, width) - 5  # negative, so that a padding of zeros would win
    pooled, maxima = max_pool(x)
    back = max_unpool(pooled, maxima)
    assert back.shape == x.shape
    assert torch.equal(back[back != 0], x[back != 0])
    assert int((back != 0).sum()) == pooled.numel()
    assert torch.equal(back[back != 0].sort().values, pooled.flatten().sort().values)


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 9)])
def test_channels_last_maps_give_the_same_and_stay_channels_last(height, width):
    x = torch.randn(2, 5, height, width)
    desired, indices = torch_pool(x)
    actual, maxima = max_pool(x.contiguous(memory_format=torch.channels_last))
    assert torch.equal(actual, desired)
    back = max_unpool(actual.contiguous(memory_format=torch.channels_last), maxima)
    assert torch.equal(back, F.max_unpool2d(desired, indices, 2, output_size=(height, width)))
    assert back.stride(1) == 1


@pytest.mark.parametrize(
    ("block", "offset"),
    [
        ([[1, 1], [1, 1]], 0),
        ([[0, 1], [1, 1]], 1),
        ([[0, 0], [1, 1]], 2),
        ([[1, 0], [0, 1]], 0),
        ([[0, 0], [0, 1]], 3),
    ],
)
def test_the_first_of_equal_values_counts(block, offset):
    x = torch.tensor(block).float()[None, None]
    assert max_pool(x)[1].offsets.item() == offset
    assert torch_pool(x)[1].item() == offset


def test_a_constant_map_of_odd_size_takes_the_first_of_each_block():
    assert not max_pool(torch.full((1, 1, 5, 7), -3.0))[1].offsets.any()


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 9)])
def test_a_position_is_one_byte(height, width):
    pooled, maxima = max_pool(torch.randn(1, 4, height, width))
    assert maxima.offsets.dtype == torch.uint8
    assert maxima.offsets.shape == pooled.shape
    assert maxima.offsets.untyped_storage().nbytes() == pooled.numel()
    assert maxima.size == (height, width)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_precision_is_kept(dtype):
    pooled, maxima = max_pool(torch.randn(1, 2, 7, 6).to(dtype))
    assert pooled.dtype == max_unpool(pooled, maxima).dtype == dtype


def test_gradients_agree_with_torch():
    x = torch.randn(1, 3, 7, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(1, 3, 7, 6, dtype=torch.float64)
    pooled, indices = torch_pool(x)
    (desired,) = torch.autograd.grad((weights * F.max_unpool2d(pooled, indices, 2, 2, 0, (7, 6))).sum(), x)
    (actual,) = torch.autograd.grad((weights * max_unpool(*max_pool(x))).sum(), x)
    torch.testing.assert_close(actual, desired)
