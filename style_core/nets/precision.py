"""Networks in bfloat16 where that is faster, with the layers that touch pixels left in float32."""

from __future__ import annotations

import torch
from torch import nn

# Pixels have 256 steps and bfloat16 as many between 0.5 and 1: at these layers it would be seen.
PIXEL_LAYERS = ("conv0", "conv1_1")


def reduce_precision(network: nn.Module) -> nn.Module:
    """Convert every convolution but those at the pixels to bfloat16, in place.

    A layer computes in the precision of its weights (see nets/reflect_conv.py), so nothing else
    needs to know.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and name.rpartition(".")[2] not in PIXEL_LAYERS:
            module.to(torch.bfloat16)
    return network
