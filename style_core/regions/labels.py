"""Label maps: which region every pixel of a picture is in, at any size, and which regions there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ..images import mirrored
from ..ops.waiting import is_waited_for
from ..tiles import Tile

LabelMap = Tensor  # [H, W], uint8; 0 = matched with everything, 1.. = regions
Color = tuple[int, int, int]  # 8-bit RGB
EVERYTHING = 0
MAX_LABELS = 64


@dataclass(frozen=True)
class Segments:
    """Matching label maps at the sizes of the pictures, and what could not be matched.

    Attributes:
        content, style: ``[H, W]`` uint8; 0 is matched with the whole other picture, labels from 1 with
            their equals.
        notes: sentences about what could not be matched.
        colors: what labels 1, 2, … are painted in, 8-bit RGB; empty where regions were found without masks.
    """

    content: LabelMap
    style: LabelMap
    notes: tuple[str, ...] = ()
    colors: tuple[Color, ...] = ()


@dataclass(frozen=True, eq=False)
class Labels:
    """A picture's label map, with what is asked of it again and again found once.

    Attributes:
        map: ``[H, W]`` uint8; never changed afterwards, for what was found of it stays.
        among: those of the picture that these were taken from, where a device would have to be waited for to
            know which are there.
    """

    map: LabelMap
    among: tuple[int, ...] | None = field(default=None, compare=False)

    @cached_property
    def present(self) -> tuple[int, ...]:
        """The labels of at least one pixel, ascending."""
        return tuple(torch.bincount(self.map.flatten().cpu()).nonzero().flatten().tolist())

    @property
    def possible(self) -> tuple[int, ...]:
        """All that may be there, found without waiting for a device twice."""
        return self.present if self.among is None else self.among

    def _part(self, part: LabelMap) -> Labels:
        return Labels(part, self.possible if is_waited_for(part.device) else None)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.map.shape[0], self.map.shape[1]

    def __contains__(self, label: object) -> bool:
        return label in self.present

    def at(self, height: int, width: int) -> Labels:
        """The same regions at another size."""
        if self.size == (height, width):
            return self
        return self._part(resize_labels(self.map, height, width))

    def within(self, tile: Tile) -> Labels:
        """Those of a tile, without its margin, of a picture or feature map of any size."""
        rows = _middles(self.size[0], tile.height, slice(tile.top, tile.bottom)).to(self.map.device)
        columns = _middles(self.size[1], tile.width, slice(tile.left, tile.right)).to(self.map.device)
        return self._part(self.map[rows[:, None], columns])

    def padded(self, height: int, width: int) -> Labels:
        """Mirrored to the right and bottom, as :class:`SizeRule` does with the picture."""
        rows, columns = mirrored(self.size[0], height), mirrored(self.size[1], width)
        return Labels(self.map[rows[:, None], columns[None, :]])

    def to(self, device: torch.device) -> Labels:
        """On a device."""
        return self if self.map.device == device else Labels(self.map.to(device))

    def masks(self, labels: tuple[int, ...]) -> Tensor:
        """``[1, K, H, W]`` float32, 1 in each of the K regions and 0 elsewhere."""
        return torch.stack([(self.map == label).float() for label in labels])[None]


def resize_labels(labels: Tensor, height: int, width: int) -> Tensor:
    """``[H, W]`` of any kind at another size: every pixel takes the value at its middle."""
    rows, columns = (
        _middles(own, side, slice(0, side)).to(labels.device)
        for own, side in zip(labels.shape, (height, width), strict=True)
    )
    return labels[rows[:, None], columns]


def _middles(own: int, side: int, part: slice) -> Tensor:
    """Where in ``own`` pixels the middles lie of those pixels of ``side`` that are in ``part``."""
    # By whole numbers: some devices have no float64.
    return (2 * torch.arange(part.start, part.stop) + 1) * own // (2 * side)
