"""Deep Photo with the shipped networks: photorealism, regions, stages, refinements."""

import pytest
import torch

from style_core import EnoughDone, stylize
from style_core.methods.shared import coarse_to_fine
from style_core.methods.shared.coarse_to_fine import resized
from style_core.ops.moments import moments
from style_core.smoothing import matting_energy

from ..conftest import photo
from .conftest import remembered

FEW = {"steps": 8}


@pytest.fixture(scope="module")
def shot(small_pair):
    """The result of 64 x 48 px with some options: both stages are at full size."""
    return remembered("deep_photo", small_pair, **FEW)


@pytest.fixture
def two_sizes(monkeypatch):
    """Halves beyond 64 px what is halved beyond 128."""
    monkeypatch.setattr(coarse_to_fine, "SMALLEST", 64)


@pytest.fixture(scope="module")
def large_pair(pair):
    """The gallery's first pair as tensors of 128 x 96 px."""
    return [resized(picture, 96, 128) for picture in pair]


@pytest.fixture
def large_shot(large_pair, two_sizes):
    """The result of 128 x 96 px with some options: the first stage begins at half of that."""
    return remembered("deep_photo", large_pair, **FEW)


def roughness(image, content):
    """What is not a local recoloring of the content, per pixel."""
    return float(matting_energy(content)(image)) / image[0, 0].numel()


def test_the_photorealism_term_leaves_a_local_recoloring(shot, small_pair):
    free, held = (
        shot(photorealism=p, refinement=("none",), color_match=0, contrast_match=0).image for p in (0, 1)
    )
    assert roughness(held, small_pair[0]) < 0.1 * roughness(free, small_pair[0])


def test_the_styles_colors_are_reached(shot, small_pair):
    image = shot().image
    before, after = (
        (moments(x).mean - moments(small_pair[1]).mean).abs().max() for x in (small_pair[0], image)
    )
    assert after < 0.3 * before


def test_the_style_strength_moves_steadily_to_the_styles_colors(shot, small_pair):
    wanted = moments(small_pair[1]).mean
    gaps = [float((moments(shot(style_strength=s).image).mean - wanted).norm()) for s in (0, 0.33, 0.66, 1)]
    assert gaps == sorted(gaps, reverse=True)


def test_the_content_strength_makes_it_ever_more_photorealistic(shot, small_pair):
    energies = [
        roughness(shot(content_strength=c, refinement=("none",)).image, small_pair[0]) for c in (0, 0.5, 1)
    ]
    assert energies == sorted(energies, reverse=True)


def test_each_region_takes_its_own_partners_colors():
    """Left and right of the content, top and bottom of the style."""
    content, style = 0.4 + 0.2 * photo(64, 96), 0.2 * photo(96, 64, seed=1)
    style[:, :, :48] += torch.tensor([0.7, 0.2, 0.1])[:, None, None]
    style[:, :, 48:] += torch.tensor([0.1, 0.2, 0.7])[:, None, None]
    mask, style_mask = torch.zeros(1, 3, 64, 96), torch.zeros(1, 3, 96, 64)
    mask[..., 48:], style_mask[:, :, 48:] = 1, 1
    image = stylize("deep_photo", content, style, content_mask=mask, style_mask=style_mask, steps=60).image
    left, right = image[..., :40].mean((0, 2, 3)), image[..., 56:].mean((0, 2, 3))
    assert left[0] > left[2] + 0.4
    assert right[2] > right[0] + 0.4


def test_stage_one_is_without_and_stage_two_with_the_term(large_shot):
    messages = []
    large_shot(steps=6, progress=lambda fraction, message, preview=None: messages.append(message))
    stages = [message.split(",")[0] for message in messages if message.startswith("Stage")]
    assert stages == sorted(stages)
    assert set(stages) == {"Stage 1", "Stage 2"}


def test_without_coarse_to_fine_both_stages_are_at_full_size(large_shot):
    result = large_shot(coarse_to_fine=False, steps=4)
    assert {p.width for p in result.losses} == {128}
    assert sum(p.step == 0 for p in result.losses) == 2


@pytest.mark.parametrize("refinement", [("affine",), ("detail",), ("affine", "detail")])
def test_refinements_change_the_picture(shot, refinement):
    plain = shot(steps=3, refinement=("none",)).image
    refined = shot(steps=3, refinement=refinement).image
    assert 0.001 < float((refined - plain).abs().mean()) < 0.2


def test_stopping_in_stage_one_still_gives_a_picture_of_full_size(large_shot, large_pair):
    def stop(fraction, message, preview=None):
        if message.startswith("Stage 1") and "step 0" not in message:
            raise EnoughDone("Stopped.")

    result = large_shot(progress=stop, steps=2000)
    assert result.image.shape == large_pair[0].shape
    assert any(note.startswith("Stopped at step") for note in result.notes)


@pytest.mark.parametrize("word", ["Smoothing", "Local affine", "Done"])
def test_stopping_at_any_message_gives_a_picture(large_shot, large_pair, word):
    def stop(fraction, message, preview=None):
        if message.startswith(word):
            raise EnoughDone("Stopped.")

    result = large_shot(progress=stop, steps=4, refinement=("affine",))
    assert result.image.shape == large_pair[0].shape
    assert word == "Done" or any(note.startswith("Stopped ") for note in result.notes)
    if word == "Smoothing":
        assert {p.width for p in result.losses} == {64}  # stage 2 was not begun


def test_a_region_without_partner_is_noted_and_takes_the_whole_style(shot, small_pair):
    mask, style_mask = torch.zeros(1, 3, 48, 64), torch.zeros(1, 3, 48, 64)
    mask[..., 32:] = 1
    result = shot(content_mask=mask, style_mask=style_mask)
    assert any("is missing in the style mask" in note for note in result.notes)
    assert (moments(result.image[..., 36:]).mean - moments(small_pair[1]).mean).abs().max() < 0.2
