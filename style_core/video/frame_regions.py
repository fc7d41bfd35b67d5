"""Where the regions of a shot are in its frames: by what they look like, and steady from frame to frame."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import ImageTensor
from ..look import Shares
from ..regions import Labels, ShotRegions
from .motion import Seen, flow, has_opencv, is_inside, opencv, refined

KEPT = 0.75  # of the membership of the frame before, carried along; grain makes no borders that boil
SAME = 0.06  # mean difference of colors around a pixel up to which the frame before shows the same
SETTLED = 24  # frames after which what was before them is forgotten
RADIUS = 3  # px of the small frame over which borders are drawn to edges


def membership(regions: ShotRegions, frame: ImageTensor) -> Shares:
    """Soft membership of a frame by itself."""
    small, masks = regions.in_frame(frame)
    return Shares.of(masks, small, radius=RADIUS)


def frame_labels(regions: ShotRegions, frame: ImageTensor) -> Labels:
    """Hard labels of a frame by itself, at its size."""
    _, masks = regions.in_frame(frame)
    labels = torch.tensor(regions.present, dtype=torch.uint8)[masks[0].argmax(0).cpu()]
    return Labels(labels).at(frame.shape[-2], frame.shape[-1])


class SteadyMembership:
    """Soft membership of the frames of a shot, one after the other.

    Args:
        regions: of the shot.
    """

    def __init__(self, regions: ShotRegions) -> None:
        self._regions = regions
        self._before: tuple[Seen, Tensor] | None = None

    def next(self, frame: ImageTensor) -> Shares:
        """Of the next frame, ``[1, 3, H, W]`` in [0, 1], all of one size."""
        small, masks = self._regions.in_frame(frame)
        if has_opencv():
            small, masks = self._steadied(small, masks)
        return Shares.of(masks, small, radius=RADIUS)

    def _steadied(self, small: ImageTensor, masks: Tensor) -> tuple[ImageTensor, Tensor]:
        """The mean of both over some frames, where they show the same: the guide, too, loses its grain."""
        seen = Seen.of((small[0].permute(1, 2, 0) * 255).round().byte().cpu().numpy())
        both = torch.cat([small, masks], 1)
        if self._before is not None:
            before, planes = self._before
            places = refined(seen, before, flow(seen, before))
            carried = _looked_up(planes, places)
            unlike = (small - carried[:, :3]).abs().amax(1, keepdim=True)
            unlike = F.avg_pool2d(unlike, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)
            inside = torch.from_numpy(is_inside(places)[None, None]).float()
            inside = F.interpolate(inside, small.shape[-2:]).to(small)
            both = both.lerp(carried, KEPT * inside * (2 - unlike / SAME).clamp(0, 1))
        self._before = seen, both
        return both[:, :3], both[:, 3:]


def _looked_up(planes: Tensor, places: np.ndarray) -> Tensor:
    """``[1, C, h, w]`` at places ``[h', w', 2]`` of a picture of any size of the same shape."""
    cv2 = opencv()
    height, width = planes.shape[-2:]
    scale = np.array([width / places.shape[1], height / places.shape[0]], np.float32)
    places = (cv2.resize(places, (width, height)) + 0.5) * scale - 0.5
    found = [
        cv2.remap(plane, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane in planes[0].cpu().numpy()
    ]
    return torch.from_numpy(np.stack(found))[None].to(planes)
