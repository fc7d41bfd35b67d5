"""Memory promised to jobs at once, on a machine of 10 bytes."""

import gc
import threading

import pytest
import torch

from style_core import Cancelled, OutOfMemory, stylize
from style_core.pipeline import runtime as runtimes
from style_core.pipeline.runtime import RequestRuntime
from style_core.progress import ignore_progress
from style_core.reservations import Reservations, Room

from .conftest import photo


class Machine:
    """So many bytes, of which a process holds some."""

    def __init__(self, size=10, held=0):
        self.size, self.held = size, held

    def reservations(self):
        return Reservations(lambda: self.size - self.held, lambda: self.held)


class Job:
    """Something to promise to."""


def test_a_second_job_sees_what_the_first_was_promised_and_has_not_taken():
    promises, first, second = Machine().reservations(), Job(), Job()
    assert promises.reserve(first, 7) is None
    assert promises.reserve(second, 4) == Room(now=3, alone=10)
    assert promises.reserve(second, 3) is None


def test_what_was_taken_is_not_counted_twice():
    machine, first, second = Machine(held=2), Job(), Job()
    promises = machine.reservations()
    assert promises.reserve(first, 5) is None
    machine.held += 4  # 4 bytes are free, and 1 is still to be taken
    assert promises.reserve(second, 4) == Room(now=3, alone=8)
    assert promises.reserve(second, 3) is None


def test_a_job_that_takes_more_than_it_was_promised_does_not_make_room():
    machine, first, second = Machine(), Job(), Job()
    promises = machine.reservations()
    promises.reserve(first, 2)
    machine.held = 6
    assert promises.reserve(second, 5) == Room(now=4, alone=6)


def test_where_the_process_does_not_know_what_it_holds_all_promises_are_yet_to_come():
    promises, first, second = Reservations(lambda: 6, lambda: 0), Job(), Job()
    assert promises.reserve(first, 4) is None
    assert promises.reserve(second, 3) == Room(now=2, alone=6)


def test_a_larger_promise_replaces_a_jobs_own():
    promises, first, second = Machine().reservations(), Job(), Job()
    promises.reserve(first, 4)
    assert promises.reserve(first, 6) is None
    assert promises.reserve(first, 3) is None
    assert promises.reserve(second, 5) == Room(now=4, alone=10)


@pytest.mark.parametrize("how", ["released", "forgotten"])
def test_a_promise_ends_with_the_job(how):
    promises, first, second = Machine().reservations(), Job(), Job()
    promises.reserve(first, 10)
    if how == "released":
        promises.release(first)
    else:
        del first
        gc.collect()
    assert promises.reserve(second, 10) is None


def test_where_the_system_says_nothing_everything_is_promised():
    assert Reservations(lambda: None, lambda: 0).reserve(Job(), 10**15) is None


@pytest.fixture
def machine(monkeypatch):
    """A machine of 10 GB on which requests run."""
    found = Machine(size=10_000_000_000)
    promises = found.reservations()
    monkeypatch.setattr(runtimes, "_reservations", lambda device: promises)
    monkeypatch.setattr(runtimes, "WAIT_SECONDS", 0.01)
    return found


def request_with(report=ignore_progress):
    return RequestRuntime("compact", None, torch.device("cpu"), torch.Generator(), report)


def test_a_job_waits_for_the_memory_of_another(machine):
    heard, waiting = [], threading.Event()

    def report(fraction, message, preview=None):
        heard.append(message)
        waiting.set()

    first, second = request_with(), request_with(report)
    with first:
        first.need_memory(8_000_000_000)
        thread = threading.Thread(target=second.need_memory, args=(5_000_000_000,))
        thread.start()
        assert waiting.wait(10)
        assert thread.is_alive()
    thread.join(10)
    assert not thread.is_alive()
    assert set(heard) == {"Waiting for memory that other jobs use"}


def test_a_job_that_waits_can_be_stopped(machine):
    def stop(fraction, message, preview=None):
        raise Cancelled("Stopped.")

    first, second = request_with(), request_with(stop)
    first.need_memory(8_000_000_000)
    with pytest.raises(Cancelled, match="Stopped"):
        second.need_memory(5_000_000_000)


def test_a_job_that_would_not_fit_alone_does_not_wait(machine):
    first, second = request_with(), request_with()
    first.need_memory(8_000_000_000)
    with pytest.raises(OutOfMemory, match=r"needs about 12\.5 GB of memory and 10\.0 GB are free; .* 80% of"):
        second.need_memory(12_500_000_000)


def test_two_jobs_do_not_wait_for_each_other(machine):
    first, second = request_with(), request_with()
    first.need_memory(5_000_000_000)
    second.need_memory(4_000_000_000)
    with pytest.raises(OutOfMemory):
        second.need_memory(6_000_000_000)


@pytest.mark.parametrize("fails", [False, True])
def test_a_request_gives_back_what_it_reserved(machine, tiny_weights, fails):
    def report(fraction, message, preview=None):
        if fails and fraction > 0.3:
            raise Cancelled("Stopped.")

    try:
        stylize("wct2", photo(64, 64), photo(64, 64), weights_dir=tiny_weights, progress=report)
        assert not fails
    except Cancelled:
        assert fails
    request_with().need_memory(machine.size)
