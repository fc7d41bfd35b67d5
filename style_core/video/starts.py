"""What a frame that is optimized starts from: what was made of a frame before, where this one shows the same.

What it does not show is the frame itself in the colors that the painting has given to the rest: the
optimizer is slow with colors of even areas and quick with strokes.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ..images import ImageTensor, as_floats
from ..look import Look, equations
from ..pipeline import Beginning
from .advection import Carried


def start_from(picture: ImageTensor, carried: Carried) -> Beginning:
    """The start of a frame that shows some of what was painted before.

    Args:
        picture: the frame, ``[1, 3, H, W]``, float32, RGB in [0, 1].
        carried: paintings, brought to where the frame shows what they were painted on.
    """
    painted = as_floats(torch.from_numpy(np.ascontiguousarray(carried.shown())).permute(2, 0, 1)[None])
    covered = torch.from_numpy(carried.covered())[None, None]
    covered = F.interpolate(covered, picture.shape[-2:], mode="bilinear").clamp(0, 1)
    rest = _recolored(picture, picture, painted, covered[0, 0])
    return Beginning(rest.lerp(painted, covered), covered[0, 0] < 0.5)


def recolored_as(picture: ImageTensor, frame: ImageTensor, made: ImageTensor) -> Beginning:
    """A picture in the colors that another frame was given, by its luminance.

    Args:
        picture: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        frame, made: the other frame and what was made of it, ``[1, 3, h, w]``.
    """
    return Beginning(_recolored(picture, frame, made))


def _recolored(
    picture: ImageTensor, frame: ImageTensor, made: ImageTensor, weights: torch.Tensor | None = None
) -> ImageTensor:
    found = equations(frame, made, weights).everywhere().solved()
    return Look((found,), found, None).apply(picture)
