"""Mean and covariance of feature vectors, the statistics that every WCT-family method matches.

They merge: moments of parts of a picture, or of frames, give exactly those of the whole (Chan, Golub and
LeVeque, *Updating Formulae and a Pairwise Algorithm for Computing Sample Variances*, 1979).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

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
    rows = as_rows(features)
    chosen = None if mask is None else mask.flatten()
    count = rows.shape[0] if chosen is None else int(chosen.sum())
    if count == 0:
        raise ValueError("moments of no position at all")
    wide = torch.float64 if features.dtype == torch.float64 else torch.float32
    # Sums about a rough mean lose nothing to a large one, and need no pass to find the exact one first.
    shift = _rough_mean(rows, chosen, wide)
    sums = sum_on_host(_sums_about(shift, rows, chosen))
    total, scatter = sums[0], sums[1:]
    offset = total / count
    scatter -= torch.outer(offset, total)
    return Moments(shift.cpu().double() + offset, scatter / max(count - 1, 1), count)


def _rough_mean(rows: Tensor, chosen: Tensor | None, wide: torch.dtype) -> Tensor:
    """The mean of evenly spread vectors, of all or of those chosen."""
    places = torch.arange(len(rows), device=rows.device) if chosen is None else chosen.nonzero().squeeze(1)
    return rows[places[:: max(1, len(places) // SAMPLES)]].to(wide).mean(0)


def _sums_about(shift: Tensor, rows: Tensor, chosen: Tensor | None) -> Iterator[Tensor]:
    """Block by block, ``[C + 1, C]``: the sum of ``d = row - shift``, and below it the sum of ``d d'``."""
    size = max(1, block_values(rows.device) // rows.shape[1])
    buffer = shift.new_empty(min(size, len(rows)), rows.shape[1])
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        if chosen is not None:
            block = block[chosen[start : start + size]]
        shifted = buffer[: len(block)].copy_(block).sub_(shift)
        yield torch.cat([shifted.sum(0, keepdim=True), summed_products(shifted)])


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
    return BLOCK if device.type == "cpu" else DEVICE_BLOCK


def sum_on_host(parts: Iterable[Tensor]) -> Tensor:
    """The sum of equally shaped tensors in float64, on the CPU.

    Those of another device are fetched once, all together, so that it is waited for once.
    """
    waiting: list[Tensor] = []
    total: Tensor | None = None
    for part in parts:
        if part.device.type == "cpu":
            total = part.double() if total is None else total.add_(part)
        else:
            waiting.append(part)
    return torch.stack(waiting).cpu().double().sum(0) if total is None else total


def as_rows(features: Tensor) -> Tensor:
    """``[1, C, h, w]`` as ``[h*w, C]``: a view where the memory is channels-last."""
    return features[0].permute(1, 2, 0).reshape(-1, features.shape[1])


def from_rows(rows: Tensor, height: int, width: int) -> Tensor:
    """``[h*w, C]`` as a channels-last ``[1, C, h, w]`` view."""
    return rows.view(1, height, width, -1).permute(0, 3, 1, 2)
