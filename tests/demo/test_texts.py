"""English and Chinese: nothing on the page without a translation, and sentences matched by pattern."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import demo.clip_tab
import demo.compare
import demo.controls
import demo.door
import demo.method_tab
import demo.page
import demo.region_inputs
from demo import texts
from demo.limits import Limits
from demo.service import Service
from demo.shares import ShareStore
from demo.texts import CHINESE, ENGLISH, choose_language, language_of, say, table


def test_every_text_of_the_page_has_a_chinese_one(monkeypatch, tmp_path):
    seen = []

    def recording(text):
        seen.append(text)
        return text

    for module in (
        demo.clip_tab, demo.compare, demo.controls, demo.door, demo.method_tab, demo.page, demo.region_inputs,
    ):  # fmt: skip
        monkeypatch.setattr(module, "tr", recording)
    demo.page.build_page(Service(Limits(), ShareStore(str(tmp_path))))
    assert len(seen) > 100
    assert [text for text in seen if text not in table()] == []


def test_every_translation_is_chinese_and_has_the_same_places():
    for english, chinese in table().items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), english
        if english not in ("PNG",):
            assert re.search("[\u4e00-\u9fff]", chinese), english


@pytest.mark.parametrize(
    ("sentence", "chinese"),
    [
        ("Stopped.", "已停止。"),
        ("Level 4", "第 4 层"),
        (
            "768 x 512 px in 0.5 s on cpu, compact family",
            "768 x 512 像素，用时 0.5 秒，设备 cpu，权重 compact",
        ),
        (
            "Stopped at step 12 of 200 at 64 x 48 px; this is the best picture so far.",
            "在 64 x 48 像素的第 12 / 200 步停止；这是目前最好的图片。",
        ),
        ("Something nobody translated", "Something nobody translated"),
    ],
)
def test_sentences_are_said_in_chinese(sentence, chinese):
    assert say(sentence, CHINESE) == chinese
    assert say(sentence, ENGLISH) == sentence


def test_the_limits_can_be_said_in_chinese():
    assert say(Limits().clip_sentence(), CHINESE) != Limits().clip_sentence()
    assert say(Limits().sentence(), CHINESE) != Limits().sentence()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("zh-CN,zh;q=0.9", CHINESE),
        ("zh", CHINESE),
        ("en-US,zh;q=0.5", ENGLISH),
        ("", ENGLISH),
        ("de", ENGLISH),
    ],
)
def test_the_language_is_the_browsers(header, expected):
    assert language_of(SimpleNamespace(headers={"accept-language": header})) == expected


@pytest.mark.parametrize(
    ("header", "language"),
    [(None, "en"), ("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), ("en-US,en;q=0.9,zh;q=0.8", "en"),
     ("zh-TW", "zh-CN"), ("de;q=0.5,zh;q=0.7", "zh-CN"), ("zh;q=nonsense", "en")],
)  # fmt: skip
def test_the_language_is_the_one_preferred(header, language):
    assert choose_language(header) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [("zh; q=0.9, en; q=0.5", "zh-CN"), ("en;q=0.1, zh ; q=0.9", "zh-CN"), ("zh;Q=0.9,en;q=0.1", "zh-CN"),
     ("zh; q=0.1, en", "en"), ("zh;q=0", "en"), ("zh;q=nan", "en"), ("ZH-hans", "zh-CN"), ("*", "en")],
)  # fmt: skip
def test_weights_of_languages_may_have_spaces(header, language):
    assert choose_language(header) == language


def test_programs_get_english():
    assert language_of(None) == ENGLISH
    assert language_of(SimpleNamespace(headers=None)) == ENGLISH


def test_labels_are_translated_in_the_browser_and_unknown_ones_stay():
    assert texts.tr("no such text") == "no such text"
    assert "__i18n__" in str(texts.tr("Run"))


def test_what_a_toast_says_is_escaped():
    """Gradio draws markup in toasts, and visitors' words are in sentences: ``shown`` is the one way there."""
    raised = [
        (path.name, call)
        for path in Path(texts.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("gr.Error", "gr.Warning", "gr.Info")
    ]
    assert len(raised) >= 3
    assert [name for name, call in raised if not ast.unparse(call.args[0]).startswith("shown(")] == []
