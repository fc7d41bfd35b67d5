"""Products of float32 in float32: PyTorch's shorter formats for them, such as TF32, switched off for a while.

The switches are the whole process's, so they go back when the last of several jobs at once has ended; one
that is content with less may get more meanwhile. While they are set, PyTorch refuses to say by their old
name, ``torch.backends.cudnn.allow_tf32``, how they stand.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

EXACT = "ieee"


def switches() -> tuple[Any, ...]:
    """What has an attribute ``fp32_precision``: the products of GPUs, of which convolutions begin with TF32
    switched on, and of the processor."""
    backends: Any = torch.backends
    return (
        backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn, backends.mkldnn.matmul,
        backends.mkldnn.conv,
    )  # fmt: skip


_lock = threading.Lock()
_jobs = 0
_before: list[str] = []


@contextmanager
def exact_float32() -> Iterator[None]:
    """Meanwhile float32 is multiplied as such, on every device."""
    global _jobs
    with _lock:
        if _jobs == 0:
            _before[:] = [switch.fp32_precision for switch in switches()]
            _set([EXACT] * len(_before))
        _jobs += 1
    try:
        yield
    finally:
        with _lock:
            _jobs -= 1
            if _jobs == 0:
                _set(_before)


def _set(values: list[str]) -> None:
    for switch, value in zip(switches(), values, strict=True):
        switch.fp32_precision = value
