"""What a file stores, and how its values are laid out and brought upright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .color import PLAIN, ColorSpace

SIDEWAYS = {5, 6, 7, 8}  # EXIF's orientations


@dataclass(frozen=True)
class Stored:
    """What a file stores, upright.

    Attributes:
        array: ``[H, W, C]``, uint8, uint16, int32 or float32 (the last two of no stated range); C as of
            ``mode``.
        mode: "L", "RGB", "CMYK" or "LAB".
        alpha: ``[H, W]``, uint8 or uint16, or float32 in [0, 1]; or ``None``.
        is_negative: the highest value is black.
        space: what the values mean.
        is_lossy: whether the format changes values.
        notes: sentences about what was left aside.
    """

    array: np.ndarray
    mode: str
    alpha: np.ndarray | None = None
    space: ColorSpace = PLAIN
    is_lossy: bool = False
    is_negative: bool = False
    notes: tuple[str, ...] = ()


def unusable_colors(name: str, what: str) -> str:
    """The note about a profile or a code that says nothing we understand."""
    return f"The {name}'s {what} cannot be used; its colors were read as sRGB."


def split_alpha(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """``[H, W, 1-4]`` into gray or color, and the alpha that an even number of channels ends with."""
    if array.shape[2] % 2:
        return array, None
    return np.ascontiguousarray(array[..., :-1]), array[..., -1]


def mode_of(array: np.ndarray) -> str:
    """Pillow's name for what ``[H, W, 1|3]`` without alpha holds: "L" or "RGB"."""
    return "L" if array.shape[2] == 1 else "RGB"


def turned(array: np.ndarray, orientation: int) -> np.ndarray:
    """An array brought upright, as :data:`UPRIGHT` does with pictures."""
    if orientation in SIDEWAYS:
        array = array.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return array[::rows, ::columns]
