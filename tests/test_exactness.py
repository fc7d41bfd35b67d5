"""Precision "exact" switches shorter formats of float32 off, for as long as it is needed."""

import threading

import pytest
import torch

from style_core import stylize
from style_core.exactness import EXACT, exact_float32, switches

from .conftest import photo


def now():
    return [switch.fp32_precision for switch in switches()]


@pytest.fixture(autouse=True)
def begun_with_shorter_formats():
    before = now()
    for switch in switches():
        switch.fp32_precision = "tf32"
    yield
    assert now() == ["tf32"] * len(before)
    for switch, value in zip(switches(), before, strict=True):
        switch.fp32_precision = value


def test_everything_is_exact_meanwhile_and_as_before_afterwards():
    with exact_float32():
        assert now() == [EXACT] * len(switches())
    assert now() == ["tf32"] * len(switches())


def test_a_failure_puts_it_back_as_well():
    with pytest.raises(KeyError), exact_float32():
        raise KeyError


def test_the_last_of_two_jobs_at_once_puts_it_back():
    inside, leave = threading.Event(), threading.Event()

    def job():
        with exact_float32():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=job)
    with exact_float32():
        thread.start()
        assert inside.wait(10)
    assert now() == [EXACT] * len(switches())
    leave.set()
    thread.join()


@pytest.mark.parametrize(("precision", "expected"), [("exact", EXACT), ("fast", "tf32")])
def test_a_request_is_computed_as_its_precision_says(tiny_weights, precision, expected):
    seen = set()
    stylize(
        "wct2", photo(64, 64), photo(64, 64, seed=1), weights_dir=tiny_weights, precision=precision,
        progress=lambda fraction, message, preview=None: seen.update(now()) if fraction < 1 else None,
    )  # fmt: skip
    assert seen == {expected}


def test_tf32_is_off_where_there_is_a_gpu(device):
    if device.type == "cpu":
        pytest.skip("the processor has no TF32")
    a, b = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel = b.view(512, 512, 1, 1)
    with exact_float32():
        found = torch.nn.functional.conv2d(
            a.float().to(device).view(1, 512, 512, 1), kernel.float().to(device)
        )
    error = (found.double().cpu().view(512, 512) - b @ a).abs().max()
    assert error < 1e-3  # of values about 23; TF32 misses by about 1e-2
