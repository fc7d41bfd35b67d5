"""Transforms per region."""

import pytest
import torch

from style_core.ops.moments import moments
from style_core.ops.regions import apply_maps, memberships, region_moments
from style_core.ops.whitening import AffineMap, whitening_coloring

from ..conftest import photo


def halves(height=16, width=16):
    labels = torch.ones(height, width, dtype=torch.int64)
    labels[:, width // 2 :] = 2
    return labels


def scaling(factor, channels=3):
    return AffineMap(factor * torch.eye(channels, dtype=torch.float64), torch.zeros(channels).double())


def test_region_moments_are_those_of_the_region_alone():
    x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    found = region_moments(x, halves())
    torch.testing.assert_close(found[2].covariance, moments(x[..., 8:]).covariance)
    torch.testing.assert_close(found[0].covariance, moments(x).covariance)


def test_labels_are_read_at_the_size_of_the_features():
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(region_moments(x, halves())[1].mean, x[0, :, :, :4].flatten(1).mean(1))


@pytest.mark.parametrize(("side", "is_there"), [(1, False), (2, False), (3, True)])
def test_a_region_with_too_few_positions_is_absent(side, is_there):
    labels = halves()
    labels[:side, :side] = 3
    assert (3 in region_moments(torch.randn(1, 3, 16, 16), labels)) == is_there


def test_a_one_pixel_region_is_transformed_with_everything():
    labels = halves()
    labels[5, 5] = 3
    x = torch.randn(1, 3, 16, 16)
    content, style = region_moments(x, labels), region_moments(torch.randn(1, 3, 16, 16), labels)
    maps = {label: whitening_coloring(content[label], style[label]) for label in content}
    weights = memberships(labels, photo(16, 16), radius=4)
    assert torch.isfinite(apply_maps(x, maps, weights)).all()


def test_memberships_sum_to_one():
    weights = memberships(halves(40, 48), photo(40, 48), radius=8)
    torch.testing.assert_close(sum(weights.values()), torch.ones(1, 1, 40, 48))


def test_a_border_moves_to_the_edge_of_the_picture():
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 18:] = 1  # the mask is off by two pixels
    weights = memberships(halves(32, 32), picture, radius=8)
    assert weights[1][0, 0, 16, 16:18].min() > 0.5  # on the mask's far side, before the edge
    assert weights[1][0, 0, 16, 18:].max() < 0.05


def test_every_region_gets_its_own_map():
    hard = {k: (halves() == k)[None, None].float() for k in (1, 2)}
    x = torch.rand(1, 3, 8, 8) + 1
    moved = apply_maps(x, {0: scaling(9), 1: scaling(2), 2: scaling(3)}, hard)
    torch.testing.assert_close(moved[..., :4], 2 * x[..., :4])
    torch.testing.assert_close(moved[..., 4:], 3 * x[..., 4:])


def test_a_label_without_map_uses_that_of_everything():
    hard = {k: (halves() == k)[None, None].float() for k in (1, 2)}
    x = torch.rand(1, 3, 8, 8)
    moved = apply_maps(x, {0: scaling(9), 1: scaling(2)}, hard)
    torch.testing.assert_close(moved[..., 4:], 9 * x[..., 4:])


def test_without_labels_the_map_of_everything_applies():
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(apply_maps(x, {0: scaling(2)}, None), 2 * x)
