"""What a method may reach for during one request: networks, kept values, progress, notes, memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from .. import device as devices
from .. import memory, weights
from ..errors import EnoughDone, OutOfMemory
from ..images import ImageTensor
from ..method import LossPoint, Network
from ..nets.encoder import LAYERS, Encoder, layer_of
from ..nets.pulse import PulsingModule
from ..progress import Progress, Pulse
from ..reservations import Reservations

V = TypeVar("V")
NetworkName = tuple[str, str]  # a file's name, and how far an encoder reaches
MEMORY_WORDS = ("not enough memory", "out of memory", "can't allocate memory")  # how allocators say it
WAIT_SECONDS = 0.5  # between two looks whether other jobs have ended, and two reports
NON_COMMERCIAL = "-NC"  # in the names of Creative Commons licences


@dataclass(frozen=True)
class _Kept:
    """A remembered value, the notes made on the way, and the sha256 of every network it may depend on."""

    value: Any
    notes: tuple[str, ...]
    networks: Mapping[NetworkName, str]


@dataclass(eq=False)
class RequestRuntime:
    """What :class:`~style_core.method.Runtime` promises, for one request."""

    family: str
    weights_dir: Path | None
    device: torch.device
    generator: torch.Generator
    report: Progress
    encoder_kind: str = "shared"
    method: str = ""
    notes: list[str] = field(default_factory=list)
    effective: dict[str, Any] = field(default_factory=dict)  # what took effect other than asked for
    losses: list[LossPoint] = field(default_factory=list)
    _last_fraction: float = 0.0
    _is_enough: bool = False
    _hearing: list[list[str]] = field(default_factory=list)  # notes of the values being remembered
    _used: dict[NetworkName, str] = field(default_factory=dict)  # networks so far, with their sha256
    _tensors: memory.TensorDigests = field(default_factory=memory.TensorDigests)
    is_finished: bool = False
    _last: Pulse = field(default_factory=Pulse)

    @property
    def networks(self) -> dict[str, str]:
        """The sha256 of every network's file that was used, by its name."""
        return {name: digest for (name, _), digest in self._used.items()}

    def encoder(self, *, last: str = "relu5_1", pool: str = "max", fast: bool = False) -> Encoder:
        name = weights.encoder_name(self.family, self.encoder_kind)
        self._use(name, layer_of(last))
        encoder = weights.load_encoder(
            self.family, self.weights_dir, self.device, name=name, last=last, pool=pool, fast=fast,
            method=self.method, report=self._fetching,
        )  # fmt: skip
        return encoder.with_pulse(self._pulse)  # so that it can be stopped within it

    def load(self, network: Network, *, fast: bool = False) -> nn.Module:
        self._use(network.name)
        found = weights.load_network(
            self.family, network.name, self.weights_dir, self.device, network.build, fast=fast,
            report=self._fetching,
        )  # fmt: skip
        return found.with_pulse(self._pulse) if isinstance(found, PulsingModule) else found

    def _pulse(self) -> None:
        self._last.beat(self.progress)

    def _fetching(self, message: str) -> None:
        self.progress(self._last_fraction, message)

    def _use(self, name: str, last: str = LAYERS[-1]) -> None:
        """Note the network's sha256, before it is read, so that none is read that was not noted."""
        path = self._locate(name, last)
        self._used[name, last] = weights.verified_sha256(path, self.family)
        self._mention(path)

    def _locate(self, name: str, last: str) -> Path:
        return weights.locate(
            self.family, name, self.weights_dir, last=last, method=self.method, report=self._fetching
        )

    def _mention(self, path: Path) -> None:
        """A note when a folder was given and the file comes from elsewhere, or when its licence binds."""
        licence = weights.licence_of(path)
        if NON_COMMERCIAL in licence:
            self.note(f"{path.name} is under {licence}: the result is not for commercial use.")
        if self.weights_dir is not None and self.weights_dir not in path.parents:
            self.note(
                f"{path.name} is not in {str(self.weights_dir)!r}; the one in {str(path.parent)!r} is used."
            )

    def remember(self, *parts: Any, compute: Callable[[], V], owner: str | None = None) -> V:
        encoder = weights.encoder_name(self.family, self.encoder_kind)
        where = (self.family, encoder, weights.places(self.weights_dir), str(self.device))
        key = memory.fingerprint((self.method if owner is None else owner, where, parts), self._tensors)
        kept: _Kept | None = memory.recall(key)
        if kept is None or not self._are_the_same(kept.networks):
            kept = self._computed(compute)
            memory.keep(key, kept)
        self._used.update(kept.networks)
        for sentence in kept.notes:
            self.note(sentence)
        value: V = kept.value
        return value

    def _computed(self, compute: Callable[[], V]) -> _Kept:
        self._hearing.append([])
        try:
            value = compute()
        finally:
            heard = self._hearing.pop()
        # Some of these may have been read for something else; then a change only computes too often.
        return _Kept(value, tuple(heard), dict(self._used))

    def _are_the_same(self, networks: Mapping[NetworkName, str]) -> bool:
        """Whether reading these networks now would give the same ones."""
        return all(
            weights.verified_sha256(self._locate(name, last), self.family) == digest
            for (name, last), digest in networks.items()
        )

    def need_memory(self, size: int) -> None:
        promises = _reservations(self.device)
        while (room := promises.reserve(self, size)) is not None:
            # Two jobs that have some and wait for more would wait for each other.
            if size > room.alone or promises.holds(self):
                raise OutOfMemory(
                    f"This picture needs about {size / 1e9:.1f} GB of memory and {room.alone / 1e9:.1f} GB "
                    f"are free; choose a size with at most {room.alone / size:.0%} of its pixels."
                )
            self.progress(self._last_fraction, "Waiting for memory that other jobs use")
            promises.wait(WAIT_SECONDS)

    def __enter__(self) -> RequestRuntime:
        return self

    def __exit__(self, *_: object) -> None:
        """End what :meth:`need_memory` reserved, if anything."""
        _reservations(self.device).release(self)

    def tile_memory(self) -> int:
        return devices.tile_budget(self.device)

    def available_memory(self) -> int | None:
        self.give_memory_back()  # so that it counts as free
        return devices.available_memory(self.device)

    def give_memory_back(self) -> None:
        devices.give_memory_back()

    def progress(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        self._last_fraction = max(self._last_fraction, min(max(fraction, 0.0), 1.0))
        self._last.reported(self._last_fraction, message)
        try:
            self.report(self._last_fraction, message, preview)
        except EnoughDone:
            if self._is_enough or self.is_finished:  # the method is handing over what it has, or is done
                return
            self._is_enough = True
            raise

    @contextmanager
    def reporting(self, report: Progress) -> Iterator[None]:
        """Meanwhile reports go there."""
        before, self.report = self.report, report
        try:
            yield
        finally:
            self.report = before

    def used(self, **values: Any) -> None:
        self.effective.update(values)

    def log_loss(self, point: LossPoint) -> None:
        self.losses.append(point)

    def note(self, sentence: str) -> None:
        for heard in self._hearing:
            heard.append(sentence)
        if sentence not in self.notes:
            self.notes.append(sentence)


@cache
def _reservations(device: torch.device) -> Reservations:
    """What the jobs of this process were promised on a device."""
    return Reservations(lambda: devices.available_memory(device), lambda: devices.held_memory(device))


@contextmanager
def out_of_memory_as_a_sentence(device: torch.device) -> Iterator[None]:
    """Turn what allocators raise into :class:`OutOfMemory`; everything else passes."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        is_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not is_memory and not any(words in str(error) for words in MEMORY_WORDS):
            raise
        raise OutOfMemory(
            f"The {device.type} device has too little memory for this picture; choose a smaller size."
        ) from error
