"""Pictures go on beyond their edges, mirrored, so that no edge is painted as one.

Departure: the released codes let the network pad with zeros at the picture's own edge. Features there answer
the padding, pixels are moved until they make up for it, and every doubling of the size makes the band of
wrong colors twice as wide. What pooling leaves out at the end of odd sides counts for little.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from ...images import ImageTensor
from ...nets.encoder import Encoder
from ...nets.reach import stride_of

MARGIN = 16  # px, one position of the deepest layers
Margins = tuple[tuple[int, int], tuple[int, int]]  # px before and after the rows, then the columns


def margins(height: int, width: int) -> Margins:
    """The surroundings of a picture, to sides that no pooling cuts short."""
    return (MARGIN, MARGIN + -height % MARGIN), (MARGIN, MARGIN + -width % MARGIN)


def surrounded_features(encoder: Encoder, image: ImageTensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The features of a picture that goes on as its mirror image, without those of its surroundings.

    Args:
        image: ``[1, 3, H, W]``, sides of at least two margins; differentiable.
        layers: names of layers.

    Returns:
        by layer ``[1, C, H // stride, W // stride]``.
    """
    size = (image.shape[-2], image.shape[-1])
    around = margins(*size)
    found = encoder(mirrored_around(image, around), layers)
    return {layer: _inside(features, layer, size, around) for layer, features in found.items()}


def _inside(features: Tensor, layer: str, size: tuple[int, int], around: Margins) -> Tensor:
    """:func:`without_surroundings`, differentiable in the features' own memory format.

    The gradient of a slice comes in another one, and all the way down is slower for it; so a copy is made.
    """
    inner = without_surroundings(features, layer, size, around)
    if not features.requires_grad:
        return inner
    h, w = features.shape[-2:]
    (top, _), (left, _) = around
    top, left = top // stride_of(layer), left // stride_of(layer)
    return F.pad(features, (-left, inner.shape[-1] + left - w, -top, inner.shape[-2] + top - h))


def mirrored_around(image: ImageTensor, around: Margins) -> ImageTensor:
    """A picture or part of one, ``[1, 3, H, W]``, with its surroundings."""
    (top, bottom), (left, right) = around
    # A narrow part has as many rows as its middle sees: more would be seen by its own margin alone.
    bottom, right = min(bottom, image.shape[-2] - 1), min(right, image.shape[-1] - 1)
    return F.pad(image, (left, right, top, bottom), mode="reflect")


def without_surroundings(features: Tensor, layer: str, size: tuple[int, int], around: Margins) -> Tensor:
    """The features of the picture or part alone; a view.

    Args:
        features: at ``layer``, of what :func:`mirrored_around` gave.
        size: height and width of the picture or part.
    """
    stride = stride_of(layer)
    rows, columns = (
        slice(first // stride, first // stride + side // stride)
        for (first, _), side in zip(around, size, strict=True)
    )
    return features[..., rows, columns]
