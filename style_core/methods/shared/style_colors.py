"""A painting's colors on the way to the style's, once it is solved.

Departure from Gatys et al., whose loss hardly says how often each color occurs: between a content's many
colors and a painting's few it comes to rest halfway.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...images import ImageTensor
from ...method import Inputs
from ...ops.color_distribution import distribution_table, recolored_by
from ...regions import EVERYTHING, Labels, Regions

FEWEST = 256  # pixels of a region that say something of its colors


def nearer_to_styles_colors(image: ImageTensor, inputs: Inputs, *, strength: float) -> ImageTensor:
    """A result in colors distributed more like the styles': region by region, or mixed by their weights.

    Args:
        image: ``[1, 3, H, W]``, in the content's size.
        strength: 0 changes nothing, 1 takes the styles' distribution.

    Returns:
        ``[1, 3, H, W]`` float32, in [0, 1]: what was beyond would be clipped, and is moved from the limit.
    """
    if strength == 0:
        return image
    image = image.clamp(0, 1)
    labels = None if inputs.content_labels is None else inputs.content_labels.at(*_size(image))
    tables = _tables(_colors(image), labels, inputs)
    membership = Regions.of(labels, inputs.content).membership
    if membership is None:
        return recolored_by(strength * tables[EVERYTHING], image).clamp(0, 1)
    out = torch.zeros_like(image)
    for label, share in zip(membership.labels, membership.shares, strict=True):
        out += share * recolored_by(strength * tables.get(label, tables[EVERYTHING]), image)
    return out.clamp(0, 1)


def _tables(colors: Tensor, labels: Labels | None, inputs: Inputs) -> dict[int, Tensor]:
    """The change of colors of everything, and of every region; of a small one that of its whole style."""
    styles = [(style, _colors(style.pixels)) for style in inputs.styles]
    tables = {
        EVERYTHING: torch.stack([s.weight * distribution_table(colors, own) for s, own in styles]).sum(0)
    }
    if labels is None:
        return tables
    for label in labels.present:
        here = colors[labels.map.flatten() == label]
        for style, own in styles:  # each region has one style
            if label == EVERYTHING or style.labels is None or not style.serves(label):
                continue
            there = own[style.labels.at(*_size(style.pixels)).map.flatten() == label]
            is_large = min(len(here), len(there)) >= FEWEST
            tables[label] = distribution_table(*((here, there) if is_large else (colors, own)))
            break
    return tables


def _colors(image: ImageTensor) -> Tensor:
    """``[H * W, 3]``."""
    return image[0].flatten(1).T


def _size(image: ImageTensor) -> tuple[int, int]:
    return image.shape[-2], image.shape[-1]
