"""WCT2 with the shipped weights: what it promises a user."""

import itertools

import pytest
import torch

from style_core import OutOfMemory, load_image, stylize
from style_core.methods.wct2 import TRANSFERS, WHITENINGS
from style_core.nets.wavelet import VARIANTS

from ..conftest import photo, psnr


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


def test_a_picture_too_large_for_the_memory_is_refused_with_the_share_that_fits(monkeypatch):
    monkeypatch.setattr("style_core.device.available_memory", lambda device: 1_000_000)
    with pytest.raises(
        OutOfMemory, match=r"needs about 0\.1 GB of memory and 0\.0 GB are free; choose a size"
    ):
        stylize("wct2", photo(64, 64), photo(64, 64, seed=1))
