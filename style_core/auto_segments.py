"""Regions without masks: cluster the deep features of content and style together.

Features of each picture are standardized by that picture's own statistics first, so that what is
compared is the kind of thing (sky, wall, foliage) rather than its light. Borders are then drawn
to the picture's edges by a guided filter.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster.vq import kmeans2
from torch import Tensor

from .images import ImageTensor, SizeRule, resize_longer_side
from .nets.encoder import Encoder
from .ops.guided_filter import guided_filter
from .segments import EVERYTHING, Segments

CLUSTERS = 4
WORKING_SIDE = 448  # px; clusters are found on pictures no larger
MIN_WORKING_SIDE = 32  # px; relu5_1 is at 1/16 and its reflection padding needs two positions
COMPONENTS = 24
POSITION_WEIGHT = 1.0  # weight of the height in the picture among standardized components
MIN_SHARE = 0.04  # of each picture; smaller clusters join the nearest cluster that is large enough
LAYERS = ("relu3_1", "relu4_1", "relu5_1")


def cluster_segments(
    content: ImageTensor, style: ImageTensor, encoder: Encoder, *, clusters: int = CLUSTERS
) -> Segments:
    """Label maps of both pictures from one joint k-means; deterministic.

    Args:
        content, style: ``[1, 3, H, W]``, RGB in [0, 1], on the encoder's device.
        encoder: reaches relu5_1.
        clusters: at most so many labels.

    Returns:
        maps of the pictures' sizes, labels 1 …, all present on both sides; only 0 if the two
        pictures have no common regions.
    """
    described = [_describe(picture, encoder) for picture in (content, style)]
    points = [d.flatten(1).T for d, _ in described]
    joint = _principal_components(torch.cat(points))
    sides = joint.split([len(p) for p in points])
    centers, labels = kmeans2(joint.cpu().numpy().astype(np.float64), clusters, minit="++", rng=0)
    shares = np.array([np.bincount(part, minlength=clusters) / len(part) for part in
                       np.split(labels, [len(points[0])])])  # fmt: skip
    kept = np.flatnonzero(shares.min(0) >= MIN_SHARE)
    if len(kept) < 2:
        empty = [torch.zeros(p.shape[-2:], dtype=torch.int64) for p in (content, style)]
        return Segments(empty[0], empty[1], ("No regions common to both pictures were found.",))
    maps = []
    for (grid, picture), side, photo in zip(described, sides, (content, style), strict=True):
        h, w = _working_size(photo).shape[-2:]  # without what was padded
        maps.append(_draw(side, centers[kept], grid.shape[-2:], picture)[:h, :w])
    full = [
        F.interpolate(m[None, None].float(), p.shape[-2:], mode="nearest")[0, 0].long().cpu() + 1
        for m, p in zip(maps, (content, style), strict=True)
    ]
    return _only_common(full[0], full[1])


def _describe(picture: ImageTensor, encoder: Encoder) -> tuple[Tensor, ImageTensor]:
    """Standardized features and height, ``[D, h, w]`` at 1/8, and the picture at working size."""
    small = _at_least(SizeRule(multiple=16).pad(_working_size(picture)), MIN_WORKING_SIDE)
    found = encoder(small, LAYERS)
    size = found["relu4_1"].shape[-2:]
    parts = []
    for name in LAYERS:
        x = F.interpolate(found[name], size, mode="bilinear", antialias=True)
        x = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True).clamp_min(1e-3)
        parts.append(x[0].float() / x.shape[1] ** 0.5)
    height = torch.linspace(-1, 1, size[0], device=small.device)[:, None].expand(size)
    return torch.cat([*parts, POSITION_WEIGHT * height[None]]), small


def _at_least(picture: ImageTensor, side: int) -> ImageTensor:
    """Repeat the right and bottom borders until both sides are ``side`` px: relu5_1 needs 2 x 2."""
    h, w = picture.shape[-2:]
    extra = (0, max(0, side - w), 0, max(0, side - h))
    return F.pad(picture, extra, mode="replicate") if any(extra) else picture


def _working_size(picture: ImageTensor) -> ImageTensor:
    h, w = picture.shape[-2:]
    if min(h, w) * WORKING_SIDE < 16 * max(h, w):
        return picture
    return resize_longer_side(picture, WORKING_SIDE, shrink_only=True)


def _principal_components(points: Tensor) -> Tensor:
    """``[n, D]`` projected on its leading directions, ``[n, 24]`` at most."""
    centered = (points - points.mean(0)).double()
    _, vectors = torch.linalg.eigh(centered.T @ centered)
    return centered @ vectors[:, -COMPONENTS:]


def _draw(points: Tensor, centers: np.ndarray, size: torch.Size, picture: ImageTensor) -> Tensor:
    """Soft memberships at 1/8, filtered along the picture's edges, then the largest: ``[H, W]``."""
    distance = torch.cdist(points, torch.from_numpy(centers).to(points))
    spread = distance.min(1).values.square().mean().clamp_min(1e-9)
    soft = torch.softmax(-2 * distance.square() / spread, dim=1).T.unflatten(1, tuple(size))
    full = F.interpolate(soft[None].float(), picture.shape[-2:], mode="bilinear")
    smooth = guided_filter(picture, full, radius=16, eps=1e-3, subsample=2)
    return smooth[0].argmax(0)


def _only_common(content: Tensor, style: Tensor) -> Segments:
    """Labels that filtering left on one side only become 0."""
    common = set(content.unique().tolist()) & set(style.unique().tolist())
    for labels in (content, style):
        for label in labels.unique().tolist():
            if label not in common:
                labels[labels == label] = EVERYTHING
    return Segments(content, style)
