"""The page of a shared comparison: one read-only HTML file that opens at once, with nothing from elsewhere.

Records come from a storage that others may write to: whatever is missing or of another type is left out, and
every text is escaped.
"""

from __future__ import annotations

import html
import json
import math
import time
from collections.abc import Mapping
from typing import Any, Protocol

from .static_files import static
from .texts import CHINESE, ENGLISH
from .viewer import Tile, before_after_html, tiles_html

SITE = "Style transfer"
WORDS = {
    ENGLISH: {
        "open": "Open in the demo", "inputs": "Inputs", "results": "Results", "slider": "Before and after",
        "content": "Content", "style": "Style", "content_mask": "Content mask", "style_mask": "Style mask",
        "seconds": "{} s", "structure": "structure {}", "style_figure": "style {}",
        "settings": "Settings",
        "download": "Download PNG", "expires": "This page expires on {}.", "share": "share {}",
        "explained": "Structure 1: the content's structure is fully kept. Style 0: the style's statistics "
                     "are reached; 1: as far away as the untouched content.",
        "notes": "Notes", "delete": "Delete this comparison", "sure": "Everybody with the link "
        "loses it. This cannot be undone.", "yes": "Delete it", "demo": "To the demo",
        "made": "Made with {} on {}.",
    },
    CHINESE: {
        "open": "在演示中打开", "inputs": "输入", "results": "结果", "slider": "前后对比",
        "content": "内容", "style": "风格", "content_mask": "内容蒙版", "style_mask": "风格蒙版",
        "seconds": "{} 秒", "structure": "结构 {}", "style_figure": "风格 {}", "settings": "设置",
        "download": "下载 PNG", "expires": "本页面将于 {} 过期。", "share": "占比 {}",
        "explained": "结构 1：内容结构完全保留。风格 0：达到风格的统计量；1：与未处理的内容一样远。",
        "notes": "说明", "delete": "删除这个比较", "sure": "所有持有链接的人都将无法再打开它，且无法撤销。",
        "yes": "删除", "demo": "前往演示", "made": "由 {} 生成于 {}。",
    },
}  # fmt: skip


class Shared(Protocol):
    """What the page needs to know of a share; see demo/shares.py."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def record(self) -> dict[str, Any]:
        """What was stored."""

    @property
    def pictures(self) -> Mapping[str, Any]:
        """By name."""

    @property
    def created(self) -> float:
        """Seconds since 1970."""

    @property
    def expires(self) -> float | None:
        """Seconds since 1970."""


def security_headers(nonce: str) -> dict[str, str]:
    """Nothing runs or loads on the page but what it came with."""
    policy = (
        f"default-src 'none'; img-src 'self'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'self' https://huggingface.co"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
        "Cache-Control": "private, no-cache",
    }


def render_share(share: Shared, base_url: str, language: str, nonce: str) -> str:
    """The whole page.

    Args:
        base_url: the demo's address as visitors see it, without a slash at its end.
    """
    words, base = WORDS[language], f"{base_url}/c/{share.id}"
    record = _mapping(share.record)
    tiles = [tile for tile in _list(record.get("tiles")) if _known(share, tile.get("picture"))]
    inputs = [entry for entry in _list(record.get("inputs")) if _known(share, entry.get("picture"))]
    title = _string(record.get("title")) or SITE
    content = next((e["picture"] for e in inputs if e.get("role") == "content"), None)
    shown = [_tile(share, base, tile["picture"], tile, words) for tile in tiles]
    before = [_tile(share, base, content, {"label": words["content"]}, words)] if content else []
    parts = [
        f'<header><h1>{_e(title)}</h1><a class="button" href="{_e(base_url)}/?share={share.id}">'
        f"{words['open']}</a></header>",
        _inputs(share, base, inputs, words),
    ]
    slider = before_after_html([*before, *shown], language=language)
    if slider:
        parts.append(f'<section><h2>{words["slider"]}</h2><div class="slider">{slider}</div></section>')
    if shown:
        has_figures = any(_mapping(tile.get("measures")) for tile in tiles)
        explained = f"<p class=soft>{words['explained']}</p>" if has_figures else ""
        grid = tiles_html([*before, *shown] if len(shown) > 1 else shown, language=language, lazy=True)
        parts.append(f"<section><h2>{words['results']}</h2>{explained}{grid}</section>")
        parts.append("".join(_details(base, tile, words) for tile in tiles))
    sentences = [
        words[key].format(*given, date)
        for key, given, date in (
            ("made", (SITE,), _date(share.created)),
            ("expires", (), _date(share.expires)),
        )
        if date
    ]
    parts.append(f"<footer>{_e(' '.join(sentences))}</footer>")
    return _page(title, _open_graph(share, base, title, tiles), "".join(parts), language, nonce, viewer=True)


def render_message(title: str, sentence: str, language: str, nonce: str, base_url: str = "") -> str:
    """A page that says one thing, with a way to the demo."""
    body = (
        f"<header><h1>{_e(title)}</h1></header><p>{_e(sentence)}</p>"
        f'<p><a class="button" href="{_e(base_url)}/">{WORDS[language]["demo"]}</a></p>'
    )
    return _page(title, "", body, language, nonce)


def render_delete(share_id: str, key: str, language: str, nonce: str) -> str:
    """The owner's question before deleting; nothing happens without the button."""
    words = WORDS[language]
    body = (
        f"<header><h1>{words['delete']}?</h1></header><p>{words['sure']}</p>"
        f'<form method="post"><input type="hidden" name="key" value="{_e(key)}">'
        f'<button class="button danger">{words["yes"]}</button></form>'
    )
    return _page(words["delete"], "", body, language, nonce)


def _page(title: str, head: str, body: str, language: str, nonce: str, *, viewer: bool = False) -> str:
    code = f'<script nonce="{nonce}">{static("share.js")}{static("viewer.js") if viewer else ""}</script>'
    style = f'<style nonce="{nonce}">{static("viewer.css") if viewer else ""}{static("share.css")}</style>'
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{_e(title)} · {SITE}</title>'
        f"{head}{style}{code}</head>"
        f"<body><main>{body}</main></body></html>"
    )
    # JSON can hold half a surrogate pair, which no response can
    return page.encode("utf-8", "replace").decode("utf-8")


def _open_graph(share: Shared, base: str, title: str, tiles: list[dict[str, Any]]) -> str:
    """What chat programs show of the link."""
    described = "; ".join(filter(None, (_strengths(tile) for tile in tiles[:5]))) or SITE
    found = {"og:title": title, "og:description": described, "og:type": "website", "og:url": base,
             "og:site_name": SITE}  # fmt: skip
    if "card" in share.pictures:
        card = share.pictures["card"]
        found |= {"og:image": f"{base}/card", "og:image:type": "image/jpeg",
                  "og:image:width": str(card.width),
                  "og:image:height": str(card.height), "og:image:alt": title}  # fmt: skip
    lines = [f'<meta property="{name}" content="{_e(value)}">' for name, value in found.items()]
    lines.append(f'<meta name="description" content="{_e(described)}">')
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    return "".join(lines)


def _strengths(tile: dict[str, Any]) -> str:
    settings = _mapping(tile.get("settings"))
    parts = [
        f"{word} {value:g}"
        for name, word in (("content_strength", "content"), ("style_strength", "style"))
        if (value := _number(settings.get(name))) is not None
    ]
    return f"{_string(tile.get('label'))}: {', '.join(parts)}" if parts else _string(tile.get("label"))


def _inputs(share: Shared, base: str, inputs: list[dict[str, Any]], words: Mapping[str, str]) -> str:
    figures = []
    for entry in inputs:
        name = entry["picture"]
        label = words.get(_string(entry.get("role")), _string(entry.get("role")))
        if (weight := _number(entry.get("weight"))) is not None:
            label += ", " + words["share"].format(f"{weight:.2g}")
        picture = share.pictures[name]
        figures.append(
            f'<figure><a href="{_e(base)}/{_e(name)}"><img src="{_e(base)}/{_e(name)}" alt="{_e(label)}" '
            f'width="{picture.width}" height="{picture.height}"></a>'
            f"<figcaption>{_e(label)}</figcaption></figure>"
        )
    return (
        f'<section><h2>{words["inputs"]}</h2><div class="inputs">{"".join(figures)}</div></section>'
        if figures
        else ""
    )


def _tile(share: Shared, base: str, name: str, tile: dict[str, Any], words: Mapping[str, str]) -> Tile:
    label = _string(tile.get("label")) or name
    picture = share.pictures[name]
    parts = []
    if (seconds := _number(tile.get("seconds"))) is not None:
        parts.append(words["seconds"].format(f"{seconds:.1f}"))
    measures = _mapping(tile.get("measures"))
    for key, word in (("structure", "structure"), ("style", "style_figure")):
        if (measure := _number(measures.get(key))) is not None:
            parts.append(words[word].format(f"{measure:.2f}"))
    return Tile(f"{base}/{name}", label, " · ".join(parts), label, picture.width, picture.height)


def _details(base: str, tile: dict[str, Any], words: Mapping[str, str]) -> str:
    label = _string(tile.get("label")) or tile["picture"]
    notes = (
        [note for note in tile.get("notes") or [] if isinstance(note, str)]
        if isinstance(tile.get("notes"), list)
        else []
    )
    listed = f"<ul>{''.join(f'<li>{_e(note)}</li>' for note in notes)}</ul>" if notes else ""
    settings = _e(json.dumps(_mapping(tile.get("settings")), indent=1, ensure_ascii=False, default=str))
    return (
        f'<section class="details"><h3>{_e(label)}</h3>{listed}'
        f'<p><a href="{_e(base)}/{_e(tile["picture"])}" download="{_e(tile["picture"])}.png">'
        f"{words['download']}</a></p>"
        f"<details><summary>{words['settings']}</summary><pre>{settings}</pre></details></section>"
    )


def _known(share: Shared, name: Any) -> bool:
    return isinstance(name, str) and name in share.pictures


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [dict(entry) for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """A finite number; JSON also has endless ones, and integers that no float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _date(seconds: float | None) -> str:
    """The day, or nothing for a time that no calendar has."""
    try:
        return "" if seconds is None else time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return ""


def _e(text: str) -> str:
    return html.escape(text, quote=True)
