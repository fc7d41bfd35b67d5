"""Statistics by region, and transforms by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..ops.moments import Moments, as_rows, from_rows, moments
from ..ops.whitening import AffineMap
from .labels import EVERYTHING, Labels
from .membership import Membership

MIN_POSITIONS = 9  # fewer feature vectors than this say nothing about a covariance


@dataclass(frozen=True)
class RegionMoments:
    """Moments of a feature map by label; those of parts of a picture, or of frames, merge.

    Attributes:
        by_label: of every label that has a position at this size, and of all positions under label 0.
    """

    by_label: Mapping[int, Moments]

    @property
    def measurable(self) -> Mapping[int, Moments]:
        """Those of enough positions to speak of a covariance; label 0 always."""
        return {
            label: found
            for label, found in self.by_label.items()
            if label == EVERYTHING or found.count >= MIN_POSITIONS
        }

    def merged(self, other: RegionMoments) -> RegionMoments:
        """Of both parts together."""
        both = dict(self.by_label)
        for label, found in other.by_label.items():
            both[label] = both[label].merged(found) if label in both else found
        return RegionMoments(both)


def region_moments(features: Tensor, labels: Labels | None) -> RegionMoments:
    """Moments of every label's positions, and of all positions.

    Args:
        features: ``[1, C, h, w]``.
        labels: of any size, or ``None`` for one region.
    """
    found = {EVERYTHING: moments(features)}
    if labels is not None:
        small = labels.at(features.shape[-2], features.shape[-1])
        found |= {k: moments(features, small.map == k) for k in small.present if k != EVERYTHING}
    return RegionMoments(found)


def apply_maps(features: Tensor, maps: Mapping[int, AffineMap], membership: Membership | None) -> Tensor:
    """Sum over regions of membership times the region's affine map.

    Args:
        features: ``[1, C, h, w]``.
        maps: label -> affine map; label 0 is there, and serves labels that are not.
        membership: at the features' size (:meth:`Membership.at`), or ``None`` for label 0 everywhere.

    Returns:
        ``[1, C, h, w]``.
    """
    rows = as_rows(features)
    size = (features.shape[-2], features.shape[-1])
    if membership is None:
        return from_rows(_affine(rows, maps[EVERYTHING]), *size)
    out = torch.zeros(rows.shape, dtype=membership.shares.dtype, device=rows.device)
    for label, share in zip(membership.labels, membership.shares.flatten(1), strict=True):
        index = share.nonzero().squeeze(1)
        if len(index):
            moved = _affine(rows[index], maps.get(label, maps[EVERYTHING])).to(out.dtype)
            out.index_add_(0, index, moved * share[index, None])
    return from_rows(out.to(features.dtype), *size)


def _affine(rows: Tensor, transform: AffineMap) -> Tensor:
    wide = torch.promote_types(rows.dtype, torch.float32)  # rounding the matrix to bfloat16 would tint
    bias, matrix = (t.to(wide).to(rows.device) for t in (transform.bias, transform.matrix))
    return torch.addmm(bias, rows.to(wide), matrix.T).to(rows.dtype)
