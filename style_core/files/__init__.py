"""Picture files: the one door through which they are read, and how results are written."""

from .loading import StoredValues, load_image, load_values
from .writing import check_output, read_settings, save_image

__all__ = ["StoredValues", "check_output", "load_image", "load_values", "read_settings", "save_image"]
