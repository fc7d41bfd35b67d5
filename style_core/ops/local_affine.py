"""Post-processing of the released photorealistic methods: local color models, averaged along the edges.

Luan et al. 2017 (supplement) and Li et al. 2018 (released code): every 3x3 window's best affine map
from the content's colors to the result's; a joint bilateral average of these maps; the averaged map
applied to the content's pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .box_filter import box_mean
from .float64 import float64_device
from .guided_filter import window_model
from .strips import strip_rows

RIDGE = 1e-3  # on the three color coefficients, not on the offset
STRIP = 48  # rows worked on at once, for the cache


def local_affine_filter(
    content: Tensor, result: Tensor, *, radius: int, edge: float,
    report: Callable[[float], None] | None = None,
) -> Tensor:  # fmt: skip
    """Redraw ``result`` as a local recoloring of ``content``; on the processor if their device lacks float64.

    Args:
        content, result: ``[1, 3, H, W]``, float32, RGB in [0, 1].
        radius: half the bilateral window in pixels; its spatial deviation is a third of it.
        edge: deviation in color (root mean square over R, G, B) over which a neighbor's map fades.
        report: called now and then with the share that is done; may raise to stop.

    Returns:
        ``[1, 3, H, W]``, not clamped.
    """
    device, place = content.device, float64_device(content.device)
    content, result = content.to(place), result.to(place)
    ones = torch.ones_like(content[:, :1])
    h, w = content.shape[-2:]
    counts = box_mean(F.pad(ones, (1, 1, 1, 1)), 1)[0, 0, 1 : h + 1, 1 : w + 1] * 9  # pixels in the window
    # The reference's ridge is on the sums over a window, window_model's on their mean; in double, as there.
    slopes, offset = window_model(content.double(), result.double(), radius=1, eps=(RIDGE / counts).double())
    model = torch.cat([slopes, offset], 1)[0].float()  # [12, H, W]
    averaged = _bilateral(model, content[0], radius=radius, edge=edge, report=report)
    red, green, blue = content[0]
    slopes = averaged[:9].unflatten(0, (3, 3))
    return (slopes[:, 0] * red + slopes[:, 1] * green + slopes[:, 2] * blue + averaged[9:])[None].to(device)


def _bilateral(
    model: Tensor, content: Tensor, *, radius: int, edge: float, report: Callable[[float], None] | None
) -> Tensor:
    """Average of ``[K, H, W]`` over the window, weighed by distance and by color difference."""
    h, w = content.shape[-2:]
    values = F.pad(torch.cat([model, torch.ones_like(model[:1])]), (radius,) * 4)  # the last sums the weights
    colors = F.pad(content, (radius,) * 4)
    out = torch.empty_like(model)
    strip = strip_rows(STRIP, w, content.device)
    for top in range(0, h, strip):
        rows = min(strip, h - top)
        own = content[:, top : top + rows]
        total = model.new_zeros(len(values), rows, w)
        for dy in range(2 * radius + 1):
            for dx in range(2 * radius + 1):
                place = (..., slice(top + dy, top + dy + rows), slice(dx, dx + w))
                difference = (colors[place] - own).square_().sum(0).mul_(-1 / (3 * 2 * edge**2))
                distance = ((dy - radius) ** 2 + (dx - radius) ** 2) / (2 * (radius / 3) ** 2)
                total.addcmul_(values[place], difference.sub_(distance).exp_())
        out[:, top : top + rows] = total[:-1] / total[-1:]
        if report is not None:
            report((top + rows) / h)
    return out
