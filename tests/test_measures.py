"""Structure and style of a result, against other code and analytic cases."""

import importlib.util
from pathlib import Path

import pytest
import torch
from scipy.ndimage import gaussian_filter

from style_core import measure_result
from style_core.measures import STABILIZER, reduced, structure_term

SCORER = Path(__file__).resolve().parents[2] / "shared" / "tools" / "score_pairs.py"


def picture(seed, height=80, width=100):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_the_structure_term_is_scipys():
    a, b = picture(1), (0.6 * picture(1) + 0.4 * picture(2))
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    x, y = ((p * weights).sum(1)[0].double().numpy() for p in (a, b))

    def mean(values):  # truncate=3.5 sigma is 5 px on each side: a window of 11
        return gaussian_filter(values, 1.5, truncate=10 / 3)

    covariance = mean(x * y) - mean(x) * mean(y)
    deviations = ((mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2)) ** 0.5
    expected = ((covariance + STABILIZER) / (deviations + STABILIZER))[5:-5, 5:-5].mean()
    assert structure_term(a, b) == pytest.approx(expected, abs=1e-4)


def test_it_is_the_shared_scorers_structure():
    if not SCORER.exists():
        pytest.skip("the shared scoring tool is not on this machine")
    spec = importlib.util.spec_from_file_location("score_pairs", SCORER)
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    a, b = picture(3), (0.5 * picture(3) + 0.5 * picture(4))
    assert structure_term(a, b) == pytest.approx(scorer.structure(a, b), abs=1e-5)


def test_the_untouched_content_keeps_all_structure_and_no_style():
    found = measure_result(picture(1), picture(2).square(), picture(1))
    assert found.structure == pytest.approx(1, abs=1e-3)
    assert found.style == pytest.approx(1, abs=1e-3)


def test_the_style_itself_reaches_the_style():
    found = measure_result(picture(1), picture(2).square(), picture(2).square())
    assert found.style == pytest.approx(0, abs=1e-3)
    assert found.structure < 0.5


def test_a_style_equal_to_the_content_has_no_style_figure():
    assert measure_result(picture(1), picture(1), picture(2)).style is None


def test_a_result_of_another_size_is_measured_at_the_contents():
    large = torch.nn.functional.interpolate(picture(1), scale_factor=2, mode="bicubic").clamp(0, 1)
    assert measure_result(picture(1), picture(2).square(), large).structure > 0.9


def test_pictures_are_measured_at_512_px_and_thin_ones_at_32():
    assert reduced(picture(1, 1024, 512)).shape == (1, 3, 512, 256)
    assert reduced(picture(1, 16, 200)).shape == (1, 3, 32, 400)
