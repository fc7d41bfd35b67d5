"""Clips: the look of a picture on moving ones, steady, in memory that does not grow with their length."""

from .copies import browser_copy
from .facts import ClipFacts, inspect_clip
from .opening import has_pyav, is_clip
from .stylizing import ClipResult, stylize_video
from .writing import CODECS

__all__ = [
    "CODECS",
    "ClipFacts",
    "ClipResult",
    "browser_copy",
    "has_pyav",
    "inspect_clip",
    "is_clip",
    "stylize_video",
]
