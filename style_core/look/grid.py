"""A look: a bilateral grid of affine color maps, fitted to a pair of pictures and sliced at any size.

Chen, Adams, Wadhwa, Hasinoff, *Bilateral Guided Upsampling*, SIGGRAPH Asia 2016; the grid itself: Chen,
Paris, Durand, *Real-time Edge-aware Image Processing with the Bilateral Grid*, SIGGRAPH 2007. A node over x,
y and the content's luminance holds a 3 x 4 matrix; a pixel's result is the trilinearly interpolated matrix
times its own (r, g, b, 1). A dark pole before a bright sky lies in another bin than the sky and cannot be
given the sky's correction: halos, grain and blotches are not expressible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..compiled.fitting import SUMS, node_sums
from ..compiled.kernel import is_usable
from ..compiled.threads import Threads
from ..ops.box_filter import box_mean
from ..ops.color_preservation import luminance

EDGE_RADIUS = 4  # px: a network's lines and glows reach about so far from an edge
PAIRS = [(i, j) for i in range(4) for j in range(i, 4)]  # of (r, g, b, 1), whose products are summed
LEAST_VARIANCE = 1e-4  # of the whole picture's colors; one of a single color has no slopes


@dataclass(frozen=True)
class Prior:
    """What a look is taken to be where the picture says little: how calm it is.

    Attributes:
        cell: px of the fitted picture between nodes, about.
        bins: nodes over luminance.
        blur: passes of [1, 2, 1] / 4 over rows and columns of the grid.
        pull: weight of the whole picture's map in every node, as a share of the mean node's pixels.
        ridge: variance of 0-1 colors below which a node has no slopes of its own and takes the whole
            picture's.
        gain: the largest factor of slopes so taken: above one they would enlarge noise and JPEG blocks.
        edge: standard deviation of luminance in a window from which on its pixels count for less.
    """

    cell: int = 24
    bins: int = 6
    blur: int = 2
    pull: float = 0.02
    ridge: float = 0.06
    gain: float = 0.8
    edge: float = 0.02


CALM = Prior()  # no halos, blotches or grain; chosen on phone photos, see benchmarks/README.md
FAITHFUL = Prior(cell=12, bins=16, blur=1, ridge=1e-4, gain=math.inf, edge=math.inf)


@dataclass(frozen=True)
class Grid:
    """Affine color maps at the nodes of a grid over a picture.

    Attributes:
        maps: ``[bins, ny, nx, 3, 4]`` float32; the nodes cover the picture from border to border.
        whole: ``[3, 4]``, the one map of the whole picture.
    """

    maps: Tensor
    whole: Tensor

    def strengthened(self, strength: float) -> Grid:
        """Interpolated between no change at all (0) and this grid (1)."""
        same = torch.eye(3, 4, dtype=self.maps.dtype, device=self.maps.device)
        return Grid(same.lerp(self.maps, strength), same.lerp(self.whole, strength))

    def under(self, light: float, kept: float) -> Grid:
        """The grid for a picture in another light, whose result is to be ``kept`` times as bright.

        Args:
            light: factor of the picture's colors, over 0.
        """
        bins = len(self.maps)
        place = (torch.arange(bins, device=self.maps.device) / light).clamp_max(bins - 1)
        below = place.floor().long().clamp_max(bins - 2)
        share = (place - below)[:, None, None, None, None]
        moved = self.maps[below].lerp(self.maps[below + 1], share)
        factors = self.maps.new_tensor([kept / light] * 3 + [kept])
        return Grid(moved * factors, self.whole * factors)


@dataclass(frozen=True)
class Equations:
    """The normal equations of every node; those of tiles or frames of one place add up.

    Attributes:
        second: ``[bins, ny, nx, 4, 4]``, weighted sums of p p' with p = (r, g, b, 1) of the content.
        cross: ``[bins, ny, nx, 4, 3]``, weighted sums of p q' with q of the restyled picture.
    """

    second: Tensor
    cross: Tensor

    def merged(self, other: Equations) -> Equations:
        """Of both together."""
        return Equations(self.second + other.second, self.cross + other.cross)

    def weighted(self, share: float) -> Equations:
        """The same, counting for more or less."""
        return Equations(share * self.second, share * self.cross)

    def everywhere(self) -> Equations:
        """Those of luminance alone, wherever it is: a grid of two equal nodes along x and y."""
        second, cross = (sums.sum((1, 2), keepdim=True) for sums in (self.second, self.cross))
        return Equations(second.expand(-1, 2, 2, -1, -1), cross.expand(-1, 2, 2, -1, -1))

    def solved(self, prior: Prior = CALM) -> Grid:
        """The maps that fit best, smoothed over neighbors and pulled to the whole picture's."""
        second, cross = self.second.sum((0, 1, 2)), self.cross.sum((0, 1, 2))
        second, cross = second / second[3, 3], cross / second[3, 3]
        slopes = torch.diag(second.new_tensor([1.0, 1.0, 1.0, 0.0]))
        same = torch.eye(4, 3, dtype=second.dtype, device=second.device)
        floor = LEAST_VARIANCE * slopes
        whole = torch.linalg.solve(second + floor, cross + floor @ same)  # [4, 3]
        own, towards = _blurred(self.second, prior.blur), _blurred(self.cross, prior.blur)
        pixels = own[..., 3, 3, None, None]
        weight = prior.pull * pixels.mean()
        floor = prior.ridge * (pixels + weight) * slopes
        left = own + weight * second + floor
        right = towards + weight * (second @ whole) + floor @ _limited(whole, prior.gain)
        maps = torch.linalg.solve(left, right).transpose(-1, -2)
        return Grid(maps.float().contiguous(), whole.T.float().contiguous())


def _limited(whole: Tensor, gain: float) -> Tensor:
    """A map ``[4, 3]`` with slopes that enlarge no difference of colors by more than ``gain``."""
    left, factors, right = torch.linalg.svd(whole[:3])
    return torch.cat([left @ torch.diag(factors.clamp_max(gain)) @ right, whole[3:]])


def equations(
    content: Tensor, styled: Tensor, weights: Tensor | None = None, *, prior: Prior = CALM
) -> Equations:
    """The normal equations of all nodes for a pair of pictures, in float64.

    Args:
        content, styled: ``[1, 3, H, W]``, float, RGB in [0, 1].
        weights: ``[H, W]``, how much each pixel counts; all alike if not given.
        prior: its cell, bins and edge.
    """
    height, width = content.shape[-2:]
    ny, nx = (max(2, round(side / prior.cell) + 1) for side in (height, width))
    counts = _away_from_edges(content, prior.edge)
    counts = counts if weights is None else counts * weights
    by = _compiled_sums if is_usable(content.device) else _sums
    sums = by(content[0], styled[0], counts, (prior.bins, ny, nx))
    second = sums.new_empty(*sums.shape[:3], 4, 4)
    for k, (i, j) in enumerate(PAIRS):
        second[..., i, j] = second[..., j, i] = sums[..., k]
    return Equations(second, sums[..., len(PAIRS) :].unflatten(-1, (4, 3)).contiguous())


def _sums(content: Tensor, styled: Tensor, counts: Tensor, nodes: tuple[int, int, int]) -> Tensor:
    """Of every node, ``[bins, ny, nx, 22]`` float64: of PAIRS, then of (r, g, b, 1) times the other's colors.

    Args:
        content, styled: ``[3, H, W]``.
        counts: ``[H, W]``, how much each pixel counts.
        nodes: bins, ny and nx.
    """
    bins, ny, nx = nodes
    height, width = content.shape[-2:]
    rows, columns = _tents(height, ny, content.device), _tents(width, nx, content.device)
    light = luminance(content[None])[0, 0].clamp(0, 1) * (bins - 1)
    p = torch.cat([content, torch.ones_like(content[:1])])
    values = torch.cat([torch.stack([p[i] * p[j] for i, j in PAIRS]), (p[:, None] * styled).flatten(0, 1)])
    values = values * counts
    sums = values.new_empty(bins, len(values), ny, nx, dtype=torch.float64)
    for z in range(bins):
        near = values * (1 - (light - z).abs()).clamp_min(0)
        sums[z] = (rows @ (near @ columns.T)).double()
    return sums.permute(0, 2, 3, 1)


def _compiled_sums(content: Tensor, styled: Tensor, counts: Tensor, nodes: tuple[int, int, int]) -> Tensor:
    """:func:`_sums` on the processor."""
    bins, ny, nx = nodes
    height, width = content.shape[-2:]
    planes = (each.float().contiguous().numpy() for each in (content, styled, counts))
    y = node_places(height, ny, content.device).float().numpy()
    left, share = column_places(width, nx)
    with Threads() as threads:
        parts = threads.run(node_sums, height, *planes, bins, ny, nx, y, left, share)
    total = np.zeros((bins, ny, nx, SUMS))
    for first, part in parts:
        total[:, first : first + part.shape[1]] += part
    return torch.from_numpy(total)


def _away_from_edges(content: Tensor, edge: float) -> Tensor:
    """How much each pixel counts, ``[H, W]``: halos lie beside strong edges, where little can be learned."""
    light = luminance(content)
    variance = box_mean(light * light, EDGE_RADIUS) - box_mean(light, EDGE_RADIUS) ** 2
    return 1 / (1 + variance[0, 0].clamp_min(0) / edge**2)


def _tents(side: int, nodes: int, device: torch.device) -> Tensor:
    """Weights of ``nodes`` nodes at every pixel of a line, ``[nodes, side]``: linear between two nodes."""
    place = node_places(side, nodes, device)
    return (1 - (place - torch.arange(nodes, device=device)[:, None]).abs()).clamp_min(0)


def node_places(side: int, nodes: int, device: torch.device) -> Tensor:
    """Where the middles of ``side`` pixels lie among ``nodes`` nodes from border to border."""
    return (torch.arange(side, device=device) + 0.5) * ((nodes - 1) / side)


def _blurred(sums: Tensor, passes: int) -> Tensor:
    """``[1, 2, 1] / 4`` over rows and columns of ``[bins, ny, nx, a, b]``; the total stays."""
    for _ in range(passes):
        for axis in (1, 2):  # not over luminance: dark ground would get some of the sky's map
            moved = sums.movedim(axis, 0)
            padded = torch.cat([moved[:1], moved, moved[-1:]])
            sums = ((padded[:-2] + padded[2:]) / 4 + moved / 2).movedim(0, axis)
    return sums


def column_places(width: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every column of pixels: the node to its left, int32, and how far on to the next it is, float32."""
    x = node_places(width, nodes, torch.device("cpu")).float()
    left = x.floor().clamp_max(max(nodes - 2, 0))
    return left.int().numpy(), (x - left).numpy()


def sliced_by_tensors(picture: Tensor, grid: Grid, rows: slice, height: int) -> Tensor:
    """Some rows of a picture through the interpolated maps, on any device: ``[1, 3, rows, W]``, not clamped.

    Args:
        picture: ``[1, 3, rows, W]``, float32, RGB in [0, 1].
        rows: which rows of the whole picture these are.
        height: of the whole.
    """
    ny, nx = grid.maps.shape[1:3]
    width = picture.shape[-1]
    y = node_places(height, ny, picture.device)[rows].float()
    x = node_places(width, nx, picture.device).float()
    z = luminance(picture)[0, 0].clamp(0, 1)
    place = torch.stack(
        [
            (2 * x / (nx - 1) - 1).expand(len(y), width),
            (2 * y / (ny - 1) - 1)[:, None].expand(len(y), width),
            2 * z - 1,
        ],
        -1,
    )  # [rows, W, 3]
    maps = grid.maps.to(picture.device).flatten(3).permute(3, 0, 1, 2)[None]  # [1, 12, bins, ny, nx]
    found = F.grid_sample(maps, place[None, None], align_corners=True, padding_mode="border")
    matrix = found[0, :, 0].unflatten(0, (3, 4))  # [3, 4, rows, W]
    return ((matrix[:, :3] * picture).sum(1) + matrix[:, 3])[None]
