"""Tiles: they cover a picture once, and what is cut with a margin is found again without it."""

import pytest
import torch

from style_core.tiles import SMALLEST_TILE, Tile, tile_side, tiles


@pytest.mark.parametrize(("height", "width"), [(64, 96), (67, 101), (16, 200), (40, 40)])
@pytest.mark.parametrize("stride", [1, 8])
def test_they_cover_every_pixel_once(height, width, stride):
    seen = torch.zeros(height, width)
    for tile in tiles(height, width, side=35, stride=stride, margin=10):
        tile.core(seen).add_(1)
        assert tile.top % stride == tile.left % stride == tile.margin % stride == 0
        assert tile.margin >= 10
    assert (seen == 1).all()


def test_a_margin_ends_at_the_pictures_border():
    places = torch.arange(48)[:, None] * 64 + torch.arange(64)
    for tile in tiles(48, 64, side=24, stride=8, margin=8):
        part = tile.cut(places)
        assert torch.equal(tile.inner(part), tile.core(places))
        assert part.shape[0] == min(48, tile.bottom + 8) - max(0, tile.top - 8)


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_a_tile_of_a_feature_map_is_that_of_the_picture_pooled(stride):
    height, width = 67, 101  # rounded up at the end
    picture = torch.rand(1, 1, height, width)
    pooled = torch.nn.functional.max_pool2d(picture, stride, ceil_mode=True)
    for tile in tiles(height, width, side=40, stride=8, margin=8):
        own = torch.nn.functional.max_pool2d(tile.cut(picture), stride, ceil_mode=True)
        part = tile.at(stride)
        assert (part.height, part.width) == tuple(pooled.shape[-2:])
        assert torch.equal(part.inner(own), part.core(pooled))
        assert torch.equal(own, part.cut(pooled))


def test_one_tile_may_be_the_whole_picture():
    (tile,) = tiles(20, 30, side=64, stride=16, margin=100)
    assert tile == Tile(top=0, left=0, bottom=20, right=30, margin=112, height=20, width=30)


def test_a_tile_and_its_margin_fit_the_budget():
    side = tile_side(100 * 400**2, 100, margin=30)
    assert side == 400 - 2 * 30
    assert tile_side(1, 100, margin=30) == SMALLEST_TILE
