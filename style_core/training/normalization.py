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
        assert conv.bias is not None  # every convolution of an Encoder has one
        mean = features[name].mean((0, 2, 3))
        dead[name] = int((mean < DEAD).sum())
        following = torch.where(mean < DEAD, 1.0, mean)
        conv.weight.mul_(scale[None, :, None, None]).div_(following[:, None, None, None])
        conv.bias.div_(following)
        scale = following
    return dead


@torch.no_grad()
def prune_dead_channels(encoder: Encoder, images: Tensor, *, multiple: int = 16) -> Encoder:
    """A copy without the channels that are silent on ``images``; the features that speak are the same.

    A few silent channels stay where they fill a layer up to a ``multiple``, the block size of the
    convolution libraries: they cost nothing there and an odd width would.
    """
    features = encoder(images, encoder.layers)
    state, kept = dict(encoder.state_dict()), torch.arange(3)
    for name in encoder.layers:
        mean = features[name].mean((0, 2, 3))
        alive = int((mean >= DEAD).sum())
        count = min(len(mean), -(-alive // multiple) * multiple)
        chosen = mean.argsort(descending=True)[:count].sort().values
        state[f"{name}.weight"] = state[f"{name}.weight"][chosen][:, kept]
        state[f"{name}.bias"] = state[f"{name}.bias"][chosen]
        kept = chosen
    return Encoder.from_state(state, pool=encoder.pool)
