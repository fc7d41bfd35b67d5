"""The Compare tab: several methods, or several strengths of one, on one pair, side by side as they finish."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import gradio as gr

from style_core import InvalidImage, InvalidOption, StyleCoreError, get_method, list_methods, measure_result
from style_core.fronts import FAMILIES, option_fields, parse_numbers

from .components import as_sent
from .controls import NOT_SET, family_choice, picture_input
from .endpoints import Endpoint, Outputs, Tab, documented
from .examples import gallery
from .kept_pictures import KeptPictures
from .lanes import Job
from .looks import looks_of
from .runs import FinishedTile, TabRun
from .service import Service
from .sharing import ResultButtons, share_row
from .stage_pictures import save_before, save_result
from .stops import Stops, stops_at
from .stream import Update
from .texts import language_of, say, tr
from .viewer import ShownTile, before_after_html, tiles_html, took
from .work import (
    AUTO_MASKS,
    LANES,
    NO_MASKS,
    Done,
    Refusal,
    Request,
    as_list,
    as_sentences,
    check,
    check_choices,
    is_iterative,
)

KEY = "compare"
METHODS, CONTENT, STYLE, STYLES = "methods", "content strengths", "style strengths", "styles"
KINDS = (METHODS, CONTENT, STYLE, STYLES)
OPTION = {CONTENT: "content_strength", STYLE: "style_strength"}
MOST_TILES = 8
EVERY = 0.5  # seconds between two redrawings of the page while a tile is made
SUMMARY = "Run several methods, or one at several strengths or with all example styles, on the same photo."
INPUTS = {
    "content": "the photo to restyle.",
    "style": "the picture whose look it gets.",
    "kind": f"{METHODS}, {CONTENT}, {STYLE} or {STYLES} (those that came with the demo).",
    "methods": "keys of the methods to compare.",
    "method": "the method whose strengths, or results of all styles, are compared.",
    "strengths": "numbers from 0 to 1, like 0, 0.5, 1.",
    "masks": f"{NO_MASKS}, or {AUTO_MASKS} regions.",
    "size": "longer side of the results in px; 0 keeps the content's own.",
    "family": f"the networks: {', '.join(FAMILIES)}.",
}


@dataclass(frozen=True)
class Comparison:
    """What was asked for: the kind and, per tile, a label and a request."""

    kind: str
    method: str
    strengths: str
    tiles: tuple[tuple[str, Request], ...]
    methods: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """The values of the controls, without files."""
        first = self.tiles[0][1]
        return {"kind": self.kind, "method": self.method, "strengths": self.strengths, "masks": first.masks,
                "methods": list(self.methods), "family": first.family,
                "size": first.options.get("size", NOT_SET)}  # fmt: skip

    def files(self) -> dict[str, str | None]:
        """Role to file of every picture: of several styles all."""
        styles = dict.fromkeys(style for _, request in self.tiles for style in request.styles)
        return replace(self.tiles[0][1], styles=tuple(styles)).files()


@dataclass(frozen=True)
class CompareOutputs(Outputs):
    """The right side of the tab."""

    tiles: Annotated[gr.HTML, "the results side by side, as HTML."]
    slider: Annotated[gr.HTML, "two of them over each other, as HTML."]
    status: Annotated[gr.Markdown, "what is being done, or was."]
    notes: Annotated[gr.Markdown, "what was changed without being asked for, as Markdown points."]
    pngs: Annotated[gr.File, "the results with their settings inside."]
    figures: Annotated[gr.JSON, "for each result its label, seconds, measures and settings."]
    run: Annotated[gr.Textbox, "the run's id, with which it can be shared."]


@dataclass
class _Board:
    """The tiles on the page while they are made."""

    run: TabRun
    language: str
    labels: list[str]
    pending: dict[str, str] = field(default_factory=dict)  # label to what it waits for, or why it was refused
    notes: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, str]:
        """The outputs that change with a tile: all of them, the slider over finished ones, the notes."""
        content = self._content()
        finished = {tile.label: self._finished(tile) for tile in self.run.tiles}
        tiles = [*content, *(finished.get(label) or self._pending(label) for label in self.labels)]
        done = [*content, *finished.values()]
        slider = ""
        if self.run.tiles:
            right = len(content) + _best(self.run.tiles)
            slider = before_after_html(done, right=right, language=self.language)
        return {
            "tiles": tiles_html(tiles, language=self.language), "slider": slider,
            "notes": as_list(self.notes, self.language),
        }  # fmt: skip

    def _content(self) -> list[ShownTile]:
        word = say("Content", self.language)
        return [] if self.run.file("before") is None else [ShownTile(self._address("before"), word, alt=word)]

    def _finished(self, tile: FinishedTile) -> ShownTile:
        label, caption = say(tile.label, self.language), took(tile.seconds, self.language)
        return ShownTile(self._address(tile.name), label, caption, label, measures=tile.measures)

    def _pending(self, label: str) -> ShownTile:
        return ShownTile(
            "", say(label, self.language), pending=self.pending.get(label, say("Waiting …", self.language))
        )

    def _address(self, name: str) -> str:
        return f"runs/{self.run.id}/{name}"


def compare_tab(service: Service, kept: KeptPictures) -> Tab:
    """Build the tab inside the current ``gr.Blocks``."""
    gr.Markdown(tr(
        "The same photo through several methods, or through one: at several strengths, or with all styles "
        "that came along. Each result says how well it keeps the photo and how well it takes the style."
    ))  # fmt: skip
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                content = picture_input("Content photo", f"{KEY}-content")
                style = picture_input("Style picture", f"{KEY}-style")
            with gr.Row(elem_classes="door-actions"):
                run = gr.Button(tr("Compare"), variant="primary", elem_id=f"{KEY}-run")
                stop = gr.Button(tr("Stop"), elem_id=f"{KEY}-stop")
            inputs = {"content": content, "style": style, **_what_to_compare(), **_how_to_compare()}
            status = gr.Markdown(label="Status", elem_id=f"{KEY}-status")
            share = gr.Button(tr("Share"), elem_id=f"{KEY}-share", interactive=False)
            run_id = gr.Textbox(visible=False, label="run")
            link = share_row(share, run_id, f"{KEY}-link", service)
        with gr.Column(scale=3, min_width=320):
            outputs = _outputs(status, run_id)
    comparer = Comparer(service, outputs)
    event = run.click(
        comparer.endpoint(), inputs_kwargs=inputs, outputs=outputs.components(), api_name=KEY,
        concurrency_limit=service.jobs, concurrency_id=LANES[True], show_progress="minimal",
    )  # fmt: skip
    ResultButtons(run_id, (share,), link).follow([run.click], [event])
    stops_at(stop, comparer.stops, status, [event])
    pairs = [*gallery(photorealistic=True)[:4], *gallery(photorealistic=False)[:4]]
    examples: Any = gr.Examples(
        [[str(p.content), str(p.style)] for p in pairs], [content, style], label=tr("Examples"),
        elem_id=f"{KEY}-examples",
    )  # fmt: skip
    tab = Tab(inputs, outputs)
    kept.remember(examples.load_input_event, tab).then(
        None, js=f"() => document.getElementById('{KEY}-run').click()"
    )
    return tab


def _what_to_compare() -> dict[str, Any]:
    """Several methods, or the strengths of one; the controls by name."""
    titles = [(get_method(key).title, key) for key in list_methods()]
    quick = [key for key in list_methods() if not is_iterative(get_method(key))]
    kind = gr.Radio([(tr(k), k) for k in KINDS], value=METHODS, label=tr("Compare"), elem_id=f"{KEY}-kind")
    methods = gr.CheckboxGroup(titles, value=quick, label=tr("Methods"), elem_id=f"{KEY}-methods")
    method = gr.Dropdown(titles, value=quick[-1], label=tr("Method"), visible=False, elem_id=f"{KEY}-method")
    strengths = gr.Textbox(
        "0, 0.25, 0.5, 0.75, 1", label=tr("Strengths"), visible=False, max_lines=1,
        elem_id=f"{KEY}-strengths",
        info=tr("Up to eight numbers from 0 to 1."),
    )  # fmt: skip
    kind.change(
        lambda chosen: (gr.CheckboxGroup(visible=chosen == METHODS), gr.Dropdown(visible=chosen != METHODS),
                        gr.Textbox(visible=chosen in OPTION)),
        kind, [methods, method, strengths], queue=False, api_visibility="private",
    )  # fmt: skip
    for control in (kind, methods, method):
        as_sent(control)
    return {"kind": kind, "methods": methods, "method": method, "strengths": strengths}


def _how_to_compare() -> dict[str, Any]:
    """What holds for every tile; the controls by name."""
    masks = gr.Radio(
        [(tr(mode), mode) for mode in (NO_MASKS, AUTO_MASKS)], value=NO_MASKS, label=tr("Masks"),
        elem_id=f"{KEY}-masks",
    )  # fmt: skip
    size = gr.Number(
        512, precision=0, minimum=NOT_SET, label=tr("Size"), elem_id=f"{KEY}-size",
        info=tr("Longer side of the results in px. 0 keeps the content's own size."),
    )  # fmt: skip
    for control in (masks, size):
        as_sent(control)
    with gr.Accordion(tr("Advanced"), open=False):
        family = family_choice(f"{KEY}-family")
    return {"masks": masks, "size": size, "family": family}


def _outputs(status: gr.Markdown, run_id: gr.Textbox) -> CompareOutputs:
    """Build the right side: slider, tiles, notes, the results as files, their figures."""
    slider = gr.HTML(label="Slider", elem_id=f"{KEY}-slider")
    tiles = gr.HTML(label="Tiles", elem_id=f"{KEY}-tiles")
    notes = gr.Markdown(label="Notes", elem_id=f"{KEY}-notes")
    with gr.Accordion(tr("Files and figures"), open=False, elem_id=f"{KEY}-more"):
        files = gr.File(label=tr("Results"), file_count="multiple", elem_id=f"{KEY}-files")
        figures = gr.JSON(label="Figures", show_label=False, elem_id=f"{KEY}-figures")
    return CompareOutputs(
        tiles=tiles, slider=slider, status=status, notes=notes, pngs=files, figures=figures, run=run_id
    )


def comparison(values: Mapping[str, Any]) -> Comparison:
    """The requests that the controls describe.

    Raises:
        StyleCoreError: something is missing or no number.
    """
    kind, method, text = values["kind"], values["method"], values["strengths"] or ""
    chosen = _as_names(values["methods"])
    check_choices("kind", [kind], KINDS)
    check_choices("method", [method], list_methods())
    check_choices("methods", chosen, list_methods())
    options = {"size": values["size"]} if values["size"] else {}
    looks = looks_of(photorealistic=get_method(method).photorealistic) if kind == STYLES else []
    styles = [str(look.file) for look in looks[:1]] or [values["style"]]
    base = Request(
        method, values["content"], tuple(style for style in styles if style), masks=values["masks"],
        family=values["family"], options=options,
    )  # fmt: skip
    if values["content"] is None:
        raise InvalidImage("Please add a content picture first.")
    check(base)
    if kind == METHODS:
        keys = tuple(dict.fromkeys(chosen))  # a program may name one twice
        if not keys:
            raise InvalidOption("Please choose at least one method.")
        tiles = [(get_method(key).title, replace(base, method=key)) for key in keys]
        return Comparison(kind, method, text, tuple(tiles), keys)
    if kind == STYLES:
        tiles = [(look.name, replace(base, styles=(str(look.file),))) for look in looks[:MOST_TILES]]
        return Comparison(kind, method, text, tuple(tiles))
    numbers = _strengths(text)
    name, word = OPTION[kind], "content" if kind == CONTENT else "style"
    low_high = option_fields(get_method(method).options)[name]
    if any(low_high.problem(number) for number in numbers):
        raise InvalidOption(f"The strengths must be {low_high.values}, not {text}.")
    title = get_method(method).title
    tiles = [
        (f"{title} {word} {number:g}", replace(base, options={**options, name: number})) for number in numbers
    ]
    return Comparison(kind, method, text, tuple(tiles))


def _strengths(text: str) -> list[float]:
    try:
        numbers = list(dict.fromkeys(parse_numbers(text)))
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= MOST_TILES:
        raise InvalidOption(f"The strengths must be one to {MOST_TILES} numbers like 0.5, 1, not {text}.")
    return numbers


def _as_names(given: Any) -> list[Any]:
    """What was sent as the methods; a program may send the name of one alone."""
    return list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]


@dataclass(frozen=True)
class Comparer:
    """Makes the tiles of a comparison one after the other, and shows them as they finish."""

    service: Service
    outputs: CompareOutputs
    stops: Stops = field(default_factory=Stops)

    def endpoint(self) -> Endpoint:
        """What Compare does, documented for API pages and MCP clients."""

        def compare(request: gr.Request, **values: Any) -> Iterator[Any]:
            language = language_of(request)
            with as_sentences(KEY, language):
                asked = comparison(values)
            run = self.service.runs.begin(KEY, KEY, asked, asked.files())
            board = _Board(run, language, [label for label, _ in asked.tiles])
            try:
                session = request.session_hash or ""
                with self.stops.running(session) as enough, self.service.lanes.job(KEY) as job:
                    yield from self._tiles(asked, board, enough, job)
            finally:
                if not run.tiles:
                    self.service.drop(run)

        return documented(compare, KEY, SUMMARY, INPUTS, CompareOutputs)

    def _tiles(self, asked: Comparison, board: _Board, enough: threading.Event, job: Job) -> Iterator[Any]:
        show, language = self.outputs.show, board.language
        yield show(**board.shown(), status=say("Starting …", language), pngs=None, figures=None, run="")
        for number, (label, request) in enumerate(asked.tiles, 1):
            if enough.is_set():
                board.pending[label] = say("Stopped.", language)
                continue
            place = f"{number} / {len(asked.tiles)} {label}"
            job.later = sum(self.service.expected(each) or 0.0 for _, each in asked.tiles[number:])
            try:
                with as_sentences(KEY, language):
                    for line in self._tile(board, label, request, enough, job):
                        yield show(status=f"{place}: {line}")
            except Refusal as error:  # the others are done all the same
                board.pending[label] = say("Stopped.", language) if error.is_stop else error.sentence
            yield show(**board.shown(), status=place)
        yield self._end(asked, board)

    def _tile(
        self, board: _Board, label: str, request: Request, enough: threading.Event, job: Job
    ) -> Iterator[str]:
        """What is being done, now and then, until the tile is on the board."""
        drawn = time.monotonic()
        for update in self.service.perform(request, enough, job):
            if not isinstance(update, Update):
                _add(board, label, request, update)
            elif time.monotonic() - drawn > EVERY:
                drawn = time.monotonic()
                yield f"{say(update.message, board.language)} … {update.fraction:.0%}"

    def _end(self, asked: Comparison, board: _Board) -> dict[Any, Any]:
        run = board.run
        known = [
            {"label": t.label, "seconds": round(t.seconds, 2), **t.measures, "settings": dict(t.settings)}
            for t in run.tiles
        ]
        return self.outputs.show(
            **board.shown(), status=say(f"{len(run.tiles)} of {len(asked.tiles)} done.", board.language),
            pngs=[str(run.file(tile.name)) for tile in run.tiles] or None, figures=known,
            run=run.id if run.tiles else "",
        )  # fmt: skip


def _best(tiles: Sequence[FinishedTile]) -> int:
    """The place of the result to open with: the last of a photorealistic method, else the last."""
    photos = [k for k, tile in enumerate(tiles) if get_method(tile.settings["method"]).photorealistic]
    return (photos or range(len(tiles)))[-1]


def _add(board: _Board, label: str, request: Request, done: Done) -> None:
    run = board.run
    if run.file("before") is None:
        save_before(run, request.content, done.result)
    name = f"result_{len(run.tiles) + 1}"
    save_result(run, name, done.result)
    try:
        found = measure_result(request.content or "", request.styles[0], done.result.picture, device="cpu")
        measures = {"structure": round(found.structure, 3)}
        measures |= {} if found.style is None else {"style": round(found.style, 3)}
    except StyleCoreError:
        measures = {}  # a picture too small to be measured
    run.tiles.append(FinishedTile(name, label, done.result.settings, done.notes, done.seconds, measures))
    board.notes += [f"{label}: {say(note, board.language)}" for note in done.notes]
