"""Haar wavelet pooling and unpooling (Yoo et al., ICCV 2019, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .blocks import corners

# Rows LL, LH, HL, HH; columns the corners of a block, row by row. Orthonormal, its own transpose inverts it.
HAAR = 0.5 * torch.tensor([[1, 1, 1, 1], [-1, 1, -1, 1], [-1, -1, 1, 1], [1, -1, -1, 1]])


def haar_pool(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Split into the four half-size bands (LL, LH, HL, HH), orthonormal.

    With a 2x2 block ``[[a, b], [c, d]]``: LL = (a+b+c+d)/2 (twice the mean), LH = (b+d-a-c)/2
    (horizontal difference), HL = (c+d-a-b)/2 (vertical), HH = (a+d-b-c)/2.

    Args:
        x: ``[N, C, H, W]``, H and W even.

    Returns:
        four tensors ``[N, C, H/2, W/2]``.

    Raises:
        ValueError: H or W is odd.
    """
    _check_even(x)
    a, b, c, d = corners(x)
    left, right = a + c, b + d
    rising, falling = c - a, d - b
    return (
        (left + right) * 0.5,
        (right - left) * 0.5,
        (rising + falling) * 0.5,
        (falling - rising) * 0.5,
    )


def haar_low(x: Tensor) -> Tensor:
    """The LL band alone: ``[N, C, H, W]`` to ``[N, C, H/2, W/2]``, twice the 2x2 mean."""
    _check_even(x)
    return F.avg_pool2d(x, 2, divisor_override=2)


def haar_unpool(low: Tensor, lh: Tensor, hl: Tensor, hh: Tensor) -> Tensor:
    """Exact inverse of :func:`haar_pool`: four ``[N, C, h, w]`` to ``[N, C, 2h, 2w]``."""
    n, channels, h, w = low.shape
    out = low.new_empty(n, channels, 2 * h, 2 * w)
    out[..., 0::2, 0::2] = (low - lh - hl + hh) * 0.5
    out[..., 0::2, 1::2] = (low + lh - hl - hh) * 0.5
    out[..., 1::2, 0::2] = (low - lh + hl - hh) * 0.5
    out[..., 1::2, 1::2] = (low + lh + hl + hh) * 0.5
    return out


def _check_even(x: Tensor) -> None:
    if x.shape[-2] % 2 or x.shape[-1] % 2:
        raise ValueError(f"Haar pooling needs even sides, not {x.shape[-2]} x {x.shape[-1]}")
