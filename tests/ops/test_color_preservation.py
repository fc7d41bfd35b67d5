"""Colors kept: moments that must match, luminance that must change alone."""

import colorsys

import torch

from style_core.ops.color_preservation import luminance, match_color, match_luminance, with_luminance
from style_core.ops.moments import moments

from ..conftest import photo

CONTENT, STYLE = photo(40, 50, seed=1) * 0.4 + 0.3, photo(36, 44, seed=2) * 0.4 + 0.3


def test_the_style_gets_the_contents_color_moments():
    matched, wanted = moments(match_color(STYLE, CONTENT)), moments(CONTENT)
    torch.testing.assert_close(matched.mean, wanted.mean, atol=2e-3, rtol=0)
    torch.testing.assert_close(matched.covariance, wanted.covariance, atol=2e-3, rtol=0.1)


def test_luminance_is_that_of_yiq():
    red, green, blue = 0.2, 0.7, 0.4
    pixel = torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    expected, _, _ = colorsys.rgb_to_yiq(red, green, blue)
    torch.testing.assert_close(luminance(pixel), torch.full((1, 3, 1, 1), expected), atol=2e-3, rtol=0)


def test_the_styles_luminance_gets_the_contents_mean_and_deviation():
    matched, wanted = match_luminance(STYLE, CONTENT), luminance(CONTENT)
    torch.testing.assert_close(matched.mean(), wanted.mean(), atol=2e-3, rtol=0)
    torch.testing.assert_close(matched.std(), wanted.std(), atol=2e-3, rtol=0)


def test_a_flat_style_gives_a_flat_picture():
    assert torch.isfinite(match_luminance(torch.full((1, 3, 8, 8), 0.5), CONTENT)).all()


def test_only_the_luminance_changes():
    gray = luminance(STYLE[..., :36, :44] * 0.5 + 0.2)
    content = CONTENT[..., :36, :44]
    result = with_luminance(content, gray)
    torch.testing.assert_close(luminance(result), gray, atol=1e-5, rtol=0)
    chroma = [x[:, 0] - x[:, 1] for x in (result, content)]  # differences of R, G, B are I and Q alone
    torch.testing.assert_close(*chroma, atol=1e-5, rtol=0)
