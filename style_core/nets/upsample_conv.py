"""Nearest up-sampling by two and a 3x3 convolution, as four 2x2 convolutions at the small size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Rows (or columns) of a 3x3 kernel that fall on the first and the second of two small pixels, for
# an output at an even and at an odd position.
_SPLITS = (((0,), (1, 2)), ((0, 1), (2,)))


def nearest_conv(x: Tensor, conv: nn.Conv2d, *, relu: bool = False) -> Tensor:
    """``conv(reflect_pad(upsample(x)))`` with nearest up-sampling by two, without the large map.

    The nine weights meet only four different pixels, so each of the four output phases is a 2x2
    convolution: 16 instead of 36 multiplications per small pixel and channel. Replicating the small
    border is the same as reflecting the large one.

    Args:
        x: ``[N, C, h, w]``.
        conv: a 3x3 convolution without padding of its own.
        relu: rectify the result.

    Returns:
        ``[N, D, 2h, 2w]``, dtype of the weights.
    """
    padded = F.pad(x.to(conv.weight.dtype), (1, 1, 1, 1), mode="replicate")
    h, w = x.shape[-2:]
    phases = {
        place: F.conv2d(
            padded[..., place[0] : place[0] + h + 1, place[1] : place[1] + w + 1],
            phase_kernel(conv.weight, *place), conv.bias,
        )
        for place in ((0, 0), (0, 1), (1, 0), (1, 1))
    }  # fmt: skip
    first = phases[0, 0]
    out = first.new_empty(x.shape[0], conv.out_channels, 2 * h, 2 * w)
    out = out.contiguous(memory_format=torch.channels_last)
    for (row, column), phase in phases.items():
        out[..., row::2, column::2] = phase
    return F.relu_(out) if relu else out


def phase_kernel(weight: Tensor, row: int, column: int) -> Tensor:
    """``[D, C, 3, 3]`` as the ``[D, C, 2, 2]`` kernel of one output phase."""
    rows = [weight[:, :, list(taps)].sum(2) for taps in _SPLITS[row]]  # [D, C, 3] each
    cells = [[line[:, :, list(taps)].sum(2) for taps in _SPLITS[column]] for line in rows]
    kernel = torch.stack([torch.stack(line, -1) for line in cells], -2)
    return kernel.contiguous(memory_format=torch.channels_last)
