"""The player of a clip before and after: two in step and a border to move; for the page and for shares.

The HTML holds no scripts; ``static/player.js`` defines the custom element it is made of.
"""

from __future__ import annotations

import html

from .texts import say

PLAY, PAUSE = "M8 5v14l11-7z", "M6 5h4v14H6zm8 0h4v14h-4z"
SPEAKER = "M4 9v6h4l5 5V4L8 9z"
SILENT, LOUD = f"{SPEAKER}M16 9l5 6m0-6l-5 6", f"{SPEAKER}M16 8.5a5 5 0 010 7M18.5 6a8.5 8.5 0 010 12"
WHOLE = "M5 10V5h5M14 5h5v5M19 14v5h-5M10 19H5v-5"


def player_html(after: str, before: str = "", *, has_sound: bool = False, language: str = "en") -> str:
    """A player with its own bar.

    Args:
        after, before: addresses of the clips; without the latter there is no border.
        has_sound: whether there is any to switch on.
    """
    names = split = ""
    if before:
        border = say("Border between before and after", language)
        names = _name("left", say("Before", language)) + _name("right", say("After", language))
        split = (
            f'{_video(before, "left")}{names}<span class="st-line"></span>'
            f'<input type="range" class="st-border" min="0" max="100" value="50" step="0.5" '
            f'aria-label="{border}">'
        )
    sound = ""
    if has_sound:
        sound = _button("sound", SILENT, LOUD, say("Sound on", language), say("Sound off", language))
    place = say("Place in the clip", language)
    return (
        f'<clip-player><div class="st-stage">{_video(after, "right")}{split}</div><div class="cp-bar">'
        f"{_button('play', PLAY, PAUSE, say('Play', language), say('Pause', language))}"
        f'<input type="range" class="cp-place" min="0" max="1000" value="0" step="1" aria-label="{place}">'
        f'<span class="cp-time"></span>{sound}'
        f"{_button('whole', WHOLE, WHOLE, say('Whole screen', language), say('Whole screen', language))}"
        "</div></clip-player>"
    )


def _video(address: str, side: str) -> str:
    return (
        f'<video data-side="{side}" src="{html.escape(address, quote=True)}" muted playsinline '
        'preload="auto" disablepictureinpicture></video>'
    )


def _name(side: str, word: str) -> str:
    return f'<span class="st-name st-{side}">{word}</span>'


def _button(action: str, off: str, on: str, off_word: str, on_word: str) -> str:
    """A button of two states, whose icon and word say what a press does."""
    drawn = "".join(
        f'<svg class="cp-{state}" width="20" height="20" viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="{path}"/></svg>'
        for state, path in (("off", off), ("on", on))
    )
    return (
        f'<button type="button" data-do="{action}" data-off="{off_word}" data-on="{on_word}" '
        f'aria-label="{off_word}" title="{off_word}">{drawn}</button>'
    )
