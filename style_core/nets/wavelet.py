"""The wavelet decoder of WCT2 and the walk through encoder and decoder (Yoo et al. 2019, section 3.2).

Two variants: ``sum`` adds the four unpooled bands, ``cat5`` concatenates them and the encoder's
map from before the pooling. They also differ in where features may be transformed: ``sum`` after
the pooling of a level, ``cat5`` after the first convolution of a level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from .blocks import block_conv, corner_kernels, corners
from .encoder import LAYERS, POOL_BEFORE, Encoder, StateDict, load_strictly
from .haar import HAAR, haar_low, haar_pool, haar_unpool
from .pulse import PulsingModule
from .reflect_conv import reflect_conv

VARIANTS = ("cat5", "sum")
LAST_LAYER = "relu4_1"
LEVELS = (1, 2, 3, 4)
DECODER_LAYERS = LAYERS[LAYERS.index("conv4_1") :: -1]  # conv4_1, conv3_4, ... conv1_1
UNPOOL_BEFORE = {"conv3_4": 3, "conv2_2": 2, "conv1_2": 1}
Hook = Callable[[int, Tensor], Tensor]  # level, features -> features


@dataclass(frozen=True)
class Skip:
    """What the encoder keeps at a pooling.

    Attributes:
        original: the map before it, ``[1, C, 2h, 2w]``.
        changed: LH, HL and HH, ``[1, C, h, w]`` each, where they are no longer those of the original.
    """

    original: Tensor
    changed: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def bands(self) -> tuple[Tensor, Tensor, Tensor]:
        """LH, HL and HH."""
        return haar_pool(self.original)[1:] if self.changed is None else self.changed


def unchanged(level: int, features: Tensor) -> Tensor:
    """The hook that changes nothing."""
    return features


class WaveletDecoder(PulsingModule):
    """Mirror of the encoder from conv4_1, with Haar unpooling.

    Args:
        widths: encoder channels by layer, conv1_1 … conv4_1.
        variant: "cat5" or "sum".
    """

    def __init__(self, widths: dict[str, int], *, variant: str) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
        self.variant = variant
        inputs = {n: widths[LAYERS[LAYERS.index(n) - 1]] if n != "conv1_1" else 3 for n in DECODER_LAYERS}
        for name in DECODER_LAYERS:
            copies = 5 if variant == "cat5" and name in UNPOOL_BEFORE else 1
            self.add_module(name, nn.Conv2d(copies * widths[name], inputs[name], 3))

    @classmethod
    def from_state(cls, state: StateDict, *, variant: str) -> WaveletDecoder:
        """Build from canonical tensors; widths are read off them.

        Raises:
            ValueError: a tensor is missing or does not fit the variant.
        """
        try:
            outputs = {n: state[f"{n}.weight"].shape[0] for n in DECODER_LAYERS}
            widths = {"conv4_1": state["conv4_1.weight"].shape[1]}
        except KeyError as error:
            raise ValueError(f"weights do not fit: missing {error.args[0]}") from error
        for deep, shallow in pairwise(DECODER_LAYERS):
            widths[shallow] = outputs[deep]
        with torch.device("meta"):
            decoder = cls(widths, variant=variant)
        return load_strictly(decoder, state)

    def level(self, level: int, x: Tensor, skips: dict[int, Skip]) -> Tensor:
        """Decoder level 4, 3, 2 or 1: features of that level in, of the next shallower out.

        Level 1 gives RGB, not clamped.
        """
        for name in _LEVEL_LAYERS[level]:
            conv = getattr(self, name)
            if name not in UNPOOL_BEFORE:
                x = reflect_conv(x, conv, relu=name != "conv1_1")
            elif self.variant == "sum":
                skip = skips[UNPOOL_BEFORE[name]]
                x = reflect_conv(haar_unpool(x, *skip.bands), conv, relu=True)
            else:
                x = unpool_cat5_conv(x, skips[UNPOOL_BEFORE[name]], conv)
            self.beat(x)
        return x


_LEVEL_LAYERS = {
    4: ("conv4_1", "conv3_4", "conv3_3", "conv3_2"),
    3: ("conv3_1", "conv2_2"),
    2: ("conv2_1", "conv1_2"),
    1: ("conv1_1",),
}


def wavelet_encode(
    encoder: Encoder, image: Tensor, *, variant: str, hook: Hook = unchanged
) -> tuple[Tensor, dict[int, Skip]]:
    """Level-4 features and the skips of levels 1-3; ``hook`` sees, and may change, every level.

    Later levels and skips come from what the hook returned: progressive, in one pass.

    Args:
        encoder: cut at or after conv4_1.
        image: ``[1, 3, H, W]``, sides multiples of 8.
        variant: decides where the hook is called.
        hook: called with level 1 … 4 and ``[1, C, h, w]``.
    """
    skips: dict[int, Skip] = {}
    x = encoder.preprocess(image)
    for name in LAYERS[: LAYERS.index("conv4_1") + 1]:
        if name in POOL_BEFORE:
            level = int(name[4]) - 1
            skips[level] = Skip(x)
            x = haar_low(x)
            if variant == "sum":
                x = hook(level, x)
        x = encoder.step(name, x)
        if name == "conv4_1" or (variant == "cat5" and name.endswith("_1")):
            x = hook(int(name[4]), x)
    return x, skips


def wavelet_decode(
    decoder: WaveletDecoder, features: Tensor, skips: dict[int, Skip], *, hook: Hook = unchanged
) -> Tensor:
    """RGB ``[1, 3, H, W]``, not clamped; ``hook`` may change the input of levels 4 … 1."""
    for level in reversed(LEVELS):
        features = decoder.level(level, hook(level, features), skips)
    return features


def unpool_cat5(low: Tensor, skip: Skip) -> Tensor:
    """The concatenation LL', LH', HL', HH', original: ``[1, 5 C, 2h, 2w]``, as the paper draws it."""
    zero = torch.zeros_like(low)
    bands = (low, *skip.bands)
    unpooled = [haar_unpool(*(band if k == b else zero for k in range(4))) for b, band in enumerate(bands)]
    return torch.cat([*unpooled, skip.original], dim=1)


def unpool_cat5_conv(low: Tensor, skip: Skip, conv: nn.Conv2d) -> Tensor:
    """``relu(conv(cat(LL', LH', HL', HH', original)))`` without building the concatenation.

    All of it is made of 2x2 blocks (see nets/blocks.py): unpooled bands are constant on them up to sign, and
    bands that were not changed are themselves sums of the original's corners, so they are folded into its
    weights and never computed: 80 instead of 180 multiplications per coarse pixel and pair of channels.

    Args:
        low: ``[1, C, h, w]``.
        skip: bands of the same size, and the original ``[1, C, 2h, 2w]``.
        conv: 3x3, 5 C inputs in the order LL, LH, HL, HH, original.

    Returns:
        ``[1, D, 2h, 2w]``.
    """
    kernels = corner_kernels(conv.weight).unflatten(3, (5, -1))  # [phase, D, corner, 5, C, 2, 2]
    signs = HAAR.to(kernels)
    band_kernels = torch.einsum("bk,pdkbcyx->pdbcyx", signs, kernels[:, :, :, :4])
    own_kernels = kernels[:, :, :, 4]
    if skip.changed is None:
        own_kernels = own_kernels + torch.einsum("bk,pdbcyx->pdkcyx", signs[1:], band_kernels[:, :, 1:])
        band_kernels = band_kernels[:, :, :1]
    joint = torch.cat([band_kernels, own_kernels], 2).flatten(2, 3).to(conv.weight.dtype)
    planes = (low, *(skip.changed or ()), *corners(skip.original))
    return block_conv(planes, joint, conv.bias, relu=True)
