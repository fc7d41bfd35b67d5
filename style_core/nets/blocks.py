"""A 3x3 convolution over a map that is made of 2x2 blocks, computed on the blocks.

What up-sampling or unpooling makes of a coarse map is known up to a few numbers per block: one if it repeats
them, four in general. A 3x3 kernel over the fine map meets 2x2 blocks for each of a block's four pixels, so
one 2x2 convolution at the coarse size gives all four: fewer multiplications, and the fine map is never made.
Replicating the coarse border is the same as reflecting the fine one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (row, column) in a block; also the order of the phases


def corners(x: Tensor) -> tuple[Tensor, ...]:
    """The four pixels of every 2x2 block: views ``[N, C, H/2, W/2]`` of ``[N, C, H, W]``, row by row."""
    return tuple(x[..., row::2, column::2] for row, column in CORNERS)


def corner_kernels(weight: Tensor) -> Tensor:
    """A 3x3 kernel over a fine map as 2x2 kernels over the corners of its blocks, per output phase.

    Args:
        weight: ``[D, C, 3, 3]``.

    Returns:
        ``[phase, D, corner, C, 2, 2]``, float32 or wider, so that kernels are added before they are rounded.
    """
    wide = weight.to(torch.promote_types(weight.dtype, torch.float32))
    found = _CornerKernels.apply(wide)
    assert isinstance(found, Tensor)
    return found


def _places() -> list[tuple[tuple[int, int], tuple[int, int, int, int]]]:
    """The taps of a 3x3 kernel, and the (phase, corner, row, column) of every place that one goes to."""
    places = []
    for phase, (row, column) in enumerate(CORNERS):
        for dy in range(3):
            for dx in range(3):
                y, x = row + dy - 1, column + dx - 1  # -1 … 2: fine offset from the block's first pixel
                corner = 2 * (y % 2) + x % 2
                places.append(((dy, dx), (phase, corner, y // 2 + 1 - row, x // 2 + 1 - column)))
    return places


PLACES = _places()


class _CornerKernels(torch.autograd.Function):
    """Taps to their places, and gradients back: autograd alone would copy all kernels for each of 36 taps."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        d, c = weight.shape[:2]
        kernels = weight.new_zeros(len(CORNERS), d, len(CORNERS), c, 2, 2)
        for (dy, dx), (phase, corner, y, x) in PLACES:
            kernels[phase, :, corner, :, y, x] = weight[:, :, dy, dx]
        return kernels

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        d, c = gradient.shape[1], gradient.shape[3]
        found = gradient.new_zeros(d, c, 3, 3)
        for (dy, dx), (phase, corner, y, x) in PLACES:
            found[:, :, dy, dx] += gradient[phase, :, corner, :, y, x]
        return found


def block_conv(planes: Sequence[Tensor], kernels: Tensor, bias: Tensor | None, *, relu: bool) -> Tensor:
    """The fine map of a convolution over coarse planes.

    Args:
        planes: ``[N, C, h, w]`` each.
        kernels: ``[phase, D, planes * C, 2, 2]``.
        bias: ``[D]``.
        relu: rectify the result.

    Returns:
        ``[N, D, 2h, 2w]``, channels last, dtype of the kernels.
    """
    n, _, h, w = planes[0].shape
    joint = kernels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    found = F.conv2d(
        _bordered(planes, kernels.dtype), joint, None if bias is None else bias.repeat(len(CORNERS))
    )
    width = kernels.shape[1]
    out = torch.empty(
        n, width, 2 * h, 2 * w, dtype=found.dtype, device=found.device, memory_format=torch.channels_last
    )
    for (row, column), phase in zip(CORNERS, found.split(width, 1), strict=True):
        part, places = phase[..., row : row + h, column : column + w], out[..., row::2, column::2]
        if relu and not part.requires_grad:
            torch.clamp_min(part, 0, out=places)  # rectified on its way
        else:
            places.copy_(part.relu() if relu else part)
    return out


def _bordered(planes: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The planes one after the other with their border replicated: one copy, where cat and pad take two."""
    n, channels, h, w = planes[0].shape
    out = torch.empty(
        n, channels * len(planes), h + 2, w + 2, dtype=dtype, device=planes[0].device,
        memory_format=torch.channels_last,
    )  # fmt: skip
    for k, plane in enumerate(planes):
        out[:, k * channels : (k + 1) * channels, 1:-1, 1:-1] = plane
    for edge, beside in ((0, 1), (-1, -2)):
        out[..., edge, 1:-1] = out[..., beside, 1:-1]
    for edge, beside in ((0, 1), (-1, -2)):
        out[..., edge] = out[..., beside]
    return out
