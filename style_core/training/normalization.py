"""Scale every channel to mean activation 1, as the normalised VGG-19 of Gatys et al. has it.

ReLU, max, average and Haar pooling all commute with positive scales, so a channel's scale can be
folded into the layer that makes it and taken out of the layer that reads it; nothing else changes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..nets.encoder import Encoder

DEAD = 1e-4  # mean activation below which a channel is left as it is


@torch.no_grad()
def normalize_activations(encoder: Encoder, images: Tensor) -> dict[str, int]:
    """Rescale in place, measured on ``images`` ``[N, 3, H, W]``; returns dead channels per layer."""
    dead = {}
    features = encoder(images, encoder.layers)
    scale = torch.ones(3)
    for name in encoder.layers:
        conv: nn.Conv2d = getattr(encoder, name)
        mean = features[name].mean((0, 2, 3))
        dead[name] = int((mean < DEAD).sum())
        following = torch.where(mean < DEAD, 1.0, mean)
        conv.weight.mul_(scale[None, :, None, None]).div_(following[:, None, None, None])
        conv.bias.div_(following)
        scale = following
    return dead
