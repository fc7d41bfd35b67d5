"""The VGG-19-shaped encoder conv1_1 ... conv5_1, with the layer names of the papers.

Reflection padding, 3x3 convolutions and 2x2 pooling as in Li et al. (NIPS 2017); widths are read
from the weights, so the compact and the full-size family are the same class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import corners
from .haar import haar_low
from .pulse import PulsingModule
from .reflect_conv import reflect_conv

LAYERS = (
    "conv1_1", "conv1_2",
    "conv2_1", "conv2_2",
    "conv3_1", "conv3_2", "conv3_3", "conv3_4",
    "conv4_1", "conv4_2", "conv4_3", "conv4_4",
    "conv5_1",
)  # fmt: skip
POOL_BEFORE = frozenset({"conv2_1", "conv3_1", "conv4_1", "conv5_1"})


def largest_of_blocks(x: Tensor) -> Tensor:
    """2x2 max pooling without torch's table of 8-byte indices: ``[N, C, H, W]`` to ``[N, C, H//2, W//2]``.

    Equal corners of a block share its gradient, where torch gives all to the first: in bfloat16 many are
    equal, and pixels of odd rows and columns would be moved less.
    """
    return _LargestOfBlocks.apply(x)


class _LargestOfBlocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The largest of rows, then of columns, which is quick in every memory format."""
        whole = _whole_blocks(x)
        rows = torch.maximum(whole[..., 0::2, :], whole[..., 1::2, :])
        found = torch.maximum(rows[..., 0::2], rows[..., 1::2])
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(x, found)
        return found

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        """To the largest corners, in the memory format of ``x``: what is below is slower in another one."""
        x, found = ctx.saved_tensors
        gradient = torch.zeros_like(x) if x.shape[-2] % 2 or x.shape[-1] % 2 else torch.empty_like(x)
        whole = _whole_blocks(gradient)
        for corner, value in zip(corners(whole), corners(_whole_blocks(x)), strict=True):
            torch.eq(value, found, out=corner)  # 1 where it is the largest, else 0
        share = outer / F.avg_pool2d(whole, 2, divisor_override=1)
        for corner in corners(whole):
            corner.mul_(share)
        return gradient


def _whole_blocks(x: Tensor) -> Tensor:
    """Without the last row and column of odd sides; a view."""
    return x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]


POOLINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "max": largest_of_blocks,
    "average": lambda x: torch.nn.functional.avg_pool2d(x, 2),
    "haar": haar_low,
}
PADDINGS = ("reflect", "zeros")
StateDict = Mapping[str, Tensor]
M = TypeVar("M", bound=nn.Module)


def layer_of(name: str) -> str:
    """The convolution whose rectified output ``name`` is: ``relu4_1`` gives ``conv4_1``."""
    return name.replace("relu", "conv")


class Encoder(PulsingModule):
    """VGG-19 up to any layer, returning rectified features by name.

    ``conv0`` (a 1x1 convolution holding the preprocessing of the Caffe networks) is optional:
    where it is absent, ``conv1_1`` reads RGB in [0, 1] directly.

    Args:
        widths: channels of each convolution by name, a prefix of :data:`LAYERS`.
        has_input_map: whether there is a ``conv0``.
        pool: "max" (WCT, PhotoWCT), "average" (Gatys) or "haar" (WCT2: the low band only).
        padding: "reflect" (the WCT family) or "zeros" (the network as it was trained on ImageNet).
    """

    def __init__(
        self, widths: Mapping[str, int], *, has_input_map: bool = False, pool: str = "max",
        padding: str = "reflect",
    ) -> None:  # fmt: skip
        super().__init__()
        if tuple(widths) != LAYERS[: len(widths)]:
            raise ValueError(f"layers must be a prefix of {LAYERS}, not {tuple(widths)}")
        if pool not in POOLINGS:
            raise ValueError(f"pool must be one of {', '.join(POOLINGS)}, not {pool!r}")
        self.layers = tuple(widths)
        if padding not in PADDINGS:
            raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, not {padding!r}")
        self.pool, self.padding = pool, padding
        self.conv0 = nn.Conv2d(3, 3, 1) if has_input_map else None
        channels = 3
        for name, width in widths.items():
            self.add_module(name, nn.Conv2d(channels, width, 3))
            channels = width

    @classmethod
    def from_state(
        cls, state: StateDict, *, last: str | None = None, pool: str = "max", padding: str = "reflect"
    ) -> Encoder:
        """Build from canonical tensors, cut after layer ``last`` (default: all that is there).

        Raises:
            ValueError: a tensor is missing, unexpected, or of a shape that does not fit.
        """
        names = [name for name in LAYERS if f"{name}.weight" in state]
        if last is not None:
            if layer_of(last) not in names:
                raise ValueError(f"these weights end at {names[-1] if names else 'nothing'}, before {last}")
            names = names[: names.index(layer_of(last)) + 1]
        if any(state[f"{name}.weight"].ndim != 4 for name in names):
            raise ValueError("weights do not fit: a kernel does not have four dimensions")
        widths = {name: state[f"{name}.weight"].shape[0] for name in names}
        kept = {k: v for k, v in state.items() if k.split(".")[0] in (*names, "conv0")}
        with torch.device("meta"):
            encoder = cls(widths, has_input_map="conv0.weight" in state, pool=pool, padding=padding)
        return load_strictly(encoder, kept)

    def width(self, name: str) -> int:
        """Channels of layer ``name``."""
        return int(getattr(self, name).out_channels)

    @property
    def number_bytes(self) -> int:
        """Bytes of each number of its deeper maps; it may compute those at the pixels more precisely."""
        return int(getattr(self, self.layers[-1]).weight.element_size())

    def step(self, name: str, x: Tensor) -> Tensor:
        """One convolution and ReLU, without the pooling before it: ``[1, C, h, w]`` both sides."""
        conv = getattr(self, name)
        if self.padding == "zeros":
            x = x.to(conv.weight.dtype)
            x = F.relu(F.conv2d(x, conv.weight, conv.bias, padding=1), inplace=True)
        else:
            x = reflect_conv(x, conv, relu=True)
        self.beat(x)
        return x

    def preprocess(self, image: Tensor) -> Tensor:
        """RGB in [0, 1] to what conv1_1 reads, ``[N, 3, H, W]`` both sides."""
        return image if self.conv0 is None else self.conv0(image)

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Rectified features at ``layers`` (``relu3_1`` or ``conv3_1``), stopping at the deepest.

        Args:
            image: ``[N, 3, H, W]``, float, RGB in [0, 1].
            layers: names of layers.

        Returns:
            name as given -> ``[N, C, h, w]``, values >= 0.

        Raises:
            ValueError: a layer is unknown to these weights.
        """
        wanted = {layer_of(name): name for name in layers}
        unknown = set(wanted) - set(self.layers)
        if unknown:
            raise ValueError(f"these weights have no layer {', '.join(sorted(unknown))}")
        found: dict[str, Tensor] = {}
        x = self.preprocess(image)
        for name in self.layers:
            if name in POOL_BEFORE:
                x = POOLINGS[self.pool](x)
            x = self.step(name, x)
            if name in wanted:
                found[wanted[name]] = x
            if len(found) == len(wanted):
                break
        return found


def load_strictly(module: M, state: StateDict) -> M:
    """Fill a module built on the ``meta`` device, in float32, frozen, every name accounted for.

    Raises:
        ValueError: names or shapes do not fit; the sentence lists them.
    """
    expected = {name: tuple(p.shape) for name, p in module.state_dict().items()}
    given = {name: tuple(t.shape) for name, t in state.items()}
    if expected != given:
        missing = sorted(expected.keys() - given.keys())
        extra = sorted(given.keys() - expected.keys())
        differ = sorted(n for n in expected.keys() & given.keys() if expected[n] != given[n])
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {extra}, wrong shape {differ}")
    module.load_state_dict({k: v.float().clone() for k, v in state.items()}, assign=True)
    return module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
