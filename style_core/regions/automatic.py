"""Regions without masks: group what looks alike in each picture, then match groups across pictures.

Deep features know what a thing is but see 50 px around themselves, so regions drawn from them bleed
over their borders. Therefore each picture is first split by appearance (color, roughness, place);
every split then speaks with the mean of its deep features, and one k-means over the splits of both
pictures finds the shared labels. Deep features are standardized by their own picture's statistics,
so that what is compared is the kind of thing (sky, wall, foliage) rather than its light.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..images import ImageTensor, Samples, SizeRule, as_floats, resize_longer_side, strips
from ..nets.encoder import Encoder
from ..ops.box_filter import box_mean
from ..ops.guided_filter import guided_filter
from .labels import EVERYTHING, LabelMap, Labels, Segments

CLUSTERS = 4
SPLITS = 40  # groups by appearance in each picture
WORKING_SIDE = 448  # px; regions are found on pictures no larger
COMPONENTS = 24
HEIGHT_WEIGHT = 1.0  # of the height in the picture among the standardized deep features
PLACE_WEIGHT = 0.6  # of the place in the picture among the colors of a split
MIN_SHARE = 0.04  # of each picture; smaller clusters join the nearest one that is large enough
RESTARTS = 8  # of the joint k-means
VOTES = 400  # points that stand for one picture in the joint k-means
LAYER = "relu4_1"
LEAST_SPREAD = 1e-3  # of appearances within a group; one of a few positions has none
NOTHING_COMMON = "No regions common to both pictures were found."


@dataclass(frozen=True)
class _Splits:
    """Appearance groups of a picture.

    Attributes:
        map: ``[h, w]``, the group of every position.
        shares: ``[n]``, of the picture.
        deep: ``[n, D]``, mean deep features.
        looks: ``[n, 9]``, mean appearances.
        spread: mean square distance of positions from their group's.
    """

    map: Tensor
    shares: np.ndarray
    deep: Tensor
    looks: np.ndarray
    spread: float


@dataclass(frozen=True)
class ShotRegions:
    """Regions that frames of a shot share with a style, and by what they are found in its other frames.

    All of it is on the CPU.

    Attributes:
        frames: label maps of the frames they were found in.
        style: the style's.
        looks: ``[n, 9]`` float32, appearances of groups in those frames.
        labels: ``[n]`` int64, their labels.
        spread: of appearances about those of their groups, root mean square.
        present: the labels, ascending.
    """

    frames: tuple[LabelMap, ...]
    style: LabelMap
    looks: Tensor
    labels: Tensor
    spread: float
    present: tuple[int, ...]

    def in_frame(self, frame: ImageTensor) -> tuple[ImageTensor, Tensor]:
        """Where they are in any frame of the shot.

        Args:
            frame: ``[1, 3, H, W]``, float32, RGB in [0, 1].

        Returns:
            the frame, small, and how much of each pixel belongs to every region, ``[1, K, h, w]`` float32, of
            that size, summing to one.
        """
        working = _working_size(frame)
        small, looks = _halved(working), _halved(_appearance(working))
        apart = torch.cdist(looks[0].flatten(1).T, self.looks.to(frame.device))
        nearest = [apart[:, self.labels == label].amin(1) for label in self.present]
        shares = (torch.stack(nearest).square() / (-2 * max(self.spread, LEAST_SPREAD) ** 2)).softmax(0)
        return small, shares.unflatten(1, looks.shape[-2:])[None]


def cluster_segments(
    content: Samples, style: Samples, encoder: Encoder, *, clusters: int = CLUSTERS
) -> Segments:
    """Label maps of both pictures; deterministic.

    Args:
        content, style: ``[1, 3, H, W]``, RGB: floats in [0, 1], uint8 or uint16; on the encoder's device.
        encoder: reaches relu4_1.
        clusters: at most so many labels.

    Returns:
        maps of the pictures' sizes, labels 1 …, all present on both sides; only 0 if the two
        pictures have no common regions.
    """
    found = cluster_frames((content,), style, encoder, clusters=clusters)
    if found is None:
        empty = [torch.zeros(p.shape[-2:], dtype=torch.uint8) for p in (content, style)]
        return Segments(empty[0], empty[1], (NOTHING_COMMON,))
    return Segments(found.frames[0], found.style)


def cluster_frames(
    frames: Sequence[Samples], style: Samples, encoder: Encoder, *, clusters: int = CLUSTERS
) -> ShotRegions | None:
    """Regions that all frames of a shot share with a style; ``None`` if there are no common ones.

    Args:
        frames: as ``content`` of :func:`cluster_segments`.
        style, encoder, clusters: as there.
    """
    pictures = (*frames, style)
    working = [_working_size(picture) for picture in pictures]
    sides = [_split(picture, encoder) for picture in working]
    joint = _principal_components(torch.cat([side.deep for side in sides]))
    points = np.split(joint.cpu().numpy(), np.cumsum([len(side.shares) for side in sides])[:-1])
    counts = [VOTES / len(frames)] * len(frames) + [VOTES]
    votes = [
        np.repeat(p, np.ceil(count * side.shares).astype(int), axis=0)
        for p, side, count in zip(points, sides, counts, strict=True)
    ]
    centers = _cluster_centers(np.concatenate(votes), clusters)
    shares = [
        np.bincount(_nearest(p, centers), s.shares, clusters) for p, s in zip(points, sides, strict=True)
    ]
    kept = centers[np.minimum(np.mean(shares[:-1], 0), shares[-1]) >= MIN_SHARE]
    if len(kept) < 2:
        return None
    maps, groups = [], [_nearest(p, kept) for p in points]
    for nearest, side, small, full in zip(groups, sides, working, pictures, strict=True):
        encoder.beat(joint)  # to draw a large photo's takes as long as all the rest
        drawn = torch.from_numpy(nearest).to(side.map.device)[side.map]
        maps.append(_draw(drawn, len(kept), small, full))
    _make_common(maps[:-1], maps[-1])
    looks = np.concatenate([side.looks for side in sides[:-1]])
    labels = torch.from_numpy(np.concatenate(groups[:-1])) + 1
    present = tuple(sorted({label for own in maps[:-1] for label in Labels(own).present} - {EVERYTHING}))
    labels[~torch.isin(labels, torch.tensor(present))] = EVERYTHING
    if bool((labels == EVERYTHING).any()):
        present = (EVERYTHING, *present)
    spread = float(np.mean([side.spread for side in sides[:-1]])) ** 0.5
    return ShotRegions(tuple(maps[:-1]), maps[-1], torch.from_numpy(looks).float(), labels, spread, present)


def _split(picture: ImageTensor, encoder: Encoder) -> _Splits:
    looks = _halved(_appearance(picture))[0]
    rows = looks.flatten(1).T.cpu().numpy().astype(np.float64)
    _, labels = _kmeans(rows, min(SPLITS, len(rows)), seed=0)
    used, labels = np.unique(labels, return_inverse=True)
    index = torch.from_numpy(labels).to(picture.device)
    shares = np.bincount(labels) / len(labels)
    deep = F.interpolate(_deep(picture, encoder)[None], looks.shape[-2:], mode="bilinear")[0].flatten(1).T
    mean = torch.zeros(len(used), deep.shape[1], device=deep.device).index_add_(0, index, deep)
    mean = mean / (torch.from_numpy(shares).to(mean) * len(labels))[:, None]
    own = (np.stack([np.bincount(labels, column) for column in rows.T]) / np.bincount(labels)).T
    spread = float(((rows - own[labels]) ** 2).sum(1).mean())
    return _Splits(index.unflatten(0, looks.shape[-2:]), shares, mean, own, spread)


def _halved(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture, 2, ceil_mode=True, count_include_pad=False)


def _appearance(picture: ImageTensor) -> Tensor:
    """Color, color around, roughness and place, in comparable units: ``[1, 9, H, W]``."""
    around, gray = box_mean(picture, 4), picture.mean(1, keepdim=True)
    rough = (box_mean(gray.square(), 4) - box_mean(gray, 4).square()).clamp_min(0).sqrt()
    h, w = picture.shape[-2:]
    rows = torch.linspace(-1, 1, h, device=picture.device)[:, None].expand(h, w)
    columns = torch.linspace(-1, 1, w, device=picture.device).expand(h, w)
    place = PLACE_WEIGHT * torch.stack([rows, 0.5 * columns])[None]
    return torch.cat([0.5 * picture, around, 2 * rough, place], dim=1)


def _deep(picture: ImageTensor, encoder: Encoder) -> Tensor:
    """Standardized deep features and the height in the picture, ``[D, h, w]`` at 1/8."""
    h, w = picture.shape[-2:]
    x = encoder(SizeRule(multiple=8).pad(picture), (LAYER,))[LAYER].float()
    x = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True).clamp_min(1e-3)
    height = torch.linspace(-1, 1, x.shape[2], device=x.device)[:, None].expand(x.shape[2:])
    both = torch.cat([x[0] / x.shape[1] ** 0.5, HEIGHT_WEIGHT * height[None]])
    return both[:, : -(-h // 8), : -(-w // 8)]  # without the padding


def _working_size(picture: Samples) -> ImageTensor:
    h, w = picture.shape[-2:]
    if min(h, w) * WORKING_SIDE < 16 * max(h, w):
        return as_floats(picture)
    return resize_longer_side(picture, WORKING_SIDE, shrink_only=True)


def _principal_components(points: Tensor) -> Tensor:
    """``[n, D]`` projected on its leading directions, ``[n, 24]`` at most."""
    centered = (points - points.mean(0)).cpu().double()
    _, vectors = torch.linalg.eigh(centered.T @ centered)
    return centered @ vectors[:, -COMPONENTS:]


def _cluster_centers(points: np.ndarray, count: int) -> np.ndarray:
    """The best of several k-means runs; one alone may stop at a poor division."""
    runs = [_kmeans(points, count, seed)[0] for seed in range(RESTARTS)]
    return min(runs, key=lambda centers: ((points - centers[_nearest(points, centers)]) ** 2).sum())


def _kmeans(points: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The centers ``[k, D]`` of a k-means run over ``[n, D]``, and the number of each point's center."""
    from scipy.cluster.vq import kmeans2  # a thirtieth of the package's start, for who wants regions found

    return kmeans2(points, count, minit="++", rng=seed)


def _nearest(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return ((points[:, None] - centers[None]) ** 2).sum(2).argmin(1)


def _draw(labels: Tensor, count: int, small: ImageTensor, full: Samples) -> Tensor:
    """Labels ``[h, w]`` smoothed along the edges of the working picture, at full size, from 1."""
    hard = F.one_hot(labels, count).permute(2, 0, 1)[None].float()
    hard = F.interpolate(hard, small.shape[-2:], mode="bilinear")
    smooth = guided_filter(small, hard, radius=8, eps=1e-3, subsample=2)
    height, width = full.shape[-2:]
    high = F.interpolate(smooth, (height, smooth.shape[-1]), mode="bilinear")
    found = torch.empty(height, width, dtype=torch.uint8)
    for rows in strips(height, width):  # for all rows at once the floats would be larger than the photo's
        strip = high[:, :, rows]
        found[rows] = F.interpolate(strip, (strip.shape[2], width), mode="bilinear")[0].argmax(0) + 1
    return found


def _make_common(contents: Sequence[LabelMap], style: LabelMap) -> None:
    """Labels that filtering left on one side only become 0."""
    shown = {label for own in contents for label in Labels(own).present}
    for label in shown ^ {*Labels(style).present}:
        for own in (*contents, style):
            own[own == label] = EVERYTHING
