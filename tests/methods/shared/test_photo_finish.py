"""The end of all photo looks: contrast on the way to the styles', within limits and not in calm places."""

import pytest
import torch

from style_core.method import Inputs, StyleInput
from style_core.methods.shared.photo_finish import nearer_to_styles, unmatched
from style_core.methods.shared.style_contrast import PAINTING, PHOTO, nearer_to_styles_contrast
from style_core.methods.wct2 import WCT2Options

SIZE = 256


def grain(strength, *, size=SIZE, seed=0):
    """Gray with detail of every size."""
    noise = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(seed))
    parts = [torch.nn.functional.avg_pool2d(noise, 2 * k + 1, 1, k) * (2 * k + 1) for k in (0, 2, 6)]
    return (0.5 + strength * sum(parts).expand(-1, 3, -1, -1)).clamp(0, 1)


def inputs(content, *styles):
    return Inputs(content, tuple(StyleInput(style, weight=1 / len(styles)) for style in styles))


def deviation(picture):
    return float(picture.std())


@pytest.mark.parametrize(
    ("style", "gain", "limits"),
    [
        *((0.036, 1.2, limits) for limits in (PHOTO, PAINTING)),
        *((0.027, 0.9, limits) for limits in (PHOTO, PAINTING)),
        *((0.09, limits.most, limits) for limits in (PHOTO, PAINTING)),
        *((0.01, limits.least, limits) for limits in (PHOTO, PAINTING)),
    ],
)
def test_contrast_goes_to_the_styles_within_limits(style, gain, limits):
    content = grain(0.03)
    found = nearer_to_styles_contrast(
        content, inputs(content, grain(style, seed=1)), strength=1, limits=limits
    )
    # Less is done to the largest swings, which could be edges, and nothing beyond the coarsest band.
    assert 0.5 < (deviation(found) / deviation(content) - 1) / (gain - 1) < 1.02


def test_a_style_of_another_size_is_compared_at_one_size():
    content = torch.nn.functional.avg_pool2d(grain(0.03), 5, 1, 2)  # what enlarging and reducing keeps
    style = torch.nn.functional.interpolate(content, (3 * SIZE, 3 * SIZE), mode="bicubic").clamp(0, 1)
    found = nearer_to_styles_contrast(content, inputs(content, style), strength=1)
    assert (found - content).abs().mean() < 0.03 * deviation(content)


def test_strength_is_the_share_of_the_way_and_styles_are_mixed():
    content, crisp, soft = grain(0.03), grain(0.036, seed=1), grain(0.024, seed=2)
    whole = nearer_to_styles_contrast(content, inputs(content, crisp), strength=1) - content
    half = nearer_to_styles_contrast(content, inputs(content, crisp), strength=0.5) - content
    assert (half - whole / 2).abs().max() < 1e-5
    both = nearer_to_styles_contrast(content, inputs(content, crisp, soft), strength=1) - content
    assert both.abs().mean() < 0.2 * whole.abs().mean()
    assert nearer_to_styles_contrast(content, inputs(content, crisp), strength=0) is content


def test_a_calm_sky_keeps_its_little_grain():
    content = grain(0.03)
    content[..., :128] = 0.5 + 0.002 * torch.randn(
        1, 1, SIZE, 128, generator=torch.Generator().manual_seed(3)
    )
    found = nearer_to_styles_contrast(content, inputs(content, grain(0.09, seed=1)), strength=1)
    assert (found - content)[..., :100].abs().max() < 1e-3
    assert (found - content)[..., 160:].abs().mean() > 1e-3


def test_thin_strips_and_tiny_pictures_are_left_as_they_are():
    strip = torch.rand(1, 3, 8, 600)
    assert torch.equal(nearer_to_styles_contrast(strip, inputs(strip, grain(0.09)), strength=1), strip)
    dot = torch.rand(1, 3, 2, 2)
    assert torch.equal(nearer_to_styles_contrast(dot, inputs(dot, grain(0.09)), strength=1), dot)


def test_both_follow_style_strength_and_end_where_their_options_are_zero():
    content = grain(0.03)
    given = inputs(content, grain(0.09, seed=1) * torch.tensor([1.0, 0.6, 0.3]).view(1, 3, 1, 1))
    usual = WCT2Options()
    assert nearer_to_styles(content, given, unmatched(usual)) is content
    assert nearer_to_styles(content, given, WCT2Options(style_strength=0.0)) is content
    moved = (nearer_to_styles(content, given, usual) - content).abs().mean()
    less = (nearer_to_styles(content, given, WCT2Options(style_strength=0.5)) - content).abs().mean()
    assert 0.4 * moved < less < 0.6 * moved
