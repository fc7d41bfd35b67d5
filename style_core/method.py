"""The contract between a method and the rest: what it is, what it gets, what it may ask for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from .images import ImageTensor, Samples, SizeRule
from .nets.encoder import Encoder, StateDict
from .options import Options
from .regions import EVERYTHING, Labels
from .transfer import Transfer

ANY_SIZE = SizeRule()
SMALL_REGION_NOTE = (
    "A region is too small to be measured at every level of the network; where it is, the statistics of "
    "the whole pictures are used for it."
)
O = TypeVar("O", bound=Options)  # noqa: E741
V = TypeVar("V")


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
class StyleInput:
    """One style picture.

    Attributes:
        pixels: ``[1, 3, h, w]``, float32, RGB in [0, 1].
        labels: of its regions, or ``None``.
        weight: its share where styles are mixed; the shares of all styles sum to one.
    """

    pixels: ImageTensor
    labels: Labels | None = None
    weight: float = 1.0

    def serves(self, label: int) -> bool:
        """Whether a region of the content takes this style: for "everything" any style counts as a whole."""
        return label == EVERYTHING or (self.labels is not None and label in self.labels)


@dataclass(frozen=True)
class Inputs:
    """The pictures, padded to the method's size rule, on the runtime's device.

    Attributes:
        content: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        styles: at least one; exactly one unless the method says that it mixes styles.
        content_labels: numbers shared with the styles' labels; 0 stands for "everything", used where a
            label has no partner. ``None`` exactly if the styles' are.
        is_noise: no content was given, and ``content`` is seeded noise to make a texture of.
        is_sketch: what is made of it will be refined up to a larger content's size.
        begun: ``[1, 3, H, W]``, float32, in [0, 1]: what optimizing goes on from, or ``None``.
    """

    content: ImageTensor
    styles: tuple[StyleInput, ...]
    content_labels: Labels | None = None
    is_noise: bool = False
    is_sketch: bool = False
    begun: ImageTensor | None = None

    @property
    def style(self) -> ImageTensor:
        """The first (mostly the only) style's pixels."""
        return self.styles[0].pixels

    @property
    def style_labels(self) -> Labels | None:
        """The first style's labels."""
        return self.styles[0].labels


@dataclass(frozen=True)
class Sketch:
    """What a method painted of a large content at the working size, and what is to become of it.

    Attributes:
        painted: ``[1, 3, h, w]``, float32, RGB in [0, 1], on the CPU.
        small: the content as it was painted, alike.
        content: the content itself, ``[1, 3, H, W]`` of any depth, on the CPU.
        labels: of the content itself, or ``None``.
        depth: of the result's samples, see images.py.
        is_noise: the content is noise to make a texture of.
    """

    painted: ImageTensor
    small: ImageTensor
    content: Samples
    labels: Labels | None
    depth: torch.dtype
    is_noise: bool = False


@dataclass(frozen=True)
class LossPoint:
    """A loss that was seen on the way: ``seconds`` since the first, size in pixels, step at that size."""

    seconds: float
    width: int
    height: int
    step: int
    loss: float


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

    def remember(self, *parts: Any, compute: Callable[[], V], owner: str | None = None) -> V:
        """What ``compute`` gives, kept for the next request with equal ``parts`` (tensors by content).

        The parts name the step and hold everything the value depends on besides the networks, whose
        files are compared, and the method, unless another ``owner`` shares the value between methods.
        Nobody may change the value afterwards. Notes made on the way are made again; what is said by
        :meth:`used` is not.
        """

    def need_memory(self, size: int) -> None:
        """Reserve ``size`` bytes until the request ends, waiting for other jobs that hold them.

        Raises:
            OutOfMemory: so much would not be free without them either.
        """

    def tile_memory(self) -> int:
        """Bytes that the maps of one tile may take: the budget, and no more than half of what is free."""

    def available_memory(self) -> int | None:
        """Bytes that are free on the device, or ``None`` where the system does not say."""

    def give_memory_back(self) -> None:
        """Give the system what was freed, of which the C library keeps much for allocations to come."""

    def progress(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        """Report; may raise :class:`~style_core.errors.Cancelled`."""

    def used(self, **values: Any) -> None:
        """Put into the result's settings what took effect where that is not what was asked for."""

    def log_loss(self, point: LossPoint) -> None:
        """Add to the result's loss curve."""

    def note(self, sentence: str) -> None:
        """Tell the user what was changed or could not be done."""


Stylize = Callable[[Inputs, O, Runtime], Tensor]
Refine = Callable[[Sketch, tuple[StyleInput, ...], O, Runtime], Samples]
PrepareTransfer = Callable[[Inputs, O, Runtime], Transfer]


@dataclass(frozen=True, kw_only=True)
class About:
    """What a method's file says of it.

    Attributes:
        uses_segments: whether masks change what it does.
        photorealistic: whether the style is a photo too.
        mixes_styles: whether it takes several style pictures.
        makes_textures: whether it can do without a content picture.
        optimizes: whether it changes a picture step by step, and so may go on from a given one.
        encoder: which encoder of a family it measures in: "shared" with the decoders, or "imagenet",
            the one trained on ImageNet without rescaling, where the family has both.
        stride: px from one position of its deepest features to the next.
        halo: px to each side that a pixel, or a position whose Gram matrix is matched, depends on.
        prepare: gives the :class:`Transfer` of one that matches feature statistics.
        refine: carries what was painted at the working size up to a larger content's own size; gives
            ``[1, 3, H, W]`` on the CPU. Without it a method has no working size, or carries a look.
    """

    title: str
    paper: Paper
    options: type[Options]
    stride: int
    halo: int
    size_rule: SizeRule = ANY_SIZE
    uses_segments: bool = False
    photorealistic: bool = False
    mixes_styles: bool = False
    makes_textures: bool = False
    optimizes: bool = False
    encoder: str = "shared"
    prepare: PrepareTransfer[Any] | None = field(default=None, repr=False)
    refine: Refine[Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Method(About):
    """A registered method.

    Attributes:
        key: its module's name.
        summary: the first sentence of its module's docstring.
        stylize: the function that was decorated.
    """

    key: str
    summary: str
    stylize: Stylize[Any] = field(repr=False)


_REGISTRY: dict[str, Method] = {}


def method(about: About) -> Callable[[Stylize[Any]], Stylize[Any]]:
    """Register the decorated function as the method of its module.

    Raises:
        TypeError: a second method in one module, or a module without docstring.
    """

    def register(stylize: Stylize[Any]) -> Stylize[Any]:
        key = stylize.__module__.rpartition(".")[2]
        if key in _REGISTRY:
            raise TypeError(f"{stylize.__module__} registers a second method under the key {key!r}")
        summary = (sys.modules[stylize.__module__].__doc__ or "").strip().split("\n")[0]
        if not summary:
            raise TypeError(f"{stylize.__module__} needs a docstring that says what the method does")
        _REGISTRY[key] = Method(**vars(about), key=key, summary=summary, stylize=stylize)
        return stylize

    return register


def registry() -> Mapping[str, Method]:
    """The registered methods by key, in order of the paper's year, then key."""
    ordered = sorted(_REGISTRY.values(), key=lambda m: (m.paper.year, m.key))
    return {m.key: m for m in ordered}
