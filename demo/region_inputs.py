"""The Regions part of a tab: how masks are chosen, drawn, uploaded and looked at."""

from __future__ import annotations

from typing import Any

import gradio as gr

from style_core import (
    Method,
    find_regions,
)

from .controls import (
    as_sent,
    picture_input,
)
from .masks import COLORS, editor_value, overlays, painted_mask, save_mask
from .runs import scratch_folder
from .texts import language, say, tr
from .work import (
    DRAWN_MASKS,
    MASK_MODES,
    NO_MASKS,
    OWN_MASKS,
    Request,
    as_list,
    as_sentences,
    check,
)


def region_inputs(
    method: Method, content: gr.Image, style: gr.Image
) -> tuple[gr.Radio, gr.Image, gr.Image, list[gr.ImageEditor]]:
    key = method.key
    modes = list(MASK_MODES) if method.uses_segments else [NO_MASKS]
    with gr.Accordion(tr("Regions"), open=False, visible=method.uses_segments):
        masks = gr.Radio(
            [(tr(mode), mode) for mode in modes], value=NO_MASKS, label=tr("Masks"), elem_id=f"{key}-masks",
            info=tr(
                "Match sky with sky and ground with ground: automatically, drawn with the brush, or by two "
                "mask pictures; regions of the same color are matched."
            ),
        )  # fmt: skip
        as_sent(masks)
        with gr.Column(visible=False) as drawing:
            editors = [
                gr.ImageEditor(
                    type="pil", layers=False, transforms=(), sources=(), label=tr(label), height=360,
                    brush=gr.Brush(colors=list(COLORS), color_mode="fixed", default_size=40),
                    elem_id=f"{key}-draw-{side}",
                )
                for side, label in (
                    ("content", "Paint regions of the content"),
                    ("style", "Paint regions of the style"),
                )
            ]  # fmt: skip
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
        masks.change(
            lambda mode: (
                gr.Column(visible=mode == DRAWN_MASKS),
                gr.Row(visible=mode == OWN_MASKS),
                gr.Column(visible=mode != NO_MASKS),
            ),
            masks, [drawing, files, preview], queue=False, api_visibility="private",
        ).then(
            _under_the_brush, [masks, content, style], editors, queue=False, api_visibility="private"
        )  # fmt: skip
        for picture, editor in zip((content, style), editors, strict=True):
            picture.change(
                lambda mode, path: editor_value(path) if mode == DRAWN_MASKS else gr.skip(),
                [masks, picture], editor, queue=False, api_visibility="private",
            )  # fmt: skip
        look.click(
            paint, [masks, *editors], [content_mask, style_mask], queue=False, api_visibility="private"
        ).then(
            _show_regions, [masks, content, style, content_mask, style_mask], [regions, found],
            api_visibility="private", concurrency_limit=1, concurrency_id="regions",
        )  # fmt: skip
    return masks, content_mask, style_mask, editors


def _under_the_brush(mode: str, content: str | None, style: str | None) -> Any:
    if mode != DRAWN_MASKS:
        return gr.skip(), gr.skip()
    return editor_value(content), editor_value(style)


def paint(mode: str, content: dict[str, Any] | None, style: dict[str, Any] | None) -> Any:
    """The strokes of both editors into the mask inputs."""
    if mode != DRAWN_MASKS:
        return gr.skip(), gr.skip()
    folder = scratch_folder()
    return tuple(
        save_mask(painted_mask(value), folder, name)
        for value, name in ((content, "content_mask"), (style, "style_mask"))
    )


def _show_regions(
    mode: str, content: str | None, style: str | None, content_mask: str | None, style_mask: str | None,
    request: gr.Request,
) -> Any:  # fmt: skip
    tongue = language(request)
    with as_sentences("regions", tongue):
        if content is None or style is None:
            raise gr.Error("Please add a content and a style picture first.", print_exception=False)
        if mode in (OWN_MASKS, DRAWN_MASKS):
            check(
                Request(
                    "wct2", content, (style,), masks=mode, content_mask=content_mask, style_mask=style_mask
                )
            )
            if content_mask is None or style_mask is None:
                raise gr.Error("One of the masks has no regions yet.", print_exception=False)
            found = find_regions(
                content, style, content_mask=content_mask, style_mask=style_mask, device="cpu"
            )
        else:
            found = find_regions(content, style, device="cpu")
        mask = content_mask if mode in (OWN_MASKS, DRAWN_MASKS) else None
        pictures = overlays(content, style, found, mask)
    captions = (say("Content", tongue), say("Style", tongue))
    return gr.Gallery(list(zip(pictures, captions, strict=True)), visible=True), as_list(found.notes, tongue)
