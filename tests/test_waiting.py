"""How often the processor waits for another device: a fixed number of times, however large the picture."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from style_core.nets.decoder import Decoder, encode_with_maxima
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.wavelet import WaveletDecoder, wavelet_decode, wavelet_encode
from style_core.ops import moments as module
from style_core.ops.moments import moments
from style_core.ops.whitening import AffineMap
from style_core.transfer import Plan, apply, measure

from .conftest import TINY_WIDTHS, photo
from .without_float64 import DEVICE, There, device_without_float64

ATEN = torch.ops.aten
WAITING = {  # what needs the numbers before the program can go on
    ATEN._local_scalar_dense.default, ATEN.nonzero.default, ATEN.masked_select.default, ATEN.equal.default,
    ATEN._unique2.default, ATEN.bincount.default,
}  # fmt: skip


class Waits(TorchDispatchMode):
    """Counts what waits for the stand-in of a device: numbers looked at, tensors fetched."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if any(isinstance(leaf, There) for leaf in tree_leaves((args, kwargs))):
            place = kwargs.get("device")
            is_fetched = place is not None and torch.device(place) != DEVICE
            is_picked = function is ATEN.index.Tensor and any(
                index is not None and index.dtype == torch.bool for index in args[1]
            )
            self.count += is_fetched or is_picked or function in WAITING
        return function(*args, **kwargs)


@pytest.fixture
def there():
    with device_without_float64() as device:
        yield device


@pytest.mark.parametrize("side", [8, 40])
def test_moments_wait_twice_however_many_blocks_there_are(there, monkeypatch, side):
    monkeypatch.setattr(module, "DEVICE_BLOCK", 4 * 64)
    x = torch.randn(1, 4, side, side) + 3
    with Waits() as waits:
        found = moments(x.to(there))
    assert waits.count == 2  # the mean, and the covariance around it
    expected = moments(x.double())
    torch.testing.assert_close(found.mean, expected.mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.covariance, expected.covariance, rtol=1e-5, atol=1e-5)


def test_bounds_are_not_waited_for(there):
    x = torch.randn(1, 4, 12, 12)
    with Waits() as waits:
        found = measure(x.to(there), None, with_bounds=True)
    assert waits.count == 2
    assert [float(bound.to("cpu")) for bound in found.bounds] == [float(x.min()), float(x.max())]


def test_a_plan_is_applied_without_waiting(there):
    x, turned = torch.randn(1, 4, 12, 12), AffineMap(torch.eye(4).double().flip(0), torch.ones(4).double())
    low, high = x.amin(), x.amax()
    expected = apply(x, Plan({0: turned}, (low, high), 0.5), None)
    with Waits() as waits:
        found = apply(x.to(there), Plan({0: turned}, (low.to(there), high.to(there)), 0.5), None)
    assert waits.count == 0
    torch.testing.assert_close(found.to("cpu"), expected)


def test_nothing_else_in_a_level_waits(there):
    torch.manual_seed(0)
    shallow = dict(list(TINY_WIDTHS.items())[: LAYERS.index("conv4_1") + 1])
    networks = Encoder(shallow), Decoder(shallow, level=4, upsampling="unpool")
    wavelet = Encoder(shallow, pool="haar"), WaveletDecoder(shallow, variant="sum")
    for network in (*networks, *wavelet):
        network._apply(lambda t: t.to(there))
    with torch.no_grad(), Waits() as waits:
        encoder, decoder = networks
        features, maxima = encode_with_maxima(encoder, photo(64, 64).to(there), level=4)
        made = decoder(features, maxima)
        features, skips = wavelet_encode(wavelet[0], photo(64, 64).to(there), variant="sum")
        rebuilt = wavelet_decode(wavelet[1], features, skips)
    assert made.shape == rebuilt.shape == (1, 3, 64, 64)
    assert waits.count == 0


def test_the_counter_counts(there):
    x = torch.ones(3).to(there)
    with Waits() as waits:
        x.sum().item(), x.nonzero(), x[x > 0], x.cpu()
    assert waits.count == 4
