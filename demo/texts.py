"""The page in English and 简体中文: one table, English text to Chinese, with {places} for values.

Labels are chosen by the browser (Gradio's I18n); sentences made while a job runs, those of style_core
included, by the language the browser asks for in its request.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext
from gradio.i18n import I18nData

TABLE = Path(__file__).resolve().parent / "locale" / "zh-CN.json"
ENGLISH, CHINESE = "en", "zh-CN"
# Gradio matches a browser's language exactly, so every common name of it is listed.
CHINESE_NAMES = (
    "zh-CN", "zh", "zh-Hans", "zh-Hans-CN", "zh-SG", "zh-TW", "zh-HK", "zh-MO", "zh-Hant", "zh-Hant-TW",
    "zh-Hant-HK",
)  # fmt: skip


@cache
def table() -> Mapping[str, str]:
    """All English texts with their Chinese ones."""
    found: dict[str, str] = json.loads(TABLE.read_text("utf-8"))
    return found


@cache
def catalog() -> gr.I18n:
    """What ``launch(i18n=…)`` takes."""
    chinese = {_key(text): translated for text, translated in table().items()}
    return gr.I18n(
        **{ENGLISH: {_key(text): text for text in table()}}, **dict.fromkeys(CHINESE_NAMES, chinese)
    )


def tr(text: str) -> Any:
    """A label that the browser shows in its language; the text itself where the table lacks it."""
    return catalog()(_key(text)) if text in table() else text


def language_of(request: Any) -> str:
    """The language in which a request's browser wants the page; English for programs.

    Args:
        request: of Gradio or of Starlette, or ``None``.
    """
    headers = getattr(request, "headers", None)
    return choose_language(headers.get("accept-language") if headers is not None else None)


def english(label: Any) -> Any:
    """The text of a label that :func:`tr` made; others as they are."""
    if not isinstance(label, I18nData):
        return label
    return next((text for text in table() if _key(text) == label.key), label.key)


def choose_language(accept_language: str | None) -> str:
    """Chinese if the browser prefers any kind of it to English and other languages, else English."""
    best, chosen = 0.0, ENGLISH
    for part in (accept_language or "").split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.lower().startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            continue
        if tag and quality > best:
            best, chosen = quality, CHINESE if tag.lower().split("-")[0] == "zh" else ENGLISH
    return chosen


def say(sentence: str, to: str) -> str:
    """A finished sentence in the language ``to``; as it is where the table has no such pattern."""
    if to != CHINESE or not sentence:
        return sentence
    if sentence in table():
        return table()[sentence]
    for pattern, translated in _patterns():
        if found := pattern.fullmatch(sentence):
            return translated.format(**found.groupdict())
    return sentence


def shown(text: str) -> str:
    """A text for a toast or for Markdown, in which pages draw markup and programs do not.

    File names and values of visitors are in it. So markup is escaped for whoever may be a page of
    ours: its requests name where they come from, which a browser does by itself.
    """
    request = LocalContext.request.get(None)
    headers = getattr(request, "headers", None)
    is_program = headers is not None and not headers.get("origin")
    return text if is_program else html.escape(text, quote=False)


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The texts with places, as patterns; the most particular first."""
    with_places = [text for text in table() if re.search(r"{\w+}", text)]
    with_places.sort(key=lambda text: -len(re.sub(r"{\w+}", "", text)))
    return [(_pattern(text), table()[text]) for text in with_places]


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", text)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if k % 2 else re.escape(part) for k, part in enumerate(parts)), re.S
    )


def _key(text: str) -> str:
    """A name without the dots and spaces that the browser's library would take apart."""
    return "t" + hashlib.sha256(text.encode()).hexdigest()[:12]
