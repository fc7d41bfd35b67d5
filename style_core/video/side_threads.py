"""Reading ahead and writing behind in threads of their own, a bounded number of frames apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

ROOM = 4  # items between two threads
T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], room: int = ROOM) -> Generator[T]:
    """The same items, made in another thread while the last ones are being used.

    What making an item raises is raised here in its place; closing this generator ends the thread.

    Args:
        items: must not be used elsewhere.
        room: how many may be ready and waiting.
    """
    iterator: Any = iter(items)
    with ThreadPoolExecutor(1, "reading") as pool:
        coming: deque[Future[Any]] = deque(pool.submit(next, iterator, _END) for _ in range(room))
        try:
            while (item := coming.popleft().result()) is not _END:
                coming.append(pool.submit(next, iterator, _END))
                yield item
        finally:
            for future in coming:
                future.cancel()


class Behind:
    """Calls carried out one after the other in another thread; at most ``room`` wait.

    What a call raises is raised by an :meth:`add` soon after it, or at the end. Leaving by an exception drops
    what waits; else all is carried out first.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._pool = ThreadPoolExecutor(1, "writing")
        self._coming: deque[Future[object]] = deque()

    def add(self, call: Callable[[], object]) -> None:
        """Have it carried out after those before; waits while there is no room."""
        while len(self._coming) > self._room:
            self._coming.popleft().result()
        self._coming.append(self._pool.submit(call))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            for future in self._coming:
                future.result()
