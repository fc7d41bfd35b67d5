"""One tab, made from a method's options."""

from __future__ import annotations

from typing import Any

import gradio as gr

from style_core import Method, StyleCoreError
from style_core.fronts import describe_weights

from .controls import (
    advanced_controls,
    family_choice,
    main_controls,
    picture_input,
)
from .endpoints import Tab
from .examples import gallery
from .kept_pictures import KeptPictures
from .method_run import MethodOutputs, MethodRunner
from .region_inputs import connect_regions, paint, region_inputs
from .service import Service
from .sharing import ResultButtons, share_row
from .stops import stops_at
from .texts import language_of, say, tr
from .work import LANES, is_iterative


def method_tab(method: Method, service: Service, kept: KeptPictures) -> Tab:
    """Build the tab of ``method`` inside the current ``gr.Blocks``."""
    key = method.key
    gr.Markdown(_introduction(method))
    with gr.Row(elem_classes="method-row"):
        with gr.Column(scale=2, min_width=320):
            with gr.Row(elem_classes="door-pictures"):
                content = picture_input("Content photo", f"{key}-content")
                style = picture_input(
                    "Style photo" if method.photorealistic else "Style picture", f"{key}-style"
                )
            with gr.Row(elem_classes="door-actions"):
                run = gr.Button(tr("Run"), variant="primary", elem_id=f"{key}-run", min_width=120)
                stop = gr.Button(tr("Stop"), elem_id=f"{key}-stop", min_width=120)
            more_styles, weights = _more_styles(method)
            controls = main_controls(method)
            regions = region_inputs(method, content, style)
            with gr.Accordion(tr("Advanced"), open=False, elem_classes="advanced"):
                family = _family(method)
                controls |= advanced_controls(method)
        with gr.Column(scale=3, min_width=320, elem_classes="method-result"):
            outputs, buttons = _outputs(key, service)
    inputs: dict[str, Any] = {
        "content": content, "style": style, "masks": regions.masks,
        "content_mask": regions.content_mask, "style_mask": regions.style_mask,
        "more_styles": more_styles, "style_weights": weights, "family": family, **controls,
    }  # fmt: skip
    connect_regions(method, service, regions, inputs)
    runner = MethodRunner(method, service, outputs)
    tab = Tab(inputs, outputs)
    _connect(runner, tab, kept, regions.editors, run, stop, buttons)
    return tab


def _outputs(key: str, service: Service) -> tuple[MethodOutputs, ResultButtons]:
    """Build the right side."""
    slider = gr.ImageSlider(
        label=tr("Before / after"),
        interactive=False,
        elem_id=f"{key}-result",
        buttons=["fullscreen"],  # its download would be of the light picture
        max_height=640,
    )
    status = gr.Markdown(label="Status", elem_id=f"{key}-status")
    notes = gr.Markdown(label="Notes", elem_id=f"{key}-notes")
    with gr.Row():
        download = gr.DownloadButton(
            tr("Download"), elem_id=f"{key}-download", min_width=120, interactive=False
        )  # fmt: skip
        share = gr.Button(tr("Share"), elem_id=f"{key}-share", min_width=120, interactive=False)
    run_id = gr.Textbox(visible=False, label="run")
    extras = gr.HTML(label="Extras", elem_id=f"{key}-extras", padding=False)
    link = share_row(share, run_id, f"{key}-link", service)
    with gr.Accordion(tr("Settings"), open=False):
        settings = gr.JSON(label="Settings", show_label=False, elem_id=f"{key}-settings")
    outputs = MethodOutputs(
        before_after=slider, status=status, notes=notes, file=download, settings=settings, run=run_id,
        extras=extras,
    )  # fmt: skip
    return outputs, ResultButtons(run_id, (share, download), link)


def _connect(
    runner: MethodRunner, tab: Tab, kept: KeptPictures, editors: list[gr.ImageEditor], run: gr.Button,
    stop: gr.Button, buttons: ResultButtons,
) -> None:  # fmt: skip
    """What the buttons, the strengths and the examples do."""
    key, outputs, inputs = runner.method.key, runner.outputs, tab.inputs
    queue: dict[str, Any] = {
        "outputs": outputs.components(), "concurrency_limit": runner.service.jobs,
        "concurrency_id": LANES[is_iterative(runner.method)], "show_progress": "minimal",
    }  # fmt: skip
    painted = run.click(
        paint, [inputs["masks"], *editors], [inputs["content_mask"], inputs["style_mask"]], queue=False,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    begins, events = (
        [run.click],
        [painted.then(runner.endpoint(), inputs_kwargs=inputs, api_name=key, **queue)],
    )
    queue["api_visibility"] = "private"
    if not is_iterative(runner.method):
        # Pressed by static/strength.js: Gradio's sliders say nothing of a swipe, a key or a typed number.
        moved = gr.Button(elem_id=f"{key}-moved", visible="hidden")
        event = moved.click(
            runner.after_moved_strength(), inputs_kwargs={**inputs, "run_id": outputs.run},
            trigger_mode="always_last", **queue,
        )  # fmt: skip
        begins.append(moved.click)
        events.append(event)
    examples = _examples(runner.method, [inputs["content"], inputs["style"]])
    chosen = examples.load_input_event
    shown = kept.remember(chosen, tab).then(
        runner.shipped(), inputs_kwargs=inputs, **{**queue, "concurrency_id": LANES[False]}
    )  # fmt: skip
    shown.then(None, outputs.run, None, js=f"(run) => run || document.getElementById('{key}-run').click()")
    buttons.follow([*begins, examples.dataset.click], [*events, shown])
    stops_at(stop, runner.stops, outputs.status, events)


def _examples(method: Method, pictures: list[Any]) -> Any:
    return gr.Examples(
        [[str(pair.content), str(pair.style)] for pair in gallery(photorealistic=method.photorealistic)],
        pictures,
        label=tr("Examples"),
        examples_per_page=12,
        elem_id=f"{method.key}-examples",
    )


def _introduction(method: Method) -> Any:
    paper = method.paper
    link = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})"
    texture = " Without a content photo it makes a texture of the style." if method.makes_textures else ""
    return tr(f"{method.summary}{texture} {link}, {paper.authors}, {paper.venue} {paper.year}.")


def _family(method: Method) -> gr.Radio:
    family = family_choice(f"{method.key}-family")
    note = gr.Markdown(elem_id=f"{method.key}-family-note")

    def describe(chosen: str, request: gr.Request) -> str:
        try:
            return say(describe_weights(method.key, chosen), language_of(request))
        except StyleCoreError as error:
            return say(str(error), language_of(request))

    family.change(describe, family, note, queue=False, api_visibility="private")
    return family


def _more_styles(method: Method) -> tuple[gr.File, gr.Textbox]:
    with gr.Accordion(tr("More styles"), open=False, visible=method.mixes_styles):
        files = gr.File(
            label=tr("Further style pictures"), file_count="multiple", type="filepath",
            elem_id=f"{method.key}-more-styles", height=140,
        )  # fmt: skip
        weights = gr.Textbox(
            "", label=tr("Shares"), elem_id=f"{method.key}-style-weights", max_lines=1,
            info=tr(
                "One number for each style picture, like 2, 1; empty for equal shares. With a content mask "
                "alone, each of its regions gets a style of its own, in reading order."
            ),
        )  # fmt: skip
    return files, weights
