"""Region masks carried through the network in step with its layers (Luan et al. 2017, released code)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch.nn.functional as F
from torch import Tensor

from ..ops.area_mean import area_mean


def carry_masks(
    masks: Tensor, layers: Sequence[str], wanted: Collection[str], *, pool_before: Collection[str]
) -> dict[str, Tensor]:
    """Soft masks at the positions of feature maps.

    A 3x3 average follows every convolution (zero padding, divided by 9 everywhere, so borders
    fade), area averaging every pooling: a mask value is the share of its region in what a
    feature vector has seen, roughly.

    Args:
        masks: ``[1, K, H, W]``, values in [0, 1].
        layers: all convolutions in order.
        wanted: those whose masks are returned.
        pool_before: the convolutions with a 2x2 pooling (odd sizes rounded down) before them.

    Returns:
        layer -> ``[K, h, w]``.
    """
    found = {}
    for layer in layers:
        if layer in pool_before:
            masks = area_mean(masks, masks.shape[-2] // 2, masks.shape[-1] // 2)
        masks = F.avg_pool2d(masks, 3, stride=1, padding=1)
        if layer in wanted:
            found[layer] = masks[0]
    return found
