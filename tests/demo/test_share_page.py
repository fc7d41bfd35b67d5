"""The page of a shared comparison: everything escaped, nothing from elsewhere, nothing believed."""

import re
from types import SimpleNamespace

import pytest

from demo import share_page, viewer
from demo.share_page import (
    render_delete,
    render_message,
    render_share,
    security_headers,
)
from demo.texts import say
from demo.viewer import ShownTile, before_after_html, tiles_html

EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
BASE = "https://demo.example"


def share(record, names=("content", "style", "result_1", "result_2", "card")):
    blob = SimpleNamespace(width=60, height=40, media_type="image/png")
    return SimpleNamespace(
        id="a" * 22, record=record, pictures=dict.fromkeys(names, blob), created=0.0, expires=86400.0
    )


def record(**changes):
    tile = {"label": "WCT2", "settings": {"style_strength": 0.5}, "notes": ["a note"], "seconds": 1.25,
            "measures": {"structure": 0.9, "style": 0.4}}  # fmt: skip
    return {
        "title": "WCT2, WCT",
        "inputs": [
            {"picture": "content", "role": "content"},
            {"picture": "style", "role": "style", "weight": 0.5},
        ],
        "tiles": [{**tile, "picture": "result_1"}, {**tile, "picture": "result_2", "label": "WCT"}],
    } | changes


def page(found, language="en"):
    return render_share(found, BASE, language, "n0nce")


def test_everything_is_on_the_page():
    text = page(share(record()))
    for part in ("WCT2, WCT", "1.2 s", "structure 0.90", "style 0.40", "a note", "style_strength",
                 "1970-01-02",
                 f"{BASE}/?share={'a' * 22}", "Style, share 0.5"):  # fmt: skip
        assert part in text, part
    assert text.count('<style-slider><div class="st-choices">') == 1
    assert len(re.findall('<div class="st-view">', text)) == 3


def test_link_previews_have_absolute_addresses():
    text = page(share(record()))
    tags = dict(re.findall(r'<meta property="(og:[a-z:]+)" content="([^"]*)">', text))
    assert tags["og:image"] == f"{BASE}/c/{'a' * 22}/card"
    assert tags["og:url"] == f"{BASE}/c/{'a' * 22}"
    assert tags["og:title"] == "WCT2, WCT"
    assert tags["og:description"] == "WCT2: style 0.5; WCT: style 0.5"
    assert (tags["og:image:width"], tags["og:image:height"]) == ("60", "40")


def test_nothing_comes_from_another_host():
    addresses = re.findall(r'(?:src|href|content)="(https?://[^"]+)"', page(share(record())))
    assert addresses
    assert all(address.startswith(BASE) for address in addresses)


def test_texts_of_a_record_are_escaped():
    evil = record(
        title=EVIL,
        inputs=[{"picture": "content", "role": EVIL}],
        tiles=[
            {"picture": "result_1", "label": EVIL, "settings": {EVIL: EVIL}, "notes": [EVIL], "seconds": EVIL}
        ],
    )
    text = page(share(evil))
    assert "<script>alert" not in text
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    "broken",
    [
        {}, {"tiles": None}, {"tiles": "x", "inputs": 5}, {"tiles": [None, 3, {}], "inputs": [[]]},
        {"tiles": [{"picture": "../../etc/passwd"}, {"picture": ["result_1"]}, {"picture": "missing"}]},
        {"tiles": [{"picture": "result_1", "settings": [], "notes": {"a": 1}, "measures": 3}]},
        {"title": 7, "inputs": [{"picture": "content", "role": None, "weight": "much"}]},
        {"tiles": [{"picture": "result_1", "settings": {"style_strength": {"deep": []}}}]},
    ],
)  # fmt: skip
def test_a_record_that_is_not_ours_still_makes_a_page(broken):
    text = page(share(broken))
    assert text.startswith("<!doctype html>")
    assert "etc/passwd" not in text


def test_both_languages_say_everything(monkeypatch):
    seen = []

    def recording(sentence, to):
        seen.append(sentence)
        return say(sentence, to)

    for module in (share_page, viewer):
        monkeypatch.setattr(module, "say", recording)
    text = page(share(record()), "zh-CN")
    render_delete("a" * 22, "key", "zh-CN", "n0nce")
    render_message("title", "sentence", "zh-CN", "n0nce")
    assert '<html lang="zh-CN">' in text
    assert "在演示中打开" in text
    assert len(seen) > 25
    assert [sentence for sentence in seen if say(sentence, "zh-CN") == sentence] == []


def test_only_what_came_with_the_page_may_run():
    policy = security_headers("n0nce")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'nonce-n0nce'" in policy
    text = page(share(record()))
    assert re.findall(r"<(?:script|style)(?! nonce=\"n0nce\")", text.replace("<style-", "<x-")) == []
    assert not re.search(r"\son[a-z]+=", text)
    assert " style=" not in text


def test_deleting_asks_first_and_escapes_the_key():
    text = render_delete("a" * 22, EVIL, "en", "n")
    assert '<form method="post">' in text
    assert "<script>alert" not in text
    assert "<script>alert" not in render_message(EVIL, EVIL, "en", "n")


class TestViewer:
    def test_tiles_are_escaped_and_wait(self):
        text = tiles_html([ShownTile(EVIL, EVIL, EVIL, EVIL), ShownTile("", "second", pending="Waiting")])
        assert "<script>" not in text
        assert text.count("<img ") == 1
        assert "Waiting" in text

    def test_a_slider_needs_two_and_offers_more(self):
        tiles = [ShownTile(f"{k}.png", f"picture {k}") for k in range(3)]
        assert before_after_html(tiles[:1]) == ""
        assert "<select" not in before_after_html(tiles[:2])
        text = before_after_html(tiles, left=0, right=2)
        assert text.count("<option") == 6
        assert 'value="2.png" selected' in text


def test_the_papers_of_the_results_are_cited():
    found = record()
    for tile in found["tiles"]:
        tile["settings"] = {"method": "wct2"}
    text = page(share(found))
    assert text.count("@inproceedings{yoo2019,") == 1
    assert "@inproceedings" not in page(share(record()))  # of an unknown method
