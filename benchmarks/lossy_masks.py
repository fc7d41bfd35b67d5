"""Masks saved with loss against lossless partners: ``python -m benchmarks.lossy_masks``.

Every pair of the nine named colors, two halves with a straight border, saved as JPEG at eight qualities
with and without halved colors: 576 masks. A mask is right if both sides have exactly the two regions,
matched color with color, without a note, and no pixel farther than 2 px from the border is in the wrong one.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from style_core import InvalidSegments, Picture
from style_core.regions.mask_colors import COLOR_NAMES
from style_core.regions.masks import Segments, read_masks

QUALITIES = (50, 60, 70, 75, 80, 85, 90, 95)
SUBSAMPLINGS = {0: "4:4:4", 2: "4:2:0"}
HEIGHT, WIDTH, BORDER = 240, 320, 157  # px; the border lies inside a block of 16
NEAR = 2  # px
Color = tuple[int, int, int]


def main() -> None:
    """Print how many of the 36 pairs are right at each quality."""
    print(f"| quality | {' | '.join(SUBSAMPLINGS.values())} |\n|---|{'---|' * len(SUBSAMPLINGS)}")
    total = 0
    for quality in QUALITIES:
        right = [
            sum(is_right(*pair, quality, subsampling) for pair in color_pairs())
            for subsampling in SUBSAMPLINGS
        ]
        total += sum(right)
        print(f"| {quality} | {' | '.join(f'{count} of 36' for count in right)} |", flush=True)
    print(f"\n{total} of {36 * len(QUALITIES) * len(SUBSAMPLINGS)} are right.")


def color_pairs() -> Iterator[tuple[Color, Color]]:
    """All pairs of the named colors."""
    yield from itertools.combinations(COLOR_NAMES, 2)


def is_right(first: Color, second: Color, quality: int, subsampling: int) -> bool:
    """Whether a pair's mask is read as what was painted."""
    painted = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    painted[:], painted[:, BORDER:] = first, second
    photo = Picture(torch.full((1, 3, HEIGHT, WIDTH), 0.5))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.jpg"
        Image.fromarray(painted).save(path, quality=quality, subsampling=subsampling)
        try:
            found = read_masks(path, painted[:, ::-1].copy(), photo, photo)
        except InvalidSegments:
            return False
    return not found.notes and _is_as_painted(found)


def _is_as_painted(found: Segments) -> bool:
    left, right = int(found.content[0, 0]), int(found.content[0, -1])
    content = found.content.numpy()
    here, partner = np.arange(WIDTH) < BORDER, np.arange(WIDTH) >= WIDTH - BORDER
    sure = np.abs(np.arange(WIDTH) - BORDER + 0.5) > NEAR
    is_same = (content == np.where(here, left, right)[None])[:, sure].all()
    is_matched = bool((found.style.numpy() == np.where(partner, left, right)[None]).all())
    return left != right and 0 not in (left, right) and bool(is_same) and is_matched


if __name__ == "__main__":
    main()
