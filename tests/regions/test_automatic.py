"""Automatic regions: shared labels, full size, deterministic, whatever the shape."""

import pytest
import torch
import torch.nn.functional as F

from style_core import stylize
from style_core.nets.encoder import Encoder
from style_core.nets.pulse import PulsingModule
from style_core.regions.automatic import cluster_segments
from style_core.regions.masks import EVERYTHING
from style_core.weights import load_encoder

from ..conftest import TINY_WIDTHS, photo


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(11)
    return Encoder(TINY_WIDTHS).eval().requires_grad_(False)


def halves(height=96, width=128, *, swapped=False):
    """One half flat blue, the other a noisy red checkerboard: ``[1, 3, H, W]``."""
    generator = torch.Generator().manual_seed(5)
    flat = torch.tensor([0.1, 0.3, 0.9])[None, :, None, None].expand(1, 3, height, width // 2)
    checks = ((torch.arange(height)[:, None] // 4 + torch.arange(width - width // 2) // 4) % 2).float()
    busy = torch.tensor([0.9, 0.4, 0.1])[None, :, None, None] * (0.3 + 0.7 * checks)
    busy = (busy + 0.05 * torch.randn(busy.shape, generator=generator)).clamp(0, 1)
    return torch.cat([busy, flat] if swapped else [flat, busy], dim=3)


class MeanColors(PulsingModule):
    """An encoder that sees nothing but colors, at the strides of the real one's layers."""

    def forward(self, picture, layers):
        return {name: F.avg_pool2d(picture, 2 ** (int(name[4]) - 1)) for name in layers}


def labels_of(maps):
    return set(maps.unique().tolist())


def most_frequent(maps):
    return int(maps.flatten().bincount().argmax())


def test_every_label_is_on_both_sides(encoder):
    found = cluster_segments(halves(), halves(80, 100, swapped=True), encoder)
    assert labels_of(found.content) - {EVERYTHING} == labels_of(found.style) - {EVERYTHING}
    assert len(labels_of(found.content) - {EVERYTHING}) >= 2


@pytest.mark.parametrize("clusters", [2, 3, 6])
def test_there_are_no_more_labels_than_asked_for(encoder, clusters):
    found = cluster_segments(halves(), halves(swapped=True), encoder, clusters=clusters)
    assert len(labels_of(found.content) - {EVERYTHING}) <= clusters


@pytest.mark.parametrize(("height", "width"), [(96, 128), (97, 131), (500, 90)])
def test_maps_have_the_sizes_of_their_pictures(encoder, height, width):
    found = cluster_segments(photo(height, width), photo(64, 80, 1), encoder)
    assert found.content.shape == (height, width)
    assert found.style.shape == (64, 80)
    assert found.content.dtype == found.style.dtype == torch.uint8


def test_the_result_is_deterministic(encoder):
    runs = []
    for seed in (0, 1):
        torch.manual_seed(seed)  # global randomness must not matter
        runs.append(cluster_segments(photo(96, 128), photo(90, 90, 1), encoder))
    assert torch.equal(runs[0].content, runs[1].content)
    assert torch.equal(runs[0].style, runs[1].style)


def test_the_same_stuff_gets_the_same_label_wherever_it_is():
    encoder = load_encoder("compact", None, torch.device("cpu"), last="relu4_1", pool="max")
    found = cluster_segments(halves(), halves(swapped=True), encoder, clusters=2)
    assert most_frequent(found.content[:, :64]) == most_frequent(found.style[:, 64:])
    assert most_frequent(found.content[:, 64:]) == most_frequent(found.style[:, :64])
    assert most_frequent(found.content[:, :64]) != most_frequent(found.content[:, 64:])


@pytest.mark.parametrize(("height", "width"), [(96, 128), (100, 113), (97, 130), (60, 500)])
def test_borders_lie_where_they_are_in_the_picture(height, width):
    found = cluster_segments(halves(height, width), halves(swapped=True), MeanColors(), clusters=2).content
    is_left = torch.arange(width) < width // 2
    assert ((found == most_frequent(found[:, : width // 2])) == is_left).float().mean() > 0.98


def test_a_picture_and_itself_are_divided_alike(encoder):
    picture = photo(96, 128)
    found = cluster_segments(picture, picture, encoder)
    assert torch.equal(found.content, found.style)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 600), (600, 16), (17, 33), (16, 32)])
def test_tiny_and_thin_pictures_are_divided_too(encoder, height, width):
    found = cluster_segments(photo(height, width), photo(64, 64, 1), encoder)
    assert found.content.shape == (height, width)
    assert labels_of(found.content) - {EVERYTHING} == labels_of(found.style) - {EVERYTHING}


def test_a_flat_picture_gives_finite_labels(encoder):
    found = cluster_segments(torch.full((1, 3, 64, 64), 0.5), photo(64, 64), encoder)
    assert labels_of(found.content) - {EVERYTHING} == labels_of(found.style) - {EVERYTHING}


def test_the_pictures_are_left_unchanged(encoder):
    content, style = photo(64, 64), photo(64, 64, 1)
    before = content.clone(), style.clone()
    cluster_segments(content, style, encoder)
    assert torch.equal(content, before[0])
    assert torch.equal(style, before[1])


def test_stylize_uses_them_when_masks_are_auto(tiny_weights):
    pictures = halves(), halves(swapped=True)
    result = stylize(
        "wct2", *pictures, weights_dir=tiny_weights, content_mask="auto", style_mask="auto", device="cpu"
    )
    assert result.segments.content.shape == (96, 128)
    assert labels_of(result.segments.content) == labels_of(result.segments.style)
