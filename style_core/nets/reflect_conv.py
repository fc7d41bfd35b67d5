"""A 3x3 convolution with reflection padding, without copying the whole map to pad it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMALL = 96 * 96  # positions below which padding a copy is cheaper than four extra convolutions
STRIP = 1 << 20  # numbers of a strip of rows, which stay in the processor's cache


def reflect_conv(x: Tensor, conv: nn.Conv2d, *, relu: bool = False) -> Tensor:
    """``conv(reflect_pad(x, 1))``, optionally rectified, in the precision of the weights.

    Args:
        x: ``[N, C, H, W]``, H and W at least 2.
        conv: a 3x3 convolution without padding of its own.
        relu: rectify the result.

    Returns:
        ``[N, D, H, W]``, dtype of the weights.
    """
    y = reflect_conv_weights(x, conv.weight, conv.bias)
    return F.relu(y, inplace=True) if relu else y


def reflect_conv_weights(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """:func:`reflect_conv` from bare tensors: weight ``[D, C, 3, 3]``, bias ``[D]``."""
    x = x.to(weight.dtype)
    # Where gradients are wanted, undoing four overwritten strips costs more than the padded copy.
    if x.shape[-2] * x.shape[-1] < SMALL or x.requires_grad:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)
    # Zero padding inside the convolution, then the four border lines again from thin padded strips.
    y = F.conv2d(x, weight, bias, padding=1)
    strips = (
        (x[..., :2, :], (1, 1, 1, 0), (..., slice(0, 1), slice(None))),
        (x[..., -2:, :], (1, 1, 0, 1), (..., slice(-1, None), slice(None))),
        (x[..., :, :2], (1, 0, 1, 1), (..., slice(None), slice(0, 1))),
        (x[..., :, -2:], (0, 1, 1, 1), (..., slice(None), slice(-1, None))),
    )
    for strip, padding, place in strips:
        y[place] = F.conv2d(F.pad(strip, padding, mode="reflect"), weight, bias)
    return y


def reflect_conv_of_difference(x: Tensor, y: Tensor, share: float, conv: nn.Conv2d) -> Tensor:
    """``reflect_conv(x - share * y, conv)`` without its bias, in float32; the difference is never whole.

    Args:
        x, y: ``[N, C, H, W]``, H and W at least 2, any floating dtype.
        share: of ``y``.
        conv: a 3x3 convolution without padding of its own.

    Returns:
        ``[N, D, H, W]`` float32.
    """
    n, channels, height, width = x.shape
    weight = conv.weight.float()
    rows = max(1, STRIP // (n * channels * width))
    found = []
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        seen = slice(max(0, top - 1), bottom + 1)
        change = torch.sub(x[..., seen, :].float(), y[..., seen, :].float(), alpha=share)
        around = (1, 1, int(top == 0), int(bottom == height))
        found.append(F.conv2d(F.pad(change, around, mode="reflect"), weight))
    return torch.cat(found, -2)
