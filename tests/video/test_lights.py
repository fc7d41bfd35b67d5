"""The light of frames, by the shot's; and what a result keeps of it."""

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")

from style_core.look import fit_look  # noqa: E402
from style_core.video.lights import MOST_LIGHT, Lights, kept_share  # noqa: E402
from style_core.video.looks import shot_look  # noqa: E402

from ..conftest import photo  # noqa: E402

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


def test_a_flash_that_dies_away_leaves_the_light_as_it_was():
    flashes = np.ones(120)
    for first in (10, 50, 90):
        flashes[first : first + 12] += 0.5 * 0.75 ** np.arange(12)
    found = lights_of(np.clip(0.6 * STILL * flashes[:, None, None], 0, 255))
    assert np.abs(found[[0, 40, 80, 119]] - 1).max() < 0.01


@pytest.mark.parametrize("pixels", [0.5, 2, 4])  # of 64, from frame to frame
def test_a_camera_that_pans_past_light_and_dark_changes_no_exposure(pixels):
    """The wall grows darker to the right, as walls do beside windows; only what both show counts."""
    rng = np.random.default_rng(2)
    count = 60
    wall = cv2.GaussianBlur(rng.normal(size=(288, 8 * 64 + round(8 * pixels * count))), (0, 0), 40)
    fine = cv2.GaussianBlur(rng.normal(size=wall.shape), (0, 0), 8)
    wall = 120 + 40 * wall / wall.std() + 15 * fine / fine.std()
    wall = (wall * np.linspace(1.3, 0.6, wall.shape[1])).clip(5, 250)
    frames = []
    for k in range(count):
        left = round(8 * pixels * k)
        frames.append(cv2.resize(wall[:, left : left + 512], (64, 36), interpolation=cv2.INTER_AREA))
    found = lights_of(np.stack(frames))
    assert np.abs(found - 1).max() < 0.02


def test_what_changes_by_itself_is_no_light():
    """Water over half of the frame."""
    rng = np.random.default_rng(1)
    frames, waves = [], np.zeros((18, 64))
    for _ in range(60):
        fresh = cv2.GaussianBlur(rng.normal(size=waves.shape), (0, 0), 2.5)
        waves = 0.95 * waves + 0.3 * fresh / fresh.std()
        frames.append(STILL.copy())
        frames[-1][18:] = 120 + 30 * waves
    assert np.abs(np.diff(lights_of(np.stack(frames).clip(0, 255)))).max() < 0.006


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
