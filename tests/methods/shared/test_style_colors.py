"""A painting's colors on the way to the styles', by region and mixed."""

import torch

from style_core.method import Inputs, StyleInput
from style_core.methods.shared.style_colors import nearer_to_styles_colors
from style_core.regions import Labels


def noise(low, high, *, size=64, seed=0):
    return low + (high - low) * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def halves(size=64):
    labels = torch.ones(size, size, dtype=torch.uint8)
    labels[:, size // 2 :] = 2
    return Labels(labels)


def test_the_strength_is_the_share_of_the_way():
    image = noise(0.2, 0.4)
    inputs = Inputs(image, (StyleInput(noise(0.6, 0.8, seed=1)),))
    assert nearer_to_styles_colors(image, inputs, strength=0) is image
    half, whole = (nearer_to_styles_colors(image, inputs, strength=s).mean() for s in (0.5, 1))
    assert abs(half - 0.5) < 0.01
    assert abs(whole - 0.7) < 0.01


def test_styles_are_mixed_by_their_weights():
    image = noise(0.4, 0.6)
    dark, light = noise(0, 0.2, seed=1), noise(0.8, 1, seed=2)
    inputs = Inputs(image, (StyleInput(dark, weight=0.25), StyleInput(light, weight=0.75)))
    assert abs(nearer_to_styles_colors(image, inputs, strength=1).mean() - 0.7) < 0.01


def test_every_region_has_its_own_colors():
    image = noise(0.4, 0.6)
    style = noise(0, 0.2, seed=1)
    style[..., 32:] = noise(0.8, 1, seed=2)[..., 32:]
    inputs = Inputs(image, (StyleInput(style, halves()),), halves())
    found = nearer_to_styles_colors(image, inputs, strength=1)
    assert abs(found[..., :16].mean() - 0.1) < 0.02
    assert abs(found[..., 48:].mean() - 0.9) < 0.02


def test_a_region_that_no_style_has_takes_the_colors_of_all():
    image = noise(0.4, 0.6)
    labels = torch.ones(64, 64, dtype=torch.uint8)
    labels[:, 32:] = 7
    style = StyleInput(noise(0.8, 1, seed=1), Labels(torch.ones(64, 64, dtype=torch.uint8)))
    found = nearer_to_styles_colors(image, Inputs(image, (style,), Labels(labels)), strength=1)
    assert abs(found.mean() - 0.9) < 0.02


def test_a_small_region_takes_the_colors_of_its_own_style_among_several():
    image = noise(0.8, 0.85)
    image[..., :15, :15] -= 0.7  # an edge, to which the region's border is drawn
    labels = torch.ones(64, 64, dtype=torch.uint8)
    labels[:15, :15] = 2
    dark, light = (Labels(torch.full((64, 64), k, dtype=torch.uint8)) for k in (1, 2))
    styles = (StyleInput(noise(0, 0.2, seed=1), dark, 0.5), StyleInput(noise(0.8, 1, seed=2), light, 0.5))
    found = nearer_to_styles_colors(image, Inputs(image, styles, Labels(labels)), strength=1)
    assert found[..., :12, :12].mean() > 0.7
    assert abs(found[..., 32:, 32:].mean() - 0.1) < 0.02
