"""Matching feature statistics: the whitening and coloring transform (Li et al., NIPS 2017, section 3.2).

Whitening, coloring and the blend with the content fold into one C x C matrix and a bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .moments import Moments

RELEASED_RIDGE = 1.0  # the code of WCT2 adds the identity to both covariances
EIGENVALUE_FLOOR = 1e-5  # Li et al. 2017, released code: smaller directions are dropped


@dataclass(frozen=True)
class AffineMap:
    """``x -> matrix @ x + bias`` on feature vectors; float64, ``[C, C]`` and ``[C]``."""

    matrix: Tensor
    bias: Tensor


def whitening_coloring(
    content: Moments, style: Moments, *, ridge: float = 0.0, strength: float = 1.0
) -> AffineMap:
    """Whitening, coloring and the blend with the content, folded into one affine map.

    ``T = E_s D_s^(1/2) E_s' E_c D_c^(-1/2) E_c' (F - mean_c) + mean_s``, then
    ``strength T + (1 - strength) F``. ``eigh`` in float64 on a symmetrized matrix; directions whose
    content eigenvalue is below EIGENVALUE_FLOOR carry rounding error only and are dropped.

    Args:
        content, style: moments of the features on both sides.
        ridge: added to both covariances' diagonals.
        strength: 0 to 1.

    Raises:
        ValueError: the channel counts differ.
    """
    _check_channels(content, style)
    identity = torch.eye(content.mean.numel(), dtype=torch.float64)
    whiten = matrix_power(content.covariance + ridge * identity, -0.5)
    color = matrix_power(style.covariance + ridge * identity, 0.5)
    return _blended(color @ whiten, content, style, strength)


def optimal_transport(
    content: Moments, style: Moments, *, noise_floor: float = 0.0, strength: float = 1.0
) -> AffineMap:
    """The affine map that reaches the style's moments while moving the features least.

    Departure: the paper's whitening turns every direction to unit variance and lets coloring mix
    them anew. Of all maps with the same outcome, ``S = C^(-1/2) (C^(1/2) S_s C^(1/2))^(1/2) C^(-1/2)``
    has the smallest mean squared displacement (Monge-Kantorovich between Gaussians; Lu et al.,
    ICCV 2019, use it for style transfer), so it keeps more of the content.

    Args:
        content, style: moments of the features on both sides.
        noise_floor: Departure: share of the mean variance of both sides that is added to the content's
            variance. What varies less than that (a clear sky's compression noise) is not blown up
            to the style's variance, which would be seen as grain.
        strength: 0 to 1.

    Raises:
        ValueError: the channel counts differ.
    """
    _check_channels(content, style)
    identity = torch.eye(content.mean.numel(), dtype=torch.float64)
    variance = (content.covariance.diagonal().mean() + style.covariance.diagonal().mean()) / 2
    floored = content.covariance + (noise_floor * variance + EIGENVALUE_FLOOR) * identity
    root, inverse_root = matrix_power(floored, 0.5), matrix_power(floored, -0.5)
    middle = matrix_power(root @ style.covariance @ root, 0.5)
    return _blended(inverse_root @ middle @ inverse_root, content, style, strength)


def _check_channels(content: Moments, style: Moments) -> None:
    if content.mean.shape != style.mean.shape:
        raise ValueError(f"channels differ: {content.mean.numel()} and {style.mean.numel()}")


def _blended(matrix: Tensor, content: Moments, style: Moments, strength: float) -> AffineMap:
    identity = torch.eye(len(matrix), dtype=matrix.dtype)
    bias = style.mean - matrix @ content.mean
    return AffineMap(strength * matrix + (1 - strength) * identity, strength * bias)


def matrix_power(covariance: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive semi-definite ``[C, C]`` float64 matrix, null space left zero."""
    values, vectors = symmetric_eigen(covariance)
    powers = torch.where(values >= EIGENVALUE_FLOOR, values.abs().pow(exponent), 0.0)
    return (vectors * powers) @ vectors.T


def symmetric_eigen(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """``eigh`` that does not fail: symmetrized, and once more with a tiny ridge if LAPACK gives up.

    Raises:
        ValueError: the matrix is not finite.
    """
    symmetric = (covariance + covariance.T) / 2
    if not bool(torch.isfinite(symmetric).all()):
        raise ValueError("the covariance is not finite")
    try:
        return torch.linalg.eigh(symmetric)
    except torch.linalg.LinAlgError:
        scale = symmetric.diagonal().abs().max().clamp_min(1.0)
        ridge = 1e-10 * scale * torch.eye(len(symmetric), dtype=symmetric.dtype)
        return torch.linalg.eigh(symmetric + ridge)
