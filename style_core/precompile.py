"""What is compiled at its first use, compiled before somebody waits for it."""

from __future__ import annotations

import torch

from .ops.propagation import propagate

SIDE = 144  # pixels; large enough for a grid that is not solved directly


def warm_up() -> None:
    """Compile the smoothing's kernels, or load what an earlier process compiled.

    Takes about ten seconds once on a machine, then a fraction of one.
    """
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    propagate(picture, picture.flip(3), max_steps=1)
