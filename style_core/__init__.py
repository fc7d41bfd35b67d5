"""Image style transfer: published methods behind one function, :func:`stylize`."""

from .batch import Outcome, stylize_folder
from .errors import (
    Cancelled,
    EnoughDone,
    InvalidImage,
    InvalidOption,
    InvalidSegments,
    OutOfMemory,
    StyleCoreError,
    WeightsUnavailable,
)
from .images import ImageTensor, Picture, check_output, load_image, read_settings, to_pil
from .method import LossPoint, Method, Paper
from .options import OptionField, Options, option_default, option_fields, parse_numbers, parse_value
from .pipeline import Result, get_method, list_methods, stylize
from .progress import Progress
from .weights import FAMILIES

__version__ = "0.1.0"

__all__ = [
    "FAMILIES",
    "Cancelled",
    "EnoughDone",
    "ImageTensor",
    "InvalidImage",
    "InvalidOption",
    "InvalidSegments",
    "LossPoint",
    "Method",
    "OptionField",
    "Options",
    "OutOfMemory",
    "Outcome",
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
    "stylize_folder",
    "to_pil",
]
