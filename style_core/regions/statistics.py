"""Statistics by region, and transforms by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from ..ops.moments import Moments, as_rows, block_values, from_rows, moments, moments_of_each
from ..ops.waiting import is_waited_for
from ..ops.whitening import AffineMap
from .labels import EVERYTHING, Labels
from .membership import Membership

TINY = 1e-12
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
    if labels is None:
        return RegionMoments({EVERYTHING: moments(features)})
    small = labels.at(features.shape[-2], features.shape[-1])
    of_each = moments_of_each(features, (small.map == label for label in small.possible))
    parts = {label: own for label, own in zip(small.possible, of_each, strict=True) if own is not None}
    return RegionMoments(parts | {EVERYTHING: reduce(Moments.merged, parts.values())})


def apply_maps(
    features: Tensor,
    maps: Mapping[int, AffineMap],
    membership: Membership | None,
    *,
    reach: Tensor | None = None,
) -> Tensor:
    """Sum over regions of membership times the region's affine map.

    Args:
        features: ``[1, C, h, w]``.
        maps: label -> affine map; label 0 is there, and serves labels that are not.
        membership: at the features' size (:meth:`Membership.at`), or ``None`` for label 0 everywhere.
        reach: the largest norm that a position may have then; one of more is scaled down to it.

    Returns:
        ``[1, C, h, w]``.
    """
    rows = as_rows(features)
    out = torch.empty_like(rows)
    shares = None if membership is None else membership.shares.flatten(1)
    # Block by block, so that what is in between stays in the cache.
    step = max(1, block_values(rows.device) // rows.shape[1])
    prepared = _ready(maps, rows)
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        if membership is None or shares is None:
            moved = _affine(rows[block], prepared[EVERYTHING])
        else:
            moved = _blend(rows[block], prepared, membership.labels, shares[:, block])
        if reach is not None:
            norms = torch.linalg.vector_norm(moved, dim=1, keepdim=True)
            moved = moved * (reach.to(moved) / norms.clamp_min(TINY)).clamp_max_(1)
        out[block] = moved
    return from_rows(out, features.shape[-2], features.shape[-1])


def _blend(rows: Tensor, maps: Mapping[int, AffineMap], labels: tuple[int, ...], shares: Tensor) -> Tensor:
    """Sum over labels of share, ``[K, n]``, times mapped rows."""
    out = torch.zeros(rows.shape, dtype=maps[EVERYTHING].matrix.dtype, device=rows.device)
    for label, share in zip(labels, shares, strict=True):
        transform = maps.get(label, maps[EVERYTHING])
        if is_waited_for(rows.device):
            out.addcmul_(_affine(rows, transform), share[:, None])
            continue
        index = share.nonzero().squeeze(1)
        if len(index) == len(rows):
            out.addcmul_(_affine(rows, transform), share[:, None])
        elif len(index):
            out.index_add_(0, index, _affine(rows[index], transform) * share[index, None])
    return out


def _ready(maps: Mapping[int, AffineMap], rows: Tensor) -> dict[int, AffineMap]:
    """The maps as the features' blocks need them; rounding the matrix to bfloat16 would tint."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    return {
        label: AffineMap(*(t.to(wide).to(rows.device) for t in (found.matrix, found.bias)))
        for label, found in maps.items()
    }


def _affine(rows: Tensor, transform: AffineMap) -> Tensor:
    return torch.addmm(transform.bias, rows.to(transform.bias.dtype), transform.matrix.T)
