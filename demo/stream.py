"""A callback-style computation as a generator, so that a page can show progress and stop it."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from style_core import Cancelled, EnoughDone, Progress, StyleCoreError
from style_core.fronts import ImageTensor

R = TypeVar("R")
JOB = "job"  # the name of the threads


class OutOfTime(StyleCoreError):
    """The work was given up."""


@dataclass(frozen=True)
class Update:
    """One progress report; ``seconds_left`` where somebody knows."""

    fraction: float
    message: str
    preview: ImageTensor | None = field(default=None, compare=False)
    seconds_left: float | None = None


def stream(
    work: Callable[[Progress], R], enough: threading.Event | None = None, *, seconds: float = math.inf
) -> Iterator[Update | R]:
    """Run ``work`` in a thread; yield its reports, then its result.

    Once ``enough`` is set, the next report raises ``EnoughDone`` in the thread: work that gets better
    step by step gives what it has as its result, other work ends without one.
    Closing the generator (Stop, or the page is gone) makes the next report raise ``Cancelled`` in
    the thread, so the work really ends. What ``work`` raises is raised here. Work that is still not over
    after ``seconds`` is given up: it ends at its next report, and nobody waits for that.

    Raises:
        OutOfTime: the seconds are over.
    """
    ends = time.monotonic() + seconds
    reports: queue.Queue[Update | None] = queue.Queue()
    stopped = threading.Event()
    outcome: list[R] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(work(_reporter(reports, stopped, enough)))
        except BaseException as error:  # noqa: BLE001  # handed on to the caller's thread
            failure.append(error)
        finally:
            reports.put(None)

    threading.Thread(target=run, name=JOB, daemon=True).start()
    try:
        while (update := _next(reports, ends)) is not None:
            yield update
    finally:
        stopped.set()
    if failure:
        raise failure[0]
    yield outcome[0]


_leaving = threading.Event()  # set once, when the process ends


def leave(seconds: float) -> bool:
    """Have all jobs end at their next report, for good: the process is about to end.

    A thread inside PyTorch while the interpreter goes away would abort it.

    Args:
        seconds: waited for them.

    Returns:
        whether they have.
    """
    _leaving.set()
    ends = time.monotonic() + seconds
    jobs = [thread for thread in threading.enumerate() if thread.name == JOB]
    for job in jobs:
        job.join(max(0.0, ends - time.monotonic()))
    return not any(job.is_alive() for job in jobs)


def _reporter(
    reports: queue.Queue[Update | None], stopped: threading.Event, enough: threading.Event | None
) -> Progress:
    """The callback that queues reports, and ends the work at the next one where that is wanted."""

    def report(fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        if stopped.is_set() or _leaving.is_set():
            raise Cancelled("Stopped.")
        if enough is not None and enough.is_set():
            raise EnoughDone("Stopped.")
        reports.put(Update(fraction, message, preview))

    return report


def _next(reports: queue.Queue[Update | None], ends: float) -> Update | None:
    left = ends - time.monotonic()
    try:
        return reports.get(timeout=None if left == math.inf else max(left, 0))
    except queue.Empty:
        raise OutOfTime("This took far longer than a job may take here and was given up.") from None
