"""The row of pictures to tap: the styles that came with the demo, with their names in both languages."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from style_core import load_image
from style_core.fronts import to_pil

from .examples import FOLDER
from .static_files import static
from .texts import CHINESE, say

THUMBNAIL = (168, 112)  # px, for screens of two pixels a point
NAMES = {
    "dusk": "Dusk", "floodlight": "Floodlight", "sunset": "Sunset", "golden_hour": "Golden hour",
    "desert_light": "Desert light", "autumn": "Autumn", "snow": "Snow", "overcast": "Overcast",
    "starry_night": "Starry Night", "cypresses": "Cypresses", "grande_jatte": "La Grande Jatte",
    "seashore": "Seashore", "ink_landscape": "Ink landscape", "mada_primavesi": "Mäda Primavesi",
    "ia_orana_maria": "Ia Orana Maria", "repast_of_the_lion": "Repast of the Lion",
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """A style picture to tap."""

    file: Path
    name: str


def looks_of(*, photorealistic: bool, first: Path | None = None) -> list[Look]:
    """The styles that came with the demo, for photos or paintings, ``first`` at the front."""
    files = sorted((FOLDER / ("photo_style" if photorealistic else "art_style")).glob("*.jpg"))
    order = list(NAMES)
    files.sort(key=lambda file: (file != first, order.index(file.stem) if file.stem in NAMES else len(order)))
    return [Look(file, NAMES.get(file.stem, file.stem)) for file in files]


def looks_html(looks: list[Look], elem_id: str) -> gr.HTML:
    """The row; its ``select`` event has the look's ``index``."""
    buttons = "".join(_button(number, look) for number, look in enumerate(looks))
    return gr.HTML(
        f'<div class="looks">{buttons}</div>',
        elem_id=elem_id,
        padding=False,
        js_on_load=static("looks.js"),
        apply_default_css=False,
    )


def in_both(text: str) -> str:
    """A text in English and Chinese; the style sheet hides the one that the page is not in."""
    return f'<span class="in-en">{_text(text)}</span><span class="in-zh">{_text(say(text, CHINESE))}</span>'


def _button(number: int, look: Look) -> str:
    return (
        f'<button type="button" data-look="{number}" data-file="{look.file.name}" aria-pressed="false">'
        f'<img src="{thumbnail(look.file)}" alt="" width="84" height="56">{in_both(look.name)}</button>'
    )


@cache
def thumbnail(file: Path, size: tuple[int, int] = THUMBNAIL) -> str:
    """A small picture of a file that came along; see :func:`picture_address`."""
    return picture_address(file, size)


def picture_address(file: Path, size: tuple[int, int] = THUMBNAIL) -> str:
    """A small picture as an address that needs no request."""
    buffer = io.BytesIO()
    small: Any = ImageOps.fit(to_pil(load_image(file).samples), size, Image.Resampling.LANCZOS)
    small.save(buffer, "JPEG", quality=78, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _text(value: str) -> str:
    return html.escape(value, quote=True)
