"""The page: built from the methods, driven over its API as a user's program would."""

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from demo.examples import FOLDER, gallery
from demo.page import build_page
from demo.stream import Update, stream
from style_core import (
    Cancelled,
    get_method,
    list_methods,
    load_image,
    option_default,
    option_fields,
    read_settings,
)

CONTENT, STYLE = gallery(photorealistic=True)[0].content, gallery(photorealistic=True)[0].style


@pytest.fixture(scope="module")
def page():
    blocks = build_page()
    _, url, _ = blocks.queue().launch(prevent_thread_lock=True, ssr_mode=False, run_history=False, quiet=True)
    yield url
    blocks.close()


@pytest.fixture(scope="module")
def client(page):
    return Client(page, verbose=False)


def arguments(**changes):
    values = {"content": handle_file(CONTENT), "style": handle_file(STYLE), "masks": "none",
              "content_mask": None, "style_mask": None, "size": 160}  # fmt: skip
    return values | changes


def options_kind(options, name):
    return option_fields(options)[name].kind


@pytest.mark.parametrize("key", list_methods())
def test_every_method_is_an_endpoint_with_its_options_and_defaults(client, key):
    described = client.view_api(return_format="dict")["named_endpoints"][f"/{key}"]
    parameters = {p["parameter_name"]: p for p in described["parameters"]}
    options = get_method(key).options
    for name in option_fields(options):
        default = option_default(options, name)
        wanted = list(default) if isinstance(default, tuple) else 0 if default is None else default
        wanted = ", ".join(default) if options_kind(options, name) == "weighted" else wanted
        assert parameters[name].get("parameter_default") == wanted


@pytest.mark.parametrize("key", list_methods())
def test_a_photo_is_restyled_through_the_api(client, key):
    (before, after), status, _notes, download = client.predict(**arguments(), api_name=f"/{key}")
    assert Image.open(after).size == Image.open(before).size
    assert max(Image.open(after).size) == 160
    assert "px in" in status
    assert read_settings(download)["method"] == key


def test_size_zero_keeps_the_contents_size(client):
    (_before, after), *_ = client.predict(**arguments(size=0), api_name="/wct2")
    assert Image.open(after).size == load_image(CONTENT).size


def test_notes_reach_the_user(client, tmp_path):
    big = tmp_path / "big.png"
    Image.new("RGB", (1500, 40), "red").save(big)
    notes = client.predict(**arguments(style=handle_file(big)), api_name="/wct2")[2]
    assert "The style picture was read at" in notes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"content": None}, "Please add a content picture first."),
        ({"masks": "my own"}, "Please add both masks"),
        ({"masks": "my own", "content_mask": handle_file(CONTENT)}, "Masks come in pairs"),
        ({"size": 20}, "would be under 16 px"),
        ({"transfer": []}, "transfer must be one or more of encoder, skip, decoder"),
    ],
)
def test_bad_input_gets_a_sentence(client, changes, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments(**changes), api_name="/wct2")


def test_a_texture_needs_no_content(client):
    (before, after), *_ = client.predict(**arguments(content=None, size=96, levels=["1"]), api_name="/wct")
    assert max(Image.open(after).size) == 96
    assert Image.open(before).size == Image.open(after).size


def test_several_styles_are_mixed(client):
    styles = {"more_styles": [handle_file(CONTENT)], "style_weights": "3, 1"}
    *_, download = client.predict(**arguments(levels=["1"], **styles), api_name="/wct")
    assert read_settings(download)["styles"] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"style": None}, "Please add a style picture first."),
        ({"style_weights": "a lot"}, "The weights must be numbers like 2, 1, not a lot."),
        ({"style_weights": "1, 2"}, "style_weights must be 1 numbers"),
    ],
)
def test_bad_styles_get_a_sentence(client, changes, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments(**changes), api_name="/wct")


def test_a_file_that_is_no_picture_gets_a_sentence(client, tmp_path):
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(AppError, match="is not a picture in a format we can read"):
        client.predict(**arguments(content=handle_file(text)), api_name="/wct2")


def test_an_error_of_ours_is_an_apology_not_a_traceback(client, monkeypatch):
    import demo.method_tab as tab

    def broken(*args, **kwargs):
        raise KeyError("secret detail")

    monkeypatch.setattr(tab, "stylize", broken)
    with pytest.raises(AppError, match="Something went wrong on our side") as caught:
        client.predict(**arguments(), api_name="/wct2")
    assert "secret" not in str(caught.value)


def test_every_example_picture_exists_and_is_credited():
    notice = (FOLDER.parent.parent / "NOTICE.md").read_text("utf-8")
    pictures = [p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.jpg")]
    pairs = [*gallery(photorealistic=True), *gallery(photorealistic=False)]
    assert len(gallery(photorealistic=True)) >= 6
    assert len(gallery(photorealistic=False)) >= 6
    for pair in pairs:
        assert load_image(pair.content).size[0] > 0
        assert load_image(pair.style).size[0] > 0
    for picture in pictures:
        assert f"`{picture}`" in notice


class TestStream:
    def test_reports_come_first_and_the_result_last(self):
        def work(progress):
            progress(0.5, "half")
            return "result"

        assert list(stream(work)) == [Update(0.5, "half"), "result"]

    def test_what_the_work_raises_is_raised_to_the_caller(self):
        def work(progress):
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            list(stream(work))

    def test_closing_it_stops_the_work(self):
        import threading

        ended = threading.Event()

        def work(progress):
            try:
                for k in range(10_000):
                    progress(k / 10_000, "step")
                    threading.Event().wait(0.005)
            except Cancelled:
                ended.set()
                raise

        running = stream(work)
        next(running)
        running.close()
        assert ended.wait(2)
