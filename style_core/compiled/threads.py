"""Plain threads that share the rows of a picture.

Kernels release the interpreter's lock and take the rows they work on as their first two arguments.
Numba's own parallel loops are not used: where OpenMP is missing they abort the process when two threads
of a server start them at once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import torch

from .kernel import Kernel


class Threads:
    """As many threads as torch would use, which work on strips of rows; close them after use."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self.count - 1) if self.count > 1 else None

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
        strips = max(1, min(self.count, rows // least))
        bounds = [rows * i // strips for i in range(strips + 1)]
        if self._pool is None or strips == 1:
            return [kernel(0, rows, *args)]
        others = [self._pool.submit(kernel, bounds[i], bounds[i + 1], *args) for i in range(1, strips)]
        own = kernel(bounds[0], bounds[1], *args)
        return [own, *(other.result() for other in others)]
