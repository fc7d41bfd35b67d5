"""The contract between a method and the rest: what it is, what it gets, what it may ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from .images import ImageTensor, SizeRule
from .nets.encoder import Encoder, StateDict
from .options import Options
from .segments import LabelMap

ANY_SIZE = SizeRule()
O = TypeVar("O", bound=Options)  # noqa: E741


@dataclass(frozen=True)
class Paper:
    """Where a method was published; ``arxiv`` is the identifier."""

    title: str
    authors: str
    venue: str
    year: int
    arxiv: str


@dataclass(frozen=True)
class Network:
    """A network a method needs besides the encoder: ``<family>/<name>.safetensors`` and its builder."""

    name: str
    build: Callable[[StateDict], nn.Module] = field(compare=False)


@dataclass(frozen=True)
class Inputs:
    """Two pictures padded to the method's size rule and, if there are masks, their label maps.

    Attributes:
        content, style: ``[1, 3, H, W]``, float32, RGB in [0, 1], on the runtime's device.
        content_labels, style_labels: ``[H, W]`` int64 of the same sizes, numbers shared between
            the sides; 0 stands for "everything", used where a label has no partner. Both or none.
    """

    content: ImageTensor
    style: ImageTensor
    content_labels: LabelMap | None = None
    style_labels: LabelMap | None = None


class Runtime(Protocol):
    """What a method may reach for."""

    @property
    def device(self) -> torch.device:
        """Where tensors and networks are."""

    @property
    def generator(self) -> torch.Generator:
        """Seeded randomness, on the CPU so that every device draws the same numbers."""

    def encoder(self, *, last: str = "relu5_1", pool: str = "max", fast: bool = False) -> Encoder:
        """The family's VGG encoder, cut after layer ``last``; ``fast`` in bfloat16 where that helps."""

    def load(self, network: Network, *, fast: bool = False) -> nn.Module:
        """A network of the family."""

    def need_memory(self, size: int) -> None:
        """Refuse with :class:`~style_core.errors.OutOfMemory` if ``size`` bytes are not free."""

    def progress(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        """Report; may raise :class:`~style_core.errors.Cancelled`."""

    def note(self, sentence: str) -> None:
        """Tell the user what was changed or could not be done."""


Run = Callable[[Inputs, O, Runtime], Tensor]


@dataclass(frozen=True)
class Method:
    """A registered method; ``key`` is its module's name."""

    key: str
    title: str
    summary: str
    paper: Paper
    options: type[Options]
    run: Run
    size_rule: SizeRule = ANY_SIZE
    uses_segments: bool = False
    photorealistic: bool = False


_REGISTRY: dict[str, Method] = {}


def method(
    *,
    title: str,
    paper: Paper,
    options: type[Options],
    size_rule: SizeRule = ANY_SIZE,
    uses_segments: bool = False,
    photorealistic: bool = False,
) -> Callable[[Run], Run]:
    """Register the decorated function as the method of its module.

    The first sentence of the module's docstring becomes the summary.

    Raises:
        TypeError: a second method in one module, or a module without docstring.
    """

    def register(run: Run) -> Run:
        key = run.__module__.rpartition(".")[2]
        if key in _REGISTRY:
            raise TypeError(f"{run.__module__} registers a second method under the key {key!r}")
        summary = (sys.modules[run.__module__].__doc__ or "").strip().split("\n")[0]
        if not summary:
            raise TypeError(f"{run.__module__} needs a docstring that says what the method does")
        _REGISTRY[key] = Method(
            key, title, summary, paper, options, run, size_rule, uses_segments, photorealistic
        )
        return run

    return register


def registry() -> Mapping[str, Method]:
    """The registered methods by key, in order of the paper's year, then key."""
    ordered = sorted(_REGISTRY.values(), key=lambda m: (m.paper.year, m.key))
    return {m.key: m for m in ordered}
