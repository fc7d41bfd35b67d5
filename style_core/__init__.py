"""Image style transfer: published methods behind one function, :func:`stylize`."""

from .errors import (
    Cancelled,
    InvalidImage,
    InvalidOption,
    InvalidSegments,
    OutOfMemory,
    StyleCoreError,
    WeightsUnavailable,
)
from .images import Picture, check_output, load_image, read_settings
from .method import Method, Paper
from .options import OptionField, Options, option_default, option_fields, parse_numbers, parse_value
from .pipeline import Result, get_method, list_methods, stylize
from .progress import Progress
from .weights import FAMILIES

__version__ = "0.1.0"

__all__ = [
    "FAMILIES",
    "Cancelled",
    "InvalidImage",
    "InvalidOption",
    "InvalidSegments",
    "Method",
    "OptionField",
    "Options",
    "OutOfMemory",
    "Paper",
    "Picture",
    "Progress",
    "Result",
    "StyleCoreError",
    "WeightsUnavailable",
    "check_output",
    "get_method",
    "list_methods",
    "load_image",
    "option_default",
    "option_fields",
    "parse_numbers",
    "parse_value",
    "read_settings",
    "stylize",
]
