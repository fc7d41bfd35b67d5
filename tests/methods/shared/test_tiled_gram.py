"""The loss in tiles against the loss of the whole picture: value and gradient, in float64."""

from dataclasses import replace
from unittest import mock

import pytest
import torch

from style_core.method import Inputs, StyleInput
from style_core.methods.shared.gram_loss import picture_loss
from style_core.methods.shared.gram_options import GramOptions
from style_core.methods.shared.tiled_gram import tiled_picture_loss
from style_core.nets.encoder import Encoder
from style_core.ops.pixel_optimization import value_and_gradient
from style_core.regions import Labels

from ...conftest import TINY_WIDTHS, photo

OPTIONS = GramOptions(total_variation=0.3, precision="exact")
SHALLOW = replace(OPTIONS, style_layers=("conv1_1", "conv3_1=2"), content_layers=("conv2_2",))
STYLE = photo(80, 72, seed=2).flip(1)


def network(pool="max", padding="reflect", dtype=torch.float64):
    torch.manual_seed(3)
    found = Encoder(TINY_WIDTHS, pool=pool, padding=padding).requires_grad_(False)
    for module in found.children():
        module.weight *= 1.5
    return found.to(dtype)


def labels(height, width):
    """Three regions, one of them of a few pixels in a corner, so that most tiles have nothing of it."""
    found = torch.ones(height, width, dtype=torch.uint8)
    found[:, width // 3 :] = 2
    found[: height // 5, : width // 5] = 3
    return Labels(found)


def given(height, width, *, masked=False, dtype=torch.float64):
    own = labels(80, 72) if masked else None
    styles = (
        StyleInput(STYLE.to(dtype), own, 0.25),
        StyleInput(photo(64, 80, seed=5).to(dtype), labels(64, 80) if masked else None, 0.75),
    )
    content = photo(height, width, seed=1).to(dtype)
    return Inputs(content, styles, labels(height, width) if masked else None)


def both(inputs, options, encoder, side):
    """Value and gradient at a picture that is partly out of range: of the whole, then in tiles."""
    height, width = inputs.content.shape[-2:]
    x = photo(height, width, seed=3).to(inputs.content.dtype) * 1.2 - 0.1
    whole = picture_loss(inputs, options, encoder, [].append)
    tiled = tiled_picture_loss(inputs, options, encoder, [].append, side=side)
    return value_and_gradient(whole, x), value_and_gradient(tiled, x), (whole(x), tiled(x))


@pytest.mark.parametrize(
    ("size", "options", "pool", "masked"),
    [
        ((128, 96), OPTIONS, "max", False),
        ((149, 85), OPTIONS, "average", True),  # odd at every pooling; the last tile is empty at conv5_1
        ((131, 97), SHALLOW, "max", True),
        ((131, 97), SHALLOW, "average", False),
        ((66, 50), replace(SHALLOW, style_strength=0.4), "max", False),
    ],
)
def test_value_and_gradient_are_those_of_the_whole_picture(size, options, pool, masked):
    inputs = given(*size, masked=masked)
    (value, gradient), (tiled, found), alone = both(inputs, options, network(pool), 64)
    # What gram_loss.py computes in float32 even so (means of channels, the content's error) bounds this.
    torch.testing.assert_close(tiled, value, rtol=1e-5, atol=0)
    torch.testing.assert_close(alone[1], alone[0], rtol=1e-5, atol=0)
    assert (found - gradient).norm() < 1e-5 * gradient.norm()
    assert (found - gradient).abs().max() < 1e-5 * gradient.abs().max()


def test_zero_padding_and_float32_agree_too():
    inputs = given(90, 70, masked=True, dtype=torch.float32)
    encoder = network(padding="zeros", dtype=torch.float32)
    (value, gradient), (tiled, found), _ = both(inputs, SHALLOW, encoder, 32)
    torch.testing.assert_close(tiled, value, rtol=1e-5, atol=0)
    assert (found - gradient).norm() < 1e-4 * gradient.norm()


def test_a_margin_that_is_too_small_would_be_seen():
    """So that the comparison above can fail: a tile that sees less than its reach gives another gradient."""
    inputs = given(128, 96)
    encoder = network()
    (_, gradient), (_, found), _ = both(inputs, SHALLOW, encoder, 64)
    with mock.patch("style_core.methods.shared.tiled_gram.encoder_reach", return_value=4):
        _, (_, narrow), _ = both(inputs, SHALLOW, encoder, 64)
    assert (found - gradient).norm() < 1e-5 * gradient.norm()
    assert (narrow - gradient).norm() > 1e-3 * gradient.norm()


def test_a_texture_has_no_content_term():
    inputs = replace(given(90, 70), is_noise=True)
    (value, gradient), (tiled, found), _ = both(inputs, SHALLOW, network(), 32)
    torch.testing.assert_close(tiled, value, rtol=1e-5, atol=0)
    assert (found - gradient).norm() < 1e-5 * gradient.norm()
