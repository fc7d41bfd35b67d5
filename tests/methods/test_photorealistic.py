"""What every method for photos promises with the shipped weights."""

import pytest
import torch

from style_core import get_method, list_methods, stylize
from style_core.fronts import option_fields
from style_core.ops.guided_filter import guided_filter
from style_core.ops.moments import moments

from ..conftest import photo

METHODS = [key for key in list_methods() if get_method(key).photorealistic]
pytestmark = pytest.mark.parametrize("method", METHODS)


def few_steps(method, count):
    """The option, where a method takes steps."""
    return {"steps": count} if "steps" in option_fields(get_method(method).options) else {}


@pytest.fixture
def sized_pair(method, pair, small_pair):
    """The small one for a method whose time is its steps."""
    return small_pair if few_steps(method, 1) else pair


def stylized(method, content, style, steps=6, **options):
    return stylize(method, content, style, **few_steps(method, steps), **options)


def test_distances_follow_the_style_strength(method, sized_pair):
    content, style = sized_pair
    results = [stylized(method, content, style, style_strength=s).image for s in (0, 0.25, 0.5, 0.75, 1)]
    goal = moments(style)
    # Where it is nearer than nobody could see, the style's mean color is reached.
    to_style = [max(2 / 255, float((moments(r).mean - goal.mean).norm())) for r in results]
    to_content = [float((r - content).square().mean()) for r in results]
    assert to_style == sorted(to_style, reverse=True)
    assert to_content == sorted(to_content)


def test_fine_structure_follows_the_content_strength(method, sized_pair):
    content, style = (picture[..., :96, :128] for picture in sized_pair)
    misfit = []
    for strength in (0, 0.5, 1):
        result = stylized(method, content, style, content_strength=strength).image
        # what no local recoloring of the content explains
        misfit.append(float((result - guided_filter(content, result, radius=4, eps=1e-4)).square().mean()))
    assert misfit == sorted(misfit, reverse=True)
    assert misfit[2] < 0.5 * misfit[0]


def test_a_thin_panorama_is_done(method):
    assert stylized(method, photo(16, 2000), photo(64, 64, seed=1), steps=2).image.shape == (1, 3, 16, 2000)


def test_regions_too_small_for_the_deep_levels_are_noted(method):
    mask = torch.zeros(1, 3, 48, 48)
    mask[..., 20:25, 20:25] = 1
    result = stylized(method, photo(48, 48), photo(48, 48, seed=1), content_mask=mask, style_mask=mask)
    assert any("too small to be measured at every level" in note for note in result.notes)


def test_a_label_of_one_pixel_is_no_failure(method, with_a_label_of_one_pixel):
    image, notes = with_a_label_of_one_pixel(method, **few_steps(method, 6))
    assert torch.isfinite(image).all()
    assert any("too small" in note for note in notes)


def test_masks_keep_the_style_of_a_region_in_it(method):
    content, style = torch.full((1, 3, 64, 64), 0.5), torch.zeros(1, 3, 64, 64)
    content += 0.05 * photo(64, 64, seed=5) - 0.025
    content[..., 32:] += 0.2  # an edge, along which a smoothing may keep the two sides apart
    style[:, 0, :, :32], style[:, 2, :, 32:] = 0.8, 0.8  # red left, blue right
    style = (style + 0.05 * photo(64, 64, seed=6)).clamp(0, 1)
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., 32:] = 1
    result = stylized(method, content, style, steps=12, content_mask=mask, style_mask=mask).image
    left, right = result[..., :24].mean((0, 2, 3)), result[..., 40:].mean((0, 2, 3))
    assert left[0] > left[2] + 0.3
    assert right[2] > right[0] + 0.3
