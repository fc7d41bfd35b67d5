"""Image style transfer: published methods behind one function, :func:`stylize`."""

from .batch import Outcome, stylize_folder
from .errors import (
    Cancelled,
    EnoughDone,
    InvalidClip,
    InvalidImage,
    InvalidOption,
    InvalidSegments,
    OutOfMemory,
    StyleCoreError,
    TakesLong,
    WeightsUnavailable,
)
from .files import load_image, read_settings
from .images import Picture
from .look import Look, load_look
from .measures import Measures
from .method import Method
from .pipeline import (
    Result,
    apply_look,
    find_regions,
    get_method,
    list_methods,
    measure_result,
    stylize,
    write_lut,
)
from .progress import Progress
from .publishing.getting import get_weights
from .regions import Segments
from .smoothing import warm_up
from .version import __version__
from .video import ClipResult, stylize_video

__all__ = [
    "Cancelled",
    "ClipResult",
    "EnoughDone",
    "InvalidClip",
    "InvalidImage",
    "InvalidOption",
    "InvalidSegments",
    "Look",
    "Measures",
    "Method",
    "OutOfMemory",
    "Outcome",
    "Picture",
    "Progress",
    "Result",
    "Segments",
    "StyleCoreError",
    "TakesLong",
    "WeightsUnavailable",
    "__version__",
    "apply_look",
    "find_regions",
    "get_method",
    "get_weights",
    "list_methods",
    "load_image",
    "load_look",
    "measure_result",
    "read_settings",
    "stylize",
    "stylize_folder",
    "stylize_video",
    "warm_up",
    "write_lut",
]
