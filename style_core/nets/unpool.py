"""Max pooling that remembers where its maxima were, and the unpooling that puts them back there.

Li et al., ECCV 2018, section 3.1: unpooling with the content's positions keeps edges where nearest
up-sampling blurs them. Positions are one byte in a 2x2 block, an eighth of what indices into the map take.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Maxima:
    """Where a 2x2 max pooling found its maxima.

    Attributes:
        offsets: ``[N, C, ceil(H/2), ceil(W/2)]`` uint8, 0 … 3, row by row in the block.
        size: ``(H, W)`` of the map that was pooled.
    """

    offsets: Tensor
    size: tuple[int, int]


def max_pool(x: Tensor) -> tuple[Tensor, Maxima]:
    """2x2 max pooling with positions; an odd last row or column is pooled on its own (ceil mode).

    Departure: the released PhotoWCT rounds down, so that an odd last row is lost in pooling and
    zero after unpooling, which shows as a dark line.

    Args:
        x: ``[N, C, H, W]``.

    Returns:
        ``[N, C, ceil(H/2), ceil(W/2)]`` and the positions; the first of equal values counts.
    """
    h, w = x.shape[-2:]
    if h % 2 or w % 2:
        x = F.pad(x, (0, w % 2, 0, h % 2), value=float("-inf"))
    a, b, c, d = x[..., 0::2, 0::2], x[..., 0::2, 1::2], x[..., 1::2, 0::2], x[..., 1::2, 1::2]
    top, bottom = torch.maximum(a, b), torch.maximum(c, d)
    offsets = torch.where(bottom > top, (d > c).byte() + 2, (b > a).byte())
    return torch.maximum(top, bottom), Maxima(offsets, (h, w))


def max_unpool(x: Tensor, maxima: Maxima) -> Tensor:
    """Put every value where the maximum of its block was, zeros elsewhere.

    Args:
        x: ``[N, C, ceil(H/2), ceil(W/2)]``.
        maxima: from :func:`max_pool` of a map ``[N, C, H, W]``.

    Returns:
        ``[N, C, H, W]``.
    """
    n, channels, h, w = x.shape
    is_last = x.is_contiguous(memory_format=torch.channels_last)
    form = torch.channels_last if is_last else torch.contiguous_format
    out = torch.empty(n, channels, 2 * h, 2 * w, dtype=x.dtype, device=x.device, memory_format=form)
    for offset in range(4):
        kept, places = maxima.offsets == offset, out[..., offset // 2 :: 2, offset % 2 :: 2]
        if x.requires_grad:
            places.copy_(x * kept)
        else:  # half as long
            torch.mul(x, kept, out=places)
    return out[..., : maxima.size[0], : maxima.size[1]]
