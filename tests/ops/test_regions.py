"""Transforms per region."""

import pytest
import torch

from style_core.ops.moments import moments
from style_core.ops.regions import apply_maps, is_any_unmeasured, memberships, region_moments
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


@pytest.mark.parametrize(("height", "width"), [(17, 31), (33, 17), (35, 35)])
def test_a_region_on_the_last_row_or_column_of_an_odd_size_stays_there(height, width):
    h, w = -(-height // 2), -(-width // 2)  # an odd last row is pooled on its own
    x = torch.randn(1, 3, h, w, dtype=torch.float64)
    labels = torch.ones(height, width, dtype=torch.int64)
    labels[-1] = 3
    labels[:, -1] = 2
    found = region_moments(x, labels)
    assert set(found) == ({0, 1, 2, 3} if w > 9 else {0, 1, 2})  # a row of 8 positions is too few
    torch.testing.assert_close(found[2].mean, x[0, :, :, -1].mean(1))
    torch.testing.assert_close(found[1].mean, x[0, :, :-1, :-1].flatten(1).mean(1))
    if 3 in found:
        torch.testing.assert_close(found[3].mean, x[0, :, -1, :-1].mean(1))


@pytest.mark.parametrize("poolings", [1, 2, 3])
def test_quarters_of_an_odd_size_stay_quarters_after_poolings_that_round_up(poolings):
    height, width = 69, 85
    h, w = -(-height // 2**poolings), -(-width // 2**poolings)
    place = torch.stack(torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij"))[None].double()
    is_lower, is_right = torch.arange(height)[:, None] >= height // 2, torch.arange(width) >= width // 2
    found = region_moments(place, 1 + is_lower.long() + 2 * is_right.long())
    for label, (down, right) in enumerate([(1, 1), (3, 1), (1, 3), (3, 3)], start=1):
        middle = torch.tensor([(h - 1) * down / 4, (w - 1) * right / 4], dtype=torch.float64)
        torch.testing.assert_close(found[label].mean, middle, atol=0.5, rtol=0)


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


@pytest.mark.parametrize(
    ("measured", "is_missing"),
    [({0, 1, 2}, False), ({1, 2}, False), ({0, 1, 2, 5}, False), ({0, 1}, True), ({0}, True), (set(), True)],
)
def test_a_region_without_measurements_is_noticed(measured, is_missing):
    labels = halves()
    labels[0] = 0  # pixels that belong to no region need none
    assert is_any_unmeasured(labels, measured) == is_missing


def test_without_labels_nothing_is_unmeasured():
    assert not is_any_unmeasured(None, {0})


def test_what_region_moments_leaves_out_is_unmeasured():
    labels = halves()
    x = torch.randn(1, 3, 16, 16)
    assert not is_any_unmeasured(labels, region_moments(x, labels).keys())
    labels[5, 5] = 3
    assert is_any_unmeasured(labels, region_moments(x, labels).keys())
