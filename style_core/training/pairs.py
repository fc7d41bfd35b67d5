"""Pairs of a content and a style as training draws them, and the transform of the content's features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..feature_matching import BORDER_RADIUS, MatchingOptions, feature_map
from ..images import ImageTensor
from ..ops.color_preservation import luminance
from ..ops.moments import Moments
from ..ops.regions import apply_maps, memberships, region_moments
from ..ops.whitening import AffineMap, whitening_coloring
from .photos import Augmentation, Photos
from .settings import DrawSetting, Setting

RELEASED_RIDGE = 1.0  # of WCT2's released code, see methods/wct2.py
STYLE_AUGMENTATION = Augmentation(color_jitter=0.25, permute=0.05)
REGION_SHARE = 0.5  # of the pairs that have two regions
SMOOTHING = 33  # px, odd, of the map whose level line divides a picture into regions


@dataclass(frozen=True)
class Pair:
    """A content and a style ``[1, 3, H, W]``, their regions ``[H, W]`` int64 if any, and the setting."""

    content: ImageTensor
    style: ImageTensor
    setting: Setting
    content_labels: Tensor | None = None
    style_labels: Tensor | None = None
    memberships: dict[int, Tensor] | None = field(init=False)  # of the content's regions

    def __post_init__(self) -> None:
        labels = self.content_labels
        found = None if labels is None else memberships(labels, self.content, radius=BORDER_RADIUS)
        object.__setattr__(self, "memberships", found)

    def to(self, device: torch.device) -> Pair:
        """The pair on another device."""
        labels = (None if x is None else x.to(device) for x in (self.content_labels, self.style_labels))
        return Pair(self.content.to(device), self.style.to(device), self.setting, *labels)

    @property
    def shares(self) -> dict[int, float] | None:
        """How much of the content's area each region has."""
        if self.memberships is None:
            return None
        return {label: float(membership.mean()) for label, membership in self.memberships.items()}

    def measure_style(self, features: Tensor) -> dict[int, Moments]:
        """The moments of the style's regions, of ``[1, C, h, w]``."""
        with exactly(features.device):
            return region_moments(features.float(), self.style_labels)

    def move(self, features: Tensor, target: Mapping[int, Moments], strength: float) -> Tensor:
        """The content's features ``[1, C, h, w]`` after the transform, float32.

        Gradients pass through the features, not through the moments that the transform was made of.
        """
        with exactly(features.device):
            features = features.float()
            with torch.no_grad():
                content = region_moments(features, self.content_labels)
            maps = {k: self._map(content[k], target[k], strength) for k in content.keys() & target.keys()}
            moved = apply_maps(features, maps, self.memberships)
            if self.setting.whitening != "released":
                return moved
            return features.lerp(moved.clamp(features.min(), features.max()), strength)

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
        labels: tuple[Tensor, ...] = ()
        if rng.random() < REGION_SHARE:
            angle = rng.uniform(0, 2 * np.pi)
            labels = tuple(regions(x, angle, rng.uniform(0.3, 0.7)) for x in (content, style))
        return Pair(content, style, setting, *labels)


def regions(picture: ImageTensor, angle: float, share: float) -> Tensor:
    """Two regions of a picture, ``[H, W]`` int64: the brighter and upper (at angle 0) part is 1, the rest 2.

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
    return torch.where(height > torch.quantile(height, 1 - share), 1, 2)


def exactly(device: torch.device) -> AbstractContextManager[None]:
    """float32 within :func:`autocast`: a transform's matrix rounded to bfloat16 would tint."""
    return torch.autocast(device.type, enabled=False)
