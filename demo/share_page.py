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

from .citation import citation_html
from .clip_player import player_html
from .static_files import static
from .texts import say, table
from .viewer import ShownTile, before_after_html, tiles_html, took

SITE = "Style transfer"
FRAMED_BY_US = "frame-ancestors 'self' https://huggingface.co"
EXPLAINED = (
    "Structure 1: the content's structure is fully kept. Style 0: the style's statistics are reached; "
    "1: as far away as the untouched content."
)
ROLES = {
    "content": "Content", "style": "Style", "content_mask": "Content mask", "style_mask": "Style mask",
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
        f"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'nonce-{nonce}'; "
        f"script-src 'nonce-{nonce}'; "
        f"form-action 'self'; base-uri 'none'; {FRAMED_BY_US}"
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
    base, record = f"{base_url}/c/{share.id}", _mapping(share.record)
    tiles = [tile for tile in _list(record.get("tiles")) if _known(share, tile.get("picture"))]
    inputs = [entry for entry in _list(record.get("inputs")) if _known(share, entry.get("picture"))]
    clip = _mapping(record.get("clip"))
    clip = clip if _known(share, clip.get("picture")) else {}
    made = [*tiles, *([clip] if clip else [])]
    title = _string(record.get("title")) or say(SITE, language)
    body = (
        f'<header><h1>{_e(title)}</h1><a class="button" href="{_e(base_url)}/?share={share.id}">'
        f"{say('Open in the demo', language)}</a></header>"
        f"{_inputs(share, base, inputs, language)}{_results(share, base, inputs, tiles, language)}"
        f"{_clip(share, base, clip, language)}"
        f"{citation_html((_mapping(each.get('settings')).get('method') for each in made), language)}"
        f"<footer>{_e(_dates(share, language))}</footer>"
    )
    return _page(title, _open_graph(share, base, title, made, language), body, language, nonce, viewer=True)


def render_embed(share: Shared, base_url: str, language: str, nonce: str) -> str:
    """The slider over content and result alone, with a link to the whole page, for frames of other sites."""
    base, record = f"{base_url}/c/{share.id}", _mapping(share.record)
    tiles = [tile for tile in _list(record.get("tiles")) if _known(share, tile.get("picture"))]
    inputs = [entry for entry in _list(record.get("inputs")) if _known(share, entry.get("picture"))]
    shown = _shown(share, base, inputs, tiles, language)
    title = _string(record.get("title")) or say(SITE, language)
    clip = _mapping(record.get("clip"))
    slider = _player(share, base, clip, language) or before_after_html(shown, language=language)
    slider = slider or tiles_html(shown, language=language)
    body = f'{slider}<p class=soft><a href="{_e(base)}" target="_blank" rel="noopener">{_e(title)}</a></p>'
    return _page(title, "", body, language, nonce, viewer=True)


def _shown(
    share: Shared, base: str, inputs: list[dict[str, Any]], tiles: list[dict[str, Any]], language: str
) -> list[ShownTile]:
    """The content, if there is one, and the results."""
    content = next((entry for entry in inputs if entry.get("role") == "content"), None)
    before = [{**content, "label": say("Content", language)}] if content else []
    return [_tile(share, base, each, language) for each in [*before, *tiles]]


def _results(
    share: Shared, base: str, inputs: list[dict[str, Any]], tiles: list[dict[str, Any]], language: str
) -> str:
    """The slider over any two pictures, the tiles, and what is known of each."""
    shown = _shown(share, base, inputs, tiles, language)
    slider = before_after_html(shown, language=language)
    parts = []
    if slider:
        parts.append(_section(say("Before and after", language), f'<div class="slider">{slider}</div>'))
    if tiles:
        has_figures = any(_mapping(tile.get("measures")) for tile in tiles)
        explained = f"<p class=soft>{_e(say(EXPLAINED, language))}</p>" if has_figures else ""
        alone = shown[-1:] if len(tiles) == 1 else shown
        grid = tiles_html(alone, language=language, lazy=True)
        parts.append(_section(say("Results", language), explained + grid))
        parts += [_details(base, tile, language) for tile in tiles]
    return "".join(parts)


def _clip(share: Shared, base: str, clip: dict[str, Any], language: str) -> str:
    """A clip before and after, and what is known of it; nothing without one."""
    player = _player(share, base, clip, language)
    if not player:
        return ""
    heading = say("Before and after", language)
    return _section(heading, f'<div class="slider">{player}</div>') + _details(base, clip, language, "mp4")


def _player(share: Shared, base: str, clip: dict[str, Any], language: str) -> str:
    if not _known(share, clip.get("picture")):
        return ""
    before = f"{base}/{clip['before']}" if _known(share, clip.get("before")) else ""
    has_sound = clip.get("has_sound") is True
    return player_html(f"{base}/{clip['picture']}", before, has_sound=has_sound, language=language)


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{heading}</h2>{body}</section>"


def _dates(share: Shared, language: str) -> str:
    made, ends = _date(share.created), _date(share.expires)
    sentences = [say(f"Made with {SITE} on {made}.", language)] if made else []
    return " ".join([*sentences, *([say(f"This page expires on {ends}.", language)] if ends else [])])


def render_message(title: str, sentence: str, language: str, nonce: str, base_url: str = "") -> str:
    """A page that says one thing, with a way to the demo."""
    body = (
        f"<header><h1>{_e(title)}</h1></header><p>{_e(sentence)}</p>"
        f'<p><a class="button" href="{_e(base_url)}/">{say("To the demo", language)}</a></p>'
    )
    return _page(title, "", body, language, nonce)


def render_delete(share_id: str, key: str, language: str, nonce: str) -> str:
    """The owner's question before deleting; nothing happens without the button."""
    title = say("Delete this comparison", language)
    body = (
        f"<header><h1>{title}?</h1></header>"
        f"<p>{say('Everybody with the link loses it. This cannot be undone.', language)}</p>"
        f'<form method="post"><input type="hidden" name="key" value="{_e(key)}">'
        f'<button class="button danger">{say("Delete it", language)}</button></form>'
    )
    return _page(title, "", body, language, nonce)


def _page(title: str, head: str, body: str, language: str, nonce: str, *, viewer: bool = False) -> str:
    scripts = ["share.js", *(["viewer.js", "player.js"] if viewer else [])]
    styles = [*(["viewer.css", "player.css"] if viewer else []), "share.css"]
    code = f'<script nonce="{nonce}">{"".join(map(static, scripts))}</script>'
    style = f'<style nonce="{nonce}">{"".join(map(static, styles))}</style>'
    page = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_e(title)} · {_e(say(SITE, language))}</title>"
        f"{head}{style}{code}</head>"
        f"<body><main>{body}</main></body></html>"
    )
    # JSON can hold half a surrogate pair, which no response can
    return page.encode("utf-8", "replace").decode("utf-8")


def _open_graph(share: Shared, base: str, title: str, tiles: list[dict[str, Any]], language: str) -> str:
    """What chat programs show of the link."""
    described = "; ".join(filter(None, (_strengths(tile) for tile in tiles[:5]))) or say(SITE, language)
    found = {"og:title": title, "og:description": described, "og:type": "website", "og:url": base,
             "og:site_name": say(SITE, language)}  # fmt: skip
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


def _inputs(share: Shared, base: str, inputs: list[dict[str, Any]], language: str) -> str:
    pictures = []
    for entry in inputs:
        name, role = entry["picture"], _string(entry.get("role"))
        label = say(ROLES[role], language) if role in ROLES else role
        if (weight := _number(entry.get("weight"))) is not None:
            label += ", " + say(f"share {weight:.2g}", language)
        picture = share.pictures[name]
        pictures.append(
            f'<figure><a href="{_e(base)}/{_e(name)}"><img src="{_e(base)}/{_e(name)}" alt="{_e(label)}" '
            f'width="{picture.width}" height="{picture.height}"></a>'
            f"<figcaption>{_e(label)}</figcaption></figure>"
        )
    if not pictures:
        return ""
    return _section(say("Inputs", language), f'<div class="inputs">{"".join(pictures)}</div>')


def _tile(share: Shared, base: str, tile: dict[str, Any], language: str) -> ShownTile:
    name = tile["picture"]
    label, picture = _string(tile.get("label")) or name, share.pictures[name]
    given = {key: _number(value) for key, value in _mapping(tile.get("measures")).items()}
    measures = {key: value for key, value in given.items() if value is not None}
    caption = took(_number(tile.get("seconds")), language)
    label = say(label, language) if label in table() else label
    return ShownTile(
        f"{base}/{name}", label, caption, label, picture.width, picture.height, measures=measures
    )


def _details(base: str, tile: dict[str, Any], language: str, suffix: str = "png") -> str:
    label, given = _string(tile.get("label")) or tile["picture"], tile.get("notes")
    notes = [note for note in given if isinstance(note, str)] if isinstance(given, list) else []
    listed = f"<ul>{''.join(f'<li>{_e(note)}</li>' for note in notes)}</ul>" if notes else ""
    settings = _e(json.dumps(_mapping(tile.get("settings")), indent=1, ensure_ascii=False, default=str))
    return (
        f'<section class="details"><h3>{_e(label)}</h3>{listed}'
        f'<p><a href="{_e(base)}/{_e(tile["picture"])}" download="{_e(tile["picture"])}.{suffix}">'
        f"{say(f'Download {suffix.upper()}', language)}</a></p>"
        f"<details><summary>{say('Settings', language)}</summary><pre>{settings}</pre></details></section>"
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
