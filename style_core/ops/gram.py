"""Gram matrices of features and the style loss on them (Gatys et al., CVPR 2016, equations 3 to 5).

``G = sum_i f_i f_i' / M`` over the M positions' feature vectors; with a soft mask m (Luan et al., CVPR
2017, equation 4) ``G = sum_i m_i^2 f_i f_i' / sum_i m_i^2``. Departure: the released code divides by
the mask's mean, not by that of its square, so that a thin region, all border, has a smaller Gram
matrix than a broad one of the same texture, and is darkened for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .moments import Mean, as_rows, from_rows, summed_products

NEGLIGIBLE = 1e-3  # mask values below which a position is left out


@dataclass(frozen=True)
class Positions:
    """The positions of a feature map that a soft mask selects.

    Attributes:
        index: ``[P]`` int64, into the ``h * w`` positions in reading order.
        weight: ``[P]`` float32 mask values, scaled so that their squares sum to one.
        power: the sum of the squares before that, a scalar.
    """

    index: Tensor
    weight: Tensor
    power: Tensor


@dataclass(frozen=True)
class Channels:
    """What features are brought to before they are multiplied: ``min(f, ceiling) * scale``, ``[C]`` each."""

    scale: Tensor
    ceiling: Tensor


@dataclass(frozen=True)
class GramTarget:
    """A Gram matrix to reach.

    Attributes:
        matrix: ``[C, C]`` float32.
        scale: factor of the squared Frobenius distance.
        positions: where it is to be reached, or ``None`` for everywhere.
        channels: in which both matrices are compared; ``None`` for the features as they are.
    """

    matrix: Tensor
    scale: Tensor | float = 1.0
    positions: Positions | None = None
    channels: Channels | None = None


@dataclass(frozen=True)
class GramPull:
    """What a loss says of a Gram matrix: its derivative.

    Attributes:
        matrix: ``[C, C]``, symmetric.
        factor: of it.
        positions: of the Gram matrix, or ``None`` for everywhere.
        channels: of the Gram matrix.
    """

    matrix: Tensor
    factor: Tensor | float = 1.0
    positions: Positions | None = None
    channels: Channels | None = None


def gram_matrix(
    features: Tensor, positions: Positions | None = None, channels: Channels | None = None
) -> Tensor:
    """The second moment of the feature vectors, summed in float32.

    Args:
        features: ``[1, C, h, w]``, float.
        positions: from :func:`select`.
        channels: how each channel is scaled and limited.

    Returns:
        ``[C, C]``, float32 (float64 for float64 features).
    """
    rows, share = _weighed(_rows(features, positions), positions, channels)
    gram = summed_products(rows) * share
    return gram if channels is None else gram * channels.scale[:, None] * channels.scale


def gram_mean(features: Tensor, positions: Positions | None = None, channels: Channels | None = None) -> Mean:
    """:func:`gram_matrix` as a mean that merges with that of other tiles, for equal channels."""
    weight = features.shape[-2] * features.shape[-1] if positions is None else positions.power
    return Mean(gram_matrix(features, positions, channels), weight)


def select(mask: Tensor) -> Positions | None:
    """The positions at which ``mask`` (``[h, w]``, 0 to 1) is not negligible; ``None`` if nowhere."""
    values = mask.flatten()
    index = (values > NEGLIGIBLE).nonzero().squeeze(1)
    if len(index) == 0:
        return None
    weight = values[index]
    power = weight.square().sum()
    return Positions(index, weight / power.sqrt(), power)


def gram_loss(features: Tensor, targets: Sequence[GramTarget]) -> Tensor:
    """``sum_k scale_k |G_k - A_k|^2`` (Frobenius), differentiable in the features.

    Value and gradient, ``4 scale m^2 (G - A) f / sum m^2`` for a feature vector f, are formed together:
    the mask's own factor of the chain rule is there, which the released Deep Photo code lacks.

    Args:
        features: ``[1, C, h, w]``, float.
        targets: at least one.

    Returns:
        a scalar, float32 (float64 for float64 features).
    """
    return _GramLoss.apply(features, tuple(targets))


def gram_gradient(features: Tensor, pulls: Sequence[GramPull]) -> Tensor:
    """The gradient of ``sum_k <P_k, G_k>`` in the features, for matrices ``P_k`` that do not depend on them.

    With ``P = dL/dG`` of a whole picture, and its factors the shares of a tile in the sums of ``G``, that is
    the part of ``dL/df`` that falls on the tile.

    Args:
        features: ``[1, C, h, w]``, float.
        pulls: at least one.

    Returns:
        ``[1, C, h, w]`` in the features' dtype.
    """
    h, w = features.shape[-2:]
    gradient: Tensor | None = None
    for pull in pulls:
        rows, scales, room = _prepared(features, pull.positions, pull.channels)
        step = rows @ (pull.matrix * (2 * pull.factor * scales))
        gradient = _gathered(gradient, step, room, pull.positions, h * w)
    assert gradient is not None
    return from_rows(gradient.to(features.dtype), h, w)


class _GramLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, targets: tuple[GramTarget, ...]) -> Tensor:
        """The loss; the gradient is kept for :meth:`backward`, in the features' own precision."""
        h, w = features.shape[-2:]
        gradient: Tensor | None = None
        total = features.new_zeros((), dtype=_wide(features))
        for target in targets:
            rows, scales, room = _prepared(features, target.positions, target.channels)
            difference = summed_products(rows) * scales - target.matrix
            total = total + target.scale * difference.square().sum()
            if ctx.needs_input_grad[0]:
                step = rows @ (difference * (4 * target.scale * scales))
                gradient = _gathered(gradient, step, room, target.positions, h * w)
        if gradient is not None:
            ctx.save_for_backward(from_rows(gradient.to(features.dtype), h, w))
        return total

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        """The kept gradient times the outer one."""
        (gradient,) = ctx.saved_tensors
        return gradient * outer.to(gradient.dtype), None


def _rows(features: Tensor, positions: Positions | None) -> Tensor:
    """``[P, C]``: the feature vectors, or the selected ones, at least in float32."""
    rows = as_rows(features)
    return (rows if positions is None else rows[positions.index]).to(_wide(features))


def _weighed(rows: Tensor, positions: Positions | None, channels: Channels | None) -> tuple[Tensor, float]:
    """Rows below their ceilings and times the mask, and the factor of their sum of products.

    The channels' factors are left to the C x C matrices, which are smaller.
    """
    if channels is not None:
        rows = torch.minimum(rows, channels.ceiling)
    if positions is None:
        return rows, 1 / rows.shape[0]
    return rows * positions.weight[:, None], 1.0


def _prepared(
    features: Tensor, positions: Positions | None, channels: Channels | None
) -> tuple[Tensor, Tensor | float, Tensor | None]:
    """Rows whose products are summed, the factors of the sum, and the room of each row below its ceiling."""
    rows = _rows(features, positions)
    room = None if channels is None else channels.ceiling - rows
    rows, share = _weighed(rows, positions, channels)
    scales = share if channels is None else share * channels.scale[:, None] * channels.scale
    return rows, scales, room


def _gathered(
    gradient: Tensor | None, step: Tensor, room: Tensor | None, positions: Positions | None, count: int
) -> Tensor:
    """A gradient of ``count`` rows with what the rows at some positions add; ``step`` is used up."""
    if room is not None:
        # Nothing where there is no room, in one pass and in place.
        torch.ops.aten.threshold_backward.grad_input(step, room, 0, grad_input=step)
    if positions is None:
        return step if gradient is None else gradient + step
    step.mul_(positions.weight[:, None])
    if gradient is None:
        gradient = step.new_zeros(count, step.shape[1])
    return gradient.index_add_(0, positions.index, step)


def _wide(features: Tensor) -> torch.dtype:
    return torch.promote_types(features.dtype, torch.float32)
