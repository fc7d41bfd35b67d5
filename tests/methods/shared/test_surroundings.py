"""A picture's surroundings: its mirror image, which no layer of less reach tells from more picture."""

import copy

import numpy as np
import pytest
import torch

from style_core.methods.shared.surroundings import (
    MARGIN,
    margins,
    mirrored_around,
    surrounded_features,
    without_surroundings,
)
from style_core.nets.encoder import Encoder
from style_core.nets.reach import encoder_reach, stride_of

from ...conftest import TINY_WIDTHS, photo

LAYERS = ("conv1_1", "conv2_1", "conv3_1")


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(3)
    return Encoder(TINY_WIDTHS, padding="zeros").requires_grad_(False).double()


@pytest.mark.parametrize(("height", "width"), [(32, 47), (33, 64), (90, 70)])
def test_features_are_those_of_what_numpy_calls_reflect(encoder, height, width):
    image = photo(height, width, seed=1).double()
    more = [(MARGIN, MARGIN + -side % MARGIN) for side in (height, width)]
    around = torch.from_numpy(np.pad(image, [(0, 0), (0, 0), *more], mode="reflect"))
    for layer, found in surrounded_features(encoder, image, (*LAYERS, "conv5_1")).items():
        stride = stride_of(layer)
        rows, columns = ([MARGIN // stride + k for k in range(side // stride)] for side in (height, width))
        wanted = encoder(around, [layer])[layer][:, :, rows][..., columns]
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_edge_of_an_even_picture_is_seen(encoder, layer):
    """Where zeros are around it, the first positions answer those."""
    assert encoder_reach(layer) <= MARGIN
    image = torch.full((1, 3, 48, 64), 0.7, dtype=torch.float64)
    for features, is_even in (
        (surrounded_features(encoder, image, [layer]), True),
        (encoder(image, [layer]), False),
    ):
        spread = (features[layer].amax((2, 3)) - features[layer].amin((2, 3))).max() / features[layer].max()
        assert spread < 1e-12 if is_even else spread > 0.05


@pytest.mark.parametrize(("height", "width"), [(32, 48), (33, 47)])
def test_gradients_are_those_of_slices(encoder, height, width):
    image = photo(height, width, seed=2).double()
    around = margins(height, width)
    weights = {}

    def value(found):
        for layer, features in found.items():
            weights.setdefault(layer, torch.rand_like(features))
        return sum((features.square() * weights[layer]).sum() for layer, features in found.items())

    def sliced(x):
        found = encoder(mirrored_around(x, around), LAYERS)
        return {n: without_surroundings(f, n, (height, width), around) for n, f in found.items()}

    x = image.requires_grad_()
    copied = surrounded_features(encoder, x, LAYERS)
    (ours,) = torch.autograd.grad(value(copied), x)
    (wanted,) = torch.autograd.grad(value(sliced(x)), x)
    torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=0)


def test_gradients_keep_the_memory_format(encoder):
    """In another one all layers below are slower by half."""
    loaded = copy.deepcopy(encoder).float().to(memory_format=torch.channels_last)
    for features in surrounded_features(loaded, photo(33, 47, seed=2).requires_grad_(), LAYERS).values():
        assert features.is_contiguous(memory_format=torch.channels_last)
        gradient = features.grad_fn(torch.ones_like(features))
        assert gradient.is_contiguous(memory_format=torch.channels_last)
