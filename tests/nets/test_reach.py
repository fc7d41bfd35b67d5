"""How far networks see, against what a changed pixel changes."""

import pytest
import torch

from style_core.nets.decoder import Decoder
from style_core.nets.encoder import Encoder
from style_core.nets.reach import encoder_reach, mirror_halo, stride_of

from ..conftest import TINY_WIDTHS

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@pytest.fixture(scope="module")
def encoder():
    """Without rectification's zeros, so that whatever can depend on a pixel does."""
    torch.manual_seed(0)
    network = Encoder(TINY_WIDTHS, pool="average").eval().requires_grad_(False).double()
    for convolution in network.children():
        convolution.weight.abs_()
        convolution.bias.abs_()
    return network


def changed(picture, run, place):
    """The rows that a change of the middle row changes, as distances from it in its positions."""
    other = picture.clone()
    other[..., place, :] += 1
    difference = (run(other) - run(picture)).abs().amax((0, 1, 3))
    return difference.nonzero().flatten()


@pytest.mark.parametrize("layer", LAYERS)
def test_an_encoder_sees_as_far_as_is_said_and_no_farther(encoder, layer):
    picture = torch.rand(1, 3, 512, 32, dtype=torch.float64)
    stride = stride_of(layer)
    farthest = 0
    for place in range(240, 240 + stride):
        rows = changed(picture, lambda x: encoder(x, (layer,))[layer], place)
        first, last = int(rows.min()) * stride, (int(rows.max()) + 1) * stride - 1  # px that they stand for
        farthest = max(farthest, place - last, last - place, first - place, place - first)
    assert farthest <= encoder_reach(layer) + stride
    assert farthest > 0.7 * encoder_reach(layer)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_a_picture_depends_on_no_more_than_the_halo(encoder, level, upsampling):
    decoder = Decoder(TINY_WIDTHS, level=level, upsampling=upsampling).double().requires_grad_(False)
    for convolution in decoder.children():
        convolution.weight.abs_()
        convolution.bias.abs_()
    layer = f"relu{level}_1"
    picture = torch.rand(1, 3, 384, 32, dtype=torch.float64)
    for place in (192, 192 + 2 ** (level - 1) - 1):
        rows = changed(picture, lambda x: decoder(encoder(x, (layer,))[layer]), place)
        assert int((rows - place).abs().max()) <= mirror_halo(level, is_bilinear=upsampling == "bilinear")
