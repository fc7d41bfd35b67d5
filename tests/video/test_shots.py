"""Cuts are found, motion and flashes are not taken for them."""

import numpy as np
import pytest

from style_core.video.shots import FEWEST_FRAMES, SAMPLES, shots_of

from .conftest import av, scene


def frames_of(pictures):
    return [
        av.VideoFrame.from_ndarray((picture * 255).round().astype(np.uint8), format="rgb24")
        for picture in pictures
    ]


def found(pictures):
    return [(shot.first, shot.count) for shot in shots_of(frames_of(pictures), small=lambda frame: frame)]


def test_scenes_are_told_apart():
    pictures = [scene(number, k / 60) for number, count in ((1, 12), (5, 20), (9, 9)) for k in range(count)]
    assert found(pictures) == [(0, 12), (12, 20), (32, 9)]


def test_a_fast_pan_is_one_shot():
    assert found([scene(1, k / 5) for k in range(40)]) == [(0, 40)]


def test_a_fade_is_one_shot():
    assert found([scene(1, 0) * (1 - k / 40) + scene(5, 0) * k / 40 for k in range(40)]) == [(0, 40)]


def test_a_flash_makes_no_shots_of_a_frame():
    pictures = [scene(1, 0)] * 15 + [np.ones_like(scene(1, 0))] * 2 + [scene(1, 0)] * 15
    assert all(count >= FEWEST_FRAMES for _, count in found(pictures))


@pytest.mark.parametrize("count", [1, 5, 8, 9, 100])
def test_samples_are_few_and_spread_over_the_shot(count):
    frames = frames_of([scene(1, 0, (16, 16))] * count)
    (shot,) = shots_of(iter(frames), small=frames.index)
    assert len(shot.samples) <= SAMPLES
    assert len(shot.samples) >= min(count, SAMPLES // 2)
    steps = set(np.diff(shot.samples))
    assert len(steps) <= 1  # evenly
    assert count - shot.samples[-1] <= max(steps, default=1)
