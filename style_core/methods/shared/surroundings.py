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


def surrounded_features(
    encoder: Encoder, image: ImageTensor, layers: Sequence[str], around: Margins | None = None
) -> dict[str, Tensor]:
    """The features of a picture that goes on as its mirror image, without those of its surroundings.

    Args:
        image: ``[1, 3, H, W]``, sides of at least two margins, or part of one; differentiable.
        layers: names of layers.
        around: px to mirror, of a part 0 where it does not end with its picture.

    Returns:
        by layer ``[1, C, H // stride, W // stride]``.
    """
    height, width = image.shape[-2:]
    (top, bottom), (left, right) = around or margins(height, width)
    # A narrow part has as many rows as its middle sees: more would be seen by its own margin alone.
    bottom, right = min(bottom, height - 1), min(right, width - 1)
    found = {}
    mirrored = F.pad(image, (left, right, top, bottom), mode="reflect")
    for layer, features in encoder(mirrored, layers).items():
        stride = stride_of(layer)
        rows = slice(top // stride, top // stride + height // stride)
        columns = slice(left // stride, left // stride + width // stride)
        found[layer] = features[..., rows, columns]
    return found
