"""Colors of frames against the definitions of their matrices and ranges."""

import numpy as np
import pytest
import torch

from style_core import stylize_video
from style_core.video.colors import FULL, LIMITED, ColorTags, frame_of, samples_of

from ..conftest import photo
from .conftest import read_clip, scene, write_clip

# Of BT.709, BT.601 and BT.2020.
WEIGHTS = {
    1: (0.2126, 0.7152, 0.0722),
    6: (0.299, 0.587, 0.114),
    9: (0.2627, 0.6780, 0.0593),
}


def by_definition(rgb, matrix, values):
    """Luminance and differences, 8 bits, of ``[3, H, W]`` in [0, 1]."""
    red, green, blue = WEIGHTS[matrix]
    light = red * rgb[0] + green * rgb[1] + blue * rgb[2]
    u, v = (rgb[2] - light) / (2 * (1 - blue)), (rgb[0] - light) / (2 * (1 - red))
    if values == FULL:
        return 255 * light, 255 * u + 128, 255 * v + 128
    return 16 + 219 * light, 128 + 224 * u, 128 + 224 * v


@pytest.mark.parametrize("values", [FULL, LIMITED])
@pytest.mark.parametrize("matrix", list(WEIGHTS))
def test_frames_follow_their_tags(matrix, values):
    samples = (photo(32, 48, seed=5) * 255).round().to(torch.uint8)
    tags = ColorTags(matrix, 1, 1, values)
    frame = frame_of(samples, tags, "yuv444p")
    planes = frame.to_ndarray().astype(float)
    for found, wanted in zip(planes, by_definition(samples[0].double() / 255, matrix, values), strict=True):
        assert np.abs(found - wanted.numpy()).max() < 1.6
    frame.colorspace, frame.color_range = matrix, values
    assert (samples_of(frame, is_deep=False).int() - samples.int()).abs().max() <= 3


def test_deep_samples_stay_deep():
    samples = (photo(32, 48, seed=5) * 65535).round().to(torch.uint16)
    frame = frame_of(samples, ColorTags(1, 1, 1, LIMITED), "yuv444p10le")
    frame.colorspace, frame.color_range = 1, LIMITED
    again = samples_of(frame, is_deep=True)
    assert again.dtype == torch.uint16
    assert (again.int() - samples.int()).abs().max() < 3 * 65535 / 1023


@pytest.mark.parametrize(("height", "matrix"), [(480, 5), (576, 5), (720, 1), (2160, 1)])
def test_untold_matrices_are_guessed_by_size(height, matrix):
    assert ColorTags(2, 2, 2, 0).matrix_at(height) == matrix


@pytest.mark.parametrize(("suffix", "codec", "pixels"), [("mkv", "ffv1", "bgr0"), ("gif", "gif", "rgb8")])
def test_rgb_and_palettes_are_written_as_video(tmp_path, tiny_weights, suffix, codec, pixels):
    source = write_clip(
        tmp_path / f"in.{suffix}", [scene(2, 0)] * 6, codec=codec, pixels=pixels, tags=(0, 2, 2, 0)
    )
    options = {"weights_dir": tiny_weights, "style_strength": 0.0}
    result = stylize_video("wct2", source, photo(64, 64), tmp_path / "out.mp4", **options)
    (frame, *_) = read_clip(result.path)
    assert (frame.format.name, int(frame.colorspace), int(frame.color_range)) == ("yuv420p", 5, LIMITED)
    assert len(read_clip(result.path)) == 6
