"""The look of a shot: one for all its frames, fitted to a few of them, changing colors by luminance alone.

What does not change from frame to frame cannot flicker. A look that knows places would: a camera that moves
carries things from one of its cells into the next, and their colors would change on the way. With regions
there is one such look for each, and frames differ only in where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from ..images import ImageTensor
from ..look import Equations, Look, Shares, equations
from ..regions import Labels, ShotRegions
from .frame_regions import membership

LEAST = 1e-3  # of every pixel in every region: one of no pixel has no equations


def shot_look(
    samples: Sequence[ImageTensor],
    restyle: Callable[[ImageTensor, Labels | None], ImageTensor],
    regions: ShotRegions | None = None,
) -> Look:
    """What a method does to the colors of a shot.

    Args:
        samples: ``[1, 3, H, W]`` each, float32, RGB in [0, 1]: frames of the shot, all of one size.
        restyle: what the method makes of such a picture with these labels.
        regions: found in the samples.

    Returns:
        the look; with regions, of the last sample.
    """
    shares: Shares | None = None
    parts: list[list[Equations]] = []  # of every sample, by region
    for k, sample in enumerate(samples):
        if regions is None:
            parts.append([equations(sample, restyle(sample, None))])
            continue
        shares = membership(regions, sample)
        styled = restyle(sample, Labels(regions.frames[k]))
        weights = shares.at(sample, slice(0, sample.shape[-2]), sample.shape[-2])
        parts.append([equations(sample, styled, LEAST + (1 - LEAST) * weight) for weight in weights])
    merged = [reduce(Equations.merged, of_region) for of_region in zip(*parts, strict=True)]
    anywhere = reduce(Equations.merged, merged).everywhere().solved()
    return Look(tuple(part.everywhere().solved() for part in merged), anywhere, shares)
