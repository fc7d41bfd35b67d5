"""What a run of a door yields: of a large photo a small result first, beside the content from the start."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import demo.method_run
from demo.limits import Limits
from demo.method_run import MethodOutputs, MethodRunner, side_of, what_follows
from demo.service import Service
from demo.shares import ShareStore
from demo.work import Previews
from style_core import get_method, load_image
from style_core.fronts import to_pil

from ..conftest import photo


@pytest.fixture
def pictures(tmp_path):
    paths = [tmp_path / "content.png", tmp_path / "style.png"]
    for seed, path in enumerate(paths):
        to_pil(photo(160, 200, seed=seed)).save(path)
    return {"content": str(paths[0]), "style": str(paths[1])}


@pytest.fixture
def runner(tmp_path):
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
    service = Service(Limits(), ShareStore(str(tmp_path / "shares")))
    return MethodRunner(get_method("wct2"), service, outputs, door="photo")


def yielded(runner, pictures, name):
    """All values of one output."""
    request = SimpleNamespace(headers={}, session_hash="s")
    output = getattr(runner.outputs, name)
    return [update[output] for update in runner.endpoint()(request, **pictures) if output in update]


def test_a_large_photo_is_shown_small_first_and_then_as_a_whole(runner, pictures, monkeypatch):
    monkeypatch.setattr(demo.method_run, "PREVIEW_MEGAPIXELS", 0.008)
    first, *_, last = yielded(runner, pictures, "before_after")
    assert [Image.open(path).size for path in first] == [(100, 80)] * 2
    assert [Image.open(path).size for path in last] == [(200, 160)] * 2


def test_while_the_whole_follows_it_is_said(runner, pictures, monkeypatch):
    monkeypatch.setattr(demo.method_run, "PREVIEW_MEGAPIXELS", 0.008)
    said = yielded(runner, pictures, "status")
    assert said[1] == "A preview; all 0 megapixels follow"
    assert said[2].startswith("A preview; all 0 megapixels follow … ")
    assert said[-1].startswith("200 x 160 px in ")
    assert "cpu" not in said[-1]  # words for people


def test_a_photo_of_about_that_size_is_made_at_once(runner, pictures):
    stages = yielded(runner, pictures, "before_after")
    assert {Image.open(after).size for _, after in stages} == {(200, 160)}


def test_before_is_the_content_from_the_first_picture_on(pictures, tmp_path):
    before, after = Previews(pictures["content"], tmp_path).show(photo(80, 100, seed=3))
    content = np.asarray(to_pil(load_image(pictures["content"]).pixels).resize((100, 80)), np.float64)
    assert np.abs(np.asarray(Image.open(before), np.float64) - content).mean() < 3  # it is a JPEG
    assert Image.open(after).size == (100, 80)


def test_the_small_picture_has_its_pixels_and_the_words_their_seconds():
    assert side_of((4000, 3000), 1.0) == 1155  # 1155 x 866
    assert what_follows(12.2, None) == "A preview; all 12 megapixels follow"
    assert what_follows(12.2, 3.6) == "A preview; all 12 megapixels follow in about 4 s"
