"""Paintings carried up: the steps, the content's detail, and what is asked of the painter."""

import pytest
import torch
import torch.nn.functional as F

from style_core.images import as_floats, as_samples
from style_core.method import Sketch
from style_core.methods.shared.enlarging import paint_upward, put_in_detail, sizes_between

from ...conftest import photo, psnr


@pytest.mark.parametrize(
    ("small", "large", "between"),
    [
        ((768, 1024), (1536, 2048), []),
        ((768, 1024), (1560, 2080), []),  # a hair more than two times
        ((768, 1024), (3024, 4032), [(1524, 2032)]),
        ((64, 1024), (100, 1600), []),
        ((100, 100), (800, 800), [(200, 200), (400, 400)]),
    ],
)
def test_steps_at_most_double(small, large, between):
    assert sizes_between(small, large) == [*between, large]


def upward(content, paint, *, detail=0.0, depth=torch.uint8):
    small = F.interpolate(content, (24, 32), mode="bicubic", antialias=True).clamp(0, 1)
    shares = []
    sketch = Sketch(small, small, as_samples(content, torch.uint8), None, depth)
    return small, paint_upward(sketch, paint, detail=detail, report=shares.append), shares


def test_every_step_is_painted_over_once_in_its_depth():
    seen = []

    def paint(picture, depth, report):
        seen.append((tuple(picture.shape[-2:]), picture.dtype, depth))
        report(0.5)
        return as_samples(as_floats(picture), depth)

    content = photo(96, 128)
    small, large, shares = upward(content, paint)
    assert seen == [((48, 64), torch.uint16, torch.uint16), ((96, 128), torch.uint16, torch.uint8)]
    assert shares == [pytest.approx(0.1), pytest.approx(0.6)]
    expected = F.interpolate(small, (96, 128), mode="bicubic", antialias=True)
    assert psnr(as_floats(large), expected.clamp(0, 1)) > 40


def test_with_all_its_detail_an_unchanged_picture_is_the_content():
    content = photo(96, 128)
    _, large, _ = upward(
        content, lambda picture, depth, report: as_samples(as_floats(picture), depth), detail=1.0
    )
    assert (as_floats(large) - content).abs().max() <= 2 / 255


def test_detail_is_what_enlarging_cannot_give():
    before, now = photo(20, 30), photo(40, 60, seed=1)
    picture = torch.full((1, 3, 40, 60), 0.5)
    put_in_detail(picture, before, now, share=0.5)
    blurred = F.interpolate(before, (40, 60), mode="bicubic", antialias=True).clamp(0, 1)
    torch.testing.assert_close(picture, (0.5 + 0.5 * (now - blurred)).clamp(0, 1), rtol=0, atol=1e-4)
