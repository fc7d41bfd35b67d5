"""Pictures side by side, zoomed in step, and a before/after slider over any two: for Compare and for shares.

The HTML holds no scripts; ``static/viewer.js`` defines the custom elements it is made of.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .texts import say

# A measure, what it says of a result, and how good a value is from 0 to 1.
MEASURES: tuple[tuple[str, str, Callable[[float], float]], ...] = (
    ("structure", "keeps the photo", lambda value: value),
    ("style", "takes the style", lambda value: 1 - value),
)
DEGREES = ((0.85, "very well"), (0.65, "well"), (0.4, "partly"), (0.0, "hardly"))  # from which value on


@dataclass(frozen=True)
class ShownTile:
    """One picture: address, label, caption, alternative text, size in px, measures; or what it waits for."""

    source: str
    label: str
    caption: str = ""
    alt: str = ""
    width: int = 0
    height: int = 0
    pending: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)


def took(seconds: float | None, language: str) -> str:
    """Seconds of a result, for its caption."""
    return "" if seconds is None else say(f"{seconds:.1f} s", language)


def _measures(tile: ShownTile, language: str) -> str:
    """How well a result keeps the photo and takes the style, as bars with words; pointed at, the number."""
    found = ""
    for name, words, how_good in MEASURES:
        if name not in tile.measures:
            continue
        value = tile.measures[name]
        good = min(1.0, max(0.0, how_good(value)))
        word = next(word for least, word in DEGREES if good >= least)
        number = f"{say(name, language)} {value:.2f}"
        found += (
            f'<span class="st-measure" title="{_text(number)}">{say(words, language)} '
            f'<meter value="{good:.2f}" aria-hidden="true"></meter> {say(word, language)}</span>'
        )
    return found


def tiles_html(tiles: Sequence[ShownTile], *, language: str = "en", lazy: bool = False) -> str:
    """A grid of pictures that zoom and move together.

    Args:
        lazy: pictures are fetched when they come near the window; their sizes should then be given.
    """
    pictures = "".join(_figure(tile, lazy, language) for tile in tiles)
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


def _figure(tile: ShownTile, lazy: bool, language: str) -> str:
    inner = f'<div class="st-wait">{_text(tile.pending)}</div>' if tile.pending else _image(tile, lazy=lazy)
    caption = f"<small>{_text(tile.caption)}</small>" if tile.caption else ""
    measured = _measures(tile, language)
    named = f"<figcaption>{_text(tile.label)} {caption}{measured}</figcaption>"
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
