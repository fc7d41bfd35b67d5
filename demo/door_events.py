"""What happens in a door: a look tapped, a picture added, a strength moved, Run and Stop.

Whatever starts a run first ends the one under way, so that the last tap counts. A run then waits in the lane
of the chosen method: behind quick ones, or behind paintings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from style_core import get_method

from .controls import check_upload
from .endpoints import Tab
from .history import GONE, as_picked, noted
from .kept_pictures import NAMES, KeptPictures
from .looks import Look
from .method_run import MethodOutputs, MethodRunner
from .plan import plan
from .service import Service
from .sharing import ResultButtons
from .stage_pictures import content_alone
from .stops import Stops, stops_at
from .texts import language_of
from .work import LANES, Refusal, Request, is_iterative

QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class DoorParts:
    """What can be tapped and pressed in a door."""

    looks: gr.HTML
    own: dict[str, gr.UploadButton]
    surprise: gr.Button
    run: gr.Button
    stop: gr.Button
    history: gr.HTML
    result: ResultButtons
    plan: gr.Markdown


class DoorEvents:
    """The events of one door.

    Args:
        key: the part of its elements' ids.
        methods: keys of the methods to choose from.
        looks: the styles to tap.
        tab: its controls.
        outputs: what its runs fill.
    """

    def __init__(
        self, key: str, methods: Sequence[str], looks: Sequence[Look], service: Service, tab: Tab,
        outputs: MethodOutputs,
    ) -> None:  # fmt: skip
        self._key, self._looks, self._tab, self._outputs = key, looks, tab, outputs
        self._service, self._stops = service, Stops()
        self._runners = {
            each: MethodRunner(get_method(each), service, outputs, self._stops, key) for each in methods
        }

    def connect(self, parts: DoorParts, kept: KeptPictures) -> None:
        """Give every part something to do."""
        inputs = self._tab.inputs
        begins, runs = self._runs()
        parts.result.follow(begins, runs)
        starts = [
            parts.looks.select(self._tapped, None, inputs["style"], **QUIET),
            parts.run.click(lambda: None, None, None, **QUIET),
            *self._added(parts.own),
        ]
        for event in starts:
            ended = event.success(self._end, None, None, **QUIET).then(None, cancels=runs)
            kept.remember(ended, self._tab).then(
                None, inputs["method"], None, js=self._go(), api_visibility="private"
            )
        content = inputs["content"]
        planned = [content, inputs["method"]]
        kept.remember(self._remembered(parts, planned, runs), self._tab)
        reuse = gr.Button(visible="hidden", elem_id=f"{self._key}-reuse")  # pressed by a link of the result
        taken = reuse.click(self._as_content, self._outputs.run, content, **QUIET)
        shown = taken.then(content_alone, content, self._outputs.before_after, **QUIET)
        kept.remember(shown, self._tab)
        gr.on(None, self._plan, planned, parts.plan, **QUIET)  # also when the page opens
        parts.surprise.click(None, js=f"() => document.querySelector('#{self._key}-looks').surprise()")
        stops_at(parts.stop, self._stops, self._outputs.status, runs)

    def _runs(self) -> tuple[list[Any], list[Any]]:
        """Triggers and events of the runs, each behind a button that scripts press."""
        inputs = dict(self._tab.inputs)
        queue: dict[str, Any] = {
            "outputs": self._outputs.components(), "concurrency_limit": self._service.jobs,
            "show_progress": "minimal", "api_visibility": "private",
        }  # fmt: skip
        begins, runs = [], []
        for lane in LANES.values():
            go = gr.Button(visible="hidden", elem_id=f"{self._key}-go-{lane}")
            begins.append(go.click)
            runs.append(
                go.click(
                    self._run, inputs_kwargs=inputs, concurrency_id=lane, trigger_mode="multiple", **queue
                )
            )
        moved = gr.Button(visible="hidden", elem_id=f"{self._key}-moved")  # pressed by static/strength.js
        begins.append(moved.click)
        rerun = {**inputs, "run_id": self._outputs.run}
        again = moved.click(
            self._rerun, inputs_kwargs=rerun, concurrency_id=LANES[False], trigger_mode="always_last", **queue
        )
        return begins, [*runs, again]

    def _added(self, own: dict[str, gr.UploadButton]) -> Iterator[Any]:
        """The events of a picture of the visitor's own; a new content is on the stage before its result."""
        for name in NAMES:
            picture = self._tab.inputs[name]
            taken = check_upload(own[name]).success(lambda path: path, own[name], picture, **QUIET)
            for event in (check_upload(picture), taken):
                if name == "content":
                    event = event.success(content_alone, picture, self._outputs.before_after, **QUIET)
                yield event

    def _remembered(self, parts: DoorParts, planned: list[Any], runs: list[Any]) -> Any:
        """Every result goes into the row of this visit's, and comes back by the event that is returned.

        Its seconds are known then, and so the plan of the next run is drawn anew.
        """
        past = gr.Textbox(visible=False, label="runs")  # ids; a gr.State would keep a connection open
        for event in runs:
            known, shown = [self._outputs.run, past, *planned], [past, parts.history, parts.plan]
            event.then(self._noted, known, shown, **QUIET)
        back = [*self._outputs.components(), *(self._tab.inputs[name] for name in (*NAMES, "method"))]
        return parts.history.select(self._back, None, back, **QUIET)

    def _noted(
        self, run_id: str | None, ids: str | None, content: str | None, method: str, request: gr.Request
    ) -> Any:
        return *noted(self._service.runs, run_id, ids), self._plan(content, method, request)

    def _back(self, event: gr.EventData, request: gr.Request) -> Any:
        """A result of before on the stage again, with what it was made from."""
        run = self._service.runs.get(event.run)
        if run is None or not run.tiles or run.tab not in self._runners:
            raise Refusal(GONE, language_of(request))
        inputs = self._tab.inputs
        found = self._runners[run.tab].shown_again(run, language_of(request)) | {inputs["method"]: run.tab}
        return found | {inputs[name]: as_picked(run, name) for name in NAMES if name in run.inputs}

    def _as_content(self, run_id: str | None) -> Any:
        """The result as the content of what follows."""
        run = self._service.runs.get(run_id)
        path = None if run is None else run.file("result")
        return gr.skip() if path is None else str(path)

    def _tapped(self, event: gr.EventData) -> str:
        """The style file of the look that was tapped."""
        return str(self._looks[int(event.index) % len(self._looks)].file)

    def _plan(self, content: str | None, method: str, request: gr.Request) -> str:
        """What Run will do, and how long that takes."""
        return plan(self._service, Request(method, content, ()), language_of(request))

    def _end(self, request: gr.Request) -> None:
        self._stops.ask(request.session_hash or "")

    def _run(self, request: gr.Request, method: str, **values: Any) -> Iterator[Any]:
        """What Run of the method's own tab does."""
        yield from self._runners[method].endpoint()(request, **values)

    def _rerun(self, request: gr.Request, method: str, **values: Any) -> Iterator[Any]:
        """What a moved strength in the method's own tab does."""
        if not is_iterative(get_method(method)):
            yield from self._runners[method].after_moved_strength()(request, **values)

    def _go(self) -> str:
        """Press the button of the lane that the chosen method belongs to."""
        slow = json.dumps([key for key in self._runners if is_iterative(get_method(key))])
        return (
            f"(method) => document.getElementById('{self._key}-go-' + "
            f"({slow}.includes(method) ? '{LANES[True]}' : '{LANES[False]}')).click()"
        )
