"""Animations in picture formats, against the frames they were made of."""

import numpy as np
import pytest
from PIL import Image

from style_core import InvalidImage
from style_core.files import animation_frames, is_animated


def frames(mode="RGB"):
    rng = np.random.default_rng(2)
    return [
        Image.fromarray(rng.integers(0, 256, (24, 32, len(mode)), dtype=np.uint8), mode) for _ in range(3)
    ]


def saved(path, pictures, **settings):
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **settings)
    return path


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_it_is_seen_whether_a_picture_moves(tmp_path, suffix):
    moving = saved(tmp_path / f"moving{suffix}", frames(), duration=100)
    still = tmp_path / f"still{suffix}"
    frames()[0].save(still)
    assert is_animated(moving)
    assert not is_animated(still)
    assert not is_animated(tmp_path / f"missing{suffix}")
    still.write_bytes(moving.read_bytes()[:12])
    assert not is_animated(still)


def test_frames_come_whole_with_their_times(tmp_path):
    made = frames()
    path = saved(tmp_path / "a.webp", made, duration=[70, 5, 250], lossless=True)
    found = list(animation_frames(path))
    assert [shown for _, shown in found] == [70, 100, 250]  # browsers show what is too short for 100 ms
    for (pixels, _), picture in zip(found, made, strict=True):
        assert np.array_equal(pixels, np.asarray(picture))


def test_transparent_places_are_white(tmp_path):
    made = [Image.new("RGBA", (24, 32), (200, 10, 10, alpha)) for alpha in (0, 255, 0)]
    path = saved(tmp_path / "a.webp", made, duration=50, lossless=True)
    colors = [tuple(pixels[5, 5]) for pixels, _ in animation_frames(path)]
    assert colors[0] == (255, 255, 255)
    assert colors[1] == (200, 10, 10)


def test_what_is_no_picture_is_refused(tmp_path):
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF\x10\0\0\0WEBPVP8X" + bytes(40))
    with pytest.raises(InvalidImage):
        list(animation_frames(path))
