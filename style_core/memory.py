"""What was computed before, kept by what it was computed from: statistics, regions, pictures on the way.

Moving a strength then computes only what depends on it. Values are found again by the contents of
their inputs, never by names or files, so that a hit is always the same numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from cachetools import LRUCache
from torch import Tensor

from .environment import megabytes

BUDGET = "STYLE_CORE_FEATURES_MB"
DEFAULT_BUDGET = 400  # MB
LARGEST_SHARE = 0.5  # of the budget; a larger value is not kept, it would push all others out

_lock = threading.Lock()
# Without a size of its own: the budget may change while the program runs.
_kept: LRUCache[str, Any] = LRUCache(math.inf, getsizeof=lambda value: size_of(value))


class TensorDigests:
    """The digests of tensors by object, so that one picture is read once, however many values depend on it.

    Meant to live as long as a request. A change in place is noticed by the count torch keeps of them;
    one made past torch, through an array that shares the memory, is not.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Tensor], tuple[Any, ...], bytes]] = {}

    def digest(self, tensor: Tensor) -> bytes:
        """The sha256 of a tensor's kind, shape and contents."""
        if tensor.is_inference():  # whose changes nobody counts
            return _tensor_digest(tensor)
        known = self._known.get(id(tensor))
        state = (tensor._version, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if known and known[0]() is tensor and known[1] == state:
            return known[2]
        found = _tensor_digest(tensor)
        self._known[id(tensor)] = weakref.ref(tensor), state, found
        return found


def fingerprint(parts: tuple[Any, ...], tensors: TensorDigests | None = None) -> str:
    """A digest of nested tuples, lists, mappings, records, numbers, texts and tensors (by content).

    Args:
        tensors: digests known already, of tensors seen before.

    Raises:
        TypeError: something else is among them, whose equality would not be known.
    """
    digest = hashlib.sha256()
    _feed(digest, parts, TensorDigests() if tensors is None else tensors)
    return digest.hexdigest()


def recall(key: str) -> Any | None:
    """The value kept under ``key``, or ``None``."""
    with _lock:
        return _kept.get(key)


def keep(key: str, value: Any) -> None:
    """Keep a value that nobody changes any more; the ones used longest ago make room."""
    budget = megabytes(BUDGET, DEFAULT_BUDGET)
    if size_of(value) > LARGEST_SHARE * budget:
        return
    with _lock:
        _kept[key] = value
        while _kept.currsize > budget:
            _kept.popitem()


def forget() -> None:
    """Forget everything."""
    with _lock:
        _kept.clear()


def size_of(value: Any) -> int:
    """Bytes of all tensors in nested containers and records."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    if isinstance(value, Mapping):
        return sum(size_of(v) for v in value.values())
    if isinstance(value, (tuple, list)):
        return sum(size_of(v) for v in value)
    if dataclasses.is_dataclass(value):
        return sum(size_of(getattr(value, f.name)) for f in dataclasses.fields(value))
    return 0


def _feed(digest: Any, part: Any, tensors: TensorDigests) -> None:
    """Add one part, with its kind, so that ``("1",)`` and ``(1,)`` differ."""
    digest.update(type(part).__name__.encode() + b"\0")
    if isinstance(part, Tensor):
        digest.update(tensors.digest(part))
    elif isinstance(part, (str, int, float, bool, type(None))):
        digest.update(repr(part).encode() + b"\0")
    elif isinstance(part, Mapping):
        _feed(digest, sorted(part.items()), tensors)
    elif isinstance(part, (tuple, list)):
        digest.update(str(len(part)).encode() + b"\0")
        for inner in part:
            _feed(digest, inner, tensors)
    elif dataclasses.is_dataclass(part):
        compared = [field.name for field in dataclasses.fields(part) if field.compare]
        _feed(digest, [(name, getattr(part, name)) for name in compared], tensors)
    else:
        raise TypeError(f"{type(part).__name__} has no fingerprint")


def _tensor_digest(tensor: Tensor) -> bytes:
    # sha256, because processors have instructions for it: less than half the time of BLAKE2 there.
    digest = hashlib.sha256(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    plain = tensor.detach().cpu().contiguous()
    digest.update(plain.flatten().view(torch.uint8).numpy().data)
    return digest.digest()
