"""What interfaces need besides the public names: a page or a command made from the methods' options.

Not public: it changes with them. The demo and the command line import from here and from :mod:`style_core`,
and from nowhere else in the package.
"""

from .device import default_device, give_memory_back, use_threads
from .files import WRITABLE, check_output, image_size, load_values
from .files import save_image as save_picture
from .images import ImageTensor, to_pil
from .options import OptionField, option_default, option_fields, option_group, parse_numbers, parse_value
from .pipeline import CARRYING, describe_weights, identify_weights
from .video import CODECS, ClipFacts, browser_copy, has_pyav, inspect_clip, is_clip
from .weights import FAMILIES

__all__ = [
    "CARRYING",
    "CODECS",
    "FAMILIES",
    "WRITABLE",
    "ClipFacts",
    "ImageTensor",
    "OptionField",
    "browser_copy",
    "check_output",
    "default_device",
    "describe_weights",
    "give_memory_back",
    "has_pyav",
    "identify_weights",
    "image_size",
    "inspect_clip",
    "is_clip",
    "load_values",
    "option_default",
    "option_fields",
    "option_group",
    "parse_numbers",
    "parse_value",
    "save_picture",
    "to_pil",
    "use_threads",
]
