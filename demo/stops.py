"""Stop buttons: a run is asked to end with what it has, and given a moment to hand that over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

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

    def is_running(self, session: str) -> bool:
        """Whether the session has a run under way."""
        with self._lock:
            return session in self._runs

    def ask(self, session: str) -> bool:
        """Ask the session's run to end and wait until it has; whether there was one and it did."""
        with self._lock:
            run = self._runs.get(session)
        if run is None:
            return False
        run.asked.set()
        return run.ended.wait(PATIENCE)
