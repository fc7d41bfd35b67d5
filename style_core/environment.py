"""Environment variables that hold a number."""

from __future__ import annotations

import os


def megabytes(variable: str, default: int) -> int:
    """Bytes: the megabytes that a variable names, or the default where it names no whole number."""
    text = os.environ.get(variable, "")
    return int(1e6 * (int(text) if text.isdecimal() else default))
