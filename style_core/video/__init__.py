"""Clips: the look of a picture on moving ones, steady, in memory that does not grow with their length."""

from .opening import is_clip
from .stylizing import ClipResult, stylize_video
from .writing import CODECS

__all__ = ["CODECS", "ClipResult", "is_clip", "stylize_video"]
