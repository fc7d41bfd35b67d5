"""A door of the page: one stage, looks to tap, and the methods for one purpose; what newcomers see first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from style_core import Method, get_method, list_methods

from .clip_tab import methods_of_clips
from .controls import action_bar, unchecked_picture_input
from .door_events import DoorEvents, DoorParts
from .endpoints import Tab
from .history import history_row
from .kept_pictures import KeptPictures
from .lanes import CLIP
from .looks import Look, looks_html, looks_of, thumbnail
from .method_run import MethodOutputs
from .service import Service
from .sharing import ResultButtons, share_row
from .shipped_results import first_sight, typical_result
from .texts import tr

CARD = (132, 88)  # px of a method's small picture, for screens of two pixels a point
BEST_FIRST = ("wct2", "photo_wct", "deep_photo", "gatys", "wct")
CHOICES = {
    "wct2": "WCT2: every line stays sharp, in about a second",
    "photo_wct": "PhotoWCT: softer colors, smoothed along edges",
    "deep_photo": "Deep Photo: the light of each region, in minutes",
    "gatys": "Gatys: painted stroke by stroke while you watch",
    "wct": "WCT: loose brushwork, in a few seconds",
}


@dataclass(frozen=True)
class Door:
    """What a door is for.

    Attributes:
        key: the part of its elements' ids.
        pictures: what its looks are called.
        photorealistic: of its methods and of its looks.
    """

    key: str
    title: str
    promise: str
    pictures: str
    photorealistic: bool

    def methods(self) -> list[str]:
        """Keys of its methods, the one to begin with first."""
        return [key for key in best_first() if get_method(key).photorealistic == self.photorealistic]

    def looks(self) -> list[Look]:
        """The styles to tap, the one that it opens with first."""
        pair, _ = first_sight(self.methods()[0])
        return looks_of(photorealistic=self.photorealistic, first=pair.style)


DOORS = (
    Door("photo", "Photo look", "Your photo in the light and colors of another; every line stays in place.",
         "Looks", photorealistic=True),
    Door("painting", "Painting", "Your photo as a painting, in the hand of the picture you choose.",
         "Paintings", photorealistic=False),
)  # fmt: skip


def best_first() -> list[str]:
    """Keys of all methods in the order of the page."""
    known = {key: place for place, key in enumerate(BEST_FIRST)}
    return sorted(list_methods(), key=lambda key: known.get(key, len(known)))


def door_tab(door: Door, service: Service, kept: KeptPictures) -> Tab:
    """Build a door inside the current ``gr.Tab``."""
    key, looks = door.key, door.looks()
    with gr.Row(elem_classes="door"):
        with gr.Column(scale=8, min_width=320, elem_classes="door-main"):
            stage, status, own_content = _stage(door)
            own_style, surprise = _looks_line(door)
            row = looks_html(looks, f"{key}-looks")
            plan = gr.Markdown(elem_id=f"{key}-plan", elem_classes="door-plan")
            run, stop, download, share = action_bar(key)
            notes = gr.Markdown(label="Notes", elem_id=f"{key}-notes")
            extras = gr.HTML(label="Extras", elem_id=f"{key}-extras", padding=False)
            run_id = gr.Textbox(visible=False, label="run")
            link = share_row(share, run_id, f"{key}-link", service)
            history = history_row(f"{key}-history")
        with gr.Column(scale=5, min_width=300, elem_classes="door-panel"):
            inputs = _panel(door)
            with gr.Accordion(tr("Settings"), open=False):
                settings = gr.JSON(label="Settings", show_label=False, elem_id=f"{key}-settings")
    outputs = MethodOutputs(
        before_after=stage, status=status, notes=notes, file=download, settings=settings, run=run_id,
        extras=extras,
    )  # fmt: skip
    tab = Tab(inputs, outputs, stage)
    parts = DoorParts(
        looks=row, own={"content": own_content, "style": own_style}, surprise=surprise, run=run, stop=stop,
        history=history, result=ResultButtons(run_id, (share, download), link), plan=plan,
    )  # fmt: skip
    DoorEvents(key, door.methods(), looks, service, tab, outputs).connect(parts, kept)
    return tab


def _stage(door: Door) -> tuple[gr.ImageSlider, gr.Markdown, gr.UploadButton]:
    """Before and after, and the line below."""
    pair, result = first_sight(door.methods()[0])
    stage = gr.ImageSlider(
        (str(pair.content), str(result)), label=tr("Before / after"), show_label=False, interactive=False,
        elem_id=f"{door.key}-result", buttons=["fullscreen"], max_height=500, type="filepath",
    )  # fmt: skip
    with gr.Row(elem_classes="door-line"):
        status = gr.Markdown(
            tr("An example: tap a picture, or add your photo."), label="Status", elem_id=f"{door.key}-status",
            elem_classes="door-status",
        )  # fmt: skip
        own = _adder("Add your photo", f"{door.key}-own-content")
    return stage, status, own


def _looks_line(door: Door) -> tuple[gr.UploadButton, gr.Button]:
    """What stands above the looks."""
    with gr.Row(elem_classes="door-line"):
        gr.Markdown(tr(door.pictures), elem_classes="looks-title")
        own = _adder("Your own", f"{door.key}-own-style")
        surprise = gr.Button(
            tr("Surprise me"), size="sm", elem_id=f"{door.key}-surprise", min_width=90, scale=0
        )
    return own, surprise


def _adder(label: str, elem_id: str) -> gr.UploadButton:
    """A button that asks for a picture."""
    return gr.UploadButton(
        tr(label), file_types=["image"], size="sm", elem_id=elem_id, min_width=90, scale=0
    )  # fmt: skip


def _panel(door: Door) -> dict[str, Any]:
    """The pictures, the method and its strength; the controls by name."""
    key, (pair, _) = door.key, first_sight(door.methods()[0])
    gr.Markdown(tr(door.promise), elem_classes="door-promise")
    with gr.Row(elem_classes="door-pictures"):
        content = unchecked_picture_input("Your photo", f"{key}-content", value=str(pair.content), height=170)
        style = unchecked_picture_input("Style", f"{key}-style", value=str(pair.style), height=170)
    method = gr.Radio(
        [(tr(_choice(get_method(each))), each) for each in door.methods()], value=door.methods()[0],
        label=tr("Method"), elem_id=f"{key}-method", elem_classes="door-method",
    )  # fmt: skip
    strength = gr.Slider(0, 1, 1, step=0.01, label=tr("Style strength"), elem_id=f"{key}-style-strength")
    return {"content": content, "style": style, "method": method, "style_strength": strength}


def _choice(method: Method) -> str:
    """A method in one line."""
    return CHOICES.get(method.key) or method.summary


def method_pictures() -> str:
    """The style sheet of the small pictures beside the methods to choose from."""
    rules = []
    choices = {door.key: door.methods() for door in DOORS} | {CLIP: methods_of_clips()}
    for tab, methods in choices.items():
        for place, key in enumerate(methods, 1):
            picture = typical_result(key)
            if picture is not None:
                card = f"#{tab}-method label:nth-of-type({place})"
                rules.append(f"{card} {{ background-image: url({thumbnail(picture, CARD)}) !important; }}")
    return f"<style>{''.join(rules)}</style>"
