"""What all photorealistic methods end with: colors and local contrast on the way to the styles'."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ...images import ImageTensor
from ...method import Inputs
from ...options import PhotoOptions
from .style_colors import nearer_to_styles_colors
from .style_contrast import nearer_to_styles_contrast

Chosen = TypeVar("Chosen", bound=PhotoOptions)


def unmatched(options: Chosen) -> Chosen:
    """The options of the method's own picture, by which it is remembered whatever it ends with."""
    return replace(options, color_match=0.0, contrast_match=0.0)


def nearer_to_styles(image: ImageTensor, inputs: Inputs, options: PhotoOptions) -> ImageTensor:
    """A method's picture with its colors, then its contrast, moved as far as the options say.

    Args:
        image: ``[1, 3, H, W]``, in the content's size.

    Returns:
        ``[1, 3, H, W]`` float32; untouched where both options are 0, else in [0, 1].
    """
    strength = options.style_strength
    image = nearer_to_styles_colors(image, inputs, strength=strength * options.color_match)
    return nearer_to_styles_contrast(image, inputs, strength=strength * options.contrast_match)
