"""A 3x3 convolution with reflection padding, without copying the whole map to pad it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


def reflect_conv(x: Tensor, conv: nn.Conv2d, *, relu: bool = False) -> Tensor:
    """``conv(reflect_pad(x, 1))``, optionally rectified.

    Args:
        x: ``[N, C, H, W]``, H and W at least 2.
        conv: a 3x3 convolution without padding of its own.
        relu: rectify the result.

    Returns:
        ``[N, D, H, W]``.
    """
    y = conv(F.pad(x, (1, 1, 1, 1), mode="reflect"))
    return F.relu(y, inplace=True) if relu else y
