"""How far networks see: the stride of their layers, and the pixels around one that it depends on."""

from __future__ import annotations

from itertools import pairwise

from .encoder import LAYERS, layer_of

LEVELS = (1, 2, 3, 4, 5)


def stride_of(layer: str) -> int:
    """Pixels from one position of a layer (``conv3_1`` or ``relu3_1``) to the next."""
    return 2 ** (int(layer_of(layer)[len("conv")]) - 1)


def encoder_reach(last: str) -> int:
    """Pixels to each side that a position of layer ``last`` sees.

    A 3x3 convolution sees one position to each side, a 2x2 pooling one to one side.
    """
    layers = LAYERS[: LAYERS.index(layer_of(last)) + 1]
    poolings = sum(stride_of(a) for a, b in pairwise(layers) if stride_of(a) < stride_of(b))
    return sum(map(stride_of, layers)) + poolings


def mirror_halo(level: int, *, is_bilinear: bool = False) -> int:
    """Pixels to each side that a pixel depends on, through the encoder to relu ``level``_1 and its mirror.

    Bilinear up-sampling sees one fine position more than nearest.
    """
    return 2 * encoder_reach(f"relu{level}_1") + (2 ** (level - 1) - 1 if is_bilinear else 0)
