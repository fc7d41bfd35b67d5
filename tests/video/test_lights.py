"""The light of frames, by the shot's; and what a result keeps of it."""

import numpy as np
import pytest

pytest.importorskip("cv2", reason="opencv-python-headless is not installed")

from style_core.look import fit_look
from style_core.video.lights import MOST_LIGHT, Lights, kept_share
from style_core.video.looks import shot_look

from ..conftest import photo

STILL = photo(36, 64)[0].mean(0).numpy() * 200


def lights_of(grays):
    lights = Lights()
    for gray in grays:
        lights.add(gray.astype(np.float32))
    return np.array(lights.by_the_shots())


def test_exposure_that_drifts_is_told_over_a_long_shot():
    drift = 1 + 0.15 * np.sin(np.arange(400) / 30)
    grain = np.random.default_rng(0).normal(0, 1, (400, 36, 64))
    found = lights_of(STILL * drift[:, None, None] + grain)
    assert np.abs(found / (drift / np.median(drift)) - 1).max() < 0.01


def test_a_flash_is_no_light_and_a_fade_ends_at_the_bound():
    flash = np.ones(20)
    flash[10] = 2
    assert np.abs(lights_of(STILL * flash[:, None, None]) - 1).max() < 0.01
    fade = 0.9 ** np.arange(30)
    found = lights_of(STILL * fade[:, None, None])
    assert found.max() == pytest.approx(MOST_LIGHT)
    assert found.min() == pytest.approx(1 / MOST_LIGHT)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.2])
def test_a_result_is_as_restless_as_the_clip_and_no_more(gain):
    """Whatever the style does to contrast: without the light, the change would be multiplied by it."""
    content = photo(48, 64) * 0.6
    styled = ((content - 0.35) * 1.8 + 0.35 * gain).clamp(0, 1)
    look = shot_look([content], lambda *_: styled)
    share = kept_share(content, look)
    light = 1.1
    brighter = look.under(light, light**share).apply(content * light)
    change = float((brighter - look.apply(content)).mean())
    own = float((content * light - content).mean())
    assert 0.5 * own < change < 1.05 * own
    assert float((look.apply(content * light) - look.apply(content)).mean()) > 1.05 * own


def test_a_look_in_its_own_light_is_itself():
    content = photo(48, 64)
    look = fit_look(content, content.flip(1))
    assert (look.under(1.0, 1.0).apply(content) - look.apply(content)).abs().max() < 1e-6
