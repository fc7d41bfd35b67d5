"""Memory promised to the jobs that run at once, so that a second one sees what the first has yet to take.

A job says what it will take before it takes it. What the system calls free then still holds what others were
promised and have not taken; how much that is follows from how far the process has grown since it was idle.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary


@dataclass(frozen=True)
class Room:
    """What there is for a job, in bytes.

    Attributes:
        now: free, without what others were promised and have not taken yet.
        alone: free once the others have ended.
    """

    now: int
    alone: int


class Reservations:
    """The promises of one process on one device; safe to use from several threads.

    Args:
        free: bytes that can still be allocated, or ``None`` where the system does not say.
        held: bytes that the process holds there; 0 where that is not known, and then all that others were
            promised counts as not taken yet.
    """

    def __init__(self, free: Callable[[], int | None], held: Callable[[], int]) -> None:
        self._free, self._held = free, held
        self._changed = threading.Condition()
        self._promised: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._idle = 0  # bytes held when nothing was promised; what caches keep later counts as taken by jobs

    def reserve(self, owner: object, size: int) -> Room | None:
        """Promise ``size`` bytes in all to a job if there is room for them; else say what room there is.

        Args:
            owner: of the promise, which ends with it at the latest; a second promise replaces the first if it
                is larger.
            size: bytes.
        """
        with self._changed:
            own = self._promised.get(owner, 0)
            others = sum(self._promised.values()) - own
            if not self._promised:
                self._idle = self._held()
            free = self._free()
            taken = min(max(0, self._held() - self._idle), others + own)
            room = None if free is None else Room(free - (others + own - taken) + own, free + taken)
            if room is not None and size > room.now:
                return room
            self._promised[owner] = max(size, own)
            return None

    def release(self, owner: object) -> None:
        """End a job's promise, if it has one."""
        with self._changed:
            self._promised.pop(owner, None)
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until another job's promise ends, or for so long."""
        with self._changed:
            self._changed.wait(seconds)

    def holds(self, owner: object) -> bool:
        """Whether a job has a promise."""
        with self._changed:
            return owner in self._promised
