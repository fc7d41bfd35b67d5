"""One picture's colors distributed like another's.

Pitié, Kokaram, Dahyot, N-Dimensional Probability Density Function Transfer and its Application to Colour
Transfer, ICCV 2005. Mean and covariance say nothing of a painting's two or three main colors; its
distribution does.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SAMPLES = 20_000  # pixels of each picture
ROTATIONS = 6  # after that many turns of the axes hardly anything is left to move
QUANTILES = 65  # of every axis
POINTS = 33  # of the table along each color
NARROWEST = 1e-9  # of what lies between two knots: below it they are a tie
WIDEST, NOISE = 2.0, 0.03  # so many times the deviation less that of noise, which would show as blotches


def distribution_table(picture: Tensor, wanted: Tensor) -> Tensor:
    """The recoloring that gives a picture's pixels the distribution of others.

    Along each axis the quantiles of one are moved to those of the other, then the axes are turned
    (algorithm 1), from the RGB axes on. Departure: colors that hardly vary, as in a clear sky, are not spread
    as far as others do.

    Args:
        picture, wanted: ``[n, 3]`` and ``[m, 3]``, RGB in [0, 1].

    Returns:
        the change of a color, ``[33, 33, 33, 3]`` float32, indexed by blue, green, red.
    """
    generator = torch.Generator().manual_seed(0)
    found = _sample(picture)
    goal = _within_reach(_sample(wanted), found)
    steps = torch.linspace(0, 1, POINTS, dtype=torch.float64)
    blue, green, red = torch.meshgrid(steps, steps, steps, indexing="ij")
    colors = torch.stack([red, green, blue], -1).view(-1, 3)
    table, axes = colors, torch.eye(3, dtype=torch.float64)
    at = torch.linspace(0, 1, QUANTILES, dtype=torch.float64)
    for _ in range(ROTATIONS):
        knots, values = (torch.quantile(rows @ axes, at, dim=0).T.contiguous() for rows in (found, goal))
        found, table = (_moved(rows @ axes, knots, values) @ axes.T for rows in (found, table))
        axes = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    return (table - colors).view(POINTS, POINTS, POINTS, 3).float()


def recolored_by(table: Tensor, picture: Tensor) -> Tensor:
    """The picture plus the table's change of its colors, interpolated trilinearly; not clamped.

    Args:
        table: as :func:`distribution_table` makes it.
        picture: ``[1, 3, H, W]``; beyond [0, 1] the change is that at the limit.
    """
    place = (2 * picture.permute(0, 2, 3, 1) - 1)[:, None]  # red is the fastest axis
    change = F.grid_sample(
        table.to(picture).permute(3, 0, 1, 2)[None], place, align_corners=True, padding_mode="border"
    )
    return picture + change[:, :, 0]


def _within_reach(goal: Tensor, found: Tensor) -> Tensor:
    """The goal drawn towards its mean: along each of their main axes colors are not spread beyond a limit."""
    axes = torch.linalg.eigh(torch.cov(found.T)).eigenvectors
    mean, turned = goal.mean(0), (goal - goal.mean(0)) @ axes
    deviation = (found @ axes).std(0)
    reach = torch.maximum(deviation, WIDEST * deviation - NOISE) / turned.std(0).clamp_min(1e-9)
    return mean + (turned * reach.clamp_max(1)) @ axes.T


def _sample(rows: Tensor) -> Tensor:
    """At most :data:`SAMPLES` of the rows, evenly chosen, ``[n, 3]`` float64 on the processor."""
    if len(rows) > SAMPLES:
        places = torch.linspace(0, len(rows) - 1, SAMPLES, dtype=torch.float64).long()
        rows = rows[places.to(rows.device)]
    return rows.cpu().double()


def _moved(rows: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """Every column's values moved as its knots are, linearly between them and with them beyond.

    What many pixels share, as white where a picture is clipped, lies at several knots; it goes to their
    middle. Were it to go to one end, the turned axes would give it a tint.

    Args:
        rows: ``[n, 3]``.
        knots, values: ``[3, k]``, ascending.
    """
    columns = rows.T.contiguous()
    first = torch.searchsorted(knots, columns).clamp(1, knots.shape[1] - 1)  # the interval below a tie
    inside = _between(columns, first, knots, values)
    if (knots.diff(dim=1) < NARROWEST).any():  # or it meets the one above, and both give the same
        last = torch.searchsorted(knots, columns, right=True).clamp(1, knots.shape[1] - 1)
        inside = (inside + _between(columns, last, knots, values)) / 2
    beyond = columns - columns.clamp(knots[:, :1], knots[:, -1:])
    return (inside + beyond).T


def _between(columns: Tensor, upper: Tensor, knots: Tensor, values: Tensor) -> Tensor:
    """The values between two knots, of which ``upper`` is the second."""
    low, high = knots.gather(1, upper - 1), knots.gather(1, upper)
    share = ((columns - low) / (high - low).clamp_min(NARROWEST)).clamp(0, 1)
    return torch.lerp(values.gather(1, upper - 1), values.gather(1, upper), share)
