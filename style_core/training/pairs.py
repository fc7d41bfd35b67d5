"""Pairs of a content and a style as training draws them, and the transform of the content's features."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import ImageTensor
from ..methods.shared.feature_matching import MatchingOptions, feature_map, reach_of
from ..ops.color_preservation import luminance
from ..ops.moments import Moments
from ..ops.whitening import RELEASED_RIDGE, AffineMap, whitening_coloring
from ..regions import Labels, Regions
from ..transfer import Plan, Statistics, apply, measure
from .photos import Augmentation, Photos
from .settings import DrawSetting, Setting

STYLE_AUGMENTATION = Augmentation(color_jitter=0.25, permute=0.05)
REGION_SHARE = 0.5  # of the pairs that have two regions
SMOOTHING = 33  # px, odd, of the map whose level line divides a picture into regions


@dataclass(frozen=True)
class Pair:
    """A content and a style ``[1, 3, H, W]``, their labels if any, and the setting."""

    content: ImageTensor
    style: ImageTensor
    setting: Setting
    content_labels: Labels | None = None
    style_labels: Labels | None = None

    @cached_property
    def regions(self) -> Regions:
        """Those of the content."""
        return Regions.of(self.content_labels, self.content)

    def to(self, device: torch.device) -> Pair:
        """The pair on another device."""
        labels = (None if x is None else x.to(device) for x in (self.content_labels, self.style_labels))
        return Pair(self.content.to(device), self.style.to(device), self.setting, *labels)

    @property
    def shares(self) -> dict[int, float] | None:
        """How much of the content's area each region has."""
        membership = self.regions.membership
        if membership is None:
            return None
        means = membership.shares.mean((1, 2)).tolist()
        return dict(zip(membership.labels, means, strict=True))

    def measure_style(self, features: Tensor) -> Statistics:
        """The statistics of the style's regions, of ``[1, C, h, w]``."""
        with exactly(features.device):
            return measure(features.float(), self.style_labels, with_furthest=True)

    def move(self, features: Tensor, style: Statistics, strength: float) -> Tensor:
        """The content's features ``[1, C, h, w]`` after the transform, float32.

        Gradients pass through the features, not through the moments that the transform was made of.
        """
        with exactly(features.device):
            features = features.float()
            with torch.no_grad():
                is_clipped, is_paper = (self.setting.whitening == way for way in ("released", "paper"))
                found = measure(features, self.content_labels, with_bounds=is_clipped, with_furthest=is_paper)
                content, target = found.moments.measurable, style.moments.measurable
            maps = {k: self._map(content[k], target[k], strength) for k in content.keys() & target.keys()}
            membership = self.regions.membership
            size = (features.shape[-2], features.shape[-1])
            own = None if membership is None else membership.at(*size)
            return apply(features, Plan(maps, found.bounds, strength, reach_of(found, [style])), own)

    def _map(self, content: Moments, style: Moments, strength: float) -> AffineMap:
        if self.setting.whitening == "released":
            return whitening_coloring(content, style, ridge=RELEASED_RIDGE)
        options = MatchingOptions(whitening=self.setting.whitening, noise_floor=self.setting.noise_floor)
        return feature_map(content, style, options, strength=strength)


class Pairs:
    """Random contents and styles, as crops of pictures.

    Args:
        contents: photos.
        styles: further pictures; a style is one of them or, as often as ``photo_share`` says, a photo.
    """

    def __init__(self, contents: Photos, styles: Sequence[Photos] = (), *, photo_share: float = 0.25) -> None:
        self.contents, self.styles = contents, styles
        counts = np.array([len(s.paths) for s in styles], float)
        chances = (1 - photo_share) * counts / counts.sum() if styles else counts
        self.sources = (contents, *styles)
        self.chances = np.array([1 - chances.sum(), *chances])

    def draw(self, size: int, draw_setting: DrawSetting, *, seed: int) -> Pair:
        """The pair that a seed stands for."""
        rng = np.random.default_rng(seed)
        content = self.contents.crops(1, size, seed=int(rng.integers(2**31)))
        source = self.sources[rng.choice(len(self.sources), p=self.chances)]
        style = source.crops(1, size, seed=int(rng.integers(2**31)), augment=STYLE_AUGMENTATION)
        setting = draw_setting(rng)
        labels: tuple[Labels, ...] = ()
        if rng.random() < REGION_SHARE:
            angle = rng.uniform(0, 2 * np.pi)
            labels = tuple(regions(x, angle, rng.uniform(0.3, 0.7)) for x in (content, style))
        return Pair(content, style, setting, *labels)


def regions(picture: ImageTensor, angle: float, share: float) -> Labels:
    """Two regions of a picture: the brighter and upper (at angle 0) part is 1, the rest 2.

    Args:
        picture: ``[1, 3, H, W]``.
        angle: radians, of the direction in which position counts.
        share: of the area that becomes 1.
    """
    gray = luminance(picture)[:, :1]
    smooth = F.avg_pool2d(F.pad(gray, [SMOOTHING // 2] * 4, mode="reflect"), SMOOTHING, stride=1)[0, 0]
    h, w = smooth.shape
    y, x = torch.linspace(-0.5, 0.5, h)[:, None], torch.linspace(-0.5, 0.5, w)
    height = smooth + 0.5 * (np.sin(angle) * x - np.cos(angle) * y)
    return Labels(torch.where(height > torch.quantile(height, 1 - share), 1, 2).to(torch.uint8))


def exactly(device: torch.device) -> AbstractContextManager[None]:
    """float32 within :func:`autocast`: a transform's matrix rounded to bfloat16 would tint."""
    return torch.autocast(device.type, enabled=False)
