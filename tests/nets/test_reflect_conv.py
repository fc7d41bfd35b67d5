"""Convolution with reflection padding."""

import pytest
import torch
from torch import nn

from style_core.nets.reflect_conv import reflect_conv, reflect_conv_of_difference


@pytest.mark.parametrize(
    ("height", "width"), [(2, 2), (2, 9), (5, 3), (13, 16), (97, 100), (2, 5000), (5000, 2)]
)
@pytest.mark.parametrize("relu", [False, True])
def test_agrees_with_torchs_own_reflection_padding(height, width, relu):
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 5, 3).double()
    padded = nn.Conv2d(4, 5, 3, padding=1, padding_mode="reflect").double()
    padded.load_state_dict(conv.state_dict())
    x = torch.randn(1, 4, height, width, dtype=torch.float64)
    desired = padded(x).relu() if relu else padded(x)
    torch.testing.assert_close(reflect_conv(x, conv, relu=relu), desired)


def test_gradients_pass(monkeypatch):
    monkeypatch.setattr("style_core.nets.reflect_conv.SMALL", 0)
    conv = nn.Conv2d(2, 2, 3).double()
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: reflect_conv(t, conv), (x,))


@pytest.mark.parametrize(("height", "width", "strip"), [(2, 2, 1 << 20), (13, 16, 1), (97, 100, 5000)])
def test_a_difference_is_convolved_in_strips(monkeypatch, height, width, strip):
    monkeypatch.setattr("style_core.nets.reflect_conv.STRIP", strip)
    conv = nn.Conv2d(4, 3, 3)
    x, y = torch.randn(2, 1, 4, height, width)
    desired = reflect_conv(x - 0.3 * y, conv) - conv.bias.view(3, 1, 1)
    torch.testing.assert_close(reflect_conv_of_difference(x, y, 0.3, conv), desired, atol=1e-5, rtol=1e-5)
