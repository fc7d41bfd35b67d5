"""A result's colors on the way to the style's, once it is made.

Departure from all papers: Gatys et al.'s loss hardly says how often each color occurs, and between a
content's many colors and a painting's few it comes to rest halfway; decoders fade what WCT and photos match.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...images import ImageTensor
from ...method import Inputs
from ...ops.color_distribution import distribution_table, recolored_by
from ...ops.waiting import is_waited_for
from ...regions import EVERYTHING, Labels, Regions

FEWEST = 256  # pixels of a region that say something of its colors


def nearer_to_styles_colors(
    image: ImageTensor, inputs: Inputs, *, strength: float, regions: Regions | None = None
) -> ImageTensor:
    """A result in colors distributed more like the styles': region by region, or mixed by their weights.

    Args:
        image: ``[1, 3, H, W]``, in the content's size.
        strength: 0 changes nothing, 1 takes the styles' distribution.
        regions: the content's, where they are known already.

    Returns:
        ``[1, 3, H, W]`` float32, in [0, 1]: what was beyond would be clipped, and is moved from the limit.
    """
    if strength == 0:
        return image
    image = image.clamp(0, 1)
    labels = None if inputs.content_labels is None else inputs.content_labels.at(*_size(image))
    tables = _tables(_colors(image), labels, inputs)
    membership = (Regions.of(labels, inputs.content) if regions is None else regions).membership
    if membership is None:
        return recolored_by(strength * tables[EVERYTHING], image).clamp(0, 1)
    out = torch.zeros_like(image)
    for label, share in zip(membership.labels, membership.shares, strict=True):
        rows, columns = _where(share)
        table = strength * tables.get(label, tables[EVERYTHING])
        out[..., rows, columns] += share[rows, columns] * recolored_by(table, image[..., rows, columns])
    return out.clamp(0, 1)


def _where(share: Tensor) -> tuple[slice, slice]:
    """The rows and columns that a region is in; all on a device that would have to be waited for to know."""
    if is_waited_for(share.device):
        return slice(None), slice(None)
    found = [(share.amax(axis) > 0).nonzero().flatten() for axis in (1, 0)]
    if not len(found[0]):
        return slice(0, 1), slice(0, 1)
    return slice(int(found[0][0]), int(found[0][-1]) + 1), slice(int(found[1][0]), int(found[1][-1]) + 1)


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
