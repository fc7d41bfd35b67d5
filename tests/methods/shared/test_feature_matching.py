"""How far features may be moved: what one position alone has is not thrown beyond all others."""

from dataclasses import replace

import pytest
import torch

from style_core.methods.shared.feature_matching import LEEWAY, reach_of
from style_core.ops.whitening import whitening_coloring
from style_core.transfer import Plan, apply, measure

CHANNELS = 8


def features(seed, scale=1.0, height=40, width=50):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(1, CHANNELS, height, width, generator=generator).abs()


def norms(x):
    return x[0].double().square().sum(0).sqrt()


def statistics(x):
    return measure(x, None, with_furthest=True)


def usual(x):
    return float(norms(x).square().mean().sqrt())


def test_the_reach_is_that_of_the_furthest_position_in_units_of_the_usual_one():
    content, style = features(1), features(2, scale=3.0)
    style[..., 5, 7] *= 4  # the furthest of both, in those units
    expected = float(norms(style).max())
    assert float(reach_of(statistics(content), [statistics(style)])) == pytest.approx(
        LEEWAY * expected, rel=1e-5
    )
    content[..., 3, 3] *= 9
    expected = float(norms(content).max()) / usual(content) * usual(style)
    assert float(reach_of(statistics(content), [statistics(style)])) == pytest.approx(
        LEEWAY * expected, rel=1e-5
    )


def test_what_one_position_alone_has_stays_among_the_others():
    content, style = features(1), features(2)
    content[:, -1] = 0
    content[:, -1, 20, 20] = 0.5  # a channel that is silent everywhere else
    here, there = statistics(content), statistics(style)
    maps = {0: whitening_coloring(here.moments.measurable[0], there.moments.measurable[0])}
    free, held = (apply(content, Plan(maps, reach=r), None) for r in (None, reach_of(here, [there])))
    furthest = max(float(norms(x).max()) for x in (content, style))
    assert norms(free)[20, 20] > 3 * furthest  # root of the number of positions, times the style's
    assert norms(held).max() <= 1.2 * LEEWAY * furthest
    others = torch.ones(40, 50, dtype=torch.bool)
    others[20, 20] = False
    torch.testing.assert_close(held[..., others], free[..., others])


def test_at_no_strength_nothing_is_drawn_in():
    content, style = features(1, scale=5.0), features(2)
    content[..., 9, 9] *= 6
    here, there = statistics(content), statistics(style)
    maps = {0: whitening_coloring(here.moments.measurable[0], there.moments.measurable[0], strength=0.0)}
    moved = apply(content, Plan(maps, reach=reach_of(here, [there])), None)
    torch.testing.assert_close(moved, content)


def test_silent_features_and_unmeasured_ones():
    silent = torch.zeros(1, CHANNELS, 8, 8)
    found = statistics(silent)
    reach = reach_of(found, [found])
    assert torch.isfinite(reach)
    maps = {0: whitening_coloring(found.moments.measurable[0], found.moments.measurable[0])}
    assert torch.equal(apply(silent, Plan(maps, reach=reach), None), silent)
    unmeasured = replace(found, furthest=None)
    assert reach_of(unmeasured, [found]) is None
    assert reach_of(found, [unmeasured]) is None
