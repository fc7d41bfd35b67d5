"""Regions: mask pictures or clustering to label maps, statistics and transforms by label, soft borders."""

from .automatic import NOTHING_COMMON, ShotRegions, cluster_frames, cluster_segments
from .carried_masks import carry_masks
from .labels import EVERYTHING, LabelMap, Labels, Segments
from .membership import Membership, Regions
from .requested import AUTO, is_auto, requested_segments
from .statistics import RegionMoments, apply_maps, region_moments

__all__ = [
    "AUTO",
    "EVERYTHING",
    "NOTHING_COMMON",
    "LabelMap",
    "Labels",
    "Membership",
    "RegionMoments",
    "Regions",
    "Segments",
    "ShotRegions",
    "apply_maps",
    "carry_masks",
    "cluster_frames",
    "cluster_segments",
    "is_auto",
    "region_moments",
    "requested_segments",
]
