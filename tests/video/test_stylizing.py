"""Clips in and out: what is kept, what is refused, what is left when it is stopped."""

import os
import re
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from style_core import (
    Cancelled,
    EnoughDone,
    InvalidClip,
    InvalidOption,
    StyleCoreError,
    TakesLong,
    progress,
    stylize_video,
)
from style_core.cli import main
from style_core.fronts import to_pil
from style_core.nets.pulse import PulsingModule
from style_core.pipeline import Beginning, FrameOptimizer, frame_transfer
from style_core.video import CODECS
from style_core.video.opening import open_clip
from style_core.video.writing import ClipWriter

from ..conftest import photo
from .conftest import av, read_clip, scene, write_clip

STYLE = photo(64, 64, seed=3).flip(1)
SHOT, ALL = 12, 24  # frames


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two scenes of as many frames each."""
    frames = [scene(number, k / 40) for number in (1, 5) for k in range(SHOT)]
    return write_clip(tmp_path_factory.mktemp("written") / "two.mp4", frames, sound_seconds=1.5)


@pytest.fixture
def clip(written, tmp_path):
    return Path(shutil.copy(written, tmp_path))


@pytest.fixture
def restyle(tiny_weights, tmp_path):
    def run(source, name="out.mp4", method="wct2", **options):
        return stylize_video(method, source, STYLE, tmp_path / name, weights_dir=tiny_weights, **options)

    return run


def take_opencv_away(monkeypatch):
    for module in ("stylizing", "restyling"):
        monkeypatch.setattr(f"style_core.video.{module}.has_opencv", lambda: False)


def pictures(path):
    return [frame.to_ndarray(format="rgb24").astype(float) / 255 for frame in read_clip(path)]


def sound(path):
    with av.open(str(path)) as clip:
        streams = clip.streams.audio
        return [bytes(packet) for packet in clip.demux(*streams) if packet.size] if streams else []


@pytest.mark.parametrize("method", ["wct2", "photo_wct", "wct"])
def test_a_clip_keeps_its_frames_times_and_sound(restyle, clip, method):
    result = restyle(clip, method=method)
    before, after = read_clip(clip), read_clip(result.path)
    assert (result.frame_count, result.shot_count, result.is_complete) == (ALL, 2, True)
    assert [frame.time for frame in after] == [frame.time for frame in before]
    assert {(frame.width, frame.height) for frame in after} == {(96, 64)}
    assert sound(result.path) == sound(clip)
    change = np.abs(np.stack(pictures(result.path)) - np.stack(pictures(clip))).mean((1, 2, 3))
    assert change.min() > 0.02  # every frame has another look


def test_strokes_keep_their_places(restyle, tmp_path, monkeypatch):
    wide = to_pil(photo(96, 260, seed=5))
    frames = [np.asarray(wide.crop((2 * k, 0, 2 * k + 160, 96)), float) / 255 for k in range(14)]
    source = write_clip(tmp_path / "pan.mkv", frames)

    def unrest(**how):
        made = pictures(restyle(source, method="wct", name="out.mkv", **how).path)
        moved = zip((b[8:-8, 8:-16] for b in made[1:]), (a[8:-8, 10:-14] for a in made), strict=False)
        return np.mean([np.abs(b - a).mean() for b, a in moved])

    pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    steady = unrest()
    take_opencv_away(monkeypatch)
    assert steady < 0.5 * unrest(codec="hevc")


@pytest.mark.parametrize("method", ["gatys", "deep_photo"])
def test_methods_that_optimize_do_so_for_some_frames(restyle, tmp_path, method):
    clip = write_clip(tmp_path / "long.mp4", [scene(number, k / 40) for number in (1, 5) for k in range(20)])
    said = []
    result = restyle(
        clip, method=method, steps=3, progress=lambda share, message, preview: said.append(message)
    )
    assert (result.frame_count, result.shot_count) == (40, 2)
    begun = [message for message in said if message.endswith("Reading the pictures")]
    assert 2 <= len(begun) <= 20  # of 40 small and smooth ones, whose motion is hard to see
    assert all("picture " in message and " of about " in message for message in begun)
    change = np.abs(np.stack(pictures(result.path)) - np.stack(pictures(clip))).mean((1, 2, 3))
    assert change.min() > 0.02


@pytest.fixture
def starts(monkeypatch):
    """Every frame that is optimized, what it starts from and what is made of it."""
    found, optimize = [], FrameOptimizer.apply

    def recording(self, frame, before=None, report=progress.ignore_progress):
        made = optimize(self, frame, before, report)
        found.append((frame, before, made))
        return made

    monkeypatch.setattr(FrameOptimizer, "apply", recording)
    return found


def test_a_painting_starts_from_the_one_before_where_it_shows_the_same(restyle, tmp_path, starts):
    pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    wide = to_pil(photo(96, 260, seed=5))
    frames = [np.asarray(wide.crop((3 * k, 0, 3 * k + 160, 96)), float) / 255 for k in range(13)]
    restyle(write_clip(tmp_path / "pan.mkv", frames), method="gatys", steps=2, name="out.mkv")
    (_, nothing, first), (frame, before, _), *_ = starts
    assert nothing is None
    moved = 3 * 12
    there = before.picture[..., 8:-8, 8 : -8 - moved] - first[..., 8:-8, 8 + moved : -8]
    assert there.abs().mean() < 0.02
    assert before.is_new[:, -moved + 12 :].float().mean() > 0.9
    assert before.is_new[:, : -moved - 12].float().mean() < 0.1
    # The rest is the frame in the colors that the first painting gave what it shows, not the frame as it is.
    new, as_it_is = before.picture[..., -moved + 12 :], frame[..., -moved + 12 :]
    mean = first.mean((0, 2, 3))
    assert (new.mean((0, 2, 3)) - mean).norm() < (as_it_is.mean((0, 2, 3)) - mean).norm()


def test_a_photo_starts_from_the_frame_before_in_its_colors(restyle, tmp_path, starts):
    frames = [scene(1, k / 200) for k in range(20)]
    restyle(write_clip(tmp_path / "long.mp4", frames), method="deep_photo", steps=6)
    assert [before is None for _, before, _ in starts] == [True] + [False] * (len(starts) - 1)
    assert len(starts) > 2
    for (earlier, _, made), (frame, before, _) in pairwise(starts):
        change = (made - earlier).mean((0, 2, 3))
        assert change.norm() > 0.03
        assert ((before.picture - frame).mean((0, 2, 3)) - change).norm() < 0.2 * change.norm()


def test_without_opencv_a_photo_at_full_size_starts_from_the_frame_before(
    restyle, tmp_path, starts, monkeypatch
):
    take_opencv_away(monkeypatch)
    clip = write_clip(tmp_path / "short.mkv", [scene(1, k / 10) for k in range(6)])
    restyle(clip, method="deep_photo", steps=20, working_size=None, name="out.mkv")
    assert [before is None for _, before, _ in starts] == [True] + [False] * 5
    for frame, before, made in starts:  # every one shows its own frame, not the one that came before it
        for picture in (made, *([] if before is None else [before.picture])):
            alike = [float(torch.corrcoef(gray(torch.cat([picture, other])))[0, 1]) for other, *_ in starts]
            assert alike[[other is frame for other, *_ in starts].index(True)] > max(alike) - 0.02
            assert max(alike) > 0.8


def test_without_opencv_a_stopped_run_goes_on_from_its_last_frame(restyle, tmp_path, monkeypatch):
    take_opencv_away(monkeypatch)
    monkeypatch.setattr("style_core.digest.SETTLING", 0)
    clip = write_clip(tmp_path / "short.mkv", [scene(1, k / 40) for k in range(6)])
    how = {"method": "deep_photo", "steps": 4, "working_size": None, "codec": "ffv1"}

    def stop(share, message, preview):
        if "picture 4 of" in message:
            raise EnoughDone("Enough.")

    whole = restyle(clip, name="whole.mkv", **how)
    assert restyle(clip, name="stopped.mkv", progress=stop, **how).frame_count == 3
    went_on = restyle(clip, name="stopped.mkv", **how)
    np.testing.assert_array_equal(np.stack(pictures(went_on.path)), np.stack(pictures(whole.path)))


def gray(pictures):
    return pictures.mean(1).flatten(1)


@pytest.mark.parametrize("method", ["gatys", "deep_photo"])
def test_how_many_are_to_come_is_told_of_every_shot_and_of_a_clip_that_tells_no_length(
    restyle, clip, tmp_path, method
):
    said = []
    restyle(clip, method=method, steps=1, progress=lambda share, message, preview: said.append(message))
    found = [re.search(r"picture (\d+) of about (\d+)", message) for message in said]
    counts = [(int(match[1]), int(match[2])) for match in found if match]
    assert max(most for _, most in counts) <= counts[-1][0] + 2
    live = write_clip(tmp_path / "live.mkv", [scene(1, k / 40) for k in range(14)], container={"live": "1"})
    with open_clip(live) as opened:
        assert opened.frame_count == 0
    with pytest.warns(TakesLong, match=r"optimizes about \d+ frames"):
        restyle(live, method=method, steps=1, name="other.mkv")


def test_regions_that_nobody_asked_for_leave_no_notes(restyle, tmp_path):
    pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    wide = to_pil(photo(64, 200, seed=5))
    frames = [np.asarray(wide.crop((4 * k, 0, 4 * k + 96, 64)), float) / 255 for k in range(14)]
    result = restyle(write_clip(tmp_path / "pan.mkv", frames), method="gatys", steps=2, name="out.mkv")
    assert not [note for note in result.notes if "region" in note or "picture 1" in note]


def test_what_takes_long_warns_before_and_after_the_first(restyle, clip, monkeypatch):
    monkeypatch.setattr("style_core.video.optimizing.WORTH_A_WARNING", 0)
    with pytest.warns(TakesLong) as seen:
        restyle(clip, method="gatys", steps=1)
    first, second = (str(warning.message) for warning in seen if warning.category is TakesLong)
    assert first.startswith("Gatys optimizes about 3 frames of this clip")
    assert second.startswith("The first took ")
    assert "the clip will take about " in second


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_what_is_new_is_told_from_the_rest_where_it_is_worth_it(share):
    is_new = torch.arange(100).expand(50, 100) < 100 * share
    is_new = is_new ^ (torch.rand(50, 100, generator=torch.Generator().manual_seed(1)) < 0.002)  # specks
    regions = Beginning(torch.zeros(1, 3, 50, 100), is_new).regions()
    if share == 0.5:
        assert ((regions[0, 1] > 0) == (torch.arange(100) < 50)).float().mean() > 0.99
    else:
        assert regions is None


def test_what_photos_end_with_is_said_to_be_left_out_and_changes_no_frame(restyle, clip):
    plain = restyle(clip, method="wct2")
    asked = restyle(clip, method="wct2", color_match=1.0, name="asked.mkv")
    assert any(note.startswith("color_match has no effect on clips") for note in asked.notes)
    assert not any("has no effect on clips" in note for note in plain.notes)
    np.testing.assert_array_equal(np.stack(pictures(asked.path)), np.stack(pictures(plain.path)))


def test_photos_end_is_left_out_of_frames_that_are_optimized_unless_asked_for(clip):
    frame = torch.rand(1, 3, 48, 64)
    with frame_transfer("deep_photo", frame, frame) as usual:
        assert (usual._given["color_match"], usual._given["contrast_match"]) == (0, 0)
    with frame_transfer("deep_photo", frame, frame, color_match=0.5) as asked:
        assert (asked._given["color_match"], asked._given["contrast_match"]) == (0.5, 0)


@pytest.mark.usefixtures("every_report")
def test_an_optimizing_run_can_be_stopped(restyle, clip):
    with pytest.raises(Cancelled):
        restyle(clip, method="gatys", steps=200, progress=refuse)


def refuse(fraction, message, preview):
    if "picture 1 of about" in message:
        raise Cancelled("Stopped.")


def test_paintings_that_are_optimized_need_opencv(restyle, clip, monkeypatch):
    take_opencv_away(monkeypatch)
    with pytest.raises(InvalidOption, match="opencv-python-headless"):
        restyle(clip, method="gatys")


def test_without_opencv_every_frame_is_painted_and_that_is_said(restyle, tmp_path, monkeypatch):
    source = write_clip(tmp_path / "short.mp4", [scene(1, k / 40) for k in range(5)])
    said = "Every frame was painted by itself; with opencv-python-headless strokes stay in place."
    take_opencv_away(monkeypatch)
    assert said in restyle(source, method="wct").notes
    assert said not in restyle(source, method="wct2", name="look.mp4").notes


def test_sound_goes_on_after_the_last_picture(restyle, tmp_path):
    source = write_clip(tmp_path / "long.mp4", [scene(1, 0)] * 10, sound_seconds=3)
    assert sound(restyle(source).path) == sound(source)


@pytest.mark.parametrize("method", ["wct", "wct2"])
def test_large_frames_go_in_tiles(tiny_weights, monkeypatch, method):
    frame = photo(128, 192, seed=1)
    with frame_transfer(method, frame, STYLE, weights_dir=tiny_weights, precision="exact") as transfer:
        plan = transfer.plan([frame, frame.flip(3)])
        whole = transfer.apply(frame, plan)
        monkeypatch.setattr("style_core.pipeline.frames.WHOLE", 0)
        monkeypatch.setattr("style_core.pipeline.frames.TILE", 64)
        assert (transfer.apply(frame, plan) - whole).abs().max() < 1 / 255


def test_each_shot_has_its_own_plan_from_its_first_frame_on(restyle, clip):
    """After a cut the first frame is as near the style as the last."""
    made = torch.tensor(np.stack(pictures(restyle(clip).path)))
    wanted = STYLE.double().mean((0, 2, 3))
    away = (made.mean((1, 2)) - wanted).norm(dim=1)
    assert (away[SHOT] - away[-1]).abs() < 0.02


def test_uneven_times_rotation_and_tags_are_kept(restyle, tmp_path):
    times = [k * 40 + 7 * (k % 3) for k in range(15)]
    source = write_clip(tmp_path / "vfr.mp4", [scene(1, 0)] * 15, times=times, rotation=90, tags=(6, 6, 6, 2))
    before, after = read_clip(source), read_clip(restyle(source).path)
    assert [float(frame.time) for frame in after] == pytest.approx([float(frame.time) for frame in before])
    for name in ("rotation", "colorspace", "color_primaries", "color_trc", "color_range"):
        assert getattr(after[0], name) == getattr(before[0], name), name


def test_more_than_eight_bits_stay(restyle, tmp_path):
    """A gradient of 200 levels within 50 of 8 bits."""
    ramp = np.broadcast_to(np.linspace(0.3, 0.5, 400)[None, :, None], (64, 400, 3))
    source = write_clip(tmp_path / "deep.mp4", [ramp] * 8, pixels="yuv420p10le")
    result = restyle(source)
    (frame, *_) = read_clip(result.path)
    assert frame.format.name == "yuv420p10le"
    assert len(np.unique(frame.to_ndarray(format="rgb48le")[32, :, 1])) > 60
    assert any("HEVC" in note for note in result.notes)


@pytest.mark.parametrize(
    ("name", "codec", "found"),
    [("o.mp4", None, "h264"), ("o.webm", None, "vp9"), ("o.mkv", "av1", "av1"), ("o.mov", "prores", "prores"),
     ("o.mp4", "hevc", "hevc"), ("o.mkv", "ffv1", "ffv1")],
)  # fmt: skip
def test_codecs(restyle, tmp_path, name, codec, found):
    source = write_clip(tmp_path / "short.mp4", [scene(1, k / 40) for k in range(6)])
    result = restyle(source, name, codec=codec)
    with av.open(str(result.path)) as made:
        assert found in made.streams.video[0].codec_context.codec.canonical_name
    assert len(read_clip(result.path)) == 6


@pytest.mark.parametrize(("suffix", "form", "tolerance"), [
    (".gif", "GIF", 12), (".webp", "WEBP", 6), (".apng", "PNG", 1),
])  # fmt: skip
def test_animations_are_written_and_read_by_pillow(restyle, tmp_path, suffix, form, tolerance):
    """Of odd sides and uneven times; compared with the same frames in a clip without loss."""
    frames = [scene(1, k / 8, (95, 63)) for k in range(6)]
    source = tmp_path / "in.gif"
    first, *others = [Image.fromarray((frame * 255).astype(np.uint8)) for frame in frames]
    times = [80, 80, 200, 80, 80, 120]
    first.save(source, save_all=True, append_images=others, duration=times, loop=0)
    result = restyle(source, f"o{suffix}")
    wanted = pictures(restyle(source, "o.mkv", codec="prores").path)
    with Image.open(result.path) as made:
        assert (made.format, made.n_frames, made.size, made.info["loop"]) == (form, 6, (95, 63), 0)
        found, durations = [], []
        for number in range(6):
            made.seek(number)
            made.load()
            found.append(np.asarray(made.convert("RGB")).astype(float) / 255)
            durations.append(round(made.info["duration"]))
    assert durations[:-1] == times[:-1]
    assert 255 * np.abs(np.stack(found) - np.stack(wanted)).mean() < tolerance


@pytest.mark.parametrize(("suffix", "settings"), [(".webp", {"lossless": True}), (".png", {})])
def test_an_animation_in_a_pictures_format_comes_out_as_one(tmp_path, tiny_weights, suffix, settings):
    """By the command, which is told of no output: as from the same frames in a clip without loss."""
    frames = [(scene(1, k / 8, (96, 64)) * 255).round() / 255 for k in range(5)]
    source, style, times = tmp_path / f"in{suffix}", tmp_path / "style.jpg", [80, 40, 200, 80, 120]
    to_pil(STYLE).save(style, quality=100)
    first, *others = [Image.fromarray((frame * 255).round().astype(np.uint8)) for frame in frames]
    first.save(source, save_all=True, append_images=others, duration=times, loop=0, **settings)
    same = write_clip(
        tmp_path / "same.mkv", frames, codec="ffv1", pixels="bgr0", tags=(1, 1, 1, 2),
        times=[0, 80, 120, 320, 400],
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for clip, more in ((source, []), (same, ["-o", "same_out.mkv", "--codec", "ffv1"])):
            assert main(["wct2", str(clip), str(style), "--weights-dir", str(tiny_weights), *more]) == 0
    wanted = pictures(tmp_path / "same_out.mkv")
    with Image.open(tmp_path / f"in_style_wct2{'.apng' if suffix == '.png' else suffix}") as made:
        assert made.n_frames == 5
        for number, frame in enumerate(wanted):
            made.seek(number)
            found = np.asarray(made.convert("RGB")).astype(float) / 255
            assert round(made.info["duration"]) == times[number] or number == 4
            assert 255 * np.abs(found - frame).mean() < 6  # WebP is written with loss


def test_an_animated_webp_becomes_a_picture_where_one_is_asked_for(tmp_path, tiny_weights):
    frames = [Image.new("RGB", (64, 48), (40 * k, 90, 60)) for k in range(3)]
    source, style = tmp_path / "in.webp", tmp_path / "style.png"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100)
    to_pil(STYLE).save(style)
    how = ["--weights-dir", str(tiny_weights)]
    assert main(["wct2", str(source), str(style), "-o", str(tmp_path / "o.jpg"), *how]) == 0
    assert Image.open(tmp_path / "o.jpg").size == (64, 48)


def test_a_cut_animation_is_a_sentence_and_leaves_nothing(restyle, tmp_path):
    frames = [Image.fromarray((scene(k, 0) * 255).astype(np.uint8)) for k in range(4)]
    frames[0].save(tmp_path / "whole.webp", save_all=True, append_images=frames[1:], lossless=True)
    data = (tmp_path / "whole.webp").read_bytes()
    cut = tmp_path / "cut.webp"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidClip, match=r"'cut\.webp' cannot be read as a clip"):
        restyle(cut, "o.webp")
    assert not list(tmp_path.glob("*o.webp"))


def test_a_gif_becomes_a_picture_where_one_is_asked_for(tmp_path, tiny_weights):
    source, style = tmp_path / "one.gif", tmp_path / "style.png"
    to_pil(photo(64, 64, seed=1)).save(source)
    to_pil(STYLE).save(style)
    how = ["--weights-dir", str(tiny_weights)]
    assert main(["wct2", str(source), str(style), "-o", str(tmp_path / "o.png"), *how]) == 0
    assert Image.open(tmp_path / "o.png").size == (64, 64)


def test_odd_sides_and_one_frame(restyle, tmp_path):
    source = write_clip(tmp_path / "odd.mkv", [scene(1, 0, (97, 65))], pixels="yuv444p")
    result = restyle(source)
    (frame,) = read_clip(result.path)
    assert (frame.width, frame.height) == (97, 65)
    assert any("odd side" in note for note in result.notes)


def test_sound_that_a_file_cannot_hold_is_left_out_and_said(restyle, clip):
    result = restyle(clip, "o.webm")
    assert any("sound" in note for note in result.notes)


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"no clip at all", "cannot be read"), (b"", "is empty"), (None, "There is no clip")],
)
def test_what_is_no_clip_is_refused(restyle, tmp_path, data, says):
    place = tmp_path / "bad.mp4"
    if data is not None:
        place.write_bytes(data)
    with pytest.raises(InvalidClip, match=says):
        restyle(place)
    assert not list(tmp_path.glob("*out*"))


def test_a_song_is_refused(restyle, tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=8000, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        part.sample_rate = 8000
        out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    with pytest.raises(InvalidClip, match="no moving pictures"):
        restyle(tmp_path / "song.mp4")


def test_a_cut_clip_is_restyled_as_far_as_it_goes(restyle, tmp_path):
    whole = write_clip(tmp_path / "whole.mkv", [scene(1, k / 40) for k in range(40)])
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    result = restyle(cut)
    assert 5 < result.frame_count < 40
    assert len(read_clip(result.path)) == result.frame_count


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("o.avi", {}, InvalidClip, "written as .mp4"),
        ("o.webm", {"codec": "h264"}, InvalidClip, "h264 goes into"),
        ("o.mp4", {"codec": "mjpeg"}, InvalidClip, "codec must be"),
        ("o.mp4", {"size": 200}, InvalidClip, "size does not go"),
        ("nowhere/o.mp4", {}, InvalidClip, "cannot be written"),
        ("two.mp4", {}, InvalidClip, "the clip itself"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(restyle, clip, name, options, error, says):
    before = clip.read_bytes()
    with pytest.raises(error, match=says):
        restyle(clip, name, **options)
    assert clip.read_bytes() == before
    assert [path.name for path in clip.parent.iterdir()] == ["two.mp4"]


@pytest.fixture
def every_report(monkeypatch):
    monkeypatch.setattr("style_core.video.restyling.REPORT_SECONDS", 0)


@pytest.mark.usefixtures("every_report")
def test_stopped_it_leaves_a_clip_of_what_is_done(restyle, clip):
    def stop(fraction, message, preview):
        if fraction > 0.3:
            raise EnoughDone("Stopped.")

    result = restyle(clip, progress=stop)
    assert not result.is_complete
    assert ALL // 4 < result.frame_count < ALL
    assert len(read_clip(result.path)) == result.frame_count


@pytest.mark.parametrize("method", ["wct", "photo_wct"])
def test_it_may_be_stopped_while_a_shot_is_measured(restyle, clip, monkeypatch, method):
    """The networks report, too: a shot of paintings takes many seconds to measure."""
    monkeypatch.setattr(progress, "PULSE_SECONDS", 0)
    after, said = [], []

    def stop(fraction, message, preview):
        said.append(message)
        if said.count("Measuring shot 1") >= 9:
            raise EnoughDone("Stopped.")

    def beat(self, x, own=PulsingModule.beat):
        if said.count("Measuring shot 1") >= 9:
            after.append(x.shape)
        own(self, x)

    monkeypatch.setattr(PulsingModule, "beat", beat)
    with pytest.raises(EnoughDone):
        restyle(clip, method=method, progress=stop)
    assert said.count("Measuring shot 1") == 9
    assert len(after) <= 1


def stopped_at(share):
    def stop(fraction, message, preview):
        if fraction > share:
            raise EnoughDone("Stopped.")

    return stop


@pytest.mark.usefixtures("every_report")
@pytest.mark.parametrize(("share", "name", "codec", "method"), [
    (0.3, "out.mp4", "h264", "wct2"), (0.8, "out.mkv", "hevc", "wct2"), (0.6, "out.webm", "vp9", "wct2"),
    (0.3, "strokes.mov", "prores", "wct"),  # which loses little when it is encoded again
])  # fmt: skip
def test_a_stopped_run_goes_on_from_there(restyle, clip, monkeypatch, share, name, codec, method):
    monkeypatch.setattr("style_core.digest.SETTLING", 0.0)
    whole = restyle(clip, f"whole_{name}", codec=codec, method=method)
    part = restyle(clip, name, codec=codec, method=method, progress=stopped_at(share))
    made = []
    monkeypatch.setattr(ClipWriter, "add", counting(ClipWriter.add, made))
    result = restyle(clip, name, codec=codec, method=method)
    assert result.is_complete
    assert result.frame_count == whole.frame_count == ALL
    assert len(made) == ALL - part.frame_count
    assert (
        result.notes[0] == f"Went on after the {part.frame_count} frames of a run that was stopped; they "
        "were encoded again."
    )
    before, after = read_clip(whole.path), read_clip(result.path)
    assert [frame.time for frame in after] == [frame.time for frame in before]
    assert sound(result.path) == sound(whole.path)
    assert np.abs(np.stack(pictures(result.path)) - np.stack(pictures(whole.path))).mean() < 2 / 255
    assert [path.name for path in result.path.parent.glob(".*")] == []


def counting(function, calls):
    def call(*args):
        calls.append(args)
        return function(*args)

    return call


@pytest.mark.usefixtures("every_report")
@pytest.mark.parametrize("change", ["options", "clip", "nothing left"])
def test_another_run_starts_anew(restyle, clip, monkeypatch, change):
    monkeypatch.setattr("style_core.digest.SETTLING", 0.0)
    part = restyle(clip, progress=stopped_at(0.5))
    options = {"style_strength": 0.5} if change == "options" else {}
    if change == "clip":
        os.utime(clip, (1_000_000_000, 1_000_000_000))
    if change == "nothing left":
        part.path.unlink()
    result = restyle(clip, **options)
    assert result.is_complete
    assert result.frame_count == ALL
    assert not any("Went on" in note for note in result.notes)


@pytest.mark.usefixtures("every_report")
def test_an_error_on_the_way_leaves_nothing(restyle, clip, tmp_path):
    def fail(fraction, message, preview):
        if fraction > 0.3:
            raise StyleCoreError("Something happened.")

    with pytest.raises(StyleCoreError, match="Something"):
        restyle(clip, progress=fail)
    assert [path.name for path in tmp_path.iterdir()] == ["two.mp4"]


def test_every_codec_is_one_of_ffmpegs():
    for codec in CODECS.values():
        assert av.codec.Codec(codec.encoder, "w").name == codec.encoder


def test_a_rate_that_cannot_be_is_refused(tmp_path):
    source = write_clip(tmp_path / "fast.mkv", [scene(1, 0)] * 3, rate=Fraction(1000))
    with pytest.raises(InvalidClip, match="frames a second"), open_clip(source):
        pass


def test_the_command_restyles_a_clip(clip, tiny_weights, tmp_path, capsys):
    style = tmp_path / "style.png"
    to_pil(STYLE).save(style)
    command = [
        "wct2",
        str(clip),
        str(style),
        "-o",
        str(tmp_path / "o.mp4"),
        "--weights-dir",
        str(tiny_weights),
    ]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert f"{ALL} frames in 2 shots" in printed.out
    assert "Note:" not in printed.err  # nobody has asked for what clips leave out
    assert main([*command, "--masks", "auto"]) == 0
    assert f"{ALL} frames in 2 shots" in capsys.readouterr().out
    assert main([*command, "--content-mask", "mask.png"]) == 1
    assert "--content-mask goes with pictures" in capsys.readouterr().err
