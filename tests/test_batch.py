"""A folder of photos: all of them, once, whatever one of them is, shared out among processes."""

import logging
import os
import shutil

import pytest
from PIL import Image

from style_core import InvalidImage, InvalidOption, WeightsUnavailable, read_settings, stylize, stylize_folder
from style_core.cli import main
from style_core.images import to_pil

from .conftest import photo


@pytest.fixture
def folder(tmp_path):
    """Three photos (one in a subfolder, two of one stem), a broken one and a text."""
    place = tmp_path / "in"
    (place / "sub").mkdir(parents=True)
    for k, name in enumerate(("a.png", "a.jpg", "sub/b.png")):
        to_pil(photo(24, 32, seed=k)).save(place / name)
    (place / "broken.png").write_bytes(b"no picture")
    (place / "notes.txt").write_text("no picture either")
    to_pil(photo(24, 24, seed=9)).save(tmp_path / "style.png")
    return place


@pytest.fixture
def run(folder, tiny_weights):
    def call(**options):
        style = folder.parent / "style.png"
        return list(
            stylize_folder("wct2", folder, folder.parent / "out", style, weights_dir=tiny_weights, **options)
        )

    return call


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_every_photo_is_done_and_the_broken_one_is_said(run, folder):
    outcomes = run(style_strength=0.5)
    out = folder.parent / "out"
    assert names(out) == ["a.jpg.png", "a.png.png", "sub/b.png"]
    assert [o.source.name for o in outcomes if o.refusal] == ["broken.png"]
    assert read_settings(out / "sub/b.png")["style_strength"] == 0.5
    assert Image.open(out / "sub/b.png").size == (32, 24)


def test_finished_pictures_are_left_alone(run, folder):
    run()
    out = folder.parent / "out"
    (out / "a.png.png").unlink()
    before = (out / "sub/b.png").stat().st_mtime_ns
    outcomes = run()
    assert [o.source.name for o in outcomes if o.result] == ["a.png"]
    assert sum(o.is_skipped for o in outcomes) == 2
    assert (out / "sub/b.png").stat().st_mtime_ns == before


def test_an_output_inside_the_input_is_not_restyled_again(folder, tiny_weights):
    style = folder.parent / "style.png"
    for _ in range(2):
        list(stylize_folder("wct2", folder, folder / "out", style, weights_dir=tiny_weights))
    assert len(names(folder / "out")) == 3


@pytest.mark.parametrize("size", [2, 3])
def test_processes_share_the_photos_out(run, folder, monkeypatch, size):
    monkeypatch.setenv("WORLD_SIZE", str(size))
    done = []
    for rank in range(size):
        monkeypatch.setenv("RANK", str(rank))
        done.append({o.source for o in run()})
    assert len(set().union(*done)) == sum(map(len, done)) == 4


@pytest.mark.parametrize(("place", "reason"), [("nowhere", "does not exist"), ("empty", "holds no pictures")])
def test_a_folder_without_pictures_is_refused(tmp_path, place, reason):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidImage, match=reason):
        list(stylize_folder("wct2", tmp_path / place, tmp_path / "out", tmp_path / "style.png"))


def test_the_command_line_does_it_and_ends_with_1_for_the_broken_one(folder, tiny_weights, capsys):
    out, style = folder.parent / "out", folder.parent / "style.png"
    command = ["wct2", "--batch", str(folder), str(out), str(style), "--weights-dir", str(tiny_weights)]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert "broken.png" in printed.err
    assert "Traceback" not in printed.err
    (folder / "broken.png").unlink()
    assert main(command) == 0
    assert capsys.readouterr().out.count("is there already") == 3


@pytest.mark.parametrize("more", [["-o", "x.png"], ["--content-mask", "m.png"], ["--style-mask", "m.png"]])
def test_a_batch_has_no_single_output_or_mask(folder, capsys, more):
    with pytest.raises(SystemExit) as ended:
        main(["wct2", "--batch", str(folder), "out", "style.png", *more])
    assert ended.value.code == 2
    assert "--batch cannot be combined" in capsys.readouterr().err


def test_a_batch_needs_a_style(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["wct2", "--batch", str(folder), "out"])
    assert ended.value.code == 2
    assert "required: STYLE" in capsys.readouterr().err


def test_the_folder_of_the_pictures_is_no_place_for_results(folder, tiny_weights, capsys):
    style = folder.parent / "style.png"
    before = names(folder)
    assert main(["wct2", "--batch", str(folder), str(folder), str(style)]) == 1
    assert "where the pictures are" in capsys.readouterr().err
    assert names(folder) == before


def test_what_is_not_taken_is_said_once(folder, tiny_weights, capsys):
    (folder / "._a.jpg").write_bytes(b"\0\5\x16\7")
    (folder / "broken.png").unlink()
    command = ["wct2", "--batch", str(folder), str(folder.parent / "out"), str(folder.parent / "style.png")]
    assert main([*command, "--weights-dir", str(tiny_weights)]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said.count("Note: 1 file is not of a format we read: .txt.") == 1
    assert said.count("Note: 1 hidden file or folder is left out.") == 1


def test_results_of_the_format_bits_and_metadata_asked_for(run, folder):
    exif = Image.Exif()
    exif[0x8298] = "(c) A. Uthor"
    Image.open(folder / "a.jpg").save(folder / "c.jpg", exif=exif)
    run(suffix=".tif", bits=16, keep_metadata=True)
    with Image.open(folder.parent / "out/c.tif") as image:
        assert image.tag_v2[258] == (16, 16, 16)
        assert image.getexif()[0x8298] == "(c) A. Uthor"


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"suffix": ".bmp"}, InvalidImage, "choose a name that ends in"),
        ({"suffix": ".jpg", "bits": 16}, InvalidImage, "JPEG holds 8 bits per channel"),
        ({"quality": 90}, InvalidImage, "takes no quality"),
        ({"style_strength": 7}, InvalidOption, "style_strength must be"),
        ({"family": "huge"}, WeightsUnavailable, "family must be"),
    ],
)
def test_what_would_refuse_every_picture_is_refused_at_once(run, options, error, sentence):
    with pytest.raises(error, match=sentence):
        run(**options)


def test_a_result_too_long_for_the_format_is_one_refusal(run, folder):
    to_pil(photo(16, 16_400)).save(folder / "strip.png")
    outcomes = run(suffix=".webp")
    refused = {o.source.name: str(o.refusal) for o in outcomes if o.refusal}
    assert refused.keys() == {"broken.png", "strip.png"}
    assert "WEBP holds at most 16383 px" in refused["strip.png"]


def test_pictures_that_vanish_or_change_meanwhile_are_refused_and_the_others_done(folder, tiny_weights):
    out = folder.parent / "out"
    outcomes = []
    for outcome in stylize_folder("wct2", folder, out, folder.parent / "style.png", weights_dir=tiny_weights):
        outcomes.append(outcome)
        (folder / "a.png").unlink(missing_ok=True)
        (folder / "broken.png").unlink(missing_ok=True)
    assert {o.source.name: o.refusal is None for o in outcomes} == {
        "a.jpg": True, "a.png": False, "b.png": True, "broken.png": False,
    }  # fmt: skip


def test_something_unforeseen_with_one_picture_is_logged_and_the_others_are_done(
    run, folder, monkeypatch, caplog
):
    def odd(method, source, *rest, **options):
        if source.name == "a.png":
            raise ZeroDivisionError("division by zero")
        return stylize(method, source, *rest, **options)

    monkeypatch.setattr("style_core.batch.stylizing.stylize", odd)
    with caplog.at_level(logging.ERROR):
        refused = {o.source.name: str(o.refusal) for o in run() if o.refusal}
    assert refused["a.png"] == "Something unforeseen went wrong (ZeroDivisionError: division by zero)."
    assert "a.png failed" in caplog.text
    assert names(folder.parent / "out") == ["a.jpg.png", "sub/b.png"]


@pytest.mark.parametrize("place", ["sub", "a.png.png"])
def test_something_else_in_a_results_place_is_one_refusal(run, folder, place):
    out = folder.parent / "out"
    out.mkdir()
    if place == "sub":
        (out / place).write_text("a file where a folder is needed")
    else:
        (out / place).mkdir()
    refused = [o.source.name for o in run() if o.refusal]
    assert sorted(refused) == sorted(["broken.png", "b.png" if place == "sub" else "a.png"])


def test_what_a_killed_run_left_does_not_count_as_done(run, folder):
    out = folder.parent / "out"
    (out / "sub").mkdir(parents=True)
    (out / "sub/b.png").touch()  # as older versions left it
    (out / ".a.png.png.0123456789abcdef.part").write_bytes(b"half")
    assert sum(o.result is not None for o in run()) == 3
    assert read_settings(out / "sub/b.png")["method"] == "wct2"


@pytest.mark.skipif(os.name != "posix", reason="names of POSIX are bytes")
def test_names_that_are_no_text_are_restyled_and_printed(folder, tiny_weights, capsys):
    shutil.copy(folder / "a.png", folder / os.fsdecode(b"caf\xe9 \xff.png"))
    (folder / os.fsdecode(b"broken \xff.jpg")).write_bytes(b"no picture")
    out, style = folder.parent / "out", folder.parent / "style.png"
    command = ["wct2", "--batch", str(folder), str(out), str(style), "--weights-dir", str(tiny_weights)]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert r"caf\udce9 \udcff.png" in printed.out
    assert r"broken \udcff.jpg: The content" in printed.err
    assert read_settings(out / os.fsdecode(b"caf\xe9 \xff.png"))["method"] == "wct2"
