"""Networks with a pulse: the same numbers, and an end wherever it is wanted."""

import pytest
import torch

from style_core.nets.decoder import Decoder, LevelNetwork, encode_with_maxima
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.wavelet import WaveletDecoder, wavelet_decode, wavelet_encode

from ..conftest import TINY_WIDTHS, photo


class Enough(Exception):
    pass


def counting(beats, end=10**6):
    def beat():
        beats.append(len(beats))
        if len(beats) >= end:
            raise Enough

    return beat


def encoder():
    return Encoder(TINY_WIDTHS).eval().requires_grad_(False)


def test_every_layer_beats_on_the_way_there_and_back():
    plain, beats = encoder(), []
    pulsing = plain.with_pulse(counting(beats))
    picture = photo(32, 48).requires_grad_()
    found = pulsing(picture, ["conv5_1"])["conv5_1"]
    assert len(beats) == len(LAYERS)
    (gradient,) = torch.autograd.grad(found.square().sum(), picture)
    assert len(beats) == 2 * len(LAYERS)
    same = plain(picture, ["conv5_1"])["conv5_1"]
    assert torch.equal(found, same)
    assert torch.equal(gradient, torch.autograd.grad(same.square().sum(), picture)[0])
    assert plain.pulse is None
    assert len(beats) == 2 * len(LAYERS)


@pytest.mark.parametrize("end", [1, 7, len(LAYERS) + 3])
def test_what_a_beat_raises_ends_the_walk(end):
    beats = []
    picture = photo(32, 48).requires_grad_()
    with pytest.raises(Enough):
        encoder().with_pulse(counting(beats, end))(picture, ["conv5_1"])["conv5_1"].sum().backward()
    assert len(beats) == end


@pytest.mark.parametrize(("upsampling", "level"), [("nearest", 3), ("unpool", 4)])
def test_a_levels_two_networks_beat(upsampling, level):
    beats = []
    decoder = Decoder(TINY_WIDTHS, level=level, upsampling=upsampling)
    network = LevelNetwork(decoder, None).eval().requires_grad_(False).with_pulse(counting(beats))
    features, maxima = encode_with_maxima(encoder(), photo(32, 48), level=level)
    network.decoder(features, maxima if upsampling == "unpool" else None)
    assert len(beats) == len(network.decoder.layers) - 1  # the last gives the picture


def test_the_wavelet_decoder_beats():
    beats = []
    widths = {name: TINY_WIDTHS[name] for name in LAYERS[: LAYERS.index("conv4_1") + 1]}
    decoder = WaveletDecoder(widths, variant="cat5").eval().requires_grad_(False)
    wavelet_decode(
        decoder.with_pulse(counting(beats)), *wavelet_encode(encoder(), photo(32, 48), variant="cat5")
    )
    assert len(beats) == len(widths)
