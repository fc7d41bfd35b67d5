"""Nearest up-sampling and convolution in one against the two in turn."""

import pytest
import torch
import torch.nn.functional as F

from style_core.nets.reflect_conv import reflect_conv
from style_core.nets.upsample_conv import bilinear_conv, nearest_conv

SIZES = [(1, 1), (1, 4), (2, 2), (6, 5), (9, 4)]


def one_after_the_other(x, conv):
    return reflect_conv(F.interpolate(x, scale_factor=2, mode="nearest"), conv)


@pytest.fixture
def conv():
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 4, 3).double()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_equals_upsampling_and_convolving_borders_included(conv, height, width, relu):
    x = torch.randn(2, 3, height, width).double()
    desired = one_after_the_other(x, conv)
    actual = nearest_conv(x, conv, relu=relu)
    torch.testing.assert_close(actual, F.relu(desired) if relu else desired)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_gradients_are_those_of_the_two_in_turn(conv, height, width, relu):
    x = torch.randn(1, 3, height, width).double().requires_grad_()
    weights = torch.randn(1, 4, 2 * height, 2 * width).double()
    desired = one_after_the_other(x, conv)
    desired = F.relu(desired) if relu else desired
    inputs = (x, conv.weight, conv.bias)
    torch.testing.assert_close(
        torch.autograd.grad((weights * nearest_conv(x, conv, relu=relu)).sum(), inputs),
        torch.autograd.grad((weights * desired).sum(), inputs),
    )


def test_a_convolution_without_bias_and_a_channels_last_map_are_taken():
    conv = torch.nn.Conv2d(3, 4, 3, bias=False).double()
    x = torch.randn(1, 3, 6, 5).double().contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(nearest_conv(x, conv), one_after_the_other(x, conv))


def test_the_result_has_the_precision_of_the_weights(conv):
    x = torch.randn(1, 3, 6, 5)
    assert nearest_conv(x, conv.bfloat16()).dtype == torch.bfloat16
    assert nearest_conv(x.bfloat16(), conv.float()).dtype == torch.float32


BLUR = torch.tensor([0.25, 0.5, 0.25])


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_blurred_it_is_bilinear_upsampling_of_a_replicated_border(conv, height, width, relu):
    x = torch.randn(2, 3, height, width).double().requires_grad_()
    large = F.interpolate(F.pad(x, (2, 2, 2, 2), mode="replicate"), scale_factor=2, mode="bilinear")
    desired = F.conv2d(large[..., 3:-3, 3:-3], conv.weight, conv.bias)
    desired = F.relu(desired) if relu else desired
    actual = bilinear_conv(x, conv, BLUR, relu=relu)
    torch.testing.assert_close(actual, desired)
    weights, inputs = torch.randn_like(desired), (x, conv.weight, conv.bias)
    torch.testing.assert_close(
        torch.autograd.grad((actual * weights).sum(), inputs),
        torch.autograd.grad((desired * weights).sum(), inputs),
    )


def test_a_blur_of_nothing_is_nearest(conv):
    x = torch.randn(1, 3, 5, 4).double()
    inside = (..., slice(1, -1), slice(1, -1))  # the borders are reflected there, replicated here
    actual = bilinear_conv(x, conv, torch.tensor([0.0, 1.0, 0.0]))
    torch.testing.assert_close(actual[inside], nearest_conv(x, conv)[inside])
