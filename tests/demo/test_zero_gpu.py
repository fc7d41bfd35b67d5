"""The ZeroGPU decorator: used where its package is, harmless elsewhere."""

import sys
from types import SimpleNamespace

from demo.limits import Limits
from demo.service import Service
from demo.work import Request, perform
from demo.zero_gpu import on_gpu


def test_without_the_package_the_function_stays_itself(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)  # importing it fails
    assert on_gpu(60)(perform) is perform


def test_with_it_the_function_gets_a_gpu_for_its_seconds(monkeypatch):
    asked = []

    def gpu(duration):
        asked.append(duration)
        return lambda function: lambda *args: ("on a GPU", function(*args))

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    assert on_gpu(30)(len)("four") == ("on a GPU", 4)
    on_gpu(5000)(len)
    assert asked == [30, 120]


def test_a_lent_gpu_is_given_no_event_which_its_process_could_not_take(monkeypatch):
    given = []

    def gpu(duration):
        return lambda function: lambda *args: given.append(args) or iter(())

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=gpu))
    service, request = Service(Limits(), store=None), Request("wct2", None, ())
    service.calibrate()
    assert given == []  # nobody asked for anything yet
    list(service.perform(request, enough="event"))
    assert given[0][:1] + given[0][2:] == (request, None, 0)
