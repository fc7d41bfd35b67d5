"""Settings stored in every format, found again, and never more than a sentence on any other file."""

import json
import os
import zlib

import pytest
import torch
from PIL import Image, PngImagePlugin

from style_core import InvalidImage, get_method, list_methods, read_settings, stylize
from style_core.digest import file_sha256
from style_core.files import save_image
from style_core.files.formats import WRITABLE
from style_core.fronts import option_fields
from style_core.images import to_pil
from style_core.version import __version__

from ..conftest import photo

SETTINGS = {
    "method": "wct2", "size": None, "seed": 3, "transfer": ["encoder"], "nested": {"a": 0.1 + 0.2},
    "name": "Größe 画 <&> ]]> \udce9 \x00 '\"", "empty": "",
}  # fmt: skip


def save(path, settings):
    return save_image(photo(20, 28), None, path, settings)


def chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


# --- there and back ---


@pytest.mark.parametrize("suffix", WRITABLE)
def test_settings_come_back_from_every_format(tmp_path, suffix):
    assert save(tmp_path / f"out{suffix}", SETTINGS) == ()
    assert read_settings(tmp_path / f"out{suffix}") == SETTINGS


@pytest.mark.parametrize("suffix", WRITABLE)
def test_settings_too_long_for_a_format_are_noted_and_the_picture_written(tmp_path, suffix):
    path, long = tmp_path / f"out{suffix}", {"method": "wct2", "text": "x" * 70_000}
    notes = save(path, long)
    if suffix in {".jpg", ".jpeg"}:
        assert notes == ("The settings are too long for JPEG and were left out.",)
        assert read_settings(path) == {}
    else:
        assert notes == ()
        assert read_settings(path) == long


def test_the_longest_settings_of_a_jpeg_just_fit(tmp_path):
    path = tmp_path / "out.jpg"
    save(path, {"method": ""})
    with Image.open(path) as image:
        room = 65_504 - len(image.info["xmp"])
    for length, notes in ((room, 0), (room + 1, 1)):
        assert len(save(path, {"method": "x" * length})) == notes


def test_settings_of_older_versions_are_read(tmp_path):
    image = to_pil(photo(20, 28))
    image.save(
        tmp_path / "old.jpg", comment=json.dumps(SETTINGS | {"name": "画"}, ensure_ascii=False).encode()
    )
    assert read_settings(tmp_path / "old.jpg")["name"] == "画"
    for kind, method in (("old", "add_itxt"), ("text", "add_text")):
        info = PngImagePlugin.PngInfo()
        getattr(info, method)("style_core", json.dumps({"method": "wct2"}))
        image.save(tmp_path / f"{kind}.png", pnginfo=info)
        assert read_settings(tmp_path / f"{kind}.png") == {"method": "wct2"}


def test_settings_behind_the_pixels_and_packed_are_found(tmp_path):
    save(tmp_path / "out.png", {})
    data = (tmp_path / "out.png").read_bytes().replace(chunk(b"iTXt", b"style_core\0\0\0\0\0{}"), b"")
    text = chunk(b"iTXt", b"style_core\0\x01\0\0\0" + zlib.compress(b'{"method": "wct"}'))
    (tmp_path / "out.png").write_bytes(data[:-12] + text + data[-12:])
    assert read_settings(tmp_path / "out.png") == {"method": "wct"}


# --- other people's files ---


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "PPM", "JPEG2000"])
def test_a_picture_from_elsewhere_has_no_settings(tmp_path, form):
    Image.new("RGB", (20, 20), "red").save(tmp_path / "picture", form)
    assert read_settings(tmp_path / "picture") == {}


@pytest.mark.parametrize(
    "comment", [b"CREATOR: gd-jpeg v1.0", b"12", b"[1]", b'{"a": 1}', b"\xff\xfe", b"", b"[" * 60_000]
)
def test_somebody_elses_comment_is_not_ours(tmp_path, comment):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg", comment=comment)
    assert read_settings(tmp_path / "a.jpg") == {}


@pytest.mark.parametrize("xmp", [b"<x:xmpmeta/>", b"\xff" * 50, b"<style_core:settings>" * 3])
def test_somebody_elses_packet_is_not_ours(tmp_path, xmp):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg", xmp=xmp)
    assert read_settings(tmp_path / "a.jpg") == {}


@pytest.mark.parametrize("text", ["no JSON", "[1]", "3", "[" * 100_000, '{"a":' * 100_000, "{"])
def test_damaged_settings_are_a_sentence(tmp_path, text):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("style_core", text)
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(InvalidImage, match=r"^The settings in '.*a\.png' are damaged\.$"):
        read_settings(tmp_path / "a.png")


def test_text_that_unpacks_to_more_than_settings_are_is_not_unpacked(tmp_path):
    save(tmp_path / "out.png", {})
    data = (tmp_path / "out.png").read_bytes()
    bomb = chunk(b"zTXt", b"style_core\0\0" + zlib.compress(b" " * 30_000_000))
    (tmp_path / "out.png").write_bytes(data[:33] + bomb + data[33:])
    with pytest.raises(InvalidImage, match="are damaged"):
        read_settings(tmp_path / "out.png")


@pytest.mark.parametrize(
    "body", [b"style_core\0", b"style_core\0\x01", b"style_core\0\x01\0\0\0nothing packed"]
)
def test_a_cut_text_is_a_sentence(tmp_path, body):
    data = bytearray((save(tmp_path / "out.png", {}), (tmp_path / "out.png").read_bytes())[1])
    (tmp_path / "out.png").write_bytes(data[:33] + chunk(b"iTXt", body) + data[33:])
    with pytest.raises(InvalidImage, match="are damaged"):
        read_settings(tmp_path / "out.png")


NO_PICTURES = {
    "empty": b"",
    "text": b"words",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\n{} loop\n",
    "pdf": b"%PDF-1.4\n",
    "png": b"\x89PNG\r\n\x1a\n",
    "png length": b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffiTXt",
    "jpeg": b"\xff\xd8\xff\xe1\xff\xff",
    "tiff": b"II*\0\xff\xff\xff\x7f",
    "webp": b"RIFF\xff\xff\xff\xffWEBPVP8 ",
}


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_is_a_sentence(tmp_path, kind):
    (tmp_path / "file.jpg").write_bytes(NO_PICTURES[kind])
    with pytest.raises(
        InvalidImage,
        match=r"is not a picture in a format we can read|is damaged or cut short|is a TIFF of a kind",
    ):
        read_settings(tmp_path / "file.jpg")


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
@pytest.mark.parametrize("cut", range(0, 700, 35))
@pytest.mark.parametrize("suffix", WRITABLE)
def test_a_file_cut_anywhere_gives_settings_none_or_a_sentence(tmp_path, suffix, cut):
    path = tmp_path / f"out{suffix}"
    save(path, {"method": "wct2"})
    path.write_bytes(path.read_bytes()[:cut])
    try:
        found = read_settings(path)
    except InvalidImage:
        return
    assert found in ({}, {"method": "wct2"})


@pytest.mark.parametrize("place", ["missing.png", ".", "a\0b.png", "x" * 300])
def test_what_cannot_be_opened_is_a_sentence(tmp_path, place):
    with pytest.raises(InvalidImage, match="No settings can be read from"):
        read_settings(os.path.join(tmp_path, place))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InvalidImage, match="not an ordinary file"):
        read_settings(tmp_path / "a.png")


# --- what they say ---


def run(weights, method, content="content.png", style="style.png", **options):
    return stylize(method, content, style, weights_dir=weights, device="cpu", **options)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """content.png (40 x 24) and style.png (36 x 32) in the working directory."""
    monkeypatch.chdir(tmp_path)
    to_pil(photo(24, 40, 1)).save("content.png")
    to_pil(photo(32, 36, 2)).save("style.png")
    return tmp_path


def test_a_result_saves_the_settings_that_made_it(pictures, tiny_weights):
    result = run(tiny_weights, "wct2", style_strength=0.25)
    result.save("out.png")
    found = read_settings("out.png")
    assert found == dict(result.settings)
    assert found["style_strength"] == 0.25
    assert found["version"] == __version__


def test_settings_hold_the_digests_of_networks_and_inputs_and_no_names(pictures, tiny_weights):
    settings = run(tiny_weights, "wct2").settings
    names = ("encoder", "wct2_cat5")
    assert settings["networks"] == {n: file_sha256(tiny_weights / f"{n}.safetensors") for n in names}
    assert settings["inputs"] == {
        "content": file_sha256(pictures / "content.png"), "styles": [file_sha256(pictures / "style.png")],
    }  # fmt: skip
    assert settings["result_size"] == [40, 24]
    assert settings["style_sizes"] == [[36, 32]]
    assert "content.png" not in json.dumps(settings)
    assert str(pictures) not in json.dumps(settings)


def test_pictures_that_are_no_files_have_no_digest(tiny_weights):
    settings = run(tiny_weights, "wct2", photo(24, 40), photo(32, 36)).settings
    assert settings["inputs"] == {"styles": [None]}


@pytest.mark.parametrize("method", list_methods())
def test_networks_are_named_also_where_everything_is_remembered(pictures, tiny_weights, method):
    options = {"steps": 1} if "steps" in option_fields(get_method(method).options) else {}
    first, second = (run(tiny_weights, method, **options).settings for _ in range(2))
    assert first == second
    assert first["networks"]["encoder"] == file_sha256(tiny_weights / "encoder.safetensors")


TEXTURES = [("wct", {}), ("wct", {"passes": 5}), ("gatys", {"steps": 3})]


@pytest.mark.parametrize(("method", "options"), TEXTURES)
def test_a_texture_says_what_it_was_made_with(pictures, tiny_weights, method, options):
    settings = run(tiny_weights, method, None, style_strength=0.5, **options).settings
    assert settings["style_strength"] == 1
    assert settings["content_strength"] == 0
    assert settings["size"] == 36
    if method == "wct":
        assert settings["passes"] == max(3, options.get("passes", 1))
    else:
        assert (settings["start"], settings["colors"]) == ("noise", "style")
        assert [steps for _width, _height, steps in settings["steps_run"]] == [3]


def given_again(settings, method):
    """The options of a result's settings, as options."""
    names = option_fields(get_method(method).options)
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items() if k in names}


REPEATED = [
    ("wct2", "content.png", {"size": 33}),
    ("photo_wct", "content.png", {"content_strength": 0}),
    ("wct", "content.png", {"content_strength": 1, "style_scale": 0.25}),
    ("wct", None, {"style_strength": 0.3}),
    ("gatys", "content.png", {"style_scale": 2, "steps": 4}),
    ("gatys", None, {"steps": 4, "colors": "luminance"}),
    ("deep_photo", "content.png", {"steps": 4}),
]


@pytest.mark.parametrize(("method", "content", "options"), REPEATED)
def test_the_settings_of_a_result_make_it_again(pictures, tiny_weights, method, content, options):
    first = run(tiny_weights, method, content, **options)
    again = run(tiny_weights, method, content, **given_again(first.settings, method))
    assert torch.equal(again.image, first.image)
    assert again.settings == first.settings


def test_levels_and_scales_that_did_not_take_effect_are_not_said(pictures, tiny_weights):
    settings = run(tiny_weights, "wct", content_strength=1, style_scale=0.25).settings
    assert settings["levels"] == ["4", "3", "2", "1"]  # at full content strength the fifth moves nothing
    assert settings["style_scale"] == 1  # 32 px, the shorter side, is the least
    assert run(tiny_weights, "gatys", style_scale=2, steps=1).settings["style_scale"] == pytest.approx(
        36 / 40, abs=0.4
    )


def test_a_reduced_content_says_the_size_it_was_worked_at(tiny_weights):
    settings = run(tiny_weights, "gatys", photo(70, 1100), photo(32, 32), steps=1, size=1024).settings
    assert settings["size"] == 1024
    assert settings["result_size"] == [1024, 65]


def test_precision_is_said_as_the_processor_took_it(pictures, tiny_weights, monkeypatch):
    for is_native, said in ((False, "exact"), (True, "fast")):
        monkeypatch.setattr("style_core.device.has_native_bfloat16", lambda kind, native=is_native: native)
        assert run(tiny_weights, "wct2").settings["precision"] == said
    assert run(tiny_weights, "wct2", precision="exact").settings["precision"] == "exact"
