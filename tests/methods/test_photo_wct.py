"""PhotoWCT with the shipped weights: what it promises a user."""

import io
import itertools

import pytest
import torch
from PIL import Image

from style_core import load_image, memory, stylize
from style_core.fronts import to_pil
from style_core.methods.photo_wct import LEVELS, SMOOTHINGS
from style_core.methods.shared.feature_matching import WHITENINGS
from style_core.smoothing import propagation

from ..conftest import photo, psnr


def test_strength_zero_gives_the_content_back(examples):
    values = []
    for content, style in examples[:4]:
        pixels = torch.nn.functional.interpolate(load_image(content).pixels, (192, 288), mode="area")
        values.append(psnr(stylize("photo_wct", pixels, style, style_strength=0).image, pixels))
    assert min(values) >= 35


def test_no_frame_is_left_along_the_borders(pair):
    content = pair[0]
    result = stylize("photo_wct", content, content, style_strength=0).image
    error = (result - content).abs().mean((0, 1))
    inside = error[8:-8, 8:-8].mean()
    for line in (error[0], error[-1], error[:, 0], error[:, -1]):
        assert line.mean() < 3 * inside + 0.002


@pytest.mark.parametrize(("height", "width"), [(37, 53), (64, 49), (33, 16)])
def test_odd_sizes_are_right_up_to_the_last_row(height, width):
    """Features that are not moved: what differs at the border is the decoder's, no lost row or column."""
    content = torch.nn.functional.interpolate(photo(96, 96, seed=3), (height, width), mode="bilinear")
    result = stylize(
        "photo_wct", content, content, whitening="paper", detail=0, content_strength=0, levels=("2", "1")
    ).image
    error = (result - content).abs().mean((0, 1))
    assert error[-1].mean() < 3 * error.mean()
    assert error[:, -1].mean() < 3 * error.mean()


@pytest.mark.parametrize("whitening", WHITENINGS)
def test_every_choice_of_levels_gives_another_picture(tiny_weights, whitening):
    content, style = photo(32, 40, seed=1), photo(32, 32, seed=2)
    subsets = [c for n in (1, 2, 3, 4) for c in itertools.combinations([str(k) for k in LEVELS], n)]
    pictures = [
        stylize("photo_wct", content, style, levels=s, whitening=whitening, weights_dir=tiny_weights).image
        for s in subsets
    ]
    for a, b in itertools.combinations(pictures, 2):
        assert not torch.equal(a, b)


def test_every_choice_of_smoothing_gives_another_picture(tiny_weights):
    content, style = photo(40, 48, seed=1), photo(32, 32, seed=2)
    subsets = [c for n in (1, 2, 3) for c in itertools.combinations(SMOOTHINGS, n)]
    pictures = [
        stylize("photo_wct", content, style, smoothing=s, weights_dir=tiny_weights).image for s in subsets
    ]
    for a, b in itertools.combinations(pictures, 2):
        assert not torch.equal(a, b)


@pytest.mark.parametrize("smoothing", ["matting", "guided"])
def test_a_flat_content_stays_flat(smoothing):
    gray = torch.full((1, 3, 64, 64), 0.5)
    result = stylize("photo_wct", gray, photo(64, 64, seed=4), smoothing=(smoothing,)).image
    assert result.std((2, 3)).max() < 0.02


def test_a_smoothing_that_does_not_converge_is_noted(pair, monkeypatch):
    from functools import partial

    from style_core.methods import photo_wct
    from style_core.smoothing import propagate

    monkeypatch.setattr(photo_wct, "propagate", partial(propagate, max_steps=2))
    result = stylize("photo_wct", *pair)
    assert any("The smoothing stopped after 2 steps" in note for note in result.notes)
    assert torch.isfinite(result.image).all()


def test_a_converged_smoothing_is_not_noted(pair):
    assert stylize("photo_wct", *pair).notes == ()


def border_step(image):
    """Mean difference of neighbors across the borders of 8 x 8 blocks beyond that inside them, in levels."""
    steps = (255 * image.mean(1)).diff(dim=2).abs().mean((0, 1))
    is_border = torch.arange(len(steps)) % 8 == 7
    return float(steps[is_border].mean() - steps[~is_border].mean())


def test_computed_exactly_it_does_not_depend_on_how_the_smoothing_is_solved(pair, monkeypatch):
    compiled = stylize("photo_wct", *pair, precision="exact", device="cpu").image
    monkeypatch.setattr(propagation, "is_usable", lambda device: False)  # as on a GPU
    memory.forget()
    by_tensors = stylize("photo_wct", *pair, precision="exact", device="cpu").image
    assert not torch.equal(compiled, by_tensors)
    assert (compiled - by_tensors).abs().max() < 1 / 255


def test_the_blocks_of_a_jpeg_are_not_drawn_into_a_clear_sky():
    rows, columns = torch.linspace(0, 1, 96)[:, None], torch.linspace(0, 1, 160)
    light = 0.25 * rows + 0.08 * torch.sin(9 * columns + 4 * rows) + 0.5
    sky = torch.stack([0.75 * light, 0.9 * light, 1.1 * light])[None]
    file = io.BytesIO()
    to_pil(sky).save(file, "JPEG", quality=70)
    content = load_image(Image.open(file)).pixels
    style = photo(96, 128, seed=2)
    step, paper = (
        border_step(stylize("photo_wct", content, style, color_match=0, contrast_match=0, **given).image)
        for given in ({}, {"quiet_guide": False})
    )
    own = border_step(content)
    assert own > 0.1  # there are blocks to be drawn
    assert step - own < 0.5 * (paper - own)  # what is added to those of the content
