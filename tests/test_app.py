"""The page: built from the methods, driven over its API as a user's program would."""

import gzip
import http.client
import io
import json
import re
import urllib.request
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import demo.compare
import demo.work
from demo.examples import FOLDER, gallery
from demo.limits import Limits
from demo.server import serve
from demo.shipped_results import RESULTS
from demo.stream import Update, stream
from style_core import Cancelled, get_method, list_methods, load_image, load_look, read_settings
from style_core.fronts import option_default, option_fields

PAIR = gallery(photorealistic=True)[0]
SMALL = TemporaryDirectory()


def small(picture):
    """A copy of an example that takes less to read, to measure and to save."""
    copy = Path(SMALL.name) / picture.name
    with Image.open(picture) as image:
        image.thumbnail((192, 192))
        image.save(copy)
    return copy


CONTENT, STYLE = small(PAIR.content), small(PAIR.style)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLE_DEMO_EXAMPLES", str(tmp_path_factory.mktemp("examples")))
        limits = Limits(max_megapixels=0.5, max_steps=5, max_upload_mb=8.0)
        running = serve(limits=limits, shares=str(tmp_path_factory.mktemp("shares")), quiet=True)
        yield running
        running.close()


@pytest.fixture(scope="module")
def client(server):
    return Client(server.url, verbose=False)


def get(server, path, method="GET", body=None, **headers):
    """Status, headers and body of the server's answer; the path is sent as it is written here."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def arguments(**changes):
    values = {"content": handle_file(CONTENT), "style": handle_file(STYLE), "masks": "none",
              "content_mask": None, "style_mask": None, "size": 96}  # fmt: skip
    return values | changes


def call(client, endpoint, **inputs):
    """An endpoint's outputs by the names that its API gives them."""
    api = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    names = [output["label"] for output in api[f"/{endpoint}"]["returns"]]
    values = client.predict(**inputs, api_name=f"/{endpoint}")
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


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


@pytest.mark.parametrize(
    ("key", "inputs", "outputs"),
    [
        ("wct", {"content": "Content photo", "more_styles": "Further style pictures"},
         ["before_after", "status", "notes", "file", "settings", "run", "extras"]),
        ("compare", {"content": "Content photo", "strengths": "Strengths"},
         ["tiles", "slider", "status", "notes", "pngs", "figures", "run"]),
    ],
)  # fmt: skip
def test_outputs_have_names_and_inputs_english_labels(client, key, inputs, outputs):
    described = client.view_api(print_info=False, return_format="dict")["named_endpoints"][f"/{key}"]
    labels = {p["parameter_name"]: p["label"] for p in described["parameters"]}
    assert {name: labels[name] for name in inputs} == inputs
    assert [returned["label"] for returned in described["returns"]] == outputs


@pytest.mark.parametrize("key", list_methods())
def test_a_photo_is_restyled_through_the_api(client, key):
    few = {"steps": 4} if "steps" in option_fields(get_method(key).options) else {}
    found = call(client, key, **arguments(**few))
    before, after = found.before_after
    assert Image.open(after).size == Image.open(before).size
    assert max(Image.open(after).size) == 96
    assert "px in" in found.status
    assert read_settings(found.file)["method"] == key
    assert read_settings(found.file) == found.settings
    assert len(found.run) == 22


def test_the_look_of_a_photo_can_be_taken_along_as_such_and_as_a_table(server, client, tmp_path):
    run = call(client, "wct2", **arguments()).run
    status, _, look = get(server, f"/runs/{run}/result/x.look")
    assert status == 200
    (tmp_path / "x.look").write_bytes(look)
    assert load_look(tmp_path / "x.look").settings["method"] == "wct2"
    status, _, table = get(server, f"/runs/{run}/result/x.cube")
    assert status == 200
    assert b"LUT_3D_SIZE" in table
    painted = call(client, "wct", **arguments(levels=["1"])).run
    assert get(server, f"/runs/{painted}/result/x.cube")[0] == 404


def test_size_zero_keeps_the_contents_size(client):
    _before, after = call(client, "wct2", **arguments(size=0)).before_after
    assert Image.open(after).size == load_image(CONTENT).size


def test_notes_reach_the_user(client, tmp_path):
    big = tmp_path / "big.png"
    Image.new("RGB", (1500, 40), "red").save(big)
    found = call(client, "wct2", **arguments(style=handle_file(big)))
    assert "The style picture was read at" in found.notes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"content": None}, "Please add a content picture first."),
        ({"masks": "my own"}, "Please add both masks"),
        ({"masks": "drawn"}, "Please draw on both masks"),
        ({"masks": "my own", "content_mask": handle_file(CONTENT)}, "Masks come in pairs"),
        ({"size": 20}, "would be under 16 px"),
        ({"content": "text"}, "content must be a picture file, not 'text'."),
        ({"content": 5}, "content must be a picture file, not 5."),
        ({"style": ["x"]}, "style must be a picture file, not .'x'.."),
        ({"style_mask": {"path": 5}}, "style_mask must be a picture file, not .'path': 5.."),
        ({"transfer": []}, "transfer must be one or more of encoder, skip, decoder"),
    ],
)
def test_bad_input_gets_a_sentence(client, changes, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments(**changes), api_name="/wct2")


@pytest.mark.parametrize(
    ("key", "changes", "sentence"),
    [
        ("wct2", {"style_strength": -5}, "style_strength must be a number from 0 to 1, not -5."),
        ("wct2", {"style_strength": "much"}, "style_strength must be a number from 0 to 1, not 'much'."),
        ("wct2", {"content_strength": None}, "content_strength must be a number from 0 to 1, not None."),
        ("wct2", {"size": -5}, "size must be a whole number from 16 px up, or none, not -5."),
        ("wct2", {"size": 100.5}, "size must be a whole number from 16 px up, or none, not 100.5."),
        ("wct2", {"size": "big"}, "size must be a whole number from 16 px up, or none, not 'big'."),
        ("wct2", {"seed": 2**31}, "seed must be a whole number from 0 to 2147483647, not 2147483648."),
        ("wct2", {"decoder": "cat6"}, "decoder must be one of cat5, sum, not 'cat6'."),
        ("wct2", {"decoder": ["cat5"]}, "decoder must be one of cat5, sum, not ['cat5']."),
        (
            "wct2",
            {"transfer": ["encoder", "all"]},
            "transfer must be one or more of encoder, skip, decoder, not ('encoder', 'all').",
        ),
        ("wct2", {"transfer": 3}, "transfer must be one or more of encoder, skip, decoder, not 3."),
        (
            "wct2",
            {"masks": "some"},
            "masks must be one of none, automatic, tapped, drawn, my own, not 'some'.",
        ),
        ("wct2", {"family": "huge"}, "family must be one of compact, vgg19, vgg19_16x, not 'huge'."),
        ("wct2", {"family": 3}, "family must be one of compact, vgg19, vgg19_16x, not 3."),
        ("gatys", {"coarse_to_fine": "perhaps"}, "coarse_to_fine must be on or off, not 'perhaps'."),
        ("gatys", {"steps": 2001}, "steps must be a whole number from 1 to 2000, not 2001."),
    ],
)
def test_a_refused_value_of_any_control_is_named_with_what_would_do(client, key, changes, sentence):
    with pytest.raises(AppError) as caught:
        client.predict(**arguments(**changes), api_name=f"/{key}")
    assert str(caught.value) == sentence


def test_texts_of_layers_are_named_too(client):
    with pytest.raises(AppError, match=r"style_layers must be one or more of .*, not \('conv9_9',\)\."):
        client.predict(**arguments(style_layers="conv9_9"), api_name="/gatys")


def test_a_program_gets_sentences_as_they_are(client):
    """Not escaped for the toast of a page, which a program does not have."""
    with pytest.raises(AppError) as caught:
        client.predict(**arguments(style_weights="<b>it's</b> & 1"), api_name="/wct")
    assert str(caught.value) == "The weights must be numbers like 2, 1, not <b>it's</b> & 1."


def test_a_program_gets_notes_as_they_are(client, monkeypatch):
    original = demo.work.stylize

    def noting(*given, **options):
        return replace(original(*given, **options), notes=("A file's <name> & more.",))

    monkeypatch.setattr(demo.work, "stylize", noting)
    assert call(client, "wct2", **arguments()).notes == "- A file's <name> & more."


def test_a_texture_needs_no_content(client):
    found = call(client, "wct", **arguments(content=None, levels=["1"]))
    before, after = found.before_after
    assert max(Image.open(after).size) == 96
    assert Image.open(before).size == Image.open(after).size


def test_several_styles_are_mixed(client):
    styles = {"more_styles": [handle_file(CONTENT)], "style_weights": "3, 1"}
    found = call(client, "wct", **arguments(levels=["1"], **styles))
    assert found.settings["styles"] == [0.75, 0.25]


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
    import demo.work as work

    def broken(*args, **kwargs):
        raise KeyError("secret detail")

    monkeypatch.setattr(work, "stylize", broken)
    with pytest.raises(AppError, match="Something went wrong on our side") as caught:
        client.predict(**arguments(), api_name="/wct2")
    assert "secret" not in str(caught.value)


def test_every_example_picture_exists_and_is_credited():
    notice = (FOLDER.parent.parent / "NOTICE.md").read_text("utf-8")
    pictures = [p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.jpg") if p.parent != RESULTS]
    pairs = [*gallery(photorealistic=True), *gallery(photorealistic=False)]
    assert len(gallery(photorealistic=True)) >= 6
    assert len(gallery(photorealistic=False)) >= 6
    for pair in pairs:
        assert load_image(pair.content).size[0] > 0
        assert load_image(pair.style).size[0] > 0
    for picture in pictures:
        assert f"`{picture}`" in notice


def test_a_job_keeps_to_the_limits_and_says_so(server, client, tmp_path, monkeypatch):
    monkeypatch.setattr(server.service, "limits", replace(server.service.limits, max_megapixels=0.05))
    big = tmp_path / "big.png"
    Image.new("RGB", (1250, 1000), "gray").save(big)
    found = call(client, "wct2", **arguments(content=handle_file(big), size=0))
    assert Image.open(found.file).size == (250, 200)
    assert "at most 0.05 megapixels: the longer side is 250 px instead of 1250" in found.notes
    found = call(client, "gatys", **arguments(size=64, steps=100))
    assert "at most 5 steps instead of 100" in found.notes


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "drawing.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "is not a picture in a format we can read",
        ),
        ("page.html", b"<html><script>alert(1)</script></html>", "is not a picture in a format we can read"),
        ("page.png", b"<html><script>alert(1)</script></html>", "is not a picture in a format we can read"),
        ("empty.png", b"", "is an empty file"),
    ],
)
def test_files_that_are_no_pictures_get_a_sentence(client, tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments(content=handle_file(tmp_path / name)), api_name="/wct2")


@pytest.mark.parametrize(
    ("size", "sentence"),
    [((1, 1), "is 1 x 1 px"), ((20_000, 20_000), "far too many pixels; the limit is 80 megapixels")],
)
def test_pictures_of_impossible_sizes_get_a_sentence(client, tmp_path, size, sentence):
    Image.new("1", size).save(tmp_path / "picture.png")
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments(content=handle_file(tmp_path / "picture.png")), api_name="/wct2")


def test_masks_of_another_size_are_stretched_and_it_is_said(client, tmp_path):
    for name, size in (("content", (50, 90)), ("style", (40, 40))):
        mask = Image.new("RGB", size, "blue")
        mask.paste("red", (0, 0, size[0], size[1] // 2))
        mask.save(tmp_path / f"{name}.png")
    masks = {f"{side}_mask": handle_file(tmp_path / f"{side}.png") for side in ("content", "style")}
    found = call(client, "wct2", **arguments(masks="my own", **masks))
    assert "The content mask is 50 x 90 px and was stretched" in found.notes


def test_an_upload_that_is_too_large_is_refused_and_the_server_lives(server, client, tmp_path):
    boundary = "b0undary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="big.png"\r\n\r\n'.encode()
        + bytes(9_000_000) + f"\r\n--{boundary}--\r\n".encode()
    )  # fmt: skip
    status, _, answer = get(
        server,
        "/gradio_api/upload",
        "POST",
        body,
        **{"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert status == 413
    assert b"Traceback" not in answer
    assert get(server, "/healthz")[0] == 200


def test_the_address_itself_has_a_title_a_description_and_a_picture_of_its_own(server):
    page = get(server, "/", **{"X-Forwarded-Host": "demo.example", "X-Forwarded-Proto": "https"})[2].decode()
    head = page.partition("<script")[0] + page.rpartition("</script>")[2].partition("</head>")[0]
    tags = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', page))
    assert tags["og:title"] == "Style transfer"
    assert tags["og:url"] == "https://demo.example/"
    assert tags["og:image"] == "https://demo.example/card.jpg"
    assert tags["description"] == tags["og:description"] != ""
    for foreign in ("{url}", "githubusercontent", "@Gradio", "Click to try"):
        assert foreign not in head
    status, headers, picture = get(server, "/card.jpg")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(picture)).size == (1200, 630)


def test_the_page_comes_compressed_to_whom_understands_it(server):
    plain = get(server, "/")
    packed = get(server, "/", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain[1]
    assert (packed[1]["content-encoding"], packed[1]["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed[1]["content-length"]) == len(packed[2]) < 500_000 < len(plain[2])
    title = b'<meta property="og:title" content="Style transfer">'
    assert title in gzip.decompress(packed[2])
    assert title in plain[2]
    assert get(server, "/healthz", **{"Accept-Encoding": "gzip"})[1].get("content-encoding") is None


def test_health_is_a_small_answer(server):
    status, headers, body = get(server, "/healthz")
    assert status == 200
    assert json.loads(body)["status"] == "ok"
    assert headers["cache-control"] == "no-store"


class TestCompare:
    def test_several_methods_are_compared(self, client):
        chosen = ["wct", "wct2"]
        pair = {"content": handle_file(CONTENT), "style": handle_file(STYLE)}
        found = call(client, "compare", **pair, methods=chosen, size=96)
        assert found.status == "2 of 2 done."
        assert [f["label"] for f in found.figures] == ["WCT", "WCT2"]
        assert [read_settings(path)["method"] for path in found.pngs] == chosen
        wct, wct2 = found.figures
        assert wct2["structure"] > wct["structure"]  # a photorealistic method keeps more
        assert all(f["seconds"] > 0 and 0 < f["style"] < 5 for f in found.figures)
        assert len(found.run) == 22

    def test_tiles_come_as_they_finish(self, server, client):
        job = client.submit(
            content=handle_file(CONTENT), style=handle_file(STYLE), kind="style strengths", method="wct2",
            strengths="0, 0.5, 1", size=96, api_name="/compare",
        )  # fmt: skip
        job.result()  # to iterate over it would spin until the end
        drawn = [update[0] for update in job.outputs() if isinstance(update[0], str)]
        assert drawn[0].count("<img ") == 0
        assert drawn[-1].count("<img ") == 4  # the content and three results
        assert {tiles.count("<img ") for tiles in drawn} >= {0, 2, 3, 4}
        address = drawn[-1].split('src="')[2].split('"')[0]
        status, headers, body = get(server, f"/{address}")
        assert (status, headers["content-type"]) == (200, "image/png")
        assert max(Image.open(io.BytesIO(body)).size) == 96

    def test_one_photo_goes_through_all_styles(self, server, client, monkeypatch):
        monkeypatch.setattr(demo.compare, "MOST_TILES", 3)
        found = call(client, "compare", content=handle_file(CONTENT), style=None, kind="styles",
                     method="wct2", size=64)  # fmt: skip
        assert found.status == "3 of 3 done."
        assert [figure["label"] for figure in found.figures] == ["Dusk", "Floodlight", "Sunset"]
        assert len({Image.open(path).tobytes() for path in found.pngs}) == 3
        link = client.predict(run=found.run, api_name="/share")["link"]
        page = get(server, f"/c/{link.rsplit('/', 1)[1]}")[2].decode()
        assert page.count("<figcaption>Dusk") == 1
        assert "keeps the photo" in page

    def test_one_refused_method_does_not_stop_the_others(self, client, monkeypatch):
        import demo.work as work
        from style_core import OutOfMemory

        real = work.stylize

        def refusing(method, *args, **kwargs):
            if method == "wct":
                raise OutOfMemory("Too large for this test.")
            return real(method, *args, **kwargs)

        monkeypatch.setattr(work, "stylize", refusing)
        pair = {"content": handle_file(CONTENT), "style": handle_file(STYLE)}
        found = call(client, "compare", **pair, methods=["wct", "wct2"], size=96)
        assert found.status == "1 of 2 done."
        assert "Too large for this test." in found.tiles

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"content": None}, "Please add a content picture first."),
            ({"style": None}, "Please add a style picture first."),
            ({"methods": []}, "Please choose at least one method."),
            ({"kind": "style strengths", "strengths": "much"}, "The strengths must be one to 8 numbers"),
            (
                {"kind": "style strengths", "strengths": "0.1 " * 1 + "0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9"},
                "one to 8",
            ),
            (
                {"kind": "style strengths", "strengths": "0.5, 7"},
                "The strengths must be a number from 0 to 1, not 0.5, 7.",
            ),
            (
                {"kind": "all"},
                "kind must be one of methods, content strengths, style strengths, styles, not 'all'.",
            ),
            ({"kind": ["methods"]}, "kind must be one of .*, not .'methods'.."),
            ({"method": "wct3"}, "method must be one of gatys, .*, not 'wct3'."),
            ({"methods": ["wct2", "wct3"]}, "methods must be one of gatys, .*, not 'wct3'."),
            ({"methods": [["wct2"]]}, "methods must be one of gatys, .*, not .'wct2'.."),
            ({"methods": "wct3"}, "methods must be one of gatys, .*, not 'wct3'."),
            ({"methods": ""}, "methods must be one of gatys, .*, not ''."),
            ({"methods": {"wct2": 1}}, "methods must be one of gatys, .*, not .'wct2': 1.."),
            ({"size": -5}, "size must be a whole number from 16 px up, or none, not -5."),
            ({"content": "text"}, "content must be a picture file, not 'text'."),
            ({"masks": "my"}, "masks must be one of .*, not 'my'."),
        ],
    )
    def test_bad_input_gets_a_sentence(self, client, changes, sentence):
        given = {"content": handle_file(CONTENT), "style": handle_file(STYLE), "size": 96} | changes
        with pytest.raises(AppError, match=sentence):
            client.predict(**given, api_name="/compare")


@pytest.fixture(scope="module")
def shared(client):
    run = call(client, "wct2", **arguments(content_strength=0.25, masks="automatic")).run
    return client.predict(run=run, api_name="/share")


class TestShare:
    def path(self, shared, name="link"):
        return "/" + shared[name].split("/", 3)[3]

    def test_a_link_opens_with_everything(self, server, shared):
        status, headers, body = get(server, self.path(shared))
        page = body.decode()
        assert status == 200
        assert f'<meta property="og:image" content="{shared["link"]}/card">' in page
        assert '<meta property="og:title" content="WCT2">' in page
        assert '"content_strength": 0.25' in page.replace("&quot;", '"')
        assert f"{server.url.rstrip('/')}/?share=" in page
        assert "default-src 'none'" in headers["content-security-policy"]
        for name, media_type in (("content", "image/jpeg"), ("style", "image/jpeg"), ("result", "image/png"),
                                 ("card", "image/jpeg")):  # fmt: skip
            status, headers, picture = get(server, f"{self.path(shared)}/{name}")
            assert (status, headers["content-type"]) == (200, media_type)
            assert Image.open(io.BytesIO(picture)).size[0] > 0
        assert Image.open(io.BytesIO(picture)).size == (1200, 630)

    def test_it_can_be_framed_anywhere_without_scripts_of_others(self, server, shared):
        status, headers, body = get(server, self.path(shared) + "/embed")
        policy = headers["content-security-policy"]
        assert status == 200
        assert "frame-ancestors *" in policy
        assert "default-src 'none'" in policy
        assert b"<style-slider>" in body
        assert b"<script src" not in body
        assert (
            get(server, self.path(shared))[1]["content-security-policy"].count("frame-ancestors 'self'") == 1
        )
        assert get(server, f"/c/{'a' * 22}/embed")[0] == 404

    def test_behind_a_proxy_addresses_are_those_of_the_visitor(self, server, shared):
        proxied = {"X-Forwarded-Host": "demo.example", "X-Forwarded-Proto": "https"}
        page = get(server, self.path(shared), **proxied)[2].decode()
        assert 'property="og:image" content="https://demo.example/c/' in page

    def test_the_link_is_the_same_in_chinese(self, server, shared):
        page = get(server, self.path(shared), **{"Accept-Language": "zh-CN"})[2].decode()
        assert '<html lang="zh-CN">' in page
        assert "在演示中打开" in page

    @pytest.mark.parametrize(
        "path",
        ["/c/", "/c/x", f"/c/{'a' * 22}", "/c/..%2f..%2fetc%2fpasswd", "/c/../../etc/passwd", "/c/%00",
         f"/c/{'a' * 5000}", f"/c/{'a' * 22}/content", f"/c/{'a' * 22}/..%2f..%2fapp.py", "/runs/x/result",
         "/runs/../app.py", "/runs/" + "a" * 22 + "/..%2fsecret"],
    )  # fmt: skip
    def test_hostile_addresses_find_nothing(self, server, path):
        status, _, body = get(server, path)
        assert status in (404, 414)
        assert b"Traceback" not in body
        assert b"import" not in body

    @pytest.mark.parametrize(
        "name", ["content.jpg", "..%2f" * 4 + "etc/passwd", "shares", "card.png", "result_9"]
    )
    def test_a_share_gives_only_its_own_pictures(self, server, shared, name):
        assert get(server, f"{self.path(shared)}/{name}")[0] == 404

    def test_an_unknown_run_cannot_be_shared(self, client):
        for run in ("", "x", "../../etc/passwd", "a" * 22, ["x"], {"x": 1}, 5, None):
            with pytest.raises(AppError, match="This result is no longer here; run it again, then share it"):
                client.predict(run=run, api_name="/share")

    def test_one_visitor_cannot_fill_the_room(self, server, client, monkeypatch):
        from dataclasses import replace

        run = call(client, "wct2", **arguments(size=64)).run
        monkeypatch.setattr(server.service, "limits", replace(server.service.limits, shares_per_hour=1))
        monkeypatch.setattr(server.service, "_shared", {})
        assert client.predict(run=run, api_name="/share")["link"]
        with pytest.raises(AppError, match="You have shared 1 comparisons within an hour"):
            client.predict(run=run, api_name="/share")

    def test_a_file_of_the_server_cannot_be_named_as_a_picture(self, server):
        body = json.dumps({"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}] * 2})
        status, _, answer = get(
            server, "/gradio_api/call/wct2", "POST", body, **{"Content-Type": "application/json"}
        )
        if status == 200:
            event = json.loads(answer)["event_id"]
            answer = get(server, f"/gradio_api/call/wct2/{event}")[2]
            assert b"event: error" in answer
        assert b"root:" not in answer

    def test_only_the_owner_deletes_it(self, server, client):
        run = call(client, "wct2", **arguments(size=64)).run
        shared = client.predict(run=run, api_name="/share")
        delete = self.path(shared, "delete")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert get(server, delete)[0] == 200  # asks; a link preview that fetches it deletes nothing
        assert get(server, self.path(shared))[0] == 200
        where, _, key = delete.partition("?")
        assert get(server, where, "POST", "key=wrong", **form)[0] == 403
        assert get(server, self.path(shared))[0] == 200
        assert get(server, where, "POST", key, **form)[0] == 200
        assert get(server, self.path(shared))[0] == 404


def test_the_first_paint_computes_nothing(server, monkeypatch):
    import demo.work as work

    monkeypatch.setattr(work, "stylize", lambda *a, **k: pytest.fail("computed"))
    before = server.service.runs.count()
    with urllib.request.urlopen(server.url) as answer:
        assert answer.status == 200
    assert server.service.runs.count() == before


def test_an_example_is_computed_once_and_then_kept(client):
    pair = gallery(photorealistic=True)[1]  # the smallest
    given = {"content": handle_file(pair.content), "style": handle_file(pair.style)}
    first, second = (call(client, "wct2", **given) for _ in range(2))
    assert "px in" in first.status
    assert "kept from an earlier visitor" in second.status
    assert Image.open(second.file).size == load_image(pair.content).size
    assert second.settings == first.settings
    assert "px in" in call(client, "wct2", **given, style_strength=0.5).status


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
