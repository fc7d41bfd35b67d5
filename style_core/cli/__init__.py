"""The command line, ``style-core`` or ``python -m style_core``."""

from .command import main

__all__ = ["main"]
