"""Transforms per matching region, with borders that follow the picture instead of the mask."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from .guided_filter import guided_filter
from .moments import Moments, as_rows, from_rows, moments
from .whitening import AffineMap

EVERYTHING = 0
MIN_POSITIONS = 9  # fewer feature vectors than this say nothing about a covariance
NEGLIGIBLE = 2e-3  # membership below which a region is not computed at a pixel


def region_moments(features: Tensor, labels: Tensor | None) -> dict[int, Moments]:
    """Moments of every label's positions, and of all positions under label 0.

    Args:
        features: ``[1, C, h, w]``.
        labels: ``[H, W]`` int64, at the picture's size, or ``None``.

    Returns:
        label -> moments; a label with fewer than MIN_POSITIONS at this size is absent.
    """
    found = {EVERYTHING: moments(features)}
    if labels is not None:
        small = _nearest(labels, *features.shape[-2:])
        for label in small.unique().tolist():
            mask = small == label
            if label != EVERYTHING and int(mask.sum()) >= MIN_POSITIONS:
                found[label] = moments(features, mask)
    return found


def is_any_unmeasured(labels: Tensor | None, measured: Collection[int]) -> bool:
    """Whether ``labels`` has a region that is not among the ``measured`` ones."""
    return labels is not None and bool(set(labels.unique().tolist()) - {EVERYTHING, *measured})


def memberships(labels: Tensor, guide: Tensor, *, radius: int, eps: float = 1e-4) -> dict[int, Tensor]:
    """Departure: soft masks that sum to one, hard masks drawn to the edges of ``guide`` by a guided filter.

    Two regions' statistics side by side show as a seam; a border that lies on an edge of the
    picture and fades within it does not.

    Args:
        labels: ``[H, W]`` int64.
        guide: ``[1, 3, H, W]``, RGB in [0, 1].
        radius: pixels over which a border may move.
        eps: see :func:`guided_filter`.

    Returns:
        label -> ``[1, 1, H, W]``, values in [0, 1].
    """
    values = labels.unique().tolist()
    hard = torch.stack([(labels == value) for value in values])[None].to(guide.dtype)
    if len(values) == 1:
        return {values[0]: hard}
    soft = guided_filter(guide, hard, radius=radius, eps=eps, subsample=max(1, radius // 4))
    soft = soft.clamp(0, 1)
    soft = soft / soft.sum(1, keepdim=True).clamp_min(1e-6)
    return {value: soft[:, k : k + 1] for k, value in enumerate(values)}


def apply_maps(features: Tensor, maps: dict[int, AffineMap], weights: dict[int, Tensor] | None) -> Tensor:
    """Sum over regions of membership times the region's affine map.

    Args:
        features: ``[1, C, h, w]``.
        maps: label -> affine map; label 0 is there, and serves labels that are not.
        weights: label -> ``[1, 1, H, W]`` membership at the picture's size, or
            ``None`` for label 0 everywhere.

    Returns:
        ``[1, C, h, w]``.
    """
    rows = as_rows(features)
    size = (features.shape[-2], features.shape[-1])
    if weights is None:
        return from_rows(_affine(rows, maps[EVERYTHING]), *size)
    small = torch.stack([F.adaptive_avg_pool2d(weight, size).flatten() for weight in weights.values()])
    small = torch.where(small > NEGLIGIBLE, small, 0.0)
    small = small / small.sum(0)  # [K, h*w]; the largest is never negligible
    out = torch.zeros(rows.shape, dtype=small.dtype, device=rows.device)
    for label, weight in zip(weights, small, strict=True):
        index = weight.nonzero().squeeze(1)
        if len(index):
            moved = _affine(rows[index], maps.get(label, maps[EVERYTHING])).to(out.dtype)
            out.index_add_(0, index, moved * weight[index, None])
    return from_rows(out.to(features.dtype), *size)


def _affine(rows: Tensor, transform: AffineMap) -> Tensor:
    wide = torch.promote_types(rows.dtype, torch.float32)  # rounding the matrix to bfloat16 would tint
    bias, matrix = (t.to(wide).to(rows.device) for t in (transform.bias, transform.matrix))
    return torch.addmm(bias, rows.to(wide), matrix.T).to(rows.dtype)


def _nearest(labels: Tensor, height: int, width: int) -> Tensor:
    small = F.interpolate(labels[None, None].float(), (height, width), mode="nearest-exact")
    return small[0, 0].long()
