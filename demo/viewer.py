"""Pictures side by side, zoomed in step, and a before/after slider over any two: for Compare and for shares.

The HTML holds no scripts; ``static/viewer.js`` defines the custom elements it is made of.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .texts import say


@dataclass(frozen=True)
class ShownTile:
    """One picture: address, label, caption, alternative text, size in px; or what it waits for instead."""

    source: str
    label: str
    caption: str = ""
    alt: str = ""
    width: int = 0
    height: int = 0
    pending: str = ""


def figures(seconds: float | None, measures: Mapping[str, float], language: str) -> str:
    """Seconds and measures of a result, for its caption."""
    parts = [] if seconds is None else [say(f"{seconds:.1f} s", language)]
    names = {"structure": say("structure", language), "style": say("style", language)}
    parts += [f"{word} {measures[name]:.2f}" for name, word in names.items() if name in measures]
    return " · ".join(parts)


def tiles_html(tiles: Sequence[ShownTile], *, language: str = "en", lazy: bool = False) -> str:
    """A grid of pictures that zoom and move together.

    Args:
        lazy: pictures are fetched when they come near the window; their sizes should then be given.
    """
    pictures = "".join(_figure(tile, lazy) for tile in tiles)
    buttons = "".join(
        f'<button type="button" data-zoom="{action}" aria-label="{name}" title="{name}">{sign}</button>'
        for action, name, sign in (
            ("in", say("Zoom in", language), "+"),
            ("out", say("Zoom out", language), "−"),
            ("real", say("Real pixels", language), "1:1"),
            ("fit", say("Whole picture", language), "⤢"),
        )
    )
    named = say("Pictures, zoomed in step: + and - zoom, arrows move, 0 shows all", language)
    return (
        f'<style-tiles tabindex="0" role="group" aria-label="{named}">'
        f'<div class="st-bar">{buttons}</div>'
        f'<div class="st-grid">{pictures}</div></style-tiles>'
    )


def before_after_html(
    tiles: Sequence[ShownTile], *, left: int = 0, right: int = 1, language: str = "en"
) -> str:
    """Two of the pictures over each other with a border to move; more than two can be chosen from."""
    if len(tiles) < 2:
        return ""
    first, second = tiles[left], tiles[right]
    border, choices = say("Border between the two pictures", language), ""
    if len(tiles) > 2:
        choices = '<div class="st-choices">' + "".join(
            f'<label>{name} <select data-side="{side}">{_choices(tiles, chosen)}</select></label>'
            for side, name, chosen in (
                ("left", say("Left picture", language), left),
                ("right", say("Right picture", language), right),
            )
        ) + "</div>"  # fmt: skip
    return (
        f'<style-slider>{choices}<div class="st-stage">{_image(second, "right")}{_image(first, "left")}'
        f'<span class="st-name st-left">{_text(first.label)}</span>'
        f'<span class="st-name st-right">{_text(second.label)}</span><span class="st-line"></span>'
        f'<input type="range" min="0" max="100" value="50" step="0.5" aria-label="{border}"></div>'
        "</style-slider>"
    )


def _figure(tile: ShownTile, lazy: bool) -> str:
    inner = f'<div class="st-wait">{_text(tile.pending)}</div>' if tile.pending else _image(tile, lazy=lazy)
    caption = f"<small>{_text(tile.caption)}</small>" if tile.caption else ""
    named = f"<figcaption>{_text(tile.label)} {caption}</figcaption>"
    return f'<figure><div class="st-view">{inner}</div>{named}</figure>'


def _image(tile: ShownTile, side: str = "", *, lazy: bool = False) -> str:
    size = f' width="{tile.width}" height="{tile.height}"' if tile.width and tile.height else ""
    mark = f' data-side="{side}"' if side else ""
    named = _text(tile.alt or tile.label)
    mark += ' loading="lazy"' * lazy
    return f'<img src="{_text(tile.source)}" alt="{named}"{size}{mark} draggable="false">'


def _choices(tiles: Sequence[ShownTile], chosen: int) -> str:
    return "".join(
        f'<option value="{_text(tile.source)}"{" selected" * (k == chosen)}>{_text(tile.label)}</option>'
        for k, tile in enumerate(tiles)
    )


def _text(value: str) -> str:
    return html.escape(value, quote=True)
