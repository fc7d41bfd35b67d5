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
from style_core.regions import Labels, Membership, region_moments
from style_core.tiles import tiles
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
def test_moments_wait_once_however_many_blocks_there_are(there, monkeypatch, side):
    monkeypatch.setattr(module, "DEVICE_BLOCK", 4 * 64)
    x = torch.randn(1, 4, side, side) + 3
    with Waits() as waits:
        found = moments(x.to(there))
    assert waits.count == 1
    expected = moments(x.double())
    torch.testing.assert_close(found.mean, expected.mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.covariance, expected.covariance, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("block", [4 * 64, 1 << 24])
def test_moments_of_regions_wait_once_for_all_of_them(there, monkeypatch, block):
    monkeypatch.setattr(module, "DEVICE_BLOCK", block)
    x = torch.randn(1, 4, 24, 40) + 3
    labels = Labels((torch.arange(24)[:, None] // 6 + torch.arange(40) // 20 * 4).to(torch.uint8))
    labels.map[0, :3] = 9  # no position at half the size
    labels.map[0, 3] = 7
    placed = labels.to(there)
    assert placed.present == labels.present  # found once for a picture
    tile = list(tiles(24, 40, side=16, stride=4, margin=4))[1]
    for features, part in ((x, None), (x[..., ::2, ::2], None), (tile.core(x), tile)):
        with Waits() as waits:
            found = region_moments(features.to(there), placed.within(part) if part else placed).by_label
        assert waits.count == 1
        expected = region_moments(features.double(), labels.within(part) if part else labels).by_label
        assert found.keys() == expected.keys()
        for label, own in expected.items():
            assert found[label].count == own.count
            torch.testing.assert_close(found[label].mean, own.mean, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(found[label].covariance, own.covariance, rtol=1e-4, atol=1e-4)


def test_a_region_that_even_samples_miss_is_measured_as_well(there):
    """A calm, bright strip between the columns that a stride over the whole picture would see."""
    x = torch.randn(1, 4, 64, 768, generator=torch.Generator().manual_seed(2)) * 0.01 + 5
    labels = torch.ones(64, 768, dtype=torch.uint8)
    labels[:, 4:40] = 2
    found = region_moments(x.to(there), Labels(labels).to(there)).by_label[2]
    expected = region_moments(x.double(), Labels(labels)).by_label[2]
    error = (found.covariance - expected.covariance).abs().max()
    assert error < 1e-4 * expected.covariance.abs().max()


def test_maps_of_regions_are_applied_without_waiting(there):
    x, shares = torch.randn(1, 4, 24, 40), torch.rand(3, 24, 40).clamp_min(0.5).sub(0.5)
    shares /= shares.sum(0) + 1e-6
    maps = {k: AffineMap((k + 1) * torch.eye(4).double(), torch.full((4,), k).double()) for k in range(3)}
    expected = apply(x, Plan(maps), Membership((0, 1, 2), shares))
    with Waits() as waits:
        found = apply(x.to(there), Plan(maps), Membership((0, 1, 2), shares.to(there)))
    assert waits.count == 0
    torch.testing.assert_close(found.to("cpu"), expected)


def test_a_tile_of_regions_is_cut_without_waiting(there):
    shares = torch.rand(2, 24, 40, generator=torch.Generator().manual_seed(1)).round()
    shares = torch.stack([shares[0], 1 - shares[0]])
    tile = list(tiles(12, 20, side=8, stride=4, margin=2))[1]
    with Waits() as waits:
        found = Membership((1, 2), shares.to(there)).within(tile)
    assert waits.count == 0
    torch.testing.assert_close(found.shares.to("cpu"), Membership((1, 2), shares).within(tile).shares)


def test_bounds_are_not_waited_for(there):
    x = torch.randn(1, 4, 12, 12)
    with Waits() as waits:
        found = measure(x.to(there), None, with_bounds=True)
    assert waits.count == 1
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
