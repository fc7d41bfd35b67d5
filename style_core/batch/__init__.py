"""A folder of photos in one call: which pictures, where their results go, and the work itself."""

from .stylizing import Outcome, stylize_folder

__all__ = ["Outcome", "stylize_folder"]
