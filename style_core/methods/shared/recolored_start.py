"""Where optimizing begins: the content in the styles' colors.

Departure from Gatys et al. and Luan et al., who begin with noise. The loss says little about the color and
brightness of even areas, which would keep those of the start for hundreds of steps.
"""

from __future__ import annotations

import torch

from ...images import ImageTensor
from ...method import Inputs
from ...ops.whitening import AffineMap, optimal_transport
from ...regions import Regions, apply_maps, region_moments

NOISE_FLOOR = 0.01  # share of the colors' variance that is not amplified


def recolored(inputs: Inputs, *, strength: float) -> ImageTensor:
    """The content with the styles' mean colors and covariances: region by region, or mixed by their weights.

    Args:
        strength: 0 leaves the content's colors, 1 takes the styles'.

    Returns:
        ``[1, 3, H, W]``, float32, in [0, 1].
    """
    content = region_moments(inputs.content, inputs.content_labels).measurable
    found: list[tuple[float, dict[int, AffineMap]]] = []
    for style in inputs.styles:
        own = region_moments(style.pixels, style.labels).measurable
        maps = {
            label: optimal_transport(content[label], own[label], noise_floor=NOISE_FLOOR, strength=strength)
            for label in content.keys() & own.keys()
        }
        found.append((style.weight, maps))
    if inputs.content_labels is not None:  # each region has one style
        joint: dict[int, AffineMap] = {}
        for _, maps in reversed(found):
            joint |= maps
        found = [(1.0, joint)]
    membership = Regions.of(inputs.content_labels, inputs.content).membership
    if membership is not None:
        membership = membership.at(inputs.content.shape[-2], inputs.content.shape[-1])
    made = [share * apply_maps(inputs.content, maps, membership) for share, maps in found]
    return torch.stack(made).sum(0).clamp(0, 1).contiguous()
