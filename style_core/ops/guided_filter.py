"""The color guided filter (He et al., ECCV 2010) in its subsampled form (He and Sun, 2015).

The output is, in every window, the linear function of the guide's colors that is nearest to the
input: edges come from the guide, everything the guide does not have is smoothed away.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .box_filter import box_mean

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
    channels = x.shape[1]
    mean_guide = box_mean(guide, radius)
    mean_x = mean_guide if x is guide else box_mean(x, radius)
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    second = box_mean(torch.cat([guide[:, i : i + 1] * guide[:, j : j + 1] for i, j in pairs], 1), radius)
    covariance = guide.new_empty(*guide.shape[-2:], 3, 3)
    for k, (i, j) in enumerate(pairs):
        covariance[..., i, j] = second[0, k] - mean_guide[0, i] * mean_guide[0, j]
        covariance[..., j, i] = covariance[..., i, j]
    if x is guide:
        cross = covariance.clone()
    else:
        products = (guide[:, :, None] * x[:, None]).flatten(1, 2)  # [1, 3 C, H, W], guide-major
        cross = box_mean(products, radius) - (mean_guide[:, :, None] * mean_x[:, None]).flatten(1, 2)
        cross = cross[0].unflatten(0, (3, channels)).permute(2, 3, 0, 1)  # [H, W, 3, C]
    variances = covariance.diagonal(dim1=-2, dim2=-1)
    variances += eps[..., None] if isinstance(eps, Tensor) else eps
    slopes = torch.linalg.solve(covariance, cross).permute(3, 2, 0, 1)  # [C, 3, H, W]
    offset = mean_x - (slopes * mean_guide[0]).sum(1)[None]
    return slopes.flatten(0, 1)[None], offset


def _enlarge(x: Tensor, size: torch.Size, step: int) -> Tensor:
    height, width = x.shape[-2] * step, x.shape[-1] * step  # the subsampled grid covers this much
    full = F.interpolate(x, (height, width), mode="bilinear", align_corners=False)
    return full[..., : size[0], : size[1]]
