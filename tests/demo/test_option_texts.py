"""Every option has a line for everybody and a long text, in both languages, and nothing is left over."""

import re

import pytest

from demo.option_texts import SHORT, long_text, long_texts, short_text
from demo.texts import table
from style_core import get_method, list_methods
from style_core.fronts import option_fields

OPTIONS = [(key, name) for key in list_methods() for name in option_fields(get_method(key).options)]
LONGEST = 90  # letters of a line beside a control
OF_THE_PAPERS = ("gram", "relu", "whiten", "covariance", "wavelet", "matting", "laplacian", "tensor")


@pytest.mark.parametrize(("key", "name"), OPTIONS)
def test_an_option_has_a_short_and_a_long_text_in_both_languages(key, name):
    short, long = short_text(key, name), long_text(option_fields(get_method(key).options)[name])
    assert short in SHORT.values()
    assert short != long
    assert short in table()
    assert long in table()


def test_short_texts_are_short_and_in_plain_words():
    assert [text for text in SHORT.values() if len(text) > LONGEST] == []
    assert [text for text in SHORT.values() if any(word in text.lower() for word in OF_THE_PAPERS)] == []


def test_no_short_text_is_of_an_option_that_is_gone():
    known = {name for _, name in OPTIONS} | {f"{key}.{name}" for key, name in OPTIONS}
    assert set(SHORT) <= known


def test_an_option_that_was_just_added_is_named_in_words():
    assert short_text("wct2", "brush_width") == "Brush width"


def test_the_style_sheet_has_every_long_text_in_both_languages_as_a_string():
    sheet = long_texts()
    assert sheet.count(" { content: ") == 2 * len(OPTIONS)
    long = option_fields(get_method("wct2").options)["style_strength"].help
    place = "#wct2-style-strength .info-text::after"
    assert f'{place} {{ content: " {long}"; }}' in sheet
    assert f'{place} {{ content: " {table()[long]}"; }}' in sheet
    assert re.sub(r"content: \"(?:[^\"\\<]|\\.)*\"; }", "", sheet).count('"') == 2 * len(
        OPTIONS
    )  # lang^="zh"
