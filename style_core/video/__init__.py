"""Clips: the look of a picture on moving ones, steady, in memory that does not grow with their length."""

from .opening import CLIP_SUFFIXES, is_clip
from .stylizing import ClipResult, stylize_video

__all__ = ["CLIP_SUFFIXES", "ClipResult", "is_clip", "stylize_video"]
