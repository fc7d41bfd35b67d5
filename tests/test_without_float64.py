"""What computes in float64 works on devices that have none and gives the processor's numbers."""

import pytest
import torch

from style_core.ops import float64
from style_core.ops.local_affine import local_affine_filter
from style_core.regions import Labels
from style_core.smoothing import matting_energy, propagate

from .conftest import photo
from .without_float64 import DEVICE, device_without_float64


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(float64, "WITHOUT", (DEVICE.type,))
    with device_without_float64() as there:
        yield there


def test_the_stand_in_has_no_float64(device):
    with pytest.raises(TypeError, match="no float64"):
        photo(20, 24).to(device).double()


@pytest.mark.parametrize(("kind", "place"), [("mps", "cpu"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_the_processor_stands_in_for_apples_gpus_alone(kind, place):
    assert float64.float64_device(torch.device(kind)).type == place


def test_the_smoothing_comes_back_to_where_the_picture_was(device):
    y, guide = photo(40, 48, seed=1), photo(40, 48)
    smoothed = propagate(y.to(device), guide.to(device), max_steps=6).image
    assert smoothed.device.type == device.type
    assert torch.equal(smoothed.to("cpu"), propagate(y, guide, max_steps=6).image)


def test_the_photorealism_term_is_computed_where_the_picture_is(device):
    content, x = photo(20, 24), photo(20, 24, seed=1)
    variable = x.to(device).requires_grad_()
    energy = matting_energy(content.to(device))(variable)
    (gradient,) = torch.autograd.grad(energy, variable)
    assert energy.device.type == gradient.device.type == device.type
    torch.testing.assert_close(energy.to("cpu"), matting_energy(content)(x), rtol=1e-5, atol=1e-5)


def test_the_local_affine_filter_comes_back_as_well(device):
    content, result = photo(20, 24), photo(20, 24, seed=1)
    filtered = local_affine_filter(content.to(device), result.to(device), radius=3, edge=0.1)
    assert filtered.device.type == device.type
    assert torch.equal(filtered.to("cpu"), local_affine_filter(content, result, radius=3, edge=0.1))


def test_labels_are_brought_to_other_sizes_where_they_are(device):
    labels = Labels(torch.arange(40 * 48).view(40, 48).to(torch.uint8))
    small = labels.to(device).at(7, 31)
    assert small.map.device.type == device.type
    assert torch.equal(small.map.to("cpu"), labels.at(7, 31).map)
