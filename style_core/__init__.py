"""Image style transfer: published methods behind one function, :func:`stylize`."""

from .batch import Outcome, stylize_folder
from .device import default_device, use_threads
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
from .files import (
    READABLE,
    WRITABLE,
    StoredValues,
    check_output,
    image_size,
    load_image,
    load_values,
    read_settings,
)
from .images import ImageTensor, Picture, to_pil
from .inspection import describe_weights, find_regions, identify_weights, measure_result
from .measures import Measures
from .method import LossPoint, Method, Paper
from .options import (
    OptionField,
    Options,
    option_default,
    option_fields,
    option_group,
    parse_numbers,
    parse_value,
)
from .pipeline import Result, get_method, list_methods, stylize
from .progress import Progress
from .segments import Segments
from .smoothing import warm_up
from .version import __version__
from .weights import FAMILIES

__all__ = [
    "FAMILIES",
    "READABLE",
    "WRITABLE",
    "Cancelled",
    "EnoughDone",
    "ImageTensor",
    "InvalidImage",
    "InvalidOption",
    "InvalidSegments",
    "LossPoint",
    "Measures",
    "Method",
    "OptionField",
    "Options",
    "OutOfMemory",
    "Outcome",
    "Paper",
    "Picture",
    "Progress",
    "Result",
    "Segments",
    "StoredValues",
    "StyleCoreError",
    "WeightsUnavailable",
    "__version__",
    "check_output",
    "default_device",
    "describe_weights",
    "find_regions",
    "get_method",
    "identify_weights",
    "image_size",
    "list_methods",
    "load_image",
    "load_values",
    "measure_result",
    "option_default",
    "option_fields",
    "option_group",
    "parse_numbers",
    "parse_value",
    "read_settings",
    "stylize",
    "stylize_folder",
    "to_pil",
    "use_threads",
    "warm_up",
]
