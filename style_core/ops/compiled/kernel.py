"""What makes a Python loop a compiled one, and runs it on several processor threads.

Kernels release the interpreter's lock and take the rows they work on as their first two arguments,
so that plain threads share the work. Numba's own parallel loops are not used: where OpenMP is
missing they abort the process when two threads of a server start them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

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


class Crew:
    """As many threads as torch would use, which work on strips of rows; close it after use."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, kernel: Kernel, rows: int, *args: Any, least: int = 1) -> list[Any]:
        """Call ``kernel(start, stop, *args)`` on strips of ``rows`` rows side by side; its results.

        Args:
            kernel: must not write what belongs to another strip.
            rows: their number.
            args: the kernel's other arguments.
            least: rows below which a strip is not worth a thread.
        """
        strips = max(1, min(self.threads, rows // least))
        bounds = [rows * i // strips for i in range(strips + 1)]
        if self._pool is None or strips == 1:
            return [kernel(0, rows, *args)]
        others = [self._pool.submit(kernel, bounds[i], bounds[i + 1], *args) for i in range(1, strips)]
        own = kernel(bounds[0], bounds[1], *args)
        return [own, *(other.result() for other in others)]
