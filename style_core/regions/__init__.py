"""Regions: mask pictures or clustering to label maps, statistics and transforms by label, soft borders."""

from .automatic import cluster_segments
from .carried_masks import carry_masks
from .labels import EVERYTHING, LabelMap, Labels, Segments
from .membership import Membership, Regions
from .requested import AUTO, is_auto, requested_segments
from .statistics import RegionMoments, apply_maps, region_moments

__all__ = [
    "AUTO",
    "EVERYTHING",
    "LabelMap",
    "Labels",
    "Membership",
    "RegionMoments",
    "Regions",
    "Segments",
    "apply_maps",
    "carry_masks",
    "cluster_segments",
    "is_auto",
    "region_moments",
    "requested_segments",
]
