"""What a run of a door yields: of a large photo a small result first, beside the content from the start."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import demo.small_first
import demo.stage_pictures
from demo.limits import Limits
from demo.method_run import MethodOutputs, MethodRunner
from demo.service import Service
from demo.shares import ShareStore
from demo.stage_pictures import Previews
from style_core import StyleCoreError, get_method, load_image
from style_core.fronts import to_pil

from ..conftest import photo


@pytest.fixture
def pictures(tmp_path):
    paths = [tmp_path / "content.png", tmp_path / "style.png"]
    for seed, path in enumerate(paths):
        to_pil(photo(160, 200, seed=seed)).save(path)
    return {"content": str(paths[0]), "style": str(paths[1])}


@pytest.fixture
def service(tmp_path):
    return Service(Limits(), ShareStore(str(tmp_path / "shares")))


def runner_of(method, service, door):
    with gr.Blocks():
        outputs = MethodOutputs(
            gr.ImageSlider(),
            gr.Markdown(),
            gr.Markdown(),
            gr.DownloadButton(),
            gr.JSON(),
            gr.Textbox(),
            gr.HTML(),
        )
    return MethodRunner(get_method(method), service, outputs, door=door)


@pytest.fixture
def runner(service):
    return runner_of("wct2", service, "photo")


@pytest.fixture
def painter(service, monkeypatch):
    """Its quick painting has 100 px and two steps."""
    monkeypatch.setattr(demo.small_first, "PAINTING_SIDE", 100)
    monkeypatch.setattr(demo.small_first, "PAINTING_STEPS", 2)
    monkeypatch.setattr(demo.stage_pictures, "PREVIEW_SECONDS", 0)
    return runner_of("gatys", service, "painting")


def yielded(runner, pictures, name):
    """All values of one output."""
    request = SimpleNamespace(headers={}, session_hash="s")
    output = getattr(runner.outputs, name)
    return [update[output] for update in runner.endpoint()(request, **pictures) if output in update]


def test_a_large_photo_is_shown_small_first_and_then_as_a_whole(runner, pictures, monkeypatch):
    monkeypatch.setattr(demo.small_first, "PREVIEW_MEGAPIXELS", 0.008)
    monkeypatch.setattr(demo.stage_pictures, "PREVIEW_SIDE", 50)
    first, *_, last = yielded(runner, pictures, "before_after")
    assert [Image.open(path).size for path in first] == [(100, 80)] * 2
    assert [Image.open(path).size for path in last] == [(200, 160)] * 2


def test_while_the_whole_follows_it_is_said(runner, pictures, monkeypatch):
    monkeypatch.setattr(demo.small_first, "PREVIEW_MEGAPIXELS", 0.008)
    said = yielded(runner, pictures, "status")
    assert said[1].startswith("A preview first … ")
    place = said.index("A preview; all 0 megapixels follow")
    assert said[place + 1].startswith("A preview; all 0 megapixels follow")
    assert said[place + 1].endswith("%")
    assert said[-1].startswith("200 x 160 px in ")
    assert "cpu" not in said[-1]  # words for people


def test_a_photo_carried_to_its_size_shows_what_the_network_saw_by_the_same_job(
    runner, pictures, service, monkeypatch
):
    monkeypatch.setattr(demo.small_first, "PREVIEW_MEGAPIXELS", 0.008)
    monkeypatch.setattr(demo.stage_pictures, "PREVIEW_SIDE", 50)
    jobs, perform = [], service.perform
    monkeypatch.setattr(service, "perform", lambda asked, *how: jobs.append(asked) or perform(asked, *how))
    to_pil(photo(256, 320)).save(pictures["content"])
    request, shown, said = SimpleNamespace(headers={}, session_hash="s"), [], []
    for update in runner.endpoint()(request, **pictures, working_size=256):
        said += [update[runner.outputs.status]] if runner.outputs.status in update else []
        shown += [update[runner.outputs.before_after]] if runner.outputs.before_after in update else []
    assert len(jobs) == 1
    small, whole = (np.asarray(Image.open(shown[place][1]).resize((50, 40)), np.float64) for place in (0, -1))
    assert [Image.open(path).size for path in shown[0]] == [(256, 205)] * 2
    assert [Image.open(path).size for path in shown[-1]] == [(320, 256)] * 2
    assert np.abs(small - whole).mean() < 3  # of 255: the same look, and JPEG
    assert said[1].startswith("A preview first … ")
    assert any(words.startswith("A preview; all 0 megapixels follow … ") for words in said)
    assert said[-1].startswith("320 x 256 px in ")


def test_a_photo_of_about_that_size_is_made_at_once(runner, pictures):
    stages = yielded(runner, pictures, "before_after")
    assert {Image.open(after).size for _, after in stages} == {(200, 160)}


REQUEST = SimpleNamespace(headers={}, session_hash="s")


def test_a_quick_painting_comes_first_and_the_whole_follows_by_itself(painter, pictures):
    said, stages = [], []
    for update in painter.endpoint()(REQUEST, **pictures, steps=6):
        said += [update[painter.outputs.status]] if painter.outputs.status in update else []
        stages += [update[painter.outputs.before_after]] if painter.outputs.before_after in update else []
    place = said.index("Quick painting done; now refining to 200 x 160 px")
    assert said[1].startswith("A quick painting first … ")
    assert all(words.startswith("A quick painting first … ") for words in said[1:place])
    assert said[place + 1].startswith("Quick painting done; now refining to 200 x 160 px")
    assert said[-1].startswith("200 x 160 px in ")
    # No picture on the way is smaller than the content, so that nothing jumps.
    assert {Image.open(path).size for pair in stages for path in pair} == {(200, 160)}


def test_no_picture_on_the_way_is_coarser_than_the_quick_painting(painter, pictures, monkeypatch):
    sides, quick = [], []

    def seen(self, preview, side=0, *, at_once=False):
        quick.extend([len(sides)] if at_once else [])
        sides.append(0 if preview is None else max(preview.shape[-2:]))
        return "before.jpg", "after.jpg"

    monkeypatch.setattr(demo.stage_pictures.Previews, "show", seen)
    monkeypatch.setattr(demo.small_first, "PAINTING_SIDE", 192)
    to_pil(photo(256, 320)).save(pictures["content"])  # painted at 160 px, then at 320
    list(painter.endpoint()(REQUEST, **pictures, steps=6))
    assert sides[quick[0]] == 192
    assert set(sides[quick[0] + 1 :]) == {320}


@pytest.mark.parametrize("words", ["A quick painting first", "Quick painting done"])
def test_stop_keeps_what_is_there(painter, pictures, words):
    for update in painter.endpoint()(REQUEST, **pictures, steps=400):
        if str(update.get(painter.outputs.status)).startswith(words):
            painter.stops._runs["s"].asked.set()
        last = update
    assert Image.open(last[painter.outputs.file]).size == (100, 80)
    assert "Stopped before the whole was there" in last[painter.outputs.notes]
    assert last[painter.outputs.run]


def test_what_is_refused_as_a_whole_leaves_the_quick_painting(painter, pictures, service, monkeypatch):
    perform = service.perform

    def refusing(request, enough=None, job=None):
        if request.options.get("size") is None:
            raise StyleCoreError("There is no memory for it.")
        return perform(request, enough, job)

    monkeypatch.setattr(service, "perform", refusing)
    *_, last = painter.endpoint()(REQUEST, **pictures)
    assert Image.open(last[painter.outputs.file]).size == (100, 80)
    assert "There is no memory for it." in last[painter.outputs.notes]


def test_before_is_the_content_from_the_first_picture_on(pictures, tmp_path):
    before, after = Previews(pictures["content"], tmp_path).show(photo(80, 100, seed=3))
    content = to_pil(load_image(pictures["content"]).pixels)
    of_both = [np.asarray(each.resize((25, 20), Image.Resampling.BOX), np.float64)
               for each in (Image.open(before), content)]  # fmt: skip
    assert np.abs(of_both[0] - of_both[1]).max() < 6  # it is a JPEG, whose blocks have 8 px
    assert Image.open(after).size == (200, 160)
