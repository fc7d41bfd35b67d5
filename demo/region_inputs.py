"""The Regions part of a tab: how masks are chosen, drawn, uploaded and looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from style_core import InvalidImage, Method

from .components import as_sent
from .controls import picture_input
from .masks import brush, editor_value, overlays, painted_mask, save_mask
from .method_run import request_of
from .runs import scratch_folder
from .service import Service
from .tapped_regions import SIDES, Tap, as_text, automatic_regions, colored, mask_picture, veiled, with_tap
from .texts import language_of, say, tr
from .work import (
    DRAWN_MASKS,
    MASK_MODES,
    NO_MASKS,
    OWN_MASKS,
    TAPPED_MASKS,
    as_list,
    as_sentences,
    check,
)

VEILED_QUALITY = 90  # of the JPEG that is tapped
COLOR_NAMES = ("Blue", "Green", "Red", "Yellow", "Magenta", "Cyan", "White")  # of masks.COLORS
REST = "Regions of the same color are matched; what is not painted is a region too."
HOW_TO_TAP = (
    "Choose a color, then tap a region in your photo and its partner in the style; once more takes the color "
    "away. What has no color is a region too."
)


@dataclass(frozen=True)
class TapInputs:
    """What is tapped: a color, then a place in one of the pictures; and the taps so far, as text."""

    color: gr.Radio
    pictures: list[gr.Image]
    taps: gr.Textbox


@dataclass(frozen=True)
class RegionInputs:
    """The controls of the Regions part, and where the regions are shown."""

    masks: gr.Radio
    content_mask: gr.Image
    style_mask: gr.Image
    editors: list[gr.ImageEditor]
    tapping: TapInputs
    look: gr.Button
    shown: list[Any]


def region_inputs(method: Method, content: gr.Image, style: gr.Image) -> RegionInputs:
    """Build the Regions part of a tab; :func:`connect_regions` then gives its button something to do."""
    key = method.key
    with gr.Accordion(tr("Regions"), open=False, visible=method.uses_segments):
        masks = _mask_choice(method)
        with gr.Column(visible=False) as tapped:
            tapping = _tap_inputs(key)
        with gr.Column(visible=False) as drawing:
            gr.Markdown(tr(REST), elem_classes="region-word")
            _colors(f"{key}-draw-color")
            editors = [
                brush(tr("Paint regions of the content"), f"{key}-draw-content"),
                brush(tr("Paint regions of the style"), f"{key}-draw-style"),
            ]
        with gr.Row(visible=False) as files:
            content_mask = picture_input("Content mask", f"{key}-content-mask")
            style_mask = picture_input("Style mask", f"{key}-style-mask")
        with gr.Column(visible=False) as preview:
            look = gr.Button(tr("Show the regions"), size="sm", elem_id=f"{key}-regions")
            regions = gr.Gallery(
                label=tr("Regions: the same color is matched"), columns=2, height=240, visible=False,
                elem_id=f"{key}-regions-shown", format="jpeg",
            )  # fmt: skip
            found = gr.Markdown(elem_id=f"{key}-regions-notes")
        chosen = masks.change(
            lambda mode: {
                tapped: gr.Column(visible=mode == TAPPED_MASKS),
                drawing: gr.Column(visible=mode == DRAWN_MASKS),
                files: gr.Row(visible=mode == OWN_MASKS),
                preview: gr.Column(visible=mode not in (NO_MASKS, TAPPED_MASKS)),
            },
            masks, [tapped, drawing, files, preview], queue=False, api_visibility="private",
        )  # fmt: skip
        chosen.then(
            lambda mode, *pictures: [_under_the_brush(mode, picture) for picture in pictures],
            [masks, content, style], editors, queue=False, api_visibility="private",
        )  # fmt: skip
        for picture, editor in zip((content, style), editors, strict=True):
            picture.change(_under_the_brush, [masks, picture], editor, queue=False, api_visibility="private")
    return RegionInputs(
        masks=masks, content_mask=content_mask, style_mask=style_mask, editors=editors, tapping=tapping,
        look=look, shown=[regions, found],
    )  # fmt: skip


def _tap_inputs(key: str) -> TapInputs:
    gr.Markdown(tr(HOW_TO_TAP), elem_classes="region-word")
    color = _colors(f"{key}-tap-color")
    with gr.Row():
        pictures = [
            gr.Image(
                label=tr(label), interactive=False, elem_id=f"{key}-tap-{side}", type="filepath",
                format="jpeg", min_width=160, buttons=[],
            )
            for side, label in zip(SIDES, ("Content", "Style"), strict=True)
        ]  # fmt: skip
    return TapInputs(color, pictures, gr.Textbox(visible=False, label="taps"))


def _colors(elem_id: str) -> gr.Radio:
    """The colors of regions, in sight; of the brush they choose by static/brush.js."""
    colors = gr.Radio(
        [(tr(name), number) for number, name in enumerate(COLOR_NAMES)], value=0, label=tr("Color"),
        elem_id=elem_id, elem_classes="region-colors",
    )  # fmt: skip
    return as_sent(colors)


def _mask_choice(method: Method) -> gr.Radio:
    modes = MASK_MODES if method.uses_segments else (NO_MASKS,)
    masks = gr.Radio(
        [(tr(mode), mode) for mode in modes], value=NO_MASKS, label=tr("Masks"),
        elem_id=f"{method.key}-masks",
        info=tr(
            "Match sky with sky and ground with ground: automatically, by a tap on each, drawn with the "
            "brush, or by two mask pictures; regions of the same color are matched."
        ),
    )  # fmt: skip
    return as_sent(masks)


def connect_regions(method: Method, service: Service, parts: RegionInputs, inputs: dict[str, Any]) -> None:
    """Let the button show the regions of what the tab's inputs describe, and taps choose among them."""
    _connect_taps(method, service, parts, inputs)
    parts.look.click(
        paint, [parts.masks, *parts.editors], [parts.content_mask, parts.style_mask], queue=False,
        api_visibility="private",
    ).then(
        _viewer(method, service), inputs_kwargs=inputs, outputs=parts.shown, api_visibility="private",
        concurrency_limit=1, concurrency_id="regions",
    )  # fmt: skip


def _connect_taps(method: Method, service: Service, parts: RegionInputs, inputs: dict[str, Any]) -> None:
    """Show the automatic regions when they may be tapped, and color the one under a finger."""
    tapping, masks = parts.tapping, [parts.content_mask, parts.style_mask]
    how: dict[str, Any] = {
        "inputs_kwargs": {**inputs, "taps": tapping.taps, "color": tapping.color},
        "outputs": [tapping.taps, *tapping.pictures, *masks], "api_visibility": "private",
        "concurrency_limit": 1, "concurrency_id": "regions", "show_progress": "minimal",
    }  # fmt: skip
    begun = _tapper(method, service, None)
    gr.on([parts.masks.change, inputs["content"].change, inputs["style"].change], begun, **how)
    for side, picture in zip(SIDES, tapping.pictures, strict=True):
        picture.select(_tapper(method, service, side), **how)


def _tapper(method: Method, service: Service, side: str | None) -> Callable[..., Any]:
    """The event of a tap on the picture of a side; without one, of pictures that nobody has tapped."""

    def shown(request: gr.Request, event: gr.EventData, **values: Any) -> Any:
        if values["masks"] != TAPPED_MASKS or values["content"] is None or values["style"] is None:
            return [gr.skip()] * 5
        with as_sentences("regions", language_of(request)):
            asked = request_of(method, values)
            files = dict(zip(SIDES, (values["content"], values["style"]), strict=True))
            regions = automatic_regions(service, asked)
            taps = with_tap(values["taps"], side, files[side], event.index, values["color"]) if side else []
            return _after_taps(files, regions, taps)

    return shown


def _after_taps(files: dict[str, str], regions: dict[str, Any], taps: list[Tap]) -> list[Any]:
    """The taps as text, the pictures with their regions, the masks."""
    folder = scratch_folder()
    numbers = {side: colored(regions[side], [tap for tap in taps if tap.side == side]) for side in SIDES}
    # In files: of a picture, Gradio would write its copy anew over one that is just being fetched.
    pictures = [folder / f"{side}_tapped.jpg" for side in SIDES]
    for side, path in zip(SIDES, pictures, strict=True):
        veiled(files[side], regions[side], numbers[side]).save(path, quality=VEILED_QUALITY)
    masks = [save_mask(mask_picture(numbers[side]), folder, f"{side}_mask") for side in SIDES]
    return [as_text(taps), *map(str, pictures), *masks]


def _under_the_brush(mode: str, picture: str | None) -> Any:
    return editor_value(picture) if mode == DRAWN_MASKS else gr.skip()


def paint(
    mode: str, content: dict[str, Any] | None, style: dict[str, Any] | None, request: gr.Request
) -> Any:
    """The strokes of both editors into the mask inputs."""
    if mode != DRAWN_MASKS:
        return gr.skip(), gr.skip()
    folder = scratch_folder()
    with as_sentences("drawing", language_of(request)):
        return tuple(
            save_mask(painted_mask(value), folder, name)
            for value, name in ((content, "content_mask"), (style, "style_mask"))
        )


def _viewer(method: Method, service: Service) -> Callable[..., Any]:
    def show(request: gr.Request, **values: Any) -> Any:
        language = language_of(request)
        with as_sentences("regions", language):
            asked = request_of(method, values)
            check(asked)
            if asked.content is None:
                raise InvalidImage("Please add a content picture first.")
            found = service.regions(asked)
            pictures = overlays(asked.content, asked.styles, found)
        captions = ["Content", *["Style"] * len(asked.styles)]
        shown = [
            (picture, say(caption, language)) for picture, caption in zip(pictures, captions, strict=True)
        ]
        return gr.Gallery(shown, visible=True), as_list(found.notes, language)

    return show
