"""Networks that are ready to use, kept in memory up to a budget; the one used longest ago goes first."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable

from cachetools import LRUCache
from torch import nn

from ..environment import megabytes

BUDGET = "STYLE_CORE_CACHE_MB"
DEFAULT_BUDGET = 1000  # MB


def network_bytes(network: nn.Module) -> int:
    """Bytes of its parameters."""
    return sum(p.numel() * p.element_size() for p in network.parameters())


_lock = threading.Lock()
# Without a size of its own: the budget may change while the program runs, and the latest stays in any case.
_networks: LRUCache[Hashable, nn.Module] = LRUCache(math.inf, getsizeof=network_bytes)
_building: dict[Hashable, threading.Lock] = {}


def kept_network(key: Hashable, build: Callable[[], nn.Module]) -> nn.Module:
    """The network kept under ``key``, or a new one, which stays whatever its size until the next is used.

    Args:
        build: makes it; called once for all threads that ask at the same time. What it raises is raised.
    """
    with _lock:
        building = _building.setdefault(key, threading.Lock())
    with building:  # others are not held up
        with _lock:
            if key in _networks:
                _building.pop(key, None)
                return _networks[key]
        network = build()
        with _lock:
            _networks[key] = network
            _building.pop(key, None)
            while len(_networks) > 1 and _networks.currsize > megabytes(BUDGET, DEFAULT_BUDGET):
                _networks.popitem()
    return network


def forget_networks() -> None:
    """Forget all of them."""
    with _lock:
        _networks.clear()
