"""The tab of clips: a clip, a picture whose look it gets, the first frame's look at once, and the player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from style_core import get_method
from style_core.fronts import has_pyav

from .clip_run import ClipOutputs, ClipRunner
from .clips import clip_file, clip_methods
from .components import as_sent, file_of, uploaded
from .controls import action_bar, check_upload, unchecked_picture_input
from .endpoints import Tab
from .history import GONE, as_picked, history_row, noted
from .kept_pictures import KeptPictures
from .lanes import CLIP
from .looks import Look, in_both, looks_html, looks_of
from .service import Service
from .sharing import ResultButtons, share_row
from .stops import stops_at
from .texts import language_of, tr
from .work import LANES, Refusal

NO_PYAV = "Clips need PyAV on the machine that serves this page: pip install 'style-core[video]'."
PROMISE = "A short clip in the look of a picture, steady from frame to frame; its sound stays."
CHOICES = {
    "wct2": "WCT2: every line stays sharp, many frames a second",
    "photo_wct": "PhotoWCT: softer colors, many frames a second",
    "wct": "WCT: a painting whose strokes keep their places",
}
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}

# A tab is built when it is opened: one that a link opens may have no button yet
PRESS = f"""
(clip) => {{
  const press = (tries) => {{
    const go = document.getElementById("{CLIP}-go");
    if (go) go.click();
    else if (tries) setTimeout(() => press(tries - 1), 100);
  }};
  if (clip) press(50);
}}
"""


@dataclass(frozen=True)
class _Parts:
    """What can be pressed."""

    looks: gr.HTML
    run: gr.Button
    stop: gr.Button
    facts: gr.Markdown
    history: gr.HTML
    result: ResultButtons


def clip_tab(service: Service, kept: KeptPictures, opened: gr.Tab) -> Tab | None:
    """Build the tab inside the current ``gr.Tab``; a sentence and no tab where nothing opens clips.

    Args:
        opened: the ``gr.Tab``.
    """
    if not has_pyav():
        gr.Markdown(tr(NO_PYAV), elem_id="clip-missing")
        return None
    looks = clip_looks()
    with gr.Row(elem_classes="door"):
        with gr.Column(scale=8, min_width=320, elem_classes="door-main"):
            clip, facts = _clip_box(service)
            player = gr.HTML(label="Player", elem_id=f"{CLIP}-player", padding=False)
            status = gr.Markdown(label="Status", elem_id=f"{CLIP}-status", elem_classes="door-status")
            gr.Markdown(tr("Looks"), elem_classes="looks-title")
            row = looks_html(looks, f"{CLIP}-looks")
            run, stop, download, share = action_bar(CLIP)
            notes = gr.Markdown(label="Notes", elem_id=f"{CLIP}-notes")
            run_id = gr.Textbox(visible=False, label="run")
            link = share_row(share, run_id, f"{CLIP}-link", service)
            history = history_row(f"{CLIP}-history")
        with gr.Column(scale=5, min_width=300, elem_classes="door-panel"):
            inputs = {"clip": clip, **_panel(looks)}
            with gr.Accordion(tr("Settings"), open=False):
                settings = gr.JSON(label="Settings", show_label=False, elem_id=f"{CLIP}-settings")
    outputs = ClipOutputs(
        player=player, status=status, notes=notes, file=download, settings=settings, run=run_id
    )
    parts = _Parts(row, run, stop, facts, history, ResultButtons(run_id, (share, download), link))
    tab = Tab(inputs, outputs)
    _connect(ClipRunner(service, outputs), tab, parts, looks, kept)
    kept.show_style(opened, tab, run_id, clip, f"{CLIP}-go")
    return tab


def clip_looks() -> list[Look]:
    """The styles to tap: photos, then paintings."""
    return [*looks_of(photorealistic=True), *looks_of(photorealistic=False)]


def methods_of_clips() -> list[str]:
    """Keys of the methods to choose from, the one to begin with first."""
    return sorted(clip_methods(), key=[*CHOICES, *clip_methods()].index)


def _clip_box(service: Service) -> tuple[gr.File, gr.Markdown]:
    """Where a clip is dropped, with the limits, and what the clip is."""
    clip = gr.File(
        label=tr("Your clip"), type="filepath", elem_id=f"{CLIP}-clip", height=150, file_count="single"
    )
    gr.HTML(f"<p>{in_both(service.limits.clip_sentence())}</p>", elem_id=f"{CLIP}-limits", padding=False)
    clip_data = uploaded(FileData, "clip", "clip file")
    return as_sent(clip, file_of, clip_data), gr.Markdown(elem_id=f"{CLIP}-facts")


def _panel(looks: list[Look]) -> dict[str, Any]:
    """The style, the method and its strength; the controls by name."""
    gr.Markdown(tr(PROMISE), elem_classes="door-promise")
    with gr.Row(elem_classes="door-pictures"):
        style = unchecked_picture_input("Style", f"{CLIP}-style", value=str(looks[0].file), height=170)
    methods = methods_of_clips()
    method = gr.Radio(
        [(tr(CHOICES.get(key) or get_method(key).summary), key) for key in methods], value=methods[0],
        label=tr("Method"), elem_id=f"{CLIP}-method", elem_classes="door-method",
    )  # fmt: skip
    strength = gr.Slider(0, 1, 1, step=0.01, label=tr("Style strength"), elem_id=f"{CLIP}-style-strength")
    for control in (method, strength):
        as_sent(control)
    return {"style": style, "method": method, "style_strength": strength}


def _connect(
    runner: ClipRunner, tab: Tab, parts: _Parts, looks: list[Look], kept: KeptPictures
) -> None:  # fmt: skip
    """A clip added or a look tapped shows the first frame; Run makes the clip."""
    service, outputs, inputs = runner.service, runner.outputs, tab.inputs
    queue: dict[str, Any] = {
        "outputs": outputs.components(), "inputs_kwargs": inputs, "concurrency_limit": service.jobs,
        "show_progress": "minimal",
    }  # fmt: skip
    run = parts.run.click(runner.endpoint(), concurrency_id=LANES[True], api_name=CLIP, **queue)
    go = gr.Button(visible="hidden", elem_id=f"{CLIP}-go")
    looked = go.click(
        runner.first_look, concurrency_id=LANES[False], trigger_mode="always_last", api_visibility="private",
        **queue,
    )  # fmt: skip
    parts.result.follow([parts.run.click, go.click], [run, looked])

    def end(request: gr.Request) -> None:
        runner.stops.ask(request.session_hash or "")

    def tapped(event: gr.EventData) -> str:
        return str(looks[int(event.index) % len(looks)].file)

    press = look_again(inputs["clip"])
    planned = [inputs["clip"], inputs["method"]]
    added = _added_clip(runner, planned, parts.facts)
    picked = (parts.looks.select(tapped, None, inputs["style"], **QUIET), check_upload(inputs["style"]))
    for event in (added, *picked):  # the last tap counts
        ended = event.success(end, None, None, **QUIET).then(None, cancels=[run, looked])
        (ended if event is added else kept.remember(ended, tab)).then(**press)
    for control in (inputs["method"], inputs["style_strength"]):
        control.input(**press)  # not when a clip of before brings its own along
    back = kept.remember(_remembered(runner, tab, run, parts), tab)
    for event in (run.then, back.then, inputs["method"].input):  # what it took, or what another takes
        event(runner.facts_again, planned, parts.facts, **QUIET)
    inputs["clip"].clear(
        lambda: outputs.show(player="", status="", notes="", run="") | {parts.facts: ""}, None,
        [*outputs.components(), parts.facts], **QUIET,
    )  # fmt: skip
    stops_at(parts.stop, runner.stops, outputs.status, [run, looked])


def _remembered(runner: ClipRunner, tab: Tab, run: Any, parts: _Parts) -> Any:
    """Every clip goes into the row of this visit's; the event that brings one back, with what it was made of.

    Args:
        run: the event of Run.
    """
    runs, inputs, past = runner.service.runs, tab.inputs, gr.Textbox(visible=False, label="runs")

    def note(run_id: str | None, ids: str | None) -> tuple[str, str]:
        return noted(runs, run_id, ids)

    def bring(event: gr.EventData, request: gr.Request) -> Any:
        found, language = runs.get(event.run), language_of(request)
        if found is None or clip_file(found, "result") is None:
            raise Refusal(GONE, language)
        files = {inputs[name]: as_picked(found, name) for name in ("clip", "style")}
        values = {inputs[name]: value for name, value in found.request.values().items()}
        return runner.shown_again(found, language) | files | values

    run.then(note, [runner.outputs.run, past], [past, parts.history], **QUIET)
    return parts.history.select(bring, None, [*runner.outputs.components(), *inputs.values()], **QUIET)


def look_again(clip: gr.File) -> dict[str, Any]:
    """An event that asks for the look of the first frame.

    Without a clip there is nothing to show; and a press takes away the sentence that refused one.
    """
    return {"fn": None, "inputs": clip, "js": PRESS, "api_visibility": "private"}


def _added_clip(runner: ClipRunner, planned: list[Any], facts: gr.Markdown) -> Any:
    """Look at a clip when it is added; one that cannot be used is taken out again.

    Args:
        planned: the clip and the method.
    """
    clip = planned[0]
    added = clip.upload(  # in the queue, without which Gradio shows no refusal, but in a lane of its own
        runner.facts, planned, facts, api_visibility="private", show_progress="hidden", concurrency_limit=4,
        concurrency_id="uploads",
    )  # fmt: skip
    added.failure(lambda: (None, "", ""), None, [clip, facts, runner.outputs.player], **QUIET)
    return added
