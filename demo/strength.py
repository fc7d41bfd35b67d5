"""What a result tells the page beside its pictures: its other file, and what a moved strength is followed by.

While style strength moves, ``static/strength.js`` shows the result over the content at that share of the
result's own strength. Of a look that is the look interpolated towards none, because its affine maps are
applied to the very pixels that it is laid over: (1 - t) p + t A p = ((1 - t) I + t A) p. Of a painting it is
a crossfade. Both are previews; the exact picture is computed when the hand lets go, or by Run.
"""

from __future__ import annotations

import hashlib
import html
import json
from dataclasses import replace

from style_core import get_method

from .runs import LOOK, TabRun
from .texts import say
from .work import Request

FORMATS = {".jpg": "JPEG", ".png": "PNG"}
LOOKS = {".look": "look", ".cube": "LUT"}
COPYING = {
    "named": "Copy picture", "copied": "Copied",
    "refused": "The browser does not allow copying; download it.",
}  # fmt: skip
BY_ITSELF = (
    "A preview at style strength {strength}; the exact picture follows.",
    "Not yet the picture of these strengths; it follows.",
)
BY_RUN = (
    "A preview at style strength {strength}; Run makes the exact picture.",
    "Not the picture of these strengths; Run makes it.",
)


def usual_suffix(run: TabRun, name: str) -> str:
    """Of the download button's file: JPEG for photos, PNG for paintings and what is transparent."""
    is_photo = get_method(run.tab).photorealistic
    return ".jpg" if is_photo and run.can_be(name, ".jpg") else ".png"


def extras_html(run: TabRun, asked: Request, language: str, *, follows: bool, place: str = "") -> str:
    """The links to its other files, and the element that follows the strengths.

    Args:
        asked: what the run was made from.
        follows: the exact picture comes by itself when a strength was moved, not by Run.
        place: the tab whose sliders and stage are meant, by its elements' ids; the method's if not given.
    """
    (tile,) = run.tiles
    given = usual_suffix(run, tile.name)
    others = [suffix for suffix in FORMATS if suffix != given and run.can_be(tile.name, suffix)]
    named_files = {suffix: FORMATS[suffix] for suffix in others}
    if (run.folder / LOOK).is_file():
        named_files |= {suffix: say(word, language) for suffix, word in LOOKS.items()}
    links = "".join(
        f' · <a href="runs/{run.id}/{tile.name}/{_text(tile.title + suffix)}" download>{_text(word)}</a>'
        for suffix, word in named_files.items()
    )
    reuse = ""
    if place != asked.method and place:
        word = say("Use as photo", language)
        reuse = f' · <button type="button" data-press="{place}-reuse">{_text(word)}</button>'
    named = f'<p class="st-files">{_text(tile.title + given)}{links}{_copier(run, language)}{reuse}</p>'
    return named + _follower(run, asked, language, follows=follows, place=place or asked.method)


def _copier(run: TabRun, language: str) -> str:
    """The button that puts the result on the clipboard, and what it says then (static/travel.js)."""
    words = {word: say(text, language) for word, text in COPYING.items()}
    data = "".join(f' data-{word}="{_text(text)}"' for word, text in words.items())
    return (
        f' · <button type="button" data-copy-picture="runs/{run.id}/result"{data}>'
        f"{_text(words['named'])}</button>"
    )


def _follower(run: TabRun, asked: Request, language: str, *, follows: bool, place: str) -> str:
    """The custom element: the strengths on stage, and what to say where the sliders say others."""
    preview, other = (say(sentence, language) for sentence in (BY_ITSELF if follows else BY_RUN))
    data = {
        "tab": place, "run": run.id, "family": _family(asked),
        "follows": "release" if follows else "run",
        "style": asked.strength("style_strength"), "content": asked.strength("content_strength"),
        "preview": preview, "other": other,
    }  # fmt: skip
    attributes = "".join(f' data-{name}="{_text(str(value))}"' for name, value in data.items())
    return f"<strength-follower{attributes} hidden></strength-follower>"


def _family(asked: Request) -> str:
    """The same for requests that differ in style strength alone."""
    options = {name: value for name, value in asked.options.items() if name != "style_strength"}
    parts = [replace(asked, options=options).values(), asked.files()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _text(value: str) -> str:
    return html.escape(value, quote=True)
