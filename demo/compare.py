"""The Compare tab: several methods, or several strengths of one, on one pair, side by side as they finish."""

from __future__ import annotations

import reprlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from style_core import Cancelled, StyleCoreError, get_method, list_methods, load_image, measure_result
from style_core.fronts import FAMILIES, option_fields, parse_numbers

from .components import as_sent
from .controls import NOT_SET, family_choice, picture_input
from .examples import gallery
from .runs import FinishedTile, TabRun
from .service import Service
from .sharing import share_row
from .stops import Stops
from .stream import Update
from .texts import language_of, say, tr
from .viewer import Tile, before_after_html, tiles_html
from .work import (
    AUTO_MASKS,
    NO_MASKS,
    Refusal,
    Request,
    as_list,
    as_sentences,
    check,
    is_iterative,
    save_before,
    save_result,
    stopper,
)

KEY = "compare"
METHODS, CONTENT, STYLE = "methods", "content strengths", "style strengths"
KINDS = (METHODS, CONTENT, STYLE)
OPTION = {CONTENT: "content_strength", STYLE: "style_strength"}
MOST_TILES = 8
EVERY = 0.5  # seconds between two redrawings of the page while a tile is made


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


@dataclass
class _Board:
    """The tiles on the page while they are made."""

    run: TabRun
    language: str
    labels: list[str]
    pending: dict[str, str] = field(default_factory=dict)  # label to what it waits for, or why it was refused

    def html(self) -> tuple[str, str]:
        """The tiles, and the slider over any two of the finished ones."""
        content = Tile(
            self._address("before"), say("Content", self.language), alt=say("Content", self.language)
        )
        finished = {tile.label: tile for tile in self.run.tiles}
        tiles, done = [], []
        if self.run.file("before") is not None:
            done.append(content)
        for label in self.labels:
            known = finished.get(label)
            if known is None:
                tiles.append(
                    Tile("", label, pending=self.pending.get(label, say("Waiting …", self.language)))
                )
                continue
            tile = Tile(self._address(known.name), label, caption(known, self.language), alt=label)
            tiles.append(tile)
            done.append(tile)
        slider = before_after_html(done, language=self.language) if len(done) > 1 else ""
        return tiles_html(
            [*done[:1], *tiles] if done[:1] == [content] else tiles, language=self.language
        ), slider

    def _address(self, name: str) -> str:
        return f"runs/{self.run.id}/{name}"


def compare_tab(service: Service) -> dict[str, Any]:
    """Build the tab inside the current ``gr.Blocks``; its controls by name."""
    gr.Markdown(tr(
        "The same two pictures through several methods, or through one at several strengths. Structure says "
        "how well the content's structure is kept (1: fully), style how far the style's statistics still are "
        "(0: reached, 1: as far as the untouched content)."
    ))  # fmt: skip
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                content, style = (
                    picture_input("Content photo", f"{KEY}-content"),
                    picture_input("Style picture", f"{KEY}-style"),
                )
            with gr.Row():
                run = gr.Button(tr("Compare"), variant="primary", elem_id=f"{KEY}-run")
                stop = gr.Button(tr("Stop"), elem_id=f"{KEY}-stop")
            chosen = _what_to_compare()
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
            status = gr.Markdown(label="Status", elem_id=f"{KEY}-status")
            share = gr.Button(tr("Share"), elem_id=f"{KEY}-share")
            run_id = gr.Textbox(visible=False, label="run")
            share_row(share, run_id, f"{KEY}-link", service)
        with gr.Column(scale=3, min_width=320):
            slider, tiles, notes, files, figures = _results()
    inputs: dict[str, Any] = {
        "content": content, "style": style, **chosen, "masks": masks, "size": size, "family": family,
    }  # fmt: skip
    stops = Stops()
    event = run.click(
        _comparer(stops, service), inputs_kwargs=inputs,
        outputs=[tiles, slider, status, notes, files, figures, run_id],
        api_name=KEY, concurrency_limit=service.jobs, concurrency_id="compute", show_progress="minimal",
    )  # fmt: skip

    stop.click(stopper(stops), None, status, queue=False, api_visibility="private").then(
        None, cancels=[event]
    )
    pairs = [*gallery(photorealistic=True)[:4], *gallery(photorealistic=False)[:4]]
    gr.Examples([[str(p.content), str(p.style)] for p in pairs], [content, style], label=tr("Examples"),
                elem_id=f"{KEY}-examples")  # fmt: skip
    return inputs


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
                        gr.Textbox(visible=chosen != METHODS)),
        kind, [methods, method, strengths], queue=False, api_visibility="private",
    )  # fmt: skip
    for control in (kind, methods, method):
        as_sent(control)
    return {"kind": kind, "methods": methods, "method": method, "strengths": strengths}


def _results() -> tuple[gr.HTML, gr.HTML, gr.Markdown, gr.File, gr.JSON]:
    """The right side: slider, tiles, notes, the results as files, their figures."""
    slider = gr.HTML(label="Slider", elem_id=f"{KEY}-slider")
    tiles = gr.HTML(label="Tiles", elem_id=f"{KEY}-tiles")
    notes = gr.Markdown(label="Notes", elem_id=f"{KEY}-notes")
    with gr.Accordion(tr("Files and figures"), open=False):
        files = gr.File(label=tr("Results"), file_count="multiple", elem_id=f"{KEY}-files")
        figures = gr.JSON(label="Figures", show_label=False, elem_id=f"{KEY}-figures")
    return slider, tiles, notes, files, figures


def comparison(values: Mapping[str, Any]) -> Comparison:
    """The requests that the controls describe.

    Raises:
        gr.Error, StyleCoreError: something is missing or no number.
    """
    kind, method, text = values["kind"], values["method"], values["strengths"] or ""
    chosen = _as_names(values["methods"])
    _check_names("kind", [kind], KINDS)
    _check_names("method", [method], list_methods())
    _check_names("methods", chosen, list_methods())
    options = {"size": values["size"]} if values["size"] else {}
    base = Request(
        method, values["content"], (values["style"],) if values["style"] else (), masks=values["masks"],
        family=values["family"], options=options,
    )  # fmt: skip
    if values["content"] is None:
        raise gr.Error("Please add a content picture first.", print_exception=False)
    check(base)
    if kind == METHODS:
        keys = tuple(dict.fromkeys(chosen))  # a program may name one twice
        if not keys:
            raise gr.Error("Please choose at least one method.", print_exception=False)
        tiles = [(get_method(key).title, replace(base, method=key)) for key in keys]
        return Comparison(kind, method, text, tuple(tiles), keys)
    numbers = _strengths(text)
    name, word = OPTION[kind], "content" if kind == CONTENT else "style"
    low_high = option_fields(get_method(method).options)[name]
    if any(low_high.problem(number) for number in numbers):
        raise gr.Error(f"The strengths must be {low_high.values}, not {text}.", print_exception=False)
    title = get_method(method).title
    tiles = [
        (f"{title} {word} {number:g}", replace(base, options={**options, name: number})) for number in numbers
    ]
    return Comparison(kind, method, text, tuple(tiles))


def caption(tile: FinishedTile, language: str) -> str:
    """Seconds and measures under a tile."""
    parts = [say(f"{tile.seconds:.1f} s", language)]
    names = {"structure": say("structure", language), "style": say("style", language)}
    parts += [f"{names[name]} {value:.2f}" for name, value in tile.measures.items() if name in names]
    return " · ".join(parts)


def _strengths(text: str) -> list[float]:
    try:
        numbers = list(dict.fromkeys(parse_numbers(text)))
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= MOST_TILES:
        raise gr.Error(
            f"The strengths must be one to {MOST_TILES} numbers like 0.5, 1, not {text}.",
            print_exception=False,
        )
    return numbers


def _as_names(given: Any) -> list[Any]:
    """What was sent as the methods; a program may send the name of one alone."""
    return list(given) if isinstance(given, (list, tuple)) else [] if given is None else [given]


def _check_names(name: str, given: Sequence[Any], known: Sequence[str]) -> None:
    for value in given:
        if value not in known:
            raise gr.Error(
                f"{name} must be one of {', '.join(known)}, not {reprlib.repr(value)}.", print_exception=False
            )


def _comparer(stops: Stops, service: Service) -> Callable[..., Iterator[Any]]:
    def compare(
        request: gr.Request, content: str | None = None, style: str | None = None, kind: str = METHODS,
        methods: list[str] | None = None, method: str = "wct2", strengths: str = "0, 0.5, 1",
        masks: str = NO_MASKS, size: float = 512, family: str = FAMILIES[0],
    ) -> Iterator[Any]:  # fmt: skip
        """Run several methods, or one at several strengths, on the same pair of pictures.

        Args:
            content: the photo to restyle.
            style: the picture whose look it gets.
            kind: "methods", "content strengths" or "style strengths".
            methods: keys of the methods to compare.
            method: the method whose strengths are compared.
            strengths: numbers from 0 to 1, like 0, 0.5, 1.
            masks: "none" or "automatic" regions.
            size: longer side of the results in px; 0 keeps the content's own.
            family: the networks.

        Returns:
            Tiles and slider as HTML, a status, notes, the results as files, their figures, the run's id.
        """
        language = language_of(request)
        values = {"content": content, "style": style, "kind": kind, "methods": methods, "method": method,
                  "strengths": strengths, "masks": masks, "size": size, "family": family}  # fmt: skip
        with as_sentences(KEY, language):
            asked = comparison(values)
        run = service.runs.begin(KEY, KEY, asked, asked.tiles[0][1].files())
        board = _Board(run, language, [label for label, _ in asked.tiles])
        try:
            with stops.running(request.session_hash or "") as enough:
                yield from _tiles(asked, board, service, enough)
        finally:
            if not run.tiles:
                service.drop(run)

    return compare


def _tiles(asked: Comparison, board: _Board, service: Service, enough: threading.Event) -> Iterator[Any]:
    language, notes = board.language, list[str]()
    yield (*board.html(), say("Starting …", language), "", None, None, "")
    for number, (label, request) in enumerate(asked.tiles, 1):
        if enough.is_set():
            board.pending[label] = say("Stopped.", language)
            continue
        place = f"{number} / {len(asked.tiles)}"
        drawn = time.monotonic()
        try:
            with as_sentences(KEY, language):
                for update in service.perform(request, enough):
                    if not isinstance(update, Update):
                        _add(board, label, request, update)
                        notes += [f"{label}: {say(note, language)}" for note in update.notes]
                    elif time.monotonic() - drawn > EVERY:
                        drawn = time.monotonic()
                        text = f"{place} {label}: {say(update.message, language)} … {update.fraction:.0%}"
                        yield (gr.skip(), gr.skip(), text, *(gr.skip(),) * 4)
        except Refusal as error:  # the others are done all the same
            is_stop = isinstance(error.__cause__, Cancelled) and str(error.__cause__) == "Stopped."
            board.pending[label] = say("Stopped.", language) if is_stop else error.sentence
        yield (*board.html(), f"{place} {label}", as_list(notes, language), *(gr.skip(),) * 3)
    yield _end(asked, board, notes)


def _add(board: _Board, label: str, request: Request, done: Any) -> None:
    run = board.run
    if run.file("before") is None:
        save_before(run, request.content, done.result)
    name = f"result_{len(run.tiles) + 1}"
    save_result(run, name, done.result)
    try:
        found = measure_result(
            request.content or "", request.styles[0], load_image(done.result.image), device="cpu"
        )
        measures = {"structure": round(found.structure, 3)}
        measures |= {} if found.style is None else {"style": round(found.style, 3)}
    except StyleCoreError:
        measures = {}  # a picture too small to be measured
    run.tiles.append(FinishedTile(name, label, done.result.settings, done.notes, done.seconds, measures))


def _end(asked: Comparison, board: _Board, notes: list[str]) -> Any:
    run = board.run
    paths = [str(run.file(tile.name)) for tile in run.tiles]
    figures = [
        {"label": t.label, "seconds": round(t.seconds, 2), **t.measures, "settings": dict(t.settings)}
        for t in run.tiles
    ]
    status = say(f"{len(run.tiles)} of {len(asked.tiles)} done.", board.language)
    return (
        *board.html(),
        status,
        as_list(notes, board.language),
        paths or None,
        figures,
        run.id if paths else "",
    )
