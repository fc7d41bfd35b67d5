"""How well a result keeps the content and reaches the style, as two numbers.

``structure`` is the structure term of SSIM (Wang et al. 2004, equation 10) on luminance: 1 means that
the content's structure is kept. ``style`` is the relative distance of Gram matrices (Gatys et al.,
CVPR 2016, equation 4) to the style picture, as a share of the untouched content's own distance: 0 means
that the style is reached, 1 as far away as the content was. Both say nothing of blotches or halos. By hand,
because SSIM libraries give the whole index, and its luminance and contrast are what a transfer changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .images import ImageTensor, Samples, as_floats, resized
from .nets.encoder import Encoder
from .ops.color_preservation import luminance
from .ops.gram import gram_matrix

# Without relu5_1, of which the compact encoder has a filter that answers a few places a hundred times more
# than others: one such place would be all of the distance.
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
LONGEST = 512  # px; pictures are measured no larger, so that figures of different sizes compare
SHORTEST = 32  # px of the shorter side, which the deepest layer needs
WINDOW, SIGMA = 11, 1.5  # of SSIM
STABILIZER = 0.03**2 / 2  # C3 of SSIM for a range of 1
TINY = 1e-12


@dataclass(frozen=True)
class Measures:
    """``structure`` and ``style``; ``None`` where it cannot be said (a style equal to the content)."""

    structure: float
    style: float | None


def measure(content: ImageTensor, style: ImageTensor, result: ImageTensor, encoder: Encoder) -> Measures:
    """Both numbers of one result.

    Args:
        content, style, result: ``[1, 3, H, W]``, RGB in [0, 1]; the result is compared at the content's size.
        encoder: reaches relu4_1.
    """
    content, style = reduced(content), reduced(style)
    result = resized(result, *content.shape[-2:])
    wanted = _grams(style, encoder)
    near, far = (gram_distance(_grams(picture, encoder), wanted) for picture in (result, content))
    return Measures(structure_term(content, result), near / far if far > 1e-6 else None)


def structure_term(a: ImageTensor, b: ImageTensor) -> float:
    """:func:`structure_similarity` as a number."""
    return float(structure_similarity(a, b))


def structure_similarity(a: ImageTensor, b: ImageTensor) -> Tensor:
    """Mean of ``(cov + C3) / (std_a std_b + C3)`` over Gaussian windows of 11 px, inside the picture."""
    offsets = torch.arange(WINDOW, device=a.device) - WINDOW // 2
    line = torch.exp(-(offsets.float() ** 2) / (2 * SIGMA**2))
    rows = (line / line.sum())[None, None, :, None]

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(x, rows), rows.mT)

    a, b = luminance(a.float())[:, :1], luminance(b.float())[:, :1]
    covariance = mean(a * b) - mean(a) * mean(b)
    spread = [(mean(x * x) - mean(x) ** 2).clamp_min(0) for x in (a, b)]
    deviation = (spread[0] * spread[1] + TINY).sqrt()  # the root of zero has no gradient
    return ((covariance + STABILIZER) / (deviation + STABILIZER)).mean()


def gram_distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Root of the mean over the layers of ``|G - S|^2 / |S|^2``."""
    return float(mean_relative_square(found, wanted).sqrt())


def mean_relative_square(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean over pairs of matrices of ``|F - W|^2 / |W|^2``, a scalar."""
    shares = [(f - w).square().sum() / w.square().sum() for f, w in zip(found, wanted, strict=True)]
    return torch.stack(shares).mean()


def reduced(picture: Samples) -> ImageTensor:
    """Floats of at most LONGEST px on the longer side, at least SHORTEST on the shorter one."""
    height, width = picture.shape[-2:]
    factor = max(min(1.0, LONGEST / max(height, width)), SHORTEST / min(height, width))
    if factor == 1:
        return as_floats(picture)
    return resized(picture, round(height * factor), round(width * factor))


def _grams(picture: ImageTensor, encoder: Encoder) -> list[Tensor]:
    return [gram_matrix(features.float()) for features in encoder(picture, LAYERS).values()]
