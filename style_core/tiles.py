"""A picture in tiles: rectangles worked on one after another, each with the margin its pixels depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

from torch import Tensor

SMALLEST_TILE = 128  # px; of smaller ones most would be margin


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A rectangle of a picture or feature map; all numbers are positions of that.

    Attributes:
        top, left, bottom, right: the rectangle, its last row and column left out.
        margin: how far beyond it one sees, where there is something.
        height, width: of the whole.
    """

    top: int
    left: int
    bottom: int
    right: int
    margin: int
    height: int
    width: int

    def at(self, stride: int) -> Tile:
        """The same tile of a feature map with one position for every ``stride`` px, rounded up at the end."""
        return Tile(
            top=self.top // stride,
            left=self.left // stride,
            bottom=-(-self.bottom // stride),
            right=-(-self.right // stride),
            margin=self.margin // stride,
            height=-(-self.height // stride),
            width=-(-self.width // stride),
        )

    @property
    def seen(self) -> tuple[slice, slice]:
        """The rows and the columns of the rectangle with its margin."""
        return (
            slice(max(0, self.top - self.margin), min(self.bottom + self.margin, self.height)),
            slice(max(0, self.left - self.margin), min(self.right + self.margin, self.width)),
        )

    @property
    def edges(self) -> tuple[tuple[bool, bool], tuple[bool, bool]]:
        """Whether it ends, with its margin, at the first and last row, and at the first and last column."""
        rows, columns = self.seen
        return (rows.start == 0, rows.stop == self.height), (columns.start == 0, columns.stop == self.width)

    def cut(self, whole: Tensor) -> Tensor:
        """The rectangle with its margin, of ``[…, height, width]``."""
        return whole[(..., *self.seen)]

    def inner(self, part: Tensor) -> Tensor:
        """What :meth:`cut` gave, without the margin."""
        top, left = min(self.top, self.margin), min(self.left, self.margin)
        return part[..., top : top + self.bottom - self.top, left : left + self.right - self.left]

    def core(self, whole: Tensor) -> Tensor:
        """The rectangle of ``[…, height, width]``; a view, so that one can write to it."""
        return whole[..., self.top : self.bottom, self.left : self.right]


def tile_side(budget: int, per_pixel: int, *, margin: int) -> int:
    """Px of the longest side of a square tile that takes ``budget`` bytes with its margin, or SMALLEST_TILE.

    Args:
        per_pixel: bytes that the maps of a pixel take.
        margin: px to each side.
    """
    return max(SMALLEST_TILE, isqrt(budget // per_pixel) - 2 * margin)


def tiles(height: int, width: int, *, side: int, stride: int, margin: int) -> Iterator[Tile]:
    """Tiles that cover a picture, each of about ``side`` px, in reading order.

    Args:
        stride: of the deepest features; tiles begin, and margins end, at its multiples.
        margin: px that a pixel depends on in every direction.
    """
    step = max(1, side // stride) * stride
    margin += -margin % stride
    for top in range(0, height, step):
        for left in range(0, width, step):
            yield Tile(
                top=top, left=left, bottom=min(top + step, height), right=min(left + step, width),
                margin=margin, height=height, width=width,
            )  # fmt: skip
