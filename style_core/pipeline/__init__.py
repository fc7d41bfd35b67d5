"""A request from its sources to its result: read, find regions, run the method, say what was done."""

from .frames import Beginning, FrameOptimizer, FrameTransfer, ShotPlan, frame_transfer
from .inspection import describe_weights, find_regions, identify_weights, measure_result
from .looking import apply_look, write_lut
from .result import Result
from .stylizing import CARRYING, get_method, list_methods, stylize

__all__ = [
    "CARRYING",
    "Beginning",
    "FrameOptimizer",
    "FrameTransfer",
    "Result",
    "ShotPlan",
    "apply_look",
    "describe_weights",
    "find_regions",
    "frame_transfer",
    "get_method",
    "identify_weights",
    "list_methods",
    "measure_result",
    "stylize",
    "write_lut",
]
