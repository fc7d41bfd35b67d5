"""Picture files: the one door through which they are read, and how files are written."""

from .animation import animation_frames, is_animated, webp_times
from .formats import READABLE, WRITABLE
from .loading import StoredValues, image_size, load_image, load_values
from .place import write_whole, written_whole
from .settings import read_settings
from .writing import Photo, check_output, save_image

__all__ = [
    "READABLE",
    "WRITABLE",
    "Photo",
    "StoredValues",
    "animation_frames",
    "check_output",
    "image_size",
    "is_animated",
    "load_image",
    "load_values",
    "read_settings",
    "save_image",
    "webp_times",
    "write_whole",
    "written_whole",
]
