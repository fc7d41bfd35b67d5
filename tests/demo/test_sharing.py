"""What a shared comparison fills in again."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageFont

from demo.card_font import can_write, font_of
from demo.sharing import CARD, card, opened_picture, permitted, refill


def controls(**values):
    return {"controls": {"tab": "wct2", "values": values}}


def test_options_pictures_and_shares_come_back():
    files = {"content": "c.jpg", "style": "s.jpg", "style_2": "t.jpg", "style_mask": "m.png"}
    tab, values = refill(
        controls(family="compact", masks="none", style_weights=[2.0, 0.5], options={"style_strength": 0.5}),
        files,
    )
    assert tab == "wct2"
    assert values == {
        "family": "compact", "masks": "none", "style_weights": "2, 0.5", "style_strength": 0.5,
        "content": "c.jpg",
        "style": "s.jpg", "more_styles": ["t.jpg"], "style_mask": "m.png",
    }  # fmt: skip


def test_drawn_masks_come_back_as_mask_pictures():
    files = {"content": "c.jpg", "content_mask": "m.png"}
    assert refill(controls(masks="drawn"), files)[1]["masks"] == "my own"


@pytest.mark.parametrize(
    "record", [{}, {"controls": None}, {"controls": {"values": 3}}, controls(options=[1], style_weights="x")]
)
def test_a_record_that_is_not_ours_fills_nothing_it_should_not(record):
    assert set(refill(record, {})[1]) <= {"style_weights"}


def test_only_permitted_values_reach_a_control():
    assert permitted("wct2", "style_strength", 0.5)
    assert not permitted("wct2", "style_strength", 7)
    assert not permitted("wct2", "decoder", "other")
    assert permitted("wct", "levels", ["1", "2"])
    assert not permitted("wct", "levels", ["9"])
    assert permitted("wct2", "content", "file.jpg")  # no option


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_the_card_has_one_size_whatever_is_on_it(count):
    results = [Image.new("RGB", (30, 200), "red") for _ in range(count)]
    whole = card(Image.new("RGBA", (400, 30), "blue"), results)
    assert whole.size == CARD
    assert whole.getpixel((5, 300)) == (0, 0, 255)
    if count:
        assert whole.getpixel((CARD[0] - 5, 300)) == (255, 0, 0)


def test_a_sheet_of_eight_is_on_the_card_as_a_whole():
    """In two rows of five: the content, the results, and a place that is left."""
    results = [Image.new("RGB", (60, 40), (20 * k, 0, 200)) for k in range(1, 9)]
    whole = card(Image.new("RGB", (60, 40), "white"), results, [f"Style {k}" for k in range(1, 9)])
    places = [(120 + 241 * (k % 5), 60 + 317 * (k // 5)) for k in range(1, 9)]
    assert [whole.getpixel(place) for place in places] == [(20 * k, 0, 200) for k in range(1, 9)]
    strip = np.asarray(whole.crop((241, 280, 480, 311)).convert("L"))
    assert (strip > 200).any()  # the label's letters, white on dark
    assert strip.min() < 20


def label_written(monkeypatch, font):
    """What is written on a card for visitors who read Chinese, on a machine with that font for it."""
    monkeypatch.setattr("demo.card_font.chinese_font", lambda: font)
    written = []
    monkeypatch.setattr("demo.sharing._write", lambda picture, label: written.append(label))
    card(None, [Image.new("RGB", (60, 40))] * 2, ["Dusk", "WCT2"], "zh-CN")
    return written


def test_labels_of_the_card_are_chinese_where_there_is_a_font_and_else_latin(monkeypatch):
    assert label_written(monkeypatch, ImageFont.load_default(24)) == ["黄昏", "WCT2"]
    assert label_written(monkeypatch, None) == ["Dusk", "WCT2"]


def test_latin_letters_need_no_font_of_the_machine(monkeypatch):
    monkeypatch.setattr("demo.card_font.chinese_font", lambda: None)
    assert can_write("Dusk")
    assert not can_write("黄昏")
    assert font_of("Dusk").getlength("Dusk") > 20


@pytest.mark.parametrize("numbers", [(1, 2, 5), (0, 257, 65535)])
@pytest.mark.parametrize("channels", [1, 3])
def test_masks_of_16_bits_leave_as_the_numbers_they_are(tmp_path, numbers, channels):
    """Numbers of labels stay; 8-bit values spread over 16 bits become 8-bit ones again."""
    stored = np.repeat(np.array(numbers, np.uint16), 8)[None].repeat(20, 0)
    tifffile.imwrite(
        tmp_path / "mask.tif",
        stored if channels == 1 else np.dstack([stored] * 3),
        photometric="minisblack" if channels == 1 else "rgb",
        metadata=None,
    )
    shown = np.asarray(opened_picture(tmp_path / "mask.tif", as_values=True))
    expected = stored if max(numbers) < 256 else stored // 257
    np.testing.assert_array_equal(shown if channels == 1 else shown[..., 0], expected)
