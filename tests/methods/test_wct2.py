"""WCT2 with the shipped weights: what it promises a user."""

import itertools

import pytest
import torch

from style_core import OutOfMemory, load_image, stylize
from style_core.methods.wct2 import TRANSFERS, WHITENINGS
from style_core.nets.wavelet import VARIANTS
from style_core.ops.moments import moments

from ..conftest import photo


def psnr(a, b):
    return float(-10 * (a - b).square().mean().log10())


@pytest.fixture(scope="module")
def pair(examples):
    content, style = (load_image(path).pixels for path in examples[0])
    return [torch.nn.functional.interpolate(p, (192, 256), mode="area") for p in (content, style)]


@pytest.fixture(scope="module")
def examples():
    from demo.examples import gallery

    return [(p.content, p.style) for p in gallery(photorealistic=True)]


def test_style_equal_to_content_gives_the_content_back(examples):
    values = []
    for content, _ in examples:
        result = stylize("wct2", content, content, size=384, content_strength=0)
        values.append(psnr(result.image, _resized(content, result.image.shape)))
    assert sorted(values)[len(values) // 2] >= 34


def _resized(path, shape):
    from style_core.images import resize_longer_side

    return resize_longer_side(load_image(path).pixels, max(shape[-2:]))


@pytest.mark.parametrize("decoder", VARIANTS)
def test_strength_zero_is_the_reconstruction(pair, decoder):
    content, style = pair
    zero = stylize("wct2", content, style, style_strength=0, decoder=decoder, content_strength=0).image
    own = stylize("wct2", content, content, whitening="paper", decoder=decoder, content_strength=0).image
    assert psnr(zero, own) > 35  # both are what the decoder makes of the untouched features


def test_distances_follow_the_style_strength(pair):
    content, style = pair
    results = [stylize("wct2", content, style, style_strength=s).image for s in (0, 0.25, 0.5, 0.75, 1)]
    goal = moments(style)
    to_style = [float((moments(r).mean - goal.mean).norm()) for r in results]
    to_content = [float((r - content).square().mean()) for r in results]
    assert to_style == sorted(to_style, reverse=True)
    assert to_content == sorted(to_content)


def test_fine_structure_follows_the_content_strength(pair):
    from style_core.ops.guided_filter import guided_filter

    content, style = pair
    misfit = []
    for strength in (0, 0.5, 1):
        result = stylize("wct2", content, style, content_strength=strength).image
        # what no local recoloring of the content explains
        misfit.append(float((result - guided_filter(content, result, radius=4, eps=1e-4)).square().mean()))
    assert misfit == sorted(misfit, reverse=True)
    assert misfit[2] < 0.5 * misfit[0]


@pytest.mark.parametrize("whitening", WHITENINGS)
@pytest.mark.parametrize("decoder", VARIANTS)
def test_every_choice_of_transfer_points_gives_another_picture(tiny_weights, whitening, decoder):
    content, style = photo(32, 40, seed=1), photo(32, 32, seed=2)
    subsets = [c for n in (1, 2, 3) for c in itertools.combinations(TRANSFERS, n)]
    pictures = [
        stylize(
            "wct2", content, style, transfer=s, whitening=whitening, decoder=decoder, weights_dir=tiny_weights
        )
        for s in subsets
    ]
    for a, b in itertools.combinations(pictures, 2):
        assert not torch.equal(a.image, b.image)


@pytest.mark.parametrize("whitening", WHITENINGS)
def test_a_flat_content_stays_flat(whitening):
    gray = torch.full((1, 3, 64, 64), 0.5)
    result = stylize("wct2", gray, photo(64, 64, seed=4), whitening=whitening).image
    assert result.std((2, 3)).max() < 0.02


def test_a_thin_panorama_is_done():
    assert stylize("wct2", photo(64, 4000), photo(64, 64, seed=1)).image.shape == (1, 3, 64, 4000)


def test_regions_too_small_for_the_deep_levels_are_noted():
    mask = torch.zeros(1, 3, 48, 48)
    mask[..., 20:25, 20:25] = 1
    result = stylize("wct2", photo(48, 48), photo(48, 48, seed=1), content_mask=mask, style_mask=mask)
    assert any("too small to be measured at every level" in note for note in result.notes)


def test_a_picture_too_large_for_the_memory_is_refused_with_the_share_that_fits(monkeypatch):
    monkeypatch.setattr("style_core.device.available_memory", lambda device: 1_000_000)
    with pytest.raises(
        OutOfMemory, match=r"needs about 0\.0 GB of memory and 0\.0 GB are free; choose a size"
    ):
        stylize("wct2", photo(64, 64), photo(64, 64, seed=1))


def test_masks_keep_the_style_of_a_region_in_it():
    content, style = torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, 3, 64, 64)
    content += 0.05 * photo(64, 64, seed=5) - 0.025
    style[:, 0, :, :32], style[:, 2, :, 32:] = 0.8, 0.8  # red left, blue right
    style = (style + 0.05 * photo(64, 64, seed=6)).clamp(0, 1)
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., 32:] = 1
    result = stylize("wct2", content, style, content_mask=mask, style_mask=mask).image
    left, right = result[..., :24].mean((0, 2, 3)), result[..., 40:].mean((0, 2, 3))
    assert left[0] > left[2] + 0.3
    assert right[2] > right[0] + 0.3
