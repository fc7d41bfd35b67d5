"""Stop buttons: a run is asked to end with what it has, and given a moment to hand that over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from .texts import language_of, say

PATIENCE = 20.0  # seconds a run has to end by itself after Stop


@dataclass(frozen=True)
class _Run:
    asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Stops:
    """The runs of one tab that are under way, by session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, _Run] = {}
        self._seen: dict[str, _Run] = {}  # when Stop was pressed

    @contextmanager
    def running(self, session: str) -> Iterator[threading.Event]:
        """While a run lasts: the event that says that it has been asked to end."""
        run = _Run()
        with self._lock:
            self._runs[session] = run
        try:
            yield run.asked
        finally:
            run.ended.set()
            with self._lock:
                if self._runs.get(session) is run:
                    del self._runs[session]

    def press(self, session: str) -> bool:
        """Remember the session's run for :meth:`ask`, as it may end before; whether there is one."""
        with self._lock:
            run = self._runs.get(session)
            if run is not None:
                self._seen[session] = run
        return run is not None

    def is_running(self, session: str) -> bool:
        """Whether the session has a run under way."""
        with self._lock:
            return session in self._runs

    def ask(self, session: str) -> bool:
        """Ask the session's run to end and wait until it has; whether there was one and it did."""
        with self._lock:
            run = self._seen.pop(session, None) or self._runs.get(session)
        if run is None:
            return False
        run.asked.set()
        return run.ended.wait(PATIENCE)


def stops_at(button: gr.Button, stops: Stops, status: Any, runs: list[Any]) -> None:
    """What a Stop button does: says so at once, asks the visitor's run to end and waits until it has.

    Args:
        status: where it says so.
        runs: the events of the runs; what still waits for its turn, or does not end, is cancelled.
    """

    def said(request: gr.Request) -> Any:
        is_running = stops.press(request.session_hash or "")
        return say("Stopping …", language_of(request)) if is_running else gr.skip()

    def asked(request: gr.Request) -> Any:
        has_ended = stops.ask(request.session_hash or "")
        return gr.skip() if has_ended else say("Stopped.", language_of(request))

    quiet: dict[str, Any] = {"queue": False, "api_visibility": "private", "show_progress": "hidden"}
    # One after the other, so that no word of its beginning comes after the end.
    button.click(said, None, status, **quiet).then(asked, None, status, **quiet).then(None, cancels=runs)
