"""What a clip is, the copy that browsers play, and the beginning alone."""

import numpy as np
import pytest
from PIL import Image

from style_core import InvalidClip, InvalidOption, stylize_video
from style_core.files import webp_times
from style_core.video import animations, browser_copy, inspect_clip

from ..conftest import photo
from .conftest import av, read_clip, scene, write_clip


def pictures(path):
    return np.stack([frame.to_ndarray(format="rgb24") for frame in read_clip(path)]).astype(float)


def streams(path):
    with av.open(str(path)) as clip:
        return {stream.type: float(stream.duration * stream.time_base) for stream in clip.streams}


def test_a_clip_is_counted_and_its_first_frame_is_there(clip):
    found = inspect_clip(clip)
    assert (found.width, found.height, found.frame_count, found.has_sound) == (96, 64, 40, True)
    assert found.seconds == pytest.approx(1.6)
    np.testing.assert_array_equal(found.first_frame[0].permute(1, 2, 0).numpy(), pictures(clip)[0])


def test_a_turned_clip_is_upright(tmp_path):
    frames = [scene(1, 0)] * 4
    plain = inspect_clip(write_clip(tmp_path / "plain.mp4", frames)).first_frame
    found = inspect_clip(write_clip(tmp_path / "turned.mp4", frames, rotation=90))
    assert (found.width, found.height) == (64, 96)
    np.testing.assert_array_equal(found.first_frame[0], np.rot90(plain[0], axes=(1, 2)))


def test_the_frames_of_a_clip_that_is_cut_off_are_counted_by_what_is_there(tmp_path):
    whole = write_clip(tmp_path / "whole.mkv", [scene(k, 0) for k in range(30)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert 0 < inspect_clip(cut).frame_count < 30


def test_an_animated_webp_is_a_clip_and_a_still_one_is_none(tmp_path):
    frames = [Image.fromarray((scene(1, k / 40) * 255).astype(np.uint8)) for k in range(6)]
    source = tmp_path / "in.webp"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=80, lossless=True)
    found = inspect_clip(source)
    assert (found.width, found.height, found.frame_count, found.has_sound) == (96, 64, 6, False)
    assert found.seconds == pytest.approx(0.48)
    np.testing.assert_array_equal(found.first_frame[0].permute(1, 2, 0).numpy(), np.asarray(frames[0]))
    copy = browser_copy(source, tmp_path / "copy.mp4")
    assert len(pictures(copy)) == 6
    assert np.abs(pictures(copy)[0] - np.asarray(frames[0], float)).mean() < 4
    assert len(pictures(browser_copy(source, tmp_path / "copy.mp4", most_frames=2))) == 2
    frames[0].save(tmp_path / "still.webp")
    with pytest.raises(InvalidClip, match=r"'still\.webp' cannot be read as a clip"):
        inspect_clip(tmp_path / "still.webp")


@pytest.mark.parametrize(("codec", "name"), [("libx264", "in.mp4"), ("libx265", "in.mkv")])
@pytest.mark.parametrize("most", [None, 8])
def test_a_copy_is_h264_of_8_bits_with_sound_and_nothing_that_a_camera_says(tmp_path, codec, name, most):
    frames = [scene(1, k / 40) for k in range(20)]
    pixels = "yuv420p" if codec == "libx264" else "yuv420p10le"
    source = write_clip(tmp_path / name, frames, codec=codec, pixels=pixels, sound_seconds=0.8)
    copy = browser_copy(source, tmp_path / "copy.mp4", most_frames=most)
    with av.open(str(copy)) as made:
        context = made.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert "location" not in made.metadata
    first = pictures(copy)
    assert len(first) == (most or 20)
    assert np.abs(first[0] - pictures(source)[0]).mean() < 4
    ends = streams(copy)
    assert ends["audio"] == pytest.approx(0.8 if most is None else 8 / 25, abs=0.25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.mp4", name]


def test_the_beginning_of_a_clip_is_taken_alone_with_its_sound(clip, tiny_weights, tmp_path):
    style = photo(64, 64, seed=3)
    made = stylize_video("wct2", clip, style, tmp_path / "o.mp4", most_frames=5, weights_dir=tiny_weights)
    assert (made.frame_count, made.is_complete) == (5, True)
    assert made.notes == ("The first 5 of the clip's 40 frames were taken.",)
    assert streams(made.path)["audio"] == pytest.approx(0.2, abs=0.2)
    with pytest.raises(InvalidOption, match="most_frames must be 1 or more, not 0"):
        stylize_video("wct2", clip, style, tmp_path / "o.mp4", most_frames=0)


def test_the_beginning_of_an_animated_webp_alone_is_unpacked(tiny_weights, tmp_path, monkeypatch):
    frames = [Image.new("RGB", (64, 48), (9 * k, 90, 60)) for k in range(20)]
    source, unpacked = tmp_path / "in.webp", []
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=[40 + k for k in range(20)])
    assert webp_times(source) == [40 + k for k in range(20)]
    whole = animations.animation_frames

    def counted(path):
        for frame in whole(path):
            unpacked.append(path)
            yield frame

    monkeypatch.setattr(animations, "animation_frames", counted)
    assert inspect_clip(source).frame_count == 20
    assert unpacked == []
    how = {"most_frames": 3, "weights_dir": tiny_weights}
    made = stylize_video("wct2", source, photo(64, 64, seed=3), tmp_path / "o.mp4", **how)
    assert (made.frame_count, len(unpacked)) == (3, 3)
    assert made.notes == ("The first 3 of the clip's 20 frames were taken.",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello, this is a text.\n" * 50, "is none, or was cut off"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{clip}\n", "is none, or was cut off"),
        ("ffconcat version 1.0\nfile {clip}\n", "is none, or was cut off"),
        ("", "is empty"),
    ],
    ids=["text", "playlist", "list", "empty"],
)
def test_a_text_is_no_clip_and_opens_none(clip, tmp_path, text, said):
    path = tmp_path / "text.mp4"
    path.write_text(text.replace("{clip}", str(clip)))
    with pytest.raises(InvalidClip, match=said):
        inspect_clip(path)
