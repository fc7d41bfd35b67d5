"""JPEGs of uploads that browsers cannot show, and components that hand over files unopened."""

import os

import gradio as gr
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from demo.components import as_sent, file_of
from demo.uploads import SIDE, shown_picture


@pytest.fixture
def uploads(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    Image.fromarray(np.full((900, 1800, 3), (200, 100, 50), np.uint8)).save(folder / "wide.tif")
    return folder


def test_an_upload_is_shown_as_a_small_jpeg_made_once(uploads):
    shown = shown_picture(str(uploads / "wide.tif"), uploads)
    with Image.open(shown) as picture:
        assert (picture.format, picture.size) == ("JPEG", (SIDE, SIDE // 2))
        assert np.abs(np.asarray(picture)[300, 600].astype(int) - (200, 100, 50)).max() <= 3
    made = shown.stat().st_mtime_ns
    assert shown_picture(str(uploads / "wide.tif"), uploads).stat().st_mtime_ns == made


def test_a_replaced_upload_is_shown_anew(uploads):
    first = shown_picture(str(uploads / "wide.tif"), uploads)
    Image.new("RGB", (40, 40)).save(uploads / "wide.tif")
    assert shown_picture(str(uploads / "wide.tif"), uploads) != first


@pytest.mark.parametrize(
    "place", ["", "..", "../secret.tif", "/etc/passwd", "gone.tif", "a\0b.tif", "link.tif"]
)
def test_nothing_outside_the_uploads_is_read(uploads, place):
    Image.new("RGB", (40, 40)).save(uploads.parent / "secret.tif")
    os.symlink(uploads.parent / "secret.tif", uploads / "link.tif")
    assert shown_picture(str(uploads / place) if place else "", uploads) is None


@pytest.mark.parametrize("data", [b"", b"words", b"%!PS-Adobe-3.0 EPSF-3.0\n{} loop\n"])
def test_what_is_no_picture_is_not_shown(uploads, data):
    (uploads / "a.heic").write_bytes(data)
    assert shown_picture(str(uploads / "a.heic"), uploads) is None


def test_a_picture_input_stays_unopened_however_gradio_rebuilds_it(tmp_path):
    """An event's update builds components anew from their class, with what the constructor was given."""
    (tmp_path / "a.heic").write_bytes(b"no picture at all")
    with gr.Blocks():
        made = as_sent(gr.Image(type="filepath"), file_of)
    rebuilt = made.__class__(**made.constructor_args, render=False)
    payload = made.data_model(path=str(tmp_path / "a.heic"), orig_name="a.heic")
    assert made.preprocess(payload) == rebuilt.preprocess(payload) == str(tmp_path / "a.heic")
    assert made.preprocess(None) is None
    assert made.get_block_name() == "image"
    assert isinstance(made, gr.Image)


def test_the_address_answers_with_the_jpeg_or_404(uploads, monkeypatch):
    from starlette.applications import Starlette

    from demo import server

    monkeypatch.setattr(server, "get_upload_folder", lambda: str(uploads))
    client = TestClient(Starlette(routes=server.routes(None)))
    answer = client.get("/shown", params={"file": str(uploads / "wide.tif")})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert client.get("/shown", params={"file": "/etc/passwd"}).status_code == 404
    assert client.get("/shown").status_code == 404
