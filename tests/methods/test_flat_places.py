"""Noise for flat places: as much as is asked for where nothing is, little where something is."""

import pytest
import torch
from scipy import ndimage

from style_core.methods.shared.flat_places import SIGMAS, fill_flat_places, with_noise_for_level


def filled(image, deviation=0.05, sigma=5.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return fill_flat_places(image, deviation=deviation, sigma=sigma, generator=generator)


@pytest.mark.parametrize("sigma", SIGMAS.values())
def test_a_flat_picture_varies_by_the_deviation_in_blobs_of_the_size(sigma):
    added = (filled(torch.full((1, 3, 512, 512), 0.5), sigma=sigma) - 0.5)[0]
    assert torch.equal(added[0], added[1])  # gray
    assert float(added.std()) == pytest.approx(0.05, rel=0.15)
    line = added[0].double().numpy()
    # White noise under a Gaussian of s correlates by exp(-d^2 / (4 s^2)) over a distance of d.
    shifted = float((line[:, :-4] * line[:, 4:]).mean() / (line**2).mean())
    assert shifted == pytest.approx(float(torch.tensor(-16 / (4 * sigma**2)).exp()), abs=0.12)


def test_where_the_picture_varies_more_there_is_less_of_it():
    generator = torch.Generator().manual_seed(1)
    coarse = ndimage.gaussian_filter(torch.randn(256, 256, generator=generator).numpy(), 3)
    texture = torch.from_numpy(coarse / coarse.std() * 0.15)
    image = torch.full((1, 3, 256, 512), 0.5)
    image[..., :256] += texture
    image = image.clamp(0.2, 0.8)
    added = filled(image) - image
    busy, flat = float(added[..., 32:224].std()), float(added[..., 288:480].std())
    assert busy < 0.35 * flat


def test_only_the_deep_levels_are_offered_it_and_the_seed_decides():
    image = torch.full((1, 3, 64, 64), 0.5)
    for level in (1, 2, 3):
        assert with_noise_for_level(image, level, deviation=0.1, seed=0) is image
    assert with_noise_for_level(image, 5, deviation=0, seed=0) is image
    first, again, other = (with_noise_for_level(image, 5, deviation=0.1, seed=s) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, with_noise_for_level(image, 4, deviation=0.1, seed=3))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 33), (64, 50)])
def test_any_size_is_kept(height, width):
    assert filled(torch.rand(1, 3, height, width)).shape == (1, 3, height, width)
