"""A look with its regions: fitted once to what a method made of a photo, put on it at any size in strips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..compiled.kernel import is_usable
from ..compiled.slicing import slice_rows, slice_samples
from ..compiled.threads import Threads
from ..images import HIGHEST, ImageTensor, Samples, as_floats, as_samples, empty_picture, strips
from ..ops.guided_filter import linear_model
from ..regions import Labels
from .files import not_a_look, read_tensors, write_tensors
from .grid import CALM, Equations, Grid, Prior, column_places, equations, node_places, sliced_by_tensors

ANYWHERE, SHARES = "anywhere", "shares"  # names in a file, besides numbers of grids
SHARE_RADIUS, SHARE_EPS = 12, 1e-4  # px; see regions/membership.py
SHARE_STEP = 4  # px of the fitted picture between the models of membership


@dataclass(frozen=True)
class Shares:
    """Soft membership in K regions as local models of color, for pictures of any size.

    Attributes:
        models: ``[4 K, h, w]``: for each region three slopes and an offset of (r, g, b).
    """

    models: Tensor

    @classmethod
    def fit(cls, labels: Labels, content: ImageTensor) -> Shares:
        """Hard masks drawn to the content's edges by a guided filter, of which the models are kept."""
        hard = labels.masks(labels.present).to(content)
        step = max(1, min(SHARE_STEP, min(content.shape[-2:]) // 8))
        guide, small = (
            F.avg_pool2d(x, step, ceil_mode=True, count_include_pad=False) for x in (content, hard)
        )
        return cls.of(small, guide, radius=max(1, round(SHARE_RADIUS / step)))

    @classmethod
    def of(cls, small: Tensor, guide: ImageTensor, *, radius: int) -> Shares:
        """Masks ``[1, K, h, w]`` in [0, 1] of a small picture, drawn to its edges."""
        slopes, offset = linear_model(guide, small, radius=radius, eps=SHARE_EPS)
        models = torch.cat([slopes[0].unflatten(0, (-1, 3)), offset[0][:, None]], 1)
        return cls(models.flatten(0, 1).contiguous())

    def at(self, picture: ImageTensor, rows: slice, height: int) -> Tensor:
        """``[K, rows, W]``, summing to one, for some rows of a picture of that height."""
        found = _stretched_rows(self.models.to(picture.device), rows, height, picture.shape[-1])
        models = found.unflatten(0, (-1, 4))
        shares = ((models[:, :3] * picture[0]).sum(1) + models[:, 3]).clamp(0, 1)
        return shares / shares.sum(0).clamp_min(1e-6)


@dataclass(frozen=True)
class Look:
    """What a method did to a photo's colors, and where.

    Attributes:
        grids: one for each region, or one.
        anywhere: what was done to colors by their luminance alone, for other photos.
        shares: membership in the regions; ``None`` for one grid.
        settings: how it was made, as plain JSON.
    """

    grids: tuple[Grid, ...]
    anywhere: Grid
    shares: Shares | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def strengthened(self, strength: float) -> Look:
        """Interpolated between no change at all (0) and this look (1)."""
        return replace(
            self,
            grids=tuple(grid.strengthened(strength) for grid in self.grids),
            anywhere=self.anywhere.strengthened(strength),
        )

    def under(self, light: float, kept: float) -> Look:
        """The look for the same in another light, as :meth:`Grid.under`."""
        return replace(
            self,
            grids=tuple(grid.under(light, kept) for grid in self.grids),
            anywhere=self.anywhere.under(light, kept),
        )

    def for_other_photos(self) -> Look:
        """The look without places and regions: colors change by their luminance alone."""
        return replace(self, grids=(self.anywhere,), shares=None)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as ``NAME.look``, all of it or nothing.

        Raises:
            InvalidImage: the name does not end in ``.look``, or the place cannot be written.
        """
        named = {str(k): grid for k, grid in enumerate(self.grids)} | {ANYWHERE: self.anywhere}
        tensors = {f"maps.{name}": grid.maps for name, grid in named.items()}
        tensors |= {f"whole.{name}": grid.whole for name, grid in named.items()}
        tensors |= {} if self.shares is None else {SHARES: self.shares.models}
        write_tensors(path, tensors, self.settings)

    def apply(self, picture: Samples) -> Samples:
        """The photo it was made of, at any size, in its new colors.

        Args:
            picture: ``[1, 3, H, W]``, RGB: float32 in [0, 1], uint8 or uint16.

        Returns:
            the same, of the same type. Nothing is rounded on the way, and of whole samples no floats are made
            but of a strip at a time.
        """
        return self.restyled(picture, picture.dtype)

    def restyled(self, picture: Samples, depth: torch.dtype) -> Samples:
        """:meth:`apply` with a result of another depth."""
        out = empty_picture(picture.shape[-2], picture.shape[-1], depth, picture.device)
        if self._goes_by_samples(picture, depth):
            _slice_samples(picture, self.grids[0], out)
            return out
        for rows, _, looked in self.strips(picture):
            out[:, :, rows] = as_samples(looked, depth)
        return out

    def _goes_by_samples(self, picture: Samples, depth: torch.dtype) -> bool:
        """Whether one pass over whole samples does it all."""
        is_stored = picture.is_contiguous(memory_format=torch.channels_last)
        is_whole = picture.dtype in HIGHEST and depth in HIGHEST
        return is_whole and is_stored and self.shares is None and is_usable(picture.device)

    def strips(self, picture: Samples) -> Iterator[tuple[slice, ImageTensor, ImageTensor]]:
        """The photo strip by strip: which rows, and their floats ``[1, 3, rows, W]`` before and after."""
        height = picture.shape[-2]
        with Threads() as threads:
            for rows in strips(height, picture.shape[-1]):
                strip = as_floats(picture[:, :, rows])
                yield rows, strip, self.rows(strip, rows, height, threads)

    def rows(self, strip: ImageTensor, rows: slice, height: int, threads: Threads) -> ImageTensor:
        """Some rows of the photo, ``[1, 3, rows, W]``, in their new colors."""
        strip = strip.contiguous()
        if self.shares is None:
            weights = [torch.ones(strip.shape[-2:], device=strip.device)]
        else:
            weights = list(self.shares.at(strip, rows, height))
        if not is_usable(strip.device):
            parts = [
                sliced_by_tensors(strip, grid, rows, height) * weight
                for grid, weight in zip(self.grids, weights, strict=True)
            ]
            return torch.stack(parts).sum(0).clamp(0, 1)
        out = torch.zeros_like(strip)
        for grid, weight in zip(self.grids, weights, strict=True):
            _slice(strip, grid, rows, height, weight.contiguous(), out, threads)
        return out.clamp_(0, 1)


def _slice(
    strip: Tensor, grid: Grid, rows: slice, height: int, weight: Tensor, out: Tensor, threads: Threads
) -> None:
    places = _places(grid, rows, height, strip.shape[-1])
    threads.run(slice_rows, strip.shape[-2], strip[0].numpy(), *places, weight.numpy(), out[0].numpy())


def _slice_samples(picture: Samples, grid: Grid, out: Samples) -> None:
    height, width = picture.shape[-2:]
    given, made = (samples[0].permute(1, 2, 0).numpy() for samples in (picture, out))
    highest, target = (np.float32(HIGHEST[samples.dtype]) for samples in (picture, out))
    places = _places(grid, slice(0, height), height, width)
    with Threads() as threads:
        threads.run(slice_samples, height, given, highest, *places, made, target)


def _places(grid: Grid, rows: slice, height: int, width: int) -> tuple[np.ndarray, ...]:
    """A grid, and where rows and columns lie in it, as kernels take them."""
    ny, nx = grid.maps.shape[1:3]
    y = node_places(height, ny, torch.device("cpu"))[rows].float()
    maps = grid.maps.flatten(3).contiguous()
    return maps.numpy(), y.numpy(), *column_places(width, nx)


def fit_look(
    content: ImageTensor, styled: ImageTensor, labels: Labels | None = None, *, prior: Prior = CALM,
    settings: Mapping[str, Any] | None = None,
) -> Look:  # fmt: skip
    """The look that turns a photo into what a method made of it.

    Args:
        content, styled: ``[1, 3, H, W]``, float, RGB in [0, 1].
        labels: the content's regions: each gets a grid of its own, so that two of equal luminance that meet
            at a border do not share cells.
        prior: ``CALM`` for what networks make; ``FAITHFUL`` reproduces whatever a grid can.
        settings: kept with it.
    """
    content, styled = content.float(), styled.float()
    kept = dict(settings or {})
    shares: Shares | None = None
    weights: list[Tensor | None] = [None]
    if labels is not None and len(labels.present) > 1:
        shares = Shares.fit(labels, content)
        weights = list(shares.at(content, slice(0, content.shape[-2]), content.shape[-2]))
    parts = [equations(content, styled, weight, prior=prior) for weight in weights]
    anywhere = reduce(Equations.merged, parts).everywhere().solved(prior)
    return Look(tuple(part.solved(prior) for part in parts), anywhere, shares, kept)


def _stretched_rows(small: Tensor, rows: slice, height: int, width: int) -> Tensor:
    """``[C, h, w]`` bilinearly at some rows of a picture of ``height`` x ``width``: ``[C, rows, width]``."""
    h = small.shape[-2]
    y = ((torch.arange(height, device=small.device)[rows] + 0.5) * (h / height) - 0.5).clamp(0, h - 1)
    top = y.floor().long().clamp_max(max(h - 2, 0))
    below = (top + 1).clamp_max(h - 1)
    lines = small[:, top].lerp(small[:, below], (y - top).float()[:, None])
    return F.interpolate(lines, width, mode="linear", align_corners=False)


def load_look(path: str | PathLike[str]) -> Look:
    """Read what :meth:`Look.save` wrote.

    Raises:
        InvalidImage: it is not there, or is no look.
    """
    tensors, settings = read_tensors(path)
    try:
        count = len([name for name in tensors if name.startswith("maps.")]) - 1  # without ANYWHERE
        grids = tuple(_read_grid(tensors, str(k)) for k in range(count))
        models = tensors.get(SHARES)
        if not grids or (models is None) != (count == 1):
            raise ValueError("no membership for the regions")
        if models is not None and (models.ndim != 3 or len(models) != 4 * count or not models.numel()):
            raise ValueError("membership of another shape")
        shares = None if models is None else Shares(models)
        return Look(grids, _read_grid(tensors, ANYWHERE), shares, settings)
    except (KeyError, ValueError) as error:
        raise not_a_look(Path(fspath(path))) from error


def _read_grid(tensors: Mapping[str, Tensor], name: str) -> Grid:
    maps, whole = tensors[f"maps.{name}"], tensors[f"whole.{name}"]
    if maps.ndim != 5 or maps.shape[3:] != (3, 4) or min(maps.shape[:3]) < 2 or whole.shape != (3, 4):
        raise ValueError("maps of another shape")
    return Grid(maps.contiguous(), whole)
