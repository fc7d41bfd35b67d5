"""Soft borders: they sum to one and lie where the picture's edges are."""

import pytest
import torch

from style_core.regions import Labels, Membership, Regions
from style_core.regions.membership import NEGLIGIBLE, soft_membership
from style_core.tiles import Tile, tiles

from ..conftest import photo


def halves(height, width):
    labels = torch.ones(height, width, dtype=torch.uint8)
    labels[:, width // 2 :] = 2
    return Labels(labels)


def test_shares_sum_to_one():
    found = soft_membership(halves(40, 48), photo(40, 48), radius=8)
    assert found.labels == (1, 2)
    torch.testing.assert_close(found.shares.sum(0), torch.ones(40, 48))


def test_a_border_moves_to_the_edge_of_the_picture():
    picture = torch.zeros(1, 3, 32, 32)
    picture[..., 18:] = 1  # the mask is off by two pixels
    shares = soft_membership(halves(32, 32), picture, radius=8).shares
    assert shares[0, 16, 16:18].min() > 0.5  # on the mask's far side, before the edge
    assert shares[0, 16, 18:].max() < 0.05


def test_one_region_alone_has_all_of_every_pixel():
    found = soft_membership(Labels(torch.full((16, 16), 5, dtype=torch.uint8)), photo(16, 16))
    assert found.labels == (5,)
    assert (found.shares == 1).all()


def test_at_another_size_negligible_shares_are_left_out_and_the_rest_sums_to_one():
    shares = torch.zeros(3, 8, 8)
    shares[0], shares[1], shares[2] = 0.7, 0.3 - NEGLIGIBLE / 2, NEGLIGIBLE / 2
    small = Membership((1, 2, 3), shares).at(4, 4).shares
    assert not small[2].any()
    torch.testing.assert_close(small.sum(0), torch.ones(4, 4))
    torch.testing.assert_close(small[0] / small[1], torch.full((4, 4), 0.7 / (0.3 - NEGLIGIBLE / 2)))


def test_a_tile_has_its_labels_without_and_its_membership_with_the_margin():
    found = Regions.of(halves(32, 48), photo(32, 48))
    tile = Tile(top=8, left=16, bottom=24, right=32, margin=8, height=32, width=48)
    part = found.at(tile)
    assert torch.equal(part.labels.map, found.labels.map[8:24, 16:32])
    torch.testing.assert_close(part.membership.shares, found.membership.at(32, 48).shares[:, :, 8:40])


def test_without_labels_there_are_no_regions():
    found = Regions.of(None, photo(16, 16))
    assert found.labels is found.membership is None
    assert found.present == ()


def test_regions_filtered_in_groups_are_those_filtered_at_once(monkeypatch):
    labels = Labels((torch.arange(40 * 48).view(40, 48) // 150).to(torch.uint8))
    found = soft_membership(labels, photo(40, 48))
    monkeypatch.setattr("style_core.regions.membership.AT_ONCE", len(labels.present))
    torch.testing.assert_close(found.shares, soft_membership(labels, photo(40, 48)).shares)


def noisy_regions(height, width):
    labels = torch.randint(1, 4, (height // 8, width // 8), generator=torch.Generator().manual_seed(0))
    large = labels.float()[None, None]
    labels = torch.nn.functional.interpolate(large, (height, width))[0, 0].to(torch.uint8)
    return Regions.of(Labels(labels), photo(height, width))


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_of_a_tile_they_are_cut_from_those_of_the_whole(stride):
    regions = noisy_regions(67, 101)
    for tile in tiles(67, 101, side=40, stride=8, margin=8):
        part = tile.at(stride)
        own, whole = regions.at(part), regions.membership.at(part.height, part.width)
        assert torch.equal(own.labels.map, part.core(regions.labels.at(part.height, part.width).map))
        expected = part.cut(whole.shares)
        for label, share in zip(whole.labels, expected, strict=True):
            found = (
                own.membership.shares[own.membership.labels.index(label)]
                if label in own.membership.labels
                else 0
            )
            assert (share - found).abs().max() < 1e-5


def test_of_a_tile_of_a_larger_picture_they_are_enlarged():
    regions = noisy_regions(48, 64)
    whole = torch.nn.functional.interpolate(regions.membership.shares[None], (120, 160), mode="bilinear")[0]
    for tile in tiles(120, 160, side=64, stride=8, margin=8):
        own = regions.at(tile).membership
        for label, share in zip(own.labels, own.shares, strict=True):
            expected = tile.cut(whole[regions.membership.labels.index(label)])
            assert (share - expected).abs().max() < 5e-3  # negligible shares are left out
        torch.testing.assert_close(own.shares.sum(0), torch.ones_like(own.shares[0]))


def test_labels_without_membership_are_cut_as_well():
    labels = Labels(torch.arange(64, dtype=torch.uint8).view(8, 8))
    (tile, *_) = tiles(8, 8, side=4, stride=1, margin=2)
    assert torch.equal(Regions(labels).at(tile).labels.map, labels.map[:4, :4])
