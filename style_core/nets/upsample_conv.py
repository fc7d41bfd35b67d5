"""Up-sampling by two, nearest or bilinear, and a 3x3 convolution, as one convolution at the small size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import block_conv, corner_kernels


def nearest_conv(x: Tensor, conv: nn.Conv2d, *, relu: bool = False) -> Tensor:
    """``conv(reflect_pad(upsample(x)))`` with nearest up-sampling by two, without the large map.

    The nine weights meet only four different pixels: 16 instead of 36 multiplications per small pixel
    and channel (see nets/blocks.py).

    Args:
        x: ``[N, C, h, w]``.
        conv: a 3x3 convolution without padding of its own.
        relu: rectify the result.

    Returns:
        ``[N, D, 2h, 2w]``, dtype of the weights.
    """
    kernels = corner_kernels(conv.weight).sum(2)  # the corners of a block are one pixel
    return block_conv([x], kernels.to(conv.weight.dtype), conv.bias, relu=relu)


def bilinear_conv(x: Tensor, conv: nn.Conv2d, blur: Tensor, *, relu: bool = False) -> Tensor:
    """Nearest up-sampling by two, ``blur`` both ways and a 3x3 convolution, without the large map.

    Blurred by (1, 2, 1) / 4 the up-sampling is bilinear: no steps between blocks that could become a lattice.
    One 3x3 convolution at the small size gives all four pixels of a block. The border is repeated.

    Args:
        x: ``[N, C, h, w]``.
        conv: a 3x3 convolution without padding of its own.
        blur: ``[3]``, sums to one.
        relu: rectify the result.

    Returns:
        ``[N, D, 2h, 2w]``, dtype of the weights.
    """
    weight = conv.weight
    wide = torch.promote_types(weight.dtype, torch.float32)
    spread = _spread(blur.to(wide))
    kernels = torch.einsum("rik,sjl,dckl->drscij", spread, spread, weight.to(wide)).flatten(0, 2)
    bordered = F.pad(x.to(weight.dtype), (1, 1, 1, 1), mode="replicate")
    bias = None if conv.bias is None else conv.bias.repeat_interleave(4)
    found = F.conv2d(bordered, kernels.to(weight.dtype).contiguous(memory_format=torch.channels_last), bias)
    if relu:
        found = F.relu(found, inplace=True)
    return F.pixel_shuffle(found, 2)


def _spread(blur: Tensor) -> Tensor:
    """``[phase, 3, 3]`` along one direction: what a tap (last) counts at a small pixel (before it)."""
    spread = blur.new_zeros(2, 3, 3)
    for phase in range(2):
        for tap in range(3):
            for k in range(3):
                spread[phase, (phase + tap + k - 2) // 2 + 1, tap] += blur[k]
    return spread
