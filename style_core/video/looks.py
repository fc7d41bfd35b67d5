"""The look of a shot: one for all its frames, fitted to a few of them, changing colors by luminance alone.

What does not change from frame to frame cannot flicker. A look that knows places would: a camera that moves
carries things from one of its cells into the next, and their colors would change on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from ..images import ImageTensor
from ..look import Equations, Look, equations


def shot_look(samples: Sequence[ImageTensor], restyle: Callable[[ImageTensor], ImageTensor]) -> Look:
    """What a method does to the colors of a shot.

    Args:
        samples: ``[1, 3, H, W]`` each, float32, RGB in [0, 1]: frames of the shot, all of one size.
        restyle: what the method makes of such a picture.
    """
    parts = [equations(sample, restyle(sample)) for sample in samples]
    grid = reduce(Equations.merged, parts).everywhere().solved()
    return Look((grid,), grid)
