"""Statistics and transforms by region."""

import pytest
import torch

from style_core.ops.moments import moments
from style_core.ops.whitening import AffineMap, whitening_coloring
from style_core.regions import Labels, Membership, apply_maps, region_moments
from style_core.regions.membership import soft_membership

from ..conftest import photo


def halves(height=16, width=16, *, planted=0):
    """1 on the left, 2 on the right; with ``planted`` px, a square of 3 in the corner."""
    labels = torch.ones(height, width, dtype=torch.uint8)
    labels[:, width // 2 :] = 2
    labels[:planted, :planted] = 3
    return Labels(labels)


def hard(labels):
    return Membership(labels.present, labels.masks(labels.present)[0])


def scaling(factor, channels=3):
    return AffineMap(factor * torch.eye(channels, dtype=torch.float64), torch.zeros(channels).double())


def test_region_moments_are_those_of_the_region_alone():
    x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    found = region_moments(x, halves()).by_label
    torch.testing.assert_close(found[2].covariance, moments(x[..., 8:]).covariance)
    torch.testing.assert_close(found[0].covariance, moments(x).covariance)


def test_without_labels_there_are_those_of_everything_alone():
    assert region_moments(torch.randn(1, 3, 4, 4), None).by_label.keys() == {0}


def test_labels_are_read_at_the_size_of_the_features():
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    found = region_moments(x, halves()).by_label
    torch.testing.assert_close(found[1].mean, x[0, :, :, :4].flatten(1).mean(1))


@pytest.mark.parametrize(("height", "width"), [(17, 31), (33, 17), (35, 35)])
def test_a_region_on_the_last_row_or_column_of_an_odd_size_stays_there(height, width):
    h, w = -(-height // 2), -(-width // 2)  # an odd last row is pooled on its own
    x = torch.randn(1, 3, h, w, dtype=torch.float64)
    labels = torch.ones(height, width, dtype=torch.uint8)
    labels[-1] = 3
    labels[:, -1] = 2
    found = region_moments(x, Labels(labels)).measurable
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
    found = region_moments(place, Labels(1 + is_lower.byte() + 2 * is_right.byte())).by_label
    for label, (down, right) in enumerate([(1, 1), (3, 1), (1, 3), (3, 3)], start=1):
        middle = torch.tensor([(h - 1) * down / 4, (w - 1) * right / 4], dtype=torch.float64)
        torch.testing.assert_close(found[label].mean, middle, atol=0.5, rtol=0)


@pytest.mark.parametrize(("side", "is_measurable"), [(1, False), (2, False), (3, True)])
def test_a_region_with_too_few_positions_is_not_measurable(side, is_measurable):
    found = region_moments(torch.randn(1, 3, 16, 16), halves(planted=side))
    assert (3 in found.measurable) == is_measurable
    assert found.by_label[3].count == side**2


def test_the_parts_of_a_small_region_are_measurable_together():
    """Two tiles of it with six positions each."""
    x = torch.randn(1, 3, 2, 6, dtype=torch.float64)
    labels = torch.full((2, 6), 3, dtype=torch.uint8)
    parts = [region_moments(x[..., k : k + 3], Labels(labels[:, k : k + 3])) for k in (0, 3)]
    assert all(3 not in part.measurable for part in parts)
    whole = parts[0].merged(parts[1]).measurable[3]
    torch.testing.assert_close(whole.covariance, moments(x).covariance)


def test_a_region_of_one_part_alone_is_kept_in_merging():
    x = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    parts = [region_moments(x[..., k : k + 8], Labels(halves().map[:, k : k + 8])) for k in (0, 8)]
    found, whole = parts[0].merged(parts[1]).by_label, region_moments(x, halves()).by_label
    assert found.keys() == whole.keys() == {0, 1, 2}
    for label in whole:
        torch.testing.assert_close(found[label].covariance, whole[label].covariance)


def test_a_one_pixel_region_is_transformed_with_everything():
    labels = torch.ones(16, 16, dtype=torch.uint8)
    labels[:, 8:], labels[5, 5] = 2, 3
    x = torch.randn(1, 3, 16, 16)
    content, style = (region_moments(y, Labels(labels)).measurable for y in (x, torch.randn(1, 3, 16, 16)))
    maps = {label: whitening_coloring(content[label], style[label]) for label in content}
    membership = soft_membership(Labels(labels), photo(16, 16), radius=4).at(16, 16)
    assert torch.isfinite(apply_maps(x, maps, membership)).all()


def test_every_region_gets_its_own_map():
    x = torch.rand(1, 3, 8, 8) + 1
    maps = {0: scaling(9), 1: scaling(2), 2: scaling(3)}
    moved = apply_maps(x, maps, hard(halves()).at(8, 8))
    torch.testing.assert_close(moved[..., :4], 2 * x[..., :4])
    torch.testing.assert_close(moved[..., 4:], 3 * x[..., 4:])


def test_a_label_without_map_uses_that_of_everything():
    x = torch.rand(1, 3, 8, 8)
    moved = apply_maps(x, {0: scaling(9), 1: scaling(2)}, hard(halves()).at(8, 8))
    torch.testing.assert_close(moved[..., 4:], 9 * x[..., 4:])


def test_without_labels_the_map_of_everything_applies():
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(apply_maps(x, {0: scaling(2)}, None), 2 * x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
def test_what_is_moved_too_far_is_drawn_in_along_its_direction(dtype, masked):
    x = torch.randn(1, 3, 8, 8).to(dtype)
    maps = {0: scaling(2), 1: scaling(2), 2: scaling(2)}
    membership = hard(halves()).at(8, 8) if masked else None
    free, held = (apply_maps(x, maps, membership, reach=r).double() for r in (None, torch.tensor(3.0)))
    norms = free.square().sum(1, keepdim=True).sqrt()
    assert (norms > 3).any()
    assert (norms < 3).any()
    torch.testing.assert_close(held, free * (3 / norms).clamp_max(1), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("block", [6, 100, 1 << 18])
def test_maps_are_blended_by_shares_whatever_the_blocks(monkeypatch, block):
    monkeypatch.setattr("style_core.ops.moments.BLOCK", block)
    torch.manual_seed(0)
    x = torch.randn(1, 3, 7, 9)
    first = torch.rand(7, 9)
    first[:, 6:] = 0  # where one region has no part
    shares = torch.stack([first, 1 - first])
    maps = {k: AffineMap(torch.randn(3, 3).double(), torch.randn(3).double()) for k in (0, 1, 2)}
    found = [
        torch.einsum("cd,dhw->chw", maps[k].matrix, x[0].double()) + maps[k].bias[:, None, None]
        for k in (1, 2)
    ]
    desired = shares[0].double() * found[0] + shares[1].double() * found[1]
    actual = apply_maps(x, maps, Membership((1, 2), shares))[0].double()
    torch.testing.assert_close(actual, desired, rtol=1e-5, atol=1e-5)
