"""What makes a Python loop a compiled one, and where such loops can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .kept_code import code_folder, kept_in

numba: Any
try:
    import numba
except ImportError:  # the tensor expressions do the same
    numba = None

# What may be rearranged in sums; infinities and NaN keep their meaning.
FASTMATH = {"contract", "reassoc", "nsz", "arcp"}

KEPT = None if numba is None else code_folder(numba)

Kernel = Callable[..., Any]


def kernel(function: Kernel) -> Kernel:
    """Compile at the first call, or load what an earlier process compiled."""
    if numba is None:
        return function
    options: dict[str, Any] = {"nogil": True, "fastmath": FASTMATH, "error_model": "numpy"}
    compiled: Kernel
    if KEPT is None:
        compiled = numba.njit(**options)(function)
        return compiled
    with kept_in(KEPT, numba):
        compiled = numba.njit(cache=True, **options)(function)
    return compiled


def is_usable(device: torch.device) -> bool:
    """Whether kernels can work on tensors of a device."""
    return numba is not None and device.type == "cpu"
