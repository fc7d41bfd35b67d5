"""Soft membership of pixels in regions: borders follow the picture instead of the mask."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..ops.area_mean import area_mean
from ..ops.guided_filter import guided_filter
from ..ops.waiting import is_waited_for
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

    def within(self, tile: Tile) -> Membership:
        """That of a tile with its margin, of a feature map or of a larger picture (bilinear).

        Only what the tile sees is resized, and only the regions that it sees are kept.
        """
        height, width = self.shares.shape[-2:]
        seen_rows, seen_columns = tile.seen
        rows, down = _resizing(height, tile.height, seen_rows)
        columns, across = _resizing(width, tile.width, seen_columns)
        here = self.shares[:, rows, columns]
        labels = self.labels
        if not is_waited_for(here.device):
            kept = (here.amax((1, 2)) > NEGLIGIBLE).nonzero().flatten().tolist()
            here, labels = here[kept], tuple(labels[k] for k in kept)
        small = down.to(here.device) @ here @ across.to(here.device).T
        small = torch.where(small > NEGLIGIBLE, small, 0.0)
        return Membership(labels, small / small.sum(0))


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
        return Regions(
            None if self.labels is None else self.labels.within(tile),
            None if self.membership is None else self.membership.within(tile),
        )


def _resizing(own: int, wanted: int, part: slice) -> tuple[slice, Tensor]:
    """What resizes ``own`` positions to ``wanted``, for those of them in ``part``.

    Returns:
        the positions that count, and ``[of the part, of those]`` float32 weights: averages of the positions
        that a smaller map's positions cover, as adaptive pooling takes them; or between neighbors.
    """
    places, positions = torch.arange(part.start, part.stop)[:, None], torch.arange(own)
    if wanted > own:
        middles = ((2 * places + 1) * own / (2 * wanted) - 0.5).clamp(0, own - 1)
        weights = (1 - (positions - middles).abs()).clamp_min(0)
    else:
        begin, end = places * own // wanted, -(-(places + 1) * own // wanted)
        weights = ((positions >= begin) & (positions < end)).float()
        weights = weights / weights.sum(1, keepdim=True)
    used = weights.any(0).nonzero()
    counted = slice(int(used[0]), int(used[-1]) + 1)
    return counted, weights[:, counted]


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
