"""Decoded frames as samples, and samples as frames to encode, by the clip's own color matrix and range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..images import ImageTensor, Samples, as_floats, scaled_size
from .opening import pyav

UNSAID = 2  # FFmpeg's number for a matrix, primaries or curve that the file does not tell
FULL, LIMITED = 2, 1  # FFmpeg's numbers for the range of values
HD_HEIGHT = 576  # px; above it pictures that do not say their matrix are BT.709's


@dataclass(frozen=True)
class ColorTags:
    """What a clip says of its colors, in FFmpeg's numbers.

    Attributes:
        matrix: by which RGB becomes luminance and two differences.
        primaries, curve: of RGB itself.
        range: FULL or LIMITED; 0 if it does not say, which is limited.
    """

    matrix: int
    primaries: int
    curve: int
    range: int

    @classmethod
    def of(cls, frame: Any) -> ColorTags:
        """As a decoded frame says; of RGB and palettes, what they will be written as."""
        if frame.format.is_rgb or frame.format.has_palette:
            return cls(_guessed(frame.height), UNSAID, UNSAID, LIMITED)
        return cls(
            int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc), int(frame.color_range)
        )

    def matrix_at(self, height: int) -> int:
        """The matrix to compute with."""
        return _guessed(height) if self.matrix == UNSAID else self.matrix


def _guessed(height: int) -> int:
    return 1 if height > HD_HEIGHT else 5


def samples_of(frame: Any, *, is_deep: bool) -> Samples:
    """A decoded frame as ``[1, 3, H, W]``, RGB, uint8, or uint16 where it has more than 8 bits."""
    return _rgb(frame, frame.height, frame.width, "rgb48le" if is_deep else "rgb24")


def small_of(frame: Any, size: int) -> ImageTensor:
    """A decoded frame as floats of at most ``size`` px on its longer side."""
    height, width = frame.height, frame.width
    if max(height, width) > size:
        height, width = scaled_size(height, width, size)
    return as_floats(_rgb(frame, height, width, "rgb24")).contiguous()


def _rgb(frame: Any, height: int, width: int, pixel_format: str) -> Samples:
    tags = ColorTags.of(frame)
    given = frame.reformat(
        width=width, height=height, format=pixel_format, src_colorspace=tags.matrix_at(frame.height),
        src_color_range=tags.range or LIMITED, dst_color_range=FULL, interpolation="AREA",
    )  # fmt: skip
    return torch.from_numpy(given.to_ndarray()).permute(2, 0, 1)[None]


def frame_of(samples: Samples, tags: ColorTags, pixel_format: str) -> Any:
    """Samples as a frame for an encoder.

    Args:
        samples: ``[1, 3, H, W]``, RGB, uint8 or uint16.
        tags: what the frame is to say.
        pixel_format: FFmpeg's name, such as yuv420p.
    """
    array = np.ascontiguousarray(samples[0].permute(1, 2, 0).numpy())
    made = pyav().VideoFrame.from_ndarray(array, format="rgb48le" if array.dtype == np.uint16 else "rgb24")
    found = made.reformat(
        format=pixel_format, dst_colorspace=tags.matrix_at(array.shape[0]), src_color_range=FULL,
        dst_color_range=tags.range or LIMITED,
    )  # fmt: skip
    return found
