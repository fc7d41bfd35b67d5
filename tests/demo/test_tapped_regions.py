"""Taps become masks: the region below gets the color, twice the same takes it away, the rest is nothing."""

import json

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.masks import COLORS
from demo.region_inputs import _tapper
from demo.tapped_regions import Tap, as_text, colored, mask_picture, parsed, veiled, with_tap
from style_core import get_method

LABELS = np.repeat(np.repeat(np.array([[1, 2], [1, 3]], np.uint8), 10, 0), 20, 1)  # 20 x 40 px


def test_pictures_change_in_silence_where_nothing_is_tapped():
    """A share that is no number is Run's to refuse; the picture beside it only arrived."""
    values = {"content": "a.png", "style": "b.png", "masks": "none", "style_weights": "<b>two</b>"}
    shown = _tapper(get_method("wct"), None, None)(None, None, **values)
    assert shown == [gr.skip()] * 5


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.new("RGB", (80, 40), (100, 100, 100)).save(path)
    return str(path)


def test_the_region_below_the_finger_gets_the_color():
    numbers = colored(LABELS, [Tap("content", 0.1, 0.9, 2), Tap("content", 0.99, 0.01, 0)])
    assert (numbers[:, :20] == 3).all()
    assert (numbers[:10, 20:] == 1).all()
    assert (numbers[10:, 20:] == 0).all()


def test_another_color_replaces_it_and_the_same_takes_it_away():
    twice = [Tap("content", 0.1, 0.1, 2), Tap("content", 0.2, 0.8, 4)]
    assert (colored(LABELS, twice)[:, :20] == 5).all()
    assert not colored(LABELS, [*twice, Tap("content", 0.1, 0.1, 4)]).any()


def test_a_mask_has_flat_colors_and_black_where_nothing_was_tapped():
    mask = mask_picture(colored(LABELS, [Tap("content", 1, 1, 3)]))
    assert mask.getpixel((39, 19)) == (255, 255, 0)  # the corner itself
    assert mask.getpixel((0, 0)) == (0, 0, 0)
    assert len(mask.getcolors()) == 2
    assert mask_picture(colored(LABELS, [])) is None


def test_the_photo_is_seen_through_the_color_and_regions_are_outlined(photo):
    shown = np.asarray(veiled(photo, LABELS, colored(LABELS, [Tap("content", 0, 0, 2)])), np.float64)
    assert shown.shape == (40, 80, 3)
    np.testing.assert_allclose(shown[5, 5], [0.45 * 100 + 0.55 * 255, 45, 45], atol=1)
    np.testing.assert_array_equal(shown[30, 60], [100, 100, 100])
    np.testing.assert_allclose(shown[19, 60], [0.4 * 100 + 0.6 * 255] * 3, atol=1)


def test_a_tap_is_kept_in_shares_of_the_picture(photo):
    first = as_text(with_tap("", "content", photo, [20, 30], 1))
    assert parsed(first) == [Tap("content", 0.25, 0.75, 1)]
    assert with_tap(first, "style", photo, [80, 0], 6) == [*parsed(first), Tap("style", 1, 0, 6)]


@pytest.mark.parametrize(
    "text",
    [None, "", "[", "7", "{}", '["content"]', '[["content", 0.1, 0.1]]', '[["sky", 0.1, 0.1, 0]]',
     '[["content", 2, 0.1, 0]]', '[["content", NaN, 0.1, 0]]', '[["content", 0.1, 0.1, 99]]',
     '[["content", "a", 0.1, 0]]', '[["content", 0.1, 0.1, -1]]', '[[["content"], 0.1, 0.1, 0]]'],
)  # fmt: skip
def test_what_is_no_tap_is_left_out(text):
    assert parsed(text) == []


def test_there_are_as_many_colors_as_names_and_not_too_many_taps():
    from demo.region_inputs import COLOR_NAMES

    assert len(COLOR_NAMES) == len(COLORS)
    assert len(parsed(json.dumps([["content", 0, 0, 0]] * 500))) == 64
