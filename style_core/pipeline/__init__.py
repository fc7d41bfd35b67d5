"""A request from its sources to its result: read, find regions, run the method, say what was done."""

from .inspection import describe_weights, find_regions, identify_weights, measure_result
from .looking import apply_look, write_lut
from .result import Result
from .stylizing import get_method, list_methods, stylize

__all__ = [
    "Result",
    "apply_look",
    "describe_weights",
    "find_regions",
    "get_method",
    "identify_weights",
    "list_methods",
    "measure_result",
    "stylize",
    "write_lut",
]
