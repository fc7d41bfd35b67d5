"""Total variation: how much neighboring pixels differ."""

from __future__ import annotations

from torch import Tensor


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of a pixel to its right and lower neighbors, a scalar.

    Squared differences as in Mahendran and Vedaldi (CVPR 2015, beta = 2) and the released Lua code
    of Gatys et al.'s method; the mean makes it independent of the size.

    Args:
        image: ``[1, C, H, W]``, float, H and W at least 2.
    """
    across = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    down = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    return across + down
