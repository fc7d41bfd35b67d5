"""A folder of photos: all of them, once, whatever one of them is, shared out among processes."""

import pytest
from PIL import Image

from style_core import InvalidImage, read_settings, stylize_folder
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
