"""Mean and covariance of feature vectors, the statistics that every WCT-family method matches.

They merge: moments of parts of a picture, or of frames, give exactly those of the whole (Chan, Golub and
LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .waiting import is_waited_for

BLOCK = 1 << 18  # values summed in float32, small enough for a processor's cache, before float64 goes on
DEVICE_BLOCK = 1 << 24  # the same on other devices, which have to be waited for, and more to do at a time
SAMPLES = 1024  # vectors whose mean is near enough to all vectors' mean
SUMMED = 1024  # vectors whose products a matrix product sums in one go ...
SUMMED_PER_CHANNEL = 16  # ... or so many per channel, so that the sums stay small beside the vectors


@dataclass(frozen=True)
class Moments:
    """First and second moments of ``count`` feature vectors.

    Attributes:
        mean: ``[C]``, float64, on the CPU.
        covariance: ``[C, C]``, float64, divided by count - 1 (by 1 for a single vector).
        count: how many vectors.
    """

    mean: Tensor
    covariance: Tensor
    count: int

    def merged(self, other: Moments) -> Moments:
        """The moments of both sets of vectors together (Chan et al. 1979, equation 2.1, for vectors)."""
        count = self.count + other.count
        apart = other.mean - self.mean
        scatter = self.covariance * max(self.count - 1, 1) + other.covariance * max(other.count - 1, 1)
        scatter = scatter + torch.outer(apart, apart) * (self.count * other.count / count)
        return Moments(self.mean + apart * (other.count / count), scatter / (count - 1), count)


@dataclass(frozen=True)
class Mean:
    """A mean over positions, of any quantity, that merges with that of other positions.

    Attributes:
        value: of any shape.
        weight: how many positions, or the sum of their weights.
    """

    value: Tensor
    weight: Tensor | float

    def merged(self, other: Mean) -> Mean:
        """The mean over both."""
        total = self.weight + other.weight
        return Mean(self.value + (other.value - self.value) * (other.weight / total), total)


def moments(features: Tensor, mask: Tensor | None = None) -> Moments:
    """Moments over the positions of ``[1, C, h, w]``, or those where ``mask`` is true.

    Args:
        features: float32, bfloat16 or float64.
        mask: ``[h, w]`` bool.

    Raises:
        ValueError: no position is selected.
    """
    (found,) = moments_of_each(features, [mask])
    if found is None:
        raise ValueError("moments of no position at all")
    return found


def moments_of_each(features: Tensor, masks: Iterable[Tensor | None]) -> list[Moments | None]:
    """Moments over the positions of each of some masks, or ``None`` where one has none.

    Args:
        features: as for :func:`moments`.
        masks: ``[h, w]`` bool, or ``None`` for all positions.
    """
    rows = as_rows(features)
    wide = torch.float64 if features.dtype == torch.float64 else torch.float32
    if is_waited_for(features.device):
        found = [_weighed_sums(rows, mask, wide) for mask in masks]
        # All at once, so that the device is waited for once.
        return [_from_sums(*one) for one in _fetched(found)]
    chosen = (None if mask is None else mask.flatten().nonzero().squeeze(1) for mask in masks)
    return [_from_sums(*_selected_sums(rows, places, wide)) for places in chosen]


def _from_sums(shift: Tensor, count: int, sums: Tensor) -> Moments | None:
    """Of ``d = row - shift``: ``[C + 1, C]`` float64, the sum of d and below it that of ``d d'``."""
    if count == 0:
        return None
    total, scatter = sums[0], sums[1:]
    offset = total / count
    scatter -= torch.outer(offset, total)
    return Moments(shift.double() + offset, scatter / max(count - 1, 1), count)


def _selected_sums(rows: Tensor, places: Tensor | None, wide: torch.dtype) -> tuple[Tensor, int, Tensor]:
    """What :func:`_from_sums` takes, of the rows at some places."""
    count = len(rows) if places is None else len(places)
    if count == 0:
        return rows.new_zeros(rows.shape[1]), 0, rows.new_zeros(0)
    # Sums about a rough mean lose nothing to a large one, and need no pass to find the exact one first.
    few = slice(None, None, max(1, count // SAMPLES))
    shift = (rows[few] if places is None else rows[places[few]]).to(wide).mean(0)
    size = _block_rows(rows)
    buffer = shift.new_empty(min(size, count), rows.shape[1])
    total: Tensor | None = None
    for start in range(0, count, size):
        here = slice(start, start + size)
        block = rows[here] if places is None else rows[places[here]]
        part = _sums(buffer[: len(block)].copy_(block).sub_(shift)).double()
        total = part if total is None else total.add_(part)
    assert total is not None
    return shift, count, total


def _weighed_sums(rows: Tensor, mask: Tensor | None, wide: torch.dtype) -> Tensor:
    """The same of the rows of a mask, ``[C + 3, C]``: shift, count, and the sums."""
    blocks = rows.split(_block_rows(rows))
    if mask is None:
        shift = rows[:: max(1, len(rows) // SAMPLES)].to(wide).mean(0)
        count = shift.new_full(shift.shape, len(rows))
        parts = (_sums(block.to(wide) - shift) for block in blocks)
    else:
        weights = mask.flatten().to(wide)[:, None].split(_block_rows(rows))
        counted = torch.stack([here.sum() for here in weights]).sum()
        # Of all of them: few that lie evenly over the picture may miss a region.
        shift = torch.stack([(here.T @ b.to(wide))[0] for here, b in zip(weights, blocks, strict=True)]).sum(
            0
        )
        shift = shift / counted.clamp_min(1)
        count = counted.expand_as(shift)
        parts = (_sums((b.to(wide) - shift) * here) for here, b in zip(weights, blocks, strict=True))
    return torch.cat([shift[None], count[None], torch.stack(list(parts)).sum(0)])


def _fetched(found: list[Tensor]) -> Iterator[tuple[Tensor, int, Tensor]]:
    for sums in torch.stack(found).cpu() if found else ():
        yield sums[0], round(float(sums[1, 0])), sums[2:].double()


def _sums(shifted: Tensor) -> Tensor:
    return torch.cat([shifted.sum(0, keepdim=True), summed_products(shifted)])


def _block_rows(rows: Tensor) -> int:
    return max(1, block_values(rows.device) // rows.shape[1])


def summed_products(rows: Tensor) -> Tensor:
    """The sum of ``row row'`` over rows, as ``rows.T @ rows`` but in parts, whose sums are summed then.

    In a long sum of float32 numbers the late ones are small beside what is there already and lose their last
    digits: of a hundred thousand vectors, one of them large, a thousandth of the sum on some processors,
    whose matrix product adds one after the other. In parts it is faster, too.

    Args:
        rows: ``[n, C]``, float32 or float64.

    Returns:
        ``[C, C]`` in the same dtype.
    """
    n, channels = rows.shape
    size = max(SUMMED, SUMMED_PER_CHANNEL * channels)
    count = n // size
    if count < 2:
        return rows.T @ rows
    parts = rows[: count * size].unflatten(0, (count, size))
    total = torch.bmm(parts.mT, parts).sum(0)
    rest = rows[count * size :]
    return torch.addmm(total, rest.T, rest) if len(rest) else total


def block_values(device: torch.device) -> int:
    """How many values are worked on at a time there."""
    return DEVICE_BLOCK if is_waited_for(device) else BLOCK


def as_rows(features: Tensor) -> Tensor:
    """``[1, C, h, w]`` as ``[h*w, C]``: a view where the memory is channels-last."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


def from_rows(rows: Tensor, height: int, width: int) -> Tensor:
    """``[h*w, C]`` as a channels-last ``[1, C, h, w]`` view."""
    return rows.view(1, height, width, -1).permute(0, 3, 1, 2)
