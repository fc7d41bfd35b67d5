"""Soft membership of pixels in regions: borders follow the picture instead of the mask."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..ops.area_mean import area_mean
from ..ops.guided_filter import guided_filter
from ..tiles import Tile
from .labels import Labels

RADIUS = 12  # px over which region borders are drawn to the content's edges
EPS = 1e-4  # see guided_filter
NEGLIGIBLE = 2e-3  # membership below which a region is not computed at a pixel
AT_ONCE = 8  # regions whose borders are filtered together; each takes several maps of the picture's size


@dataclass(frozen=True, eq=False)
class Membership:
    """How much of every pixel belongs to each of K regions.

    Attributes:
        labels: of the regions, ascending.
        shares: ``[K, H, W]`` float32 in [0, 1], summing to one.
    """

    labels: tuple[int, ...]
    shares: Tensor

    def at(self, height: int, width: int) -> Membership:
        """At the size of a feature map, without negligible shares."""
        small = area_mean(self.shares[None], height, width)[0]
        small = torch.where(small > NEGLIGIBLE, small, 0.0)
        return Membership(self.labels, small.div_(small.sum(0)))  # the largest is never negligible


@dataclass(frozen=True, eq=False)
class Regions:
    """A content's regions: hard labels to measure by, soft membership to apply by; ``None`` without any."""

    labels: Labels | None = None
    membership: Membership | None = None

    @classmethod
    def of(cls, labels: Labels | None, guide: Tensor) -> Regions:
        """Those of a picture ``[1, 3, H, W]`` with these labels."""
        return cls() if labels is None else cls(labels, soft_membership(labels, guide))

    @property
    def present(self) -> tuple[int, ...]:
        """The labels of at least one pixel of the picture, ascending."""
        return () if self.labels is None else self.labels.present

    def at(self, tile: Tile) -> Regions:
        """Those of a tile of a feature map: labels without, membership with its margin."""
        if self.labels is None or self.membership is None:
            return self
        labels = self.labels.at(tile.height, tile.width)
        membership = self.membership.at(tile.height, tile.width)
        return Regions(Labels(tile.core(labels.map)), replace(membership, shares=tile.cut(membership.shares)))


def soft_membership(labels: Labels, guide: Tensor, *, radius: int = RADIUS, eps: float = EPS) -> Membership:
    """Departure: soft masks that sum to one, hard masks drawn to the edges of ``guide`` by a guided filter.

    Two regions' statistics side by side show as a seam; a border that lies on an edge of the
    picture and fades within it does not.

    Args:
        labels: of the picture.
        guide: ``[1, 3, H, W]``, RGB in [0, 1].
        radius: pixels over which a border may move.
        eps: see :func:`guided_filter`.
    """
    if len(labels.present) == 1:
        return Membership(labels.present, labels.masks(labels.present)[0].to(guide.dtype))
    shares = guide.new_empty(len(labels.present), *guide.shape[-2:])
    for first in range(0, len(shares), AT_ONCE):
        group = slice(first, first + AT_ONCE)
        hard = labels.masks(labels.present[group]).to(guide.dtype)
        soft = guided_filter(guide, hard, radius=radius, eps=eps, subsample=max(1, radius // 4))
        shares[group] = soft[0].clamp_(0, 1)
    return Membership(labels.present, shares.div_(shares.sum(0).clamp_min(1e-6)))
