"""The color guided filter (He et al., ECCV 2010) in its subsampled form (He and Sun, 2015).

The output is, in every window, the linear function of the guide's colors that is nearest to the
input: edges come from the guide, everything the guide does not have is smoothed away.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .box_filter import box_mean
from .symmetric_solve import PAIRS, solve_symmetric

DETAIL_RADIUS, DETAIL_EPS = 8, 0.01  # Luan et al. 2017, released code


def guided_filter(guide: Tensor, x: Tensor, *, radius: int, eps: float, subsample: int = 1) -> Tensor:
    """Filter every channel of ``x`` along the edges of ``guide``.

    Args:
        guide: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        x: ``[1, C, H, W]``, float32, any range.
        radius: half window in pixels of the full size.
        eps: variance of the guide (0-1 values squared) below which a window counts as flat.
        subsample: the model is fitted at this fraction of the size and applied at full size.

    Returns:
        ``[1, C, H, W]``, float32.
    """
    size = guide.shape[-2:]
    step = max(1, min(subsample, min(size) // 8))
    small_guide = F.avg_pool2d(guide, step, ceil_mode=True, count_include_pad=False)
    small = small_guide if x is guide else F.avg_pool2d(x, step, ceil_mode=True, count_include_pad=False)
    slopes, offset = linear_model(small_guide, small, radius=max(1, round(radius / step)), eps=eps)
    if step > 1:
        slopes, offset = (_enlarge(t, size, step) for t in (slopes, offset))
    for color in range(3):  # slopes are stored channel by channel, three colors each
        offset = offset.addcmul_(slopes[:, color::3], guide[:, color : color + 1])
    return offset


def put_back_detail(result: Tensor, content: Tensor, *, strength: float = 1.0) -> Tensor:
    """``result + strength (content - guided_filter(content))``: the posterization refinement.

    Luan et al. 2017, released code: what a filter guided by the content itself removes from it is
    the finest detail, which smoothing and optimizing cost.

    Args:
        result, content: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        strength: share of the detail.

    Returns:
        ``[1, 3, H, W]``, not clamped.
    """
    base = guided_filter(content, content, radius=DETAIL_RADIUS, eps=DETAIL_EPS)
    return result + strength * (content - base)


def linear_model(guide: Tensor, x: Tensor, *, radius: int, eps: float) -> tuple[Tensor, Tensor]:
    """Window-averaged coefficients: ``x ~ slopes . guide + offset``.

    Returns:
        slopes ``[1, 3 C, H, W]`` (three for each channel of ``x``) and offset ``[1, C, H, W]``.
    """
    slopes, offset = window_model(guide, x, radius=radius, eps=eps)
    return box_mean(slopes, radius), box_mean(offset, radius)


def window_model(guide: Tensor, x: Tensor, *, radius: int, eps: float | Tensor) -> tuple[Tensor, Tensor]:
    """The regression of each window, clipped at the borders, by itself; shapes as :func:`linear_model`.

    Args:
        eps: added to the variances of the guide's colors; a number or ``[H, W]``.
    """
    mean_guide = box_mean(guide, radius)
    mean_x = mean_guide if x is guide else box_mean(x, radius)
    second = box_mean(torch.cat([guide[:, i : i + 1] * guide[:, j : j + 1] for i, j in PAIRS], 1), radius)
    covariance = {
        (i, j): second[0, k] - mean_guide[0, i] * mean_guide[0, j] for k, (i, j) in enumerate(PAIRS)
    }
    if x is guide:
        cross = [torch.stack([covariance[min(i, j), max(i, j)] for j in range(3)]) for i in range(3)]
    else:
        cross = [
            (box_mean(guide[:, i : i + 1] * x, radius) - mean_guide[:, i : i + 1] * mean_x)[0]
            for i in range(3)
        ]
    for i in range(3):
        covariance[i, i] = covariance[i, i] + eps
    slopes = torch.stack(solve_symmetric(covariance, cross), 1)  # [C, 3, H, W]
    offset = mean_x - (slopes * mean_guide[0]).sum(1)[None]
    return slopes.flatten(0, 1)[None], offset


def _enlarge(x: Tensor, size: torch.Size, step: int) -> Tensor:
    height, width = x.shape[-2] * step, x.shape[-1] * step  # the subsampled grid covers this much
    full = F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
    return full[..., : size[0], : size[1]]
