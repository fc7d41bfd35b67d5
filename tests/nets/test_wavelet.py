"""The wavelet decoder and the walk through it."""

import pytest
import torch

from style_core.nets.encoder import Encoder
from style_core.nets.haar import haar_pool, haar_unpool
from style_core.nets.reflect_conv import reflect_conv
from style_core.nets.wavelet import (
    DECODER_LAYERS,
    LEVELS,
    VARIANTS,
    Skip,
    WaveletDecoder,
    unpool_cat5,
    unpool_cat5_conv,
    wavelet_decode,
    wavelet_encode,
)

from ..conftest import TINY_WIDTHS, photo


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder(TINY_WIDTHS, pool="haar").double()


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 2), (6, 5), (9, 4)])
def test_convolution_on_blocks_equals_the_concatenation(height, width, is_changed):
    torch.manual_seed(1)
    low, *bands = (torch.randn(1, 3, height, width).double() for _ in range(4))
    original = torch.randn(1, 3, 2 * height, 2 * width).double()
    skip = Skip(original, tuple(bands) if is_changed else None)
    conv = torch.nn.Conv2d(15, 4, 3).double()
    desired = reflect_conv(unpool_cat5(low, skip), conv, relu=True)
    torch.testing.assert_close(unpool_cat5_conv(low, skip, conv), desired)


def test_concatenated_bands_sum_to_the_pooled_map():
    x = torch.randn(1, 3, 8, 6).double()
    stacked = unpool_cat5(haar_pool(x)[0], Skip(x))
    torch.testing.assert_close(stacked.unflatten(1, (5, 3))[:, :4].sum(1), x)
    torch.testing.assert_close(stacked[:, 12:], x)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (24, 40)])
def test_decoder_gives_a_picture_of_the_same_size(encoder, variant, height, width):
    decoder = WaveletDecoder(TINY_WIDTHS, variant=variant).double()
    features, skips = wavelet_encode(encoder, photo(height, width).double(), variant=variant)
    assert features.shape == (1, TINY_WIDTHS["conv4_1"], height // 8, width // 8)
    assert wavelet_decode(decoder, features, skips).shape == (1, 3, height, width)


def test_hooks_of_cat5_see_relu_k_1(encoder):
    seen = {}
    wavelet_encode(encoder, photo(32, 32).double(), variant="cat5", hook=lambda k, x: seen.setdefault(k, x))
    found = encoder(photo(32, 32).double(), [f"relu{k}_1" for k in LEVELS])
    for level in LEVELS:
        torch.testing.assert_close(seen[level], found[f"relu{level}_1"])


def test_hooks_of_sum_see_the_low_bands(encoder):
    seen = {}
    wavelet_encode(encoder, photo(32, 32).double(), variant="sum", hook=lambda k, x: seen.setdefault(k, x))
    found = encoder(photo(32, 32).double(), ["relu1_2", "relu2_2", "relu3_4", "relu4_1"])
    for level, name in enumerate(["relu1_2", "relu2_2", "relu3_4"], start=1):
        torch.testing.assert_close(seen[level], haar_pool(found[name])[0])
    torch.testing.assert_close(seen[4], found["relu4_1"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_hook_returns_reaches_later_levels_and_skips(encoder, variant):
    plain, plain_skips = wavelet_encode(encoder, photo(32, 32).double(), variant=variant)
    changed, skips = wavelet_encode(
        encoder, photo(32, 32).double(), variant=variant, hook=lambda k, x: 2 * x if k == 2 else x
    )
    assert not torch.allclose(plain, changed)
    torch.testing.assert_close(skips[1].original, plain_skips[1].original)
    assert not torch.allclose(skips[3].original, plain_skips[3].original)


def test_sum_decoder_unpools_with_the_skips(encoder):
    decoder = WaveletDecoder(TINY_WIDTHS, variant="sum").double()
    features, skips = wavelet_encode(encoder, photo(16, 16).double(), variant="sum")
    x = reflect_conv(features, decoder.conv4_1, relu=True)
    x = haar_unpool(x, *skips[3].bands)
    for name in ("conv3_4", "conv3_3", "conv3_2"):
        x = reflect_conv(x, getattr(decoder, name), relu=True)
    torch.testing.assert_close(decoder.level(4, features, skips), x)


@pytest.mark.parametrize("variant", VARIANTS)
def test_widths_are_read_off_the_weights(variant):
    state = WaveletDecoder(TINY_WIDTHS, variant=variant).state_dict()
    rebuilt = WaveletDecoder.from_state(state, variant=variant)
    assert {k: v.shape for k, v in rebuilt.state_dict().items()} == {k: v.shape for k, v in state.items()}


def test_weights_of_the_other_variant_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        WaveletDecoder.from_state(WaveletDecoder(TINY_WIDTHS, variant="sum").state_dict(), variant="cat5")
    with pytest.raises(ValueError, match=r"missing conv4_1\.weight"):
        WaveletDecoder.from_state({}, variant="sum")


def test_layers_mirror_the_encoder():
    assert DECODER_LAYERS[0] == "conv4_1"
    assert DECODER_LAYERS[-1] == "conv1_1"
    assert len(DECODER_LAYERS) == 9
