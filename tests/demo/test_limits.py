"""What a job may take: read from the environment, kept, and said."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from demo.limits import Limits, number
from style_core import EnoughDone, InvalidClip, InvalidOption
from style_core.fronts import ClipFacts


@pytest.fixture
def photo(tmp_path):
    def make(width, height):
        path = tmp_path / f"{width}.png"
        Image.new("RGB", (width, height)).save(path)
        return str(path)

    return make


def test_every_limit_is_set_by_its_variable():
    given = {"STYLE_DEMO_MAX_MEGAPIXELS": "2.5", "STYLE_DEMO_MAX_STEPS": "100",
             "STYLE_DEMO_MAX_SECONDS": "30", "STYLE_DEMO_MAX_UPLOAD_MB": "5",
             "STYLE_DEMO_QUEUE": "3", "STYLE_DEMO_JOBS": "2",
             "STYLE_DEMO_SHARES_PER_HOUR": "9", "STYLE_DEMO_CLIP_SECONDS": "7.5",
             "STYLE_DEMO_CLIP_FRAMES": "90", "STYLE_DEMO_CLIP_MEGAPIXELS": "1"}  # fmt: skip
    assert Limits.from_environment(given) == Limits(2.5, 100, 30.0, 5.0, 3, 2, 9, 7.5, 90, 1.0)
    assert Limits.from_environment({}) == Limits()


@pytest.mark.parametrize(
    ("frames", "seconds", "taken"), [(100, 4.0, 100), (600, 40.0, 300), (1200, 20.0, 600), (1, 0.0, 1)]
)
def test_of_a_long_clip_the_beginning_is_taken(frames, seconds, taken):
    clip = ClipFacts(640, 360, frames, seconds, False, torch.zeros(1, 3, 2, 2))
    assert Limits().frames_taken(clip, "a.mp4") == taken


def test_a_clip_of_large_frames_is_refused():
    clip = ClipFacts(3840, 2160, 10, 1.0, False, torch.zeros(1, 3, 2, 2))
    with pytest.raises(
        InvalidClip, match=r"'a.mp4' has frames of 3840 x 2160 px; here they have at most 2.1"
    ):
        Limits().frames_taken(clip, "a.mp4")
    assert Limits().frames_taken(replace(clip, width=1080, height=1920), "a.mp4") == 10


@pytest.mark.parametrize("text", ["many", "-1", "0", "nan", "inf", "1.5"])
def test_a_limit_that_is_no_number_is_refused(text):
    with pytest.raises(InvalidOption, match="STYLE_DEMO_QUEUE must be a whole number above 0"):
        Limits.from_environment({"STYLE_DEMO_QUEUE": text})
    assert number("X", 7, int, {"X": ""}) == 7


def test_a_large_content_is_reduced_and_it_is_said(photo):
    options, notes = Limits(max_megapixels=0.01).fit(photo(400, 100), {}, takes_steps=False)
    assert options == {"size": 200}  # 200 x 50 px
    assert notes == [
        "This demo makes pictures of at most 0.01 megapixels: the longer side is 200 px instead of 400."
    ]


def test_a_size_that_is_asked_for_is_limited_too(photo):
    limits = Limits(max_megapixels=0.01)
    options, notes = limits.fit(photo(400, 100), {"size": 1000}, takes_steps=False)
    assert (options["size"], len(notes)) == (200, 1)
    assert limits.fit(photo(400, 100), {"size": 150}, takes_steps=False) == ({"size": 150}, [])
    texture, notes = limits.fit(None, {"size": 1000}, takes_steps=False)
    assert (texture["size"], len(notes)) == (100, 1)


def test_a_note_about_a_size_of_many_digits_is_short(photo):
    for content in (photo(400, 100), None):
        _, notes = Limits(max_megapixels=0.01).fit(content, {"size": 10**99}, takes_steps=False)
        assert len(notes[0]) < 160


def test_steps_are_limited_where_there_are_steps(photo):
    limits = Limits(max_steps=10)
    assert limits.fit(None, {"steps": 50}, takes_steps=True)[0] == {"steps": 10}
    assert limits.fit(None, {"steps": 5}, takes_steps=True) == ({"steps": 5}, [])


def test_a_file_that_is_no_picture_is_left_to_the_core(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("no picture")
    assert Limits().fit(str(path), {}, takes_steps=False) == ({}, [])


def test_the_work_is_asked_to_end_when_the_seconds_are_over():
    now, seen = [0.0], []
    watched = Limits(max_seconds=10).watched(lambda *report: seen.append(report), lambda: now[0])
    watched(0.1, "begun")
    now[0] = 11.0
    with pytest.raises(EnoughDone, match="longer than the 10 seconds that a job may take here"):
        watched(0.5, "half")
    watched(1.0, "Done")  # what is done is not taken away
    assert [fraction for fraction, *_ in seen] == [0.1, 0.5, 1.0]


@pytest.mark.parametrize(
    ("device", "cores", "jobs"),
    [("cuda", 64, 1), ("mps", 8, 1), ("cpu", 1, 1), ("cpu", 2, 1), ("cpu", 16, 4)],
)
def test_jobs_at_once_follow_device_and_cores(device, cores, jobs):
    assert Limits().at_once(device, cores) == jobs
    assert Limits(jobs=3).at_once(device, cores) == 3


def test_the_limits_are_said():
    assert Limits(2.5, 100, 30.0, 5.0).sentence() == (
        "One job here takes at most 2.5 megapixels, 100 steps and 30 seconds; a file at most 5 MB."
    )
