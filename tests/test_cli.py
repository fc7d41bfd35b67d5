"""The command line, run in this process with tiny weights: exit status, file, notes, refusals."""

import io
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style_core import get_method, list_methods, read_settings, stylize
from style_core.cli import main
from style_core.fronts import option_fields
from style_core.images import to_pil

from .conftest import photo
from .forks import Program, run_forks


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory with two pictures, content.png (40 x 24) and style.png (32 x 32)."""
    monkeypatch.chdir(tmp_path)
    to_pil(photo(24, 40, 1)).save("content.png")
    to_pil(photo(32, 32, 2)).save("style.png")
    return tmp_path


@pytest.fixture
def run(folder, tiny_weights, capsys):
    """Run ``wct2 content.png style.png`` with more arguments; gives status, stdout and stderr."""

    def call(*arguments, content="content.png", style="style.png"):
        weights = ["--weights-dir", str(tiny_weights)]
        status = main(["wct2", content, style, "--device", "cpu", *weights, *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def usage_error(capsys, *arguments):
    """What is printed for arguments that end the program with status 2."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert caught.value.code == 2
    return capsys.readouterr().err


def size_of(path):
    with Image.open(path) as image:
        return image.size


# --- done: 0 ---


def test_a_finished_picture_has_the_contents_size_and_status_0(run, folder):
    status, out, _ = run("-o", "out.png")
    assert status == 0
    assert size_of(folder / "out.png") == (40, 24)
    assert "out.png  40 x 24" in out


def test_the_picture_is_the_one_stylize_gives(run, folder, tiny_weights):
    run("-o", "out.png", "--style-strength", "0.5", "--transfer", "encoder,skip")
    expected = stylize(
        "wct2", "content.png", "style.png", weights_dir=tiny_weights, device="cpu",
        style_strength=0.5, transfer=("encoder", "skip"),
    )  # fmt: skip
    with Image.open(folder / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(expected.to_pil()))


def test_size_sets_the_longer_side(run, folder):
    assert run("-o", "out.png", "--size", "80")[0] == 0
    assert size_of(folder / "out.png") == (80, 48)


def test_size_none_keeps_the_contents_size(run, folder):
    assert run("-o", "out.png", "--size", "none")[0] == 0
    assert size_of(folder / "out.png") == (40, 24)


def test_without_a_name_the_file_is_called_after_its_makers(run, folder):
    assert run()[0] == 0
    assert size_of(folder / "content_style_wct2.png") == (40, 24)


def test_options_given_are_the_settings_saved(run, folder):
    run("-o", "out.png", "--content-strength", "0", "--decoder", "sum", "--seed", "5")
    settings = read_settings(folder / "out.png")
    assert settings["content_strength"] == 0
    assert settings["decoder"] == "sum"
    assert settings["seed"] == 5


def test_notes_go_to_stderr(run, folder):
    Image.new("RGB", (20, 24), "red").save(folder / "mask.png")
    Image.new("RGB", (32, 32), "red").save(folder / "style_mask.png")
    status, out, err = run("-o", "out.png", "--content-mask", "mask.png", "--style-mask", "style_mask.png")
    assert status == 0
    assert "Note: The content mask is 20 x 24 px" in err
    assert "Note" not in out


def test_automatic_masks_need_no_files(run, folder):
    to_pil(photo(48, 64, 3)).save("large.png")
    assert run("-o", "out.png", "--masks", "auto", content="large.png")[0] == 0
    assert size_of(folder / "out.png") == (64, 48)


# --- refused: 1 ---


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--style-strength", "1.5"), "style_strength must be a number from 0 to 1, not 1.5."),
        (("--style-strength", "nan"), "style_strength must be a number from 0 to 1, not nan."),
        (("--size", "8"), "size must be a whole number from 16 px up, or none, not 8."),
        (("--transfer", "encoder,nose"), "transfer must be one or more of encoder, skip, decoder"),
        (("--decoder", "cat6"), "decoder must be one of cat5, sum, not 'cat6'."),
        (("--device", "abacus"), "device must be one of auto, cpu, cuda, mps, not 'abacus'."),
        (("--content-mask", "style.png"), "the style mask is missing."),
        (("--weights-dir", "nowhere"), "The weights folder 'nowhere' does not exist."),
        (("-o", "out.bmp"), "Cannot write 'out.bmp'"),
        (("-o", "-"), "Results are not written to standard output; name a file."),
        (("-o", "/dev/stdout"), "Cannot write 'stdout'; choose a name that ends in"),
        (("-o", "."), "Cannot write ''; choose a name that ends in"),
        (("-o", "missing/out.png"), "there is no folder"),
        (("-o", "out.jpg", "--bits", "16"), "JPEG holds 8 bits per channel, not 16; PNG and TIFF do."),
        (("-o", "out.png", "--quality", "80"), "PNG is written without loss and takes no quality"),
        (("-o", "out.jpg", "--quality", "0"), "quality must be a whole number from 1 to 100, not 0."),
    ],
)
def test_a_refusal_is_one_sentence_with_status_1(run, folder, arguments, sentence):
    status, out, err = run(*arguments)
    assert status == 1
    assert out == ""
    assert sentence in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("Refused: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("data", "words"),
    [(None, "No such file"), (b"", "empty file"), (b"words", "is not a picture")],
)
def test_an_unreadable_picture_is_refused_by_its_side_and_name(run, folder, data, words):
    if data is not None:
        (folder / "bad.png").write_bytes(data)
    status, _, err = run(style="bad.png")
    assert status == 1
    assert "The style 'bad.png'" in err.splitlines()[-1]
    assert words in err.splitlines()[-1]


def test_a_refused_request_writes_no_file(run, folder):
    run("-o", "out.png", "--style-strength", "7")
    assert not (folder / "out.png").exists()


def test_an_impossible_output_name_is_refused_before_the_work(run, folder, monkeypatch):
    monkeypatch.setattr("style_core.cli.command.stylize", lambda *_, **__: pytest.fail("the work was begun"))
    assert run("-o", "out.bmp")[0] == 1


@pytest.mark.parametrize("name", ["out.webp", "out.jpg", "out.avif"])
def test_a_result_too_long_for_its_file_is_refused_before_the_work(run, folder, monkeypatch, name):
    to_pil(photo(16, 70_000)).save("strip.png")
    (folder / name).write_bytes(b"a file that was there before")
    monkeypatch.setattr("style_core.pipeline.stylizing._run", lambda *_: pytest.fail("the work was begun"))
    status, _, err = run("-o", name, content="strip.png")
    assert status == 1
    assert "px on a side, and the result is 70000 x 16 px" in err.splitlines()[-1]
    assert (folder / name).read_bytes() == b"a file that was there before"


def test_bits_quality_and_metadata_reach_the_file(run, folder):
    exif = Image.Exif()
    exif[0x8298] = "(c) A. Uthor"
    exif.get_ifd(0x8825)[1] = "N"
    Image.open("content.png").save("camera.png", exif=exif)
    assert run("-o", "out.tif", "--bits", "16", "--keep-metadata", content="camera.png")[0] == 0
    with Image.open("out.tif") as image:
        assert image.tag_v2[258] == (16, 16, 16)
        assert image.getexif()[0x8298] == "(c) A. Uthor"
        assert not image.getexif().get_ifd(0x8825)
    assert run("-o", "small.jpg", "--quality", "30", "--keep-gps", content="camera.png")[0] == 0
    assert run("-o", "large.jpg", content="camera.png")[0] == 0
    with Image.open("small.jpg") as small, Image.open("large.jpg") as large:
        assert small.getexif().get_ifd(0x8825)[1] == "N"
        assert not large.getexif()
    assert Path("small.jpg").stat().st_size < Path("large.jpg").stat().st_size


def test_transparency_lost_in_a_jpeg_is_noted_once(run, folder):
    to_pil(photo(24, 40), 0.5 * photo(24, 40)[:, :1]).save("clear.png")
    status, _, err = run("-o", "out.jpg", content="clear.png")
    assert status == 0
    assert err.count("JPEG has no transparency; the result was saved without it.") == 1


def test_long_names_give_a_name_that_can_be_written(run, folder):
    long = "画" * 80 + ".png"
    to_pil(photo(24, 40)).save(long)
    assert run(content=long)[0] == 0
    assert [path.name for path in folder.glob("画*_style_wct2.png")] == ["画" * 33 + "_style_wct2.png"]


# --- streams ---


NAME = os.fsdecode("画 ".encode() + b"\xff.png")
# As PYTHONIOENCODING and PYTHONUNBUFFERED would have it, and as an interpreter starts a module.
PROGRAM = """
import io, os, runpy, sys
encoding = sys.argv.pop(1)
if encoding == "no reader":
    end, there = os.pipe()
    os.close(end)
    os.dup2(there, 1)
    sys.stdout.reconfigure(write_through=True)
else:
    sys.stdout.reconfigure(encoding=encoding, errors="strict")
runpy.run_module("style_core", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def programs(tiny_weights, tmp_path_factory):
    """The command line as programs of their own: in a terminal of ASCII, and for a reader that is gone."""
    folder = tmp_path_factory.mktemp("programs")
    to_pil(photo(24, 40, 1)).save(folder / "content.png")
    to_pil(photo(32, 32, 2)).save(folder / "style.png")
    restyle = ["wct2", "content.png", "style.png", "-o", NAME, "--weights-dir", str(tiny_weights)]
    started = (
        Program(PROGRAM, arguments, str(folder))
        for arguments in (["ascii", *restyle], ["no reader", "methods"])
    )
    return folder, *run_forks(*started, imports=("style_core.cli",))


def test_a_name_the_terminal_cannot_show_is_printed_all_the_same(programs):
    folder, done, _ = programs
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"\u753b \udcff.png  40 x 24")
    assert read_settings(folder / NAME)["method"] == "wct2"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_goes_away_ends_it_quietly(programs):
    _, _, done = programs
    assert (done.returncode, done.stderr) == (141, "")


def test_help_is_printed_in_any_encoding(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    with pytest.raises(SystemExit) as caught:
        main(["wct2", "--help"])
    assert caught.value.code == 0
    sys.stdout.flush()
    assert b"--style-strength VALUE" in sys.stdout.buffer.getvalue()


# --- wrong usage: 2, interrupted: 130 ---


@pytest.mark.parametrize(
    ("option", "text", "permitted"),
    [
        ("--style-strength", "much", "a number from 0 to 1"),
        ("--seed", "2.5", "a whole number from 0 to 2147483647"),
        ("--size", "big", "a whole number from 16 px up, or none"),
        ("--format", "bmp", "one of png, jpg, jpeg, webp, tif, tiff, avif"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_usage_error_with_what_is_permitted(capsys, option, text, permitted):
    printed = usage_error(capsys, "wct2", "a.png", "b.png", option, text)
    assert f"argument {option}: must be {permitted}, not {text!r}" in printed


@pytest.mark.parametrize(
    "arguments",
    [(), ("wct3", "a.png", "b.png"), ("wct2", "a.png"), ("wct2", "a.png", "b.png", "--sise", "9")],
)
def test_wrong_usage_shows_the_usage(capsys, arguments):
    assert "usage: style-core" in usage_error(capsys, *arguments)


def test_an_interruption_ends_with_130_and_a_word(run, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("style_core.cli.command.stylize", interrupt)
    status, _, err = run("-o", "out.png")
    assert status == 130
    assert err.splitlines()[-1] == "Stopped."


def test_options_may_stand_between_the_pictures(run, folder, tiny_weights):
    command = ["wct2", "content.png", "--size", "30", "style.png", "-o", "out.png", "--device", "cpu"]
    assert main([*command, "--weights-dir", str(tiny_weights)]) == 0
    assert Image.open("out.png").size == (30, 18)


@pytest.fixture
def ctrl_c():
    """Ctrl-C as at a terminal, also where the tests run in the background and it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted_halfway(times, sent):
    """``stylize`` that sends this process Ctrl-C at the first reports behind a tenth of the work."""

    def call(*arguments, progress, **options):
        def watched(fraction, message, preview=None):
            if fraction > 0.1 and len(sent) < times:
                sent.append(message)
                signal.raise_signal(signal.SIGINT)
            progress(fraction, message, preview)

        return stylize(*arguments, progress=watched, **options)

    return call


def test_the_first_ctrl_c_writes_the_picture_reached_so_far(
    folder, tiny_weights, capsys, monkeypatch, ctrl_c
):
    monkeypatch.setattr("style_core.cli.command.stylize", interrupted_halfway(1, sent := []))
    command = ["gatys", "content.png", "style.png", "-o", "out.png", "--steps", "2000", "--device", "cpu"]
    assert main([*command, "--weights-dir", str(tiny_weights)]) == 0
    assert sent
    assert "Stopped at step" in capsys.readouterr().err
    assert Image.open("out.png").size == (40, 24)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_method_without_steps_is_interrupted_at_once(run, folder, monkeypatch, ctrl_c):
    monkeypatch.setattr("style_core.cli.command.stylize", interrupted_halfway(1, []))
    status, _, err = run("-o", "out.png")
    assert status == 130
    assert err.splitlines()[-1] == "Stopped."
    assert not (folder / "out.png").exists()


# --- help ---


@pytest.mark.parametrize("key", list_methods())
def test_methods_prints_every_option_with_its_values_and_help(capsys, key):
    assert main(["methods"]) == 0
    printed = capsys.readouterr().out
    section = printed[printed.index(f"(`{key}`)") :].split("\n## ")[0]
    for name, option in option_fields(get_method(key).options).items():
        assert f"| `{name}` |" in section
        assert f"| {option.values} | {option.help} |" in section


@pytest.mark.parametrize("key", list_methods())
def test_help_of_a_method_lists_every_option(capsys, key):
    with pytest.raises(SystemExit) as caught:
        main([key, "--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    for name in option_fields(get_method(key).options):
        assert f"--{name.replace('_', '-')} VALUE" in printed


class TestSeveralStyles:
    def call(self, folder, tiny_weights, *arguments):
        return main(
            ["wct", *arguments, "--device", "cpu", "--weights-dir", str(tiny_weights), "-o", "out.png"]
        )

    def test_a_dash_for_content_makes_a_texture(self, folder, tiny_weights):
        assert self.call(folder, tiny_weights, "-", "style.png") == 0
        assert size_of(folder / "out.png") == size_of(folder / "style.png")

    def test_more_than_one_style_is_mixed_by_weight(self, folder, tiny_weights):
        arguments = ("content.png", "style.png", "content.png", "--style-weights", "1,3")
        assert self.call(folder, tiny_weights, *arguments) == 0
        assert read_settings(folder / "out.png")["styles"] == [0.25, 0.75]

    def test_a_method_that_takes_one_style_says_so(self, folder, capsys):
        assert main(["wct2", "content.png", "style.png", "content.png"]) == 1
        assert "WCT2 takes one style picture, not 2." in capsys.readouterr().err

    def test_weights_that_are_no_numbers_are_wrong_usage(self, folder, capsys):
        with pytest.raises(SystemExit) as stopped:
            main(["wct", "content.png", "style.png", "--style-weights", "much"])
        assert stopped.value.code == 2
        assert "must be numbers like 2,1, not 'much'" in capsys.readouterr().err

    def test_the_file_of_a_texture_is_called_after_its_style(self, folder, tiny_weights):
        assert main(["wct", "-", "style.png", "--weights-dir", str(tiny_weights)]) == 0
        assert (folder / "texture_style_wct.png").exists()

    def test_a_second_style_is_not_overwritten(self, folder, capsys):
        assert main(["wct", "content.png", "style.png", "content.png", "-o", "style.png"]) == 1
        assert "is one of the input pictures" in capsys.readouterr().err
