"""WCT on contents larger than its working size: strokes, tiles, masks, memory."""

import re

import pytest
import torch
import torch.nn.functional as F

from style_core import Picture, stylize
from style_core import device as devices
from style_core.methods import wct
from style_core.transfer import match_tiles

from ..conftest import photo, psnr

HEIGHT, WIDTH = 163, 517  # odd, and twice the smallest working size
SMALL = {"working_size": 256, "precision": "exact"}


@pytest.fixture(scope="module")
def pair():
    content = F.interpolate(photo(21, 65, seed=1), (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)
    return content, photo(160, 200, seed=2).flip(1)


@pytest.fixture
def tile_megabytes(monkeypatch):
    return lambda size: monkeypatch.setenv("STYLE_CORE_TILE_MB", str(size))


@pytest.fixture(scope="module")
def painted(pair):
    """The pair's result, painted over in one piece."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("STYLE_CORE_TILE_MB", "1000")
        return stylize("wct", *pair, **SMALL)


def halves():
    mask = torch.zeros(1, 3, HEIGHT, WIDTH)
    mask[..., WIDTH // 2 :] = 1
    return {"content_mask": mask, "style_mask": F.interpolate(mask, (160, 200))}


@pytest.mark.parametrize("masks", [{}, halves()], ids=["no masks", "masks"])
def test_the_tiles_do_not_show(pair, painted, tile_megabytes, masks):
    tile_megabytes(1000)
    whole = (stylize("wct", *pair, **SMALL, **masks) if masks else painted).image
    assert whole.shape[-2:] == (HEIGHT, WIDTH)
    tile_megabytes(16)  # two rows of them at every level
    assert (stylize("wct", *pair, **SMALL, **masks).image - whole).abs().max() < 1 / 255


def test_seen_from_afar_it_is_the_small_painting(pair, painted):
    content, style = pair
    small = stylize("wct", content, style, size=256, precision="exact").image

    def likeness(large):
        return psnr(F.interpolate(large, small.shape[-2:], mode="bicubic", antialias=True).clamp(0, 1), small)

    at_once = stylize("wct", content, style, precision="exact", working_size=None).image
    assert likeness(painted.image) > likeness(at_once) + 1


def test_it_says_how_it_was_made(pair, painted, tiny_weights):
    assert any("Painted at 256 x 81 px, then enlarged to 517 x 163 px" in note for note in painted.notes)
    deep = stylize("wct", *pair, **SMALL, levels=("4",), weights_dir=tiny_weights)
    assert any("not painted over" in note for note in deep.notes)


def test_the_time_it_will_take_is_said_as_soon_as_it_is_known(pair, tiny_weights, tile_megabytes):
    tile_megabytes(1)
    said = []
    stylize(
        "wct",
        *pair,
        weights_dir=tiny_weights,
        **SMALL,
        progress=lambda done, message, _: said.append(message),
    )
    refining = [message for message in said if message.startswith("Refining to 517 x 163 px")]
    timed = [message for message in refining if message != refining[0]]
    assert len(timed) > 1
    assert all(re.search(r"px, about \d+ (s|min) to go$", message) for message in timed)


def test_a_content_of_the_working_size_is_painted_at_once(tiny_weights):
    pictures = photo(160, 256), photo(64, 64, seed=1)
    here, there = (
        stylize("wct", *pictures, weights_dir=tiny_weights, working_size=size) for size in (256, None)
    )
    assert torch.equal(here.image, there.image)


@pytest.mark.parametrize("options", [{"style_strength": 0}, {"levels": ("5",), "content_strength": 1}])
def test_without_any_strength_it_is_the_content(pair, tiny_weights, options):
    content = Picture((pair[0] * 255).round().to(torch.uint8))
    result = stylize("wct", content, pair[1], weights_dir=tiny_weights, **SMALL, **options)
    assert torch.equal(result.picture.samples, content.samples)


def test_a_little_strength_changes_a_little(pair):
    content, style = pair
    assert psnr(stylize("wct", content, style, style_strength=0.05, **SMALL).image, content) > 25


def test_depths(pair, tiny_weights):
    content = Picture((pair[0] * 255).round().to(torch.uint8))
    for bits, depth in ((8, torch.uint8), (16, torch.uint16)):
        found = stylize("wct", content, pair[1], bits=bits, weights_dir=tiny_weights, **SMALL).picture.samples
        assert found.dtype == depth


def test_large_textures_are_refined_too(tiny_weights):
    result = stylize("wct", None, photo(64, 64), size=600, weights_dir=tiny_weights, **SMALL)
    assert result.picture.size == (600, 600)


def test_a_panorama_is_painted_larger_than_the_working_size(tiny_weights):
    notes = stylize("wct", photo(80, 1600), photo(64, 64), weights_dir=tiny_weights, **SMALL).notes
    assert any("Painted at 1280 x 64 px" in note for note in notes)


@pytest.mark.parametrize("options", [SMALL, {"working_size": None, "precision": "exact"}])
def test_little_memory_makes_smaller_tiles_and_no_refusal(pair, tiny_weights, monkeypatch, options):
    options = {"weights_dir": tiny_weights, **options}
    room = 10_000_000
    if options["working_size"] is None:  # else the picture has to be larger than the smallest one
        pair, room = (pair[0][..., :160, :272], pair[1][..., :64, :64]), 2_600_000
    whole = stylize("wct", *pair, **options).image
    for module in ("wct", "shared.feature_memory"):  # what there is besides does not grow with the picture
        monkeypatch.setattr(f"style_core.methods.{module}.START", 0)
    monkeypatch.setattr(devices, "available_memory", lambda device: room)
    sides = []
    monkeypatch.setattr(wct, "match_tiles", lambda *a, **k: sides.append(k["side"]) or match_tiles(*a, **k))
    assert (stylize("wct", *pair, **options).image - whole).abs().max() < 1.5 / 255
    assert min(sides) < pair[0].shape[-2]


def test_a_region_border_lies_where_the_mask_has_it():
    """Membership comes from the small content; on an even picture it has nothing to follow."""
    content, mask = torch.full((1, 3, 160, 320), 0.5), torch.zeros(1, 3, 160, 320)
    mask[..., 160:] = 1
    content += 0.1 * photo(160, 320, seed=3) - 0.05
    red, blue = (
        torch.tensor(c).view(1, 3, 1, 1) + 0.1 * photo(64, 64, seed=4)
        for c in ([0.8, 0.1, 0.1], [0.1, 0.1, 0.8])
    )
    image = stylize("wct", content, [red, blue], content_mask=mask, **SMALL).image
    assert image[:, 0, :, :134].mean() > image[:, 0, :, 186:].mean() + 0.3
    assert image[:, 2, :, 186:].mean() > image[:, 2, :, :134].mean() + 0.3
