"""Picture files: the one door through which they are read, and how results are written."""

from .loading import StoredValues, image_size, load_image, load_values
from .writing import check_output, read_settings, save_image

__all__ = [
    "StoredValues",
    "check_output",
    "image_size",
    "load_image",
    "load_values",
    "read_settings",
    "save_image",
]
