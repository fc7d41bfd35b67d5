"""What a styled picture is judged by in training; every loss is a differentiable scalar.

Style: relative distance of Gram matrices (Gatys et al., CVPR 2016) on the true VGG-19 where it is known and
on a 16x-compressed network above. Content: the structure term of SSIM. Color: means over blocks, held
near a reference. Lattice: the pattern that repeats with the up-sampling's grid, which strokes do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..images import ImageTensor
from ..measures import mean_relative_square, structure_similarity
from ..nets.encoder import Encoder
from ..ops.color_preservation import luminance
from ..ops.gram import gram_matrix, select
from ..regions import Labels
from .loop import autocast

STYLE_LAYERS, COMPRESSED_STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1"), ("relu4_1", "relu5_1")
LEAST_DISTANCE = 0.1  # a style nearer to the content than this counts as so far away
BLOCK = 8  # px of the means that hold the colors
CELL = 16  # px, after which a pattern of the decoders' four up-samplings repeats
HIGH_PASS = 13  # px, odd: coarser than this is no lattice
TINY = 1e-8
Grams = list[Tensor]  # one [C, C] per layer of a critic


class Critic(nn.Module):
    """The two frozen networks that Gram matrices are taken on.

    Args:
        true: VGG-19 as far as it is known, to conv3_1.
        compressed: a network to conv5_1.
    """

    def __init__(self, true: Encoder, compressed: Encoder) -> None:
        super().__init__()
        self.true, self.compressed = true, compressed

    def features(self, picture: ImageTensor) -> list[Tensor]:
        """``[1, C, h, w]`` per layer, of ``[1, 3, H, W]`` with sides of at least 32 px."""
        networks = (self.true, STYLE_LAYERS), (self.compressed, COMPRESSED_STYLE_LAYERS)
        with autocast(picture.device):
            return [x.float() for network, layers in networks for x in network(picture, layers).values()]

    def grams(self, picture: ImageTensor) -> Grams:
        """Of the whole picture, float32."""
        return [_gram(x) for x in self.features(picture)]

    @torch.no_grad()
    def target(
        self, style: ImageTensor, labels: Labels | None = None, shares: Mapping[int, float] | None = None
    ) -> Grams:
        """The Gram matrices of a picture that has the style's textures in shares of its own.

        Args:
            style: ``[1, 3, H, W]``.
            labels: the style's regions.
            shares: label -> share of the content's area; they sum to one.
        """
        found = self.features(style)
        if labels is None or shares is None:
            return [_gram(x) for x in found]
        return [
            sum((share * _gram(x, labels.map == k) for k, share in shares.items()), torch.zeros(()))
            for x in found
        ]


def _gram(features: Tensor, mask: Tensor | None = None) -> Tensor:
    if mask is None:
        return gram_matrix(features)
    size = (features.shape[-2], features.shape[-1])
    return gram_matrix(features, select(F.adaptive_avg_pool2d(mask[None].float(), size)[0]))


def blended(content: Grams, style: Grams, strength: float) -> Grams:
    """What a strength between 0 and 1 is to reach: so far on the way from the content to the style."""
    return [torch.lerp(c, s, strength) for c, s in zip(content, style, strict=True)]


def gram_distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Root of the mean over the layers of ``|G - W|^2 / |W|^2``."""
    return (mean_relative_square(found, wanted) + TINY).sqrt()


def style_share(found: Grams, content: Grams, style: Grams, strength: float = 1.0) -> Tensor:
    """The distance that is left to what ``strength`` asks for, as a share of the content's to the style."""
    left = gram_distance(found, blended(content, style, strength))
    return left / gram_distance(content, style).clamp_min(LEAST_DISTANCE)


def structure_loss(picture: ImageTensor, content: ImageTensor) -> Tensor:
    """1 less the structure term of SSIM: 0 where the content's structure is kept."""
    return 1 - structure_similarity(picture, content)


def color_loss(picture: ImageTensor, reference: ImageTensor) -> Tensor:
    """Mean square difference of the means over blocks of 8 px: what was wrong in the large only."""
    return (F.avg_pool2d(picture, BLOCK) - F.avg_pool2d(reference, BLOCK)).square().mean()


def feature_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean square error of a picture's rectified features over the mean square of what was decoded to it.

    A decoder of features that no picture has cannot give them back exactly; what it gives instead has other
    statistics, and those are what the method had matched.

    Args:
        found: ``[1, C, h, w]``, the encoder's.
        wanted: the same size; transformed features, some of them negative.
    """
    return mean_relative_square([found.float()], [wanted.float().clamp_min(0)])


def lattice_loss(picture: ImageTensor) -> Tensor:
    """Energy of the pattern that every cell of 16 px has in common, in squared luminance of [0, 1].

    The high-passed luminance is averaged over the cells of either color of a checkerboard; the product of
    both averages has the common pattern's energy for its expectation. Strokes and grain, which differ from
    cell to cell, cancel, and are not charged: the value is negative as often as positive without a lattice.

    Args:
        picture: ``[N, 3, H, W]``, sides of at least 32 px.
    """
    gray = luminance(picture)[:, :1]
    around = F.avg_pool2d(F.pad(gray, [HIGH_PASS // 2] * 4, mode="reflect"), HIGH_PASS, stride=1)
    rows, columns = (side // CELL for side in gray.shape[-2:])
    cells = (gray - around)[..., : rows * CELL, : columns * CELL]
    cells = cells.unflatten(3, (columns, CELL)).unflatten(2, (rows, CELL))  # [N, 1, rows, 16, columns, 16]
    cells = cells.permute(0, 2, 4, 1, 3, 5).reshape(-1, CELL, CELL)
    color = (torch.arange(rows)[:, None] + torch.arange(columns)).flatten() % 2
    color = color.repeat(len(gray)).to(gray.device)
    return (cells[color == 0].mean(0) * cells[color == 1].mean(0)).mean()
