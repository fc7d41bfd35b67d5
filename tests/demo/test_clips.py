"""The tab of clips: what it refuses, the first frame's look, the clip and what is kept and shared of it."""

import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.byte_ranges import answer
from demo.clip_run import ClipOutputs, ClipRunner
from demo.clip_tab import clip_tab, methods_of_clips
from demo.clips import clip_file, clip_methods, clip_request
from demo.limits import Limits
from demo.runs import process_folder
from demo.service import Service
from demo.share_page import render_share
from demo.shares import ShareStore
from demo.sharing import refill, share_run
from demo.texts import CHINESE, say
from demo.work import Refusal
from style_core import InvalidClip, InvalidImage, InvalidOption
from style_core.fronts import inspect_clip, to_pil

from ..conftest import photo
from ..video.conftest import av, scene, write_clip

REQUEST = SimpleNamespace(headers={}, session_hash="s")


@pytest.fixture
def service(tmp_path):
    return Service(Limits(), ShareStore(str(tmp_path / "shares")))


@pytest.fixture
def runner(service):
    with gr.Blocks():
        outputs = ClipOutputs(
            gr.HTML(), gr.Markdown(), gr.Markdown(), gr.DownloadButton(), gr.JSON(), gr.Textbox()
        )
    return ClipRunner(service, outputs)


@pytest.fixture
def asked(tmp_path):
    """Eight frames and a style."""
    frames = [scene(1, k / 40, (160, 120)) for k in range(8)]
    to_pil(photo(64, 64, seed=3)).save(tmp_path / "dusk.png")
    clip = write_clip(tmp_path / "pan.mp4", frames, sound_seconds=0.3)
    return {"clip": str(clip), "style": str(tmp_path / "dusk.png"), "method": "wct2", "style_strength": 1}


def last(updates, outputs):
    """The last value of each output, by name."""
    found = {}
    for update in updates:
        found |= {name: update[c] for name, c in vars(outputs).items() if c in update}
    return found


@pytest.fixture
def made(runner, asked):
    return last(runner.endpoint()(REQUEST, **asked), runner.outputs)


def test_methods_that_optimize_every_picture_make_no_clips():
    assert methods_of_clips() == ["wct2", "photo_wct", "wct"]
    assert sorted(clip_methods()) == sorted(methods_of_clips())


@pytest.mark.parametrize(
    ("changed", "kind", "said"),
    [
        ({"clip": None}, InvalidClip, "Please add a clip first."),
        ({"style": None}, InvalidImage, "Please add a style picture first."),
        ({"method": "gatys"}, InvalidOption, "method must be one of"),
        ({"style_strength": 2}, InvalidOption, "style_strength"),
        ({"style_strength": "much"}, InvalidOption, "style_strength"),
    ],
)
def test_what_is_missing_or_no_value_is_refused(asked, changed, kind, said):
    with pytest.raises(kind, match=said):
        clip_request(**{**asked, **changed})


def test_the_first_frame_is_shown_and_nothing_is_left(runner, asked):
    before = sorted(process_folder().iterdir())
    shown = last(runner.first_look(REQUEST, **asked), runner.outputs)
    assert len(re.findall("data:image/jpeg", shown["player"])) == 2
    assert (shown["status"], shown["run"]) == ("The first frame. Run makes the clip.", "")
    assert sorted(process_folder().iterdir()) == before


def test_without_a_clip_or_during_a_run_there_is_no_first_frame(runner, asked):
    assert list(runner.first_look(REQUEST, **{**asked, "clip": None})) == [gr.skip()]
    with runner.stops.running("s"):
        assert list(runner.first_look(REQUEST, **asked)) == [gr.skip()]


def test_a_clip_is_made_named_after_both_files_and_shared(runner, service, made):
    run = service.runs.get(made["run"])
    assert made["status"].startswith("8 frames of 160 x 120 px in ")
    assert made["file"].endswith("/pan-dusk-wct2.mp4")
    assert made["notes"] == ""
    assert (made["settings"]["frames"], made["settings"]["method"]) == (8, "wct2")
    assert f"runs/{run.id}/result/pan-dusk-wct2.mp4" in made["player"]
    with av.open(made["file"]) as clip:
        assert clip.streams.video[0].codec_context.name == "h264"
        assert len(clip.streams.audio) == 1
    assert inspect_clip(clip_file(run, "before")).frame_count == 8
    assert clip_file(run, "card") is None

    saved = share_run(service, run.id, "somebody")
    share = service.store.load(saved.id)
    content, media_type = service.store.picture(saved.id, "result")
    assert (content, media_type) == (clip_file(run, "result").read_bytes(), "video/mp4")
    assert answer(content, "bytes=0-3", media_type, {}).status_code == 206
    page = render_share(share, "https://demo.example", "en", "n0nce")
    for part in (f"/c/{saved.id}/result", f"/c/{saved.id}/clip", "clip-player", "Download MP4", "WCT2"):
        assert part in page
    tab, values = refill(share.record, {"clip": "c.mp4", "style": "s.jpg"})
    assert (tab, values["clip"], values["style"], values["method"]) == ("clip", "c.mp4", "s.jpg", "wct2")


def test_a_run_that_is_stopped_leaves_what_is_done(runner, service, asked, tmp_path):
    frames = [scene(1, k / 400, (160, 120)) for k in range(400)]
    write_clip(tmp_path / "pan.mp4", frames)
    updates, outputs = [], runner.outputs
    for update in runner.endpoint()(REQUEST, **asked):
        updates.append(update)
        if "of 400 frames" in str(update.get(outputs.status, "")):
            runner.stops._runs["s"].asked.set()
    made = last(updates, outputs)
    assert re.fullmatch(r"- Stopped after \d+ of 400 frames; the clip ends there\.", made["notes"])
    assert 0 < inspect_clip(made["file"]).frame_count < 400


def test_a_clip_beyond_the_limits_is_said_to_be_cut(runner, service, asked):
    service.limits = Limits(clip_frames=5)
    said = runner.facts(asked["clip"], "wct2", REQUEST)
    assert said == "160 x 120 px, 8 frames in 0.3 s; the first 5 frames (0.2 s) are taken."
    assert say(said, CHINESE) == "160 x 120 像素，8 帧，0.3 秒；取前 5 帧（0.2 秒）。"
    made = last(runner.endpoint()(REQUEST, **asked), runner.outputs)
    assert made["notes"] == "- The first 5 of the clip's 8 frames were taken."


def bad(kind, folder):
    path = folder / "bad.mp4"
    if kind == "text":
        path.write_text("Hello\n" * 200)
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        write_clip(path, [scene(1, 0)] * 20)
        path.write_bytes(path.read_bytes()[:-800])
    else:
        with av.open(str(path), "w") as out:
            sound = out.add_stream("aac", rate=8000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 0
            out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    return str(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("text", "cannot be read as a clip"), ("empty", "is empty"), ("cut", "cannot be read as a clip"),
     ("song", "has no moving pictures")],
)  # fmt: skip
def test_bad_clips_are_a_sentence_in_both_languages_and_leave_nothing(
    runner, service, asked, tmp_path, kind, said
):
    path = bad(kind, tmp_path)
    before = sorted(process_folder().iterdir())
    with pytest.raises(Refusal, match=said) as refused:
        runner.facts(path, "wct2", REQUEST)
    assert say(refused.value.sentence, CHINESE) != refused.value.sentence
    with pytest.raises(Refusal, match=said):
        list(runner.endpoint()(REQUEST, **{**asked, "clip": path}))
    assert sorted(process_folder().iterdir()) == before
    assert service.runs.count() == 0


def test_without_pyav_the_tab_is_a_sentence(service, monkeypatch):
    monkeypatch.setattr("demo.clip_tab.has_pyav", lambda: False)
    with gr.Blocks() as page:
        assert clip_tab(service, None, None) is None
    assert [type(each) for each in page.blocks.values()] == [gr.Markdown]


def test_an_animated_webp_becomes_a_clip(service, runner, asked, tmp_path):
    frames = [Image.fromarray((scene(1, k / 40, (160, 120)) * 255).astype(np.uint8)) for k in range(4)]
    frames[0].save(tmp_path / "wave.webp", save_all=True, append_images=frames[1:], duration=100)
    webp = {**asked, "clip": str(tmp_path / "wave.webp")}
    assert runner.facts(webp["clip"], "wct2", REQUEST) == "160 x 120 px, 4 frames in 0.4 s"
    assert "data:image/jpeg" in last(runner.first_look(REQUEST, **webp), runner.outputs)["player"]
    done = last(runner.endpoint()(REQUEST, **webp), runner.outputs)
    assert done["file"].endswith("/wave-dusk-wct2.mp4")
    assert inspect_clip(done["file"]).frame_count == 4
    assert inspect_clip(clip_file(service.runs.get(done["run"]), "before")).frame_count == 4


def test_what_a_clip_took_is_said_of_the_next(service, runner, asked):
    assert runner.facts(asked["clip"], "wct2", REQUEST) == "160 x 120 px, 8 frames in 0.3 s"
    list(runner.first_look(REQUEST, **asked))  # says nothing of a whole clip
    assert service.expected_of(inspect_clip(asked["clip"]), 8, "wct2") is None
    list(runner.endpoint()(REQUEST, **asked))
    said = runner.facts_again(asked["clip"], "wct2", REQUEST)
    assert re.fullmatch(r"160 x 120 px, 8 frames in 0.3 s · Run takes about \d+ s", said)
    chinese = SimpleNamespace(headers={"accept-language": "zh-CN"}, session_hash="s")
    assert re.search(r"运行需要约 \d+ 秒$", runner.facts_again(asked["clip"], "wct2", chinese))
    eight = service.expected_of(inspect_clip(asked["clip"]), 8, "wct2")
    assert service.expected_of(inspect_clip(asked["clip"]), 12, "wct2") == eight
    assert (
        service.expected_of(inspect_clip(asked["clip"]), 800, "wct2") is None
    )  # much of it was its beginning
    assert "Run takes" not in runner.facts(asked["clip"], "wct", REQUEST)
    assert runner.facts_again("gone.mp4", "wct2", REQUEST) == gr.skip()
