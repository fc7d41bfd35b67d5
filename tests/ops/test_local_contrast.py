"""Detail by its size: the bands add up, know waves by their length, and are multiplied up to a limit."""

import math

import pytest
import torch

from style_core.ops.local_contrast import BANDS, band_contrasts, detail_bands, more_contrast


def waves(length, *, amplitude=0.05, color=(1.0, 1.0, 1.0), size=257):
    """``[1, 3, size, size]``, gray with waves along x that go on when they are mirrored at the borders."""
    wave = amplitude * torch.cos(2 * math.pi * torch.arange(size) / length)
    return 0.5 + torch.tensor(color).view(1, 3, 1, 1) * wave.expand(1, 1, size, size)


def spline_response(length, level):
    """What a cubic B-spline with holes leaves of a wave: the sum of its cosines, float64 and by hand."""
    turn = 2 * math.pi * 2**level / length
    return (6 + 8 * math.cos(turn) + 2 * math.cos(2 * turn)) / 16


@pytest.mark.parametrize("length", [4, 8, 16, 32, 64])
def test_a_wave_is_in_the_bands_as_the_spline_says(length):
    picture = waves(length)
    found, expected = band_contrasts(picture)[:, 0], []
    left = float((picture[0, 0].double() - 0.5).square().mean().sqrt())
    for level in range(BANDS):
        passed = spline_response(length, level)
        expected.append(abs(left * (1 - passed)))
        left *= abs(passed)
    assert found.tolist() == pytest.approx(expected, rel=1e-3, abs=1e-6)


def test_bands_and_the_rest_are_the_picture():
    picture = torch.rand(1, 2, 90, 110, generator=torch.Generator().manual_seed(0))
    bands = list(detail_bands(picture))
    assert len(bands) == BANDS
    rest = picture - sum(bands)
    assert rest.std() < 0.05 * picture.std()
    assert next(detail_bands(torch.full((1, 1, 64, 64), 0.3))).abs().max() < 1e-6


def test_gray_detail_is_luminance_alone_and_colored_detail_is_not():
    gray = band_contrasts(waves(8))
    assert gray[:, 1:].max() < 1e-6
    orange = band_contrasts(waves(8, color=(1.0, -0.509, 0.0)))  # of equal luminance
    assert orange[:, 0].max() < 1e-4
    share = 0.595716 + 0.274453 * 0.509  # of YIQ's second plane
    assert orange[:, 1].tolist() == pytest.approx((share * gray[:, 0]).tolist(), rel=1e-3, abs=1e-6)


def test_a_gain_multiplies_its_bands():
    picture = waves(8, amplitude=0.01)
    gains = torch.ones(BANDS, 3)
    assert more_contrast(picture, gains, largest=0.1).abs().max() < 1e-7
    gains[:, 0] = 1.25
    added = more_contrast(picture, gains, largest=10.0)
    assert (added - 0.25 * sum(detail_bands(picture))).abs().max() < 1e-6


def test_what_is_larger_than_a_limit_is_not_multiplied_further():
    edge = torch.zeros(1, 3, 128, 128)
    edge[..., 64:] = 1
    gains = torch.full((BANDS, 3), 1.3)
    assert more_contrast(edge, gains, largest=0.1).abs().max() <= BANDS * 0.3 * 0.1


def test_a_picture_too_small_for_any_band_has_none():
    tiny = torch.rand(1, 3, 2, 40)
    assert band_contrasts(tiny).shape == (0, 3)
    assert more_contrast(tiny, torch.full((BANDS, 3), 2.0), largest=0.1).abs().max() == 0
