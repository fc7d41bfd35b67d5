"""Painting in the content's own colors.

Gatys, Bethge, Hertzmann, Shechtman, Preserving Color in Neural Artistic Style Transfer, 2016.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .moments import moments
from .whitening import whitening_coloring

# RGB to YIQ (NTSC); the first row is luminance.
YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))


def match_color(style: Tensor, content: Tensor) -> Tensor:
    """The style picture with the content's mean color and color covariance (section 3.1, equation 4).

    Args:
        style: ``[1, 3, h, w]``, RGB in [0, 1].
        content: ``[1, 3, H, W]``, RGB in [0, 1].

    Returns:
        ``[1, 3, h, w]`` in [0, 1].
    """
    recolor = whitening_coloring(moments(style), moments(content))
    matrix, bias = recolor.matrix.to(style), recolor.bias.to(style)
    return (torch.einsum("dc,nchw->ndhw", matrix, style) + bias[:, None, None]).clamp(0, 1)


def luminance(image: Tensor) -> Tensor:
    """``[1, 3, H, W]`` RGB to the gray picture of its luminance, three equal channels."""
    weights = image.new_tensor(YIQ[0])
    return torch.einsum("c,nchw->nhw", weights, image)[:, None].expand(-1, 3, -1, -1).contiguous()


def match_luminance(style: Tensor, content: Tensor) -> Tensor:
    """The style's luminance with the content's mean and deviation (section 3.2, equation 10).

    Args:
        style: ``[1, 3, h, w]``, RGB in [0, 1].
        content: ``[1, 3, H, W]``, RGB in [0, 1].

    Returns:
        ``[1, 3, h, w]`` gray in [0, 1].
    """
    own, wanted = luminance(style), luminance(content)
    deviation = own.std().clamp_min(1e-6)
    return ((own - own.mean()) * (wanted.std() / deviation) + wanted.mean()).clamp(0, 1)


def with_luminance(content: Tensor, result: Tensor) -> Tensor:
    """The content's colors (I and Q) under the result's luminance; ``[1, 3, H, W]`` each, clamped."""
    return (content + luminance(result) - luminance(content)).clamp(0, 1)
