"""Records that nobody honest writes; see also demo/test_share_page."""

import json
from types import SimpleNamespace

import pytest

from demo.share_page import render_share

EVIL = '"><script>alert(1)</script>'
HUGE = 10**400  # an integer that no float can hold


def page(record, *, names=("content", "result_1"), created=0.0, expires=86400.0):
    blob = SimpleNamespace(width=60, height=40, media_type="image/png")
    share = SimpleNamespace(
        id="a" * 22, record=record, pictures=dict.fromkeys(names, blob), created=created, expires=expires
    )
    text = render_share(share, "https://demo.example", "en", "n0nce")
    assert text.encode()
    return text


@pytest.mark.parametrize(
    "number", [HUGE, -HUGE, float("nan"), float("inf"), True, "1", None], ids=lambda v: str(v)[:6]
)
def test_what_is_no_number_is_left_out(number):
    tile = {"picture": "result_1", "label": "WCT2", "seconds": number, "settings": {"style_strength": number},
            "measures": {"structure": number, "style": number}}  # fmt: skip
    text = page({"tiles": [tile], "inputs": [{"picture": "content", "role": "content", "weight": number}]})
    assert "<small>" not in text
    assert "share " not in text.split("<main>")[1]
    assert '<meta property="og:description" content="WCT2">' in text


def test_half_a_surrogate_pair_can_be_sent():
    record = json.loads(r'{"title": "a\ud800", "tiles": [{"picture": "result_1", "label": "\udfff"}]}')
    assert "<h1>a?</h1>" in page(record)


@pytest.mark.parametrize("time", [1e300, 1e18, float("nan"), float("inf")])
def test_a_time_that_no_calendar_has_is_left_out(time):
    assert "<footer></footer>" in page({}, created=time, expires=time)


def test_names_of_pictures_are_escaped():
    entry = {"picture": EVIL, "role": "content"}
    assert "<script>alert" not in page({"tiles": [entry], "inputs": [entry]}, names=(EVIL,))


def test_tiles_are_fetched_when_near_the_window_and_have_their_size():
    tiles = [{"picture": "result_1", "label": "WCT2"}]
    image = page({"tiles": tiles}).split('class="st-view">')[1].split(">")[0]
    assert 'width="60" height="40"' in image
    assert 'loading="lazy"' in image
