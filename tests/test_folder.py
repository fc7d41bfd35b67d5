"""Which files of a folder are pictures to restyle, where their results go, and what is said of the others."""

import os
from pathlib import Path

import pytest

from style_core import InvalidImage
from style_core.batch.folder import find_pictures, targets
from style_core.files import READABLE

NAMES = [
    "a.jpg",
    "b.HEIC",
    "c.heif",
    "d.avif",
    "e.gif",
    "f.jp2",
    "g.mpo",
    "h.jxl",
    "i.ppm",
    "j.TIF",
    "k.apng",
]


def fill(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def taken(folder, output="out"):
    found = find_pictures(folder, folder.parent / output)
    return [path.relative_to(folder).as_posix() for path in found.pictures], found.left_out


def results(names, suffix=".png"):
    folder = Path("in")
    pairs = targets([folder / name for name in names], folder, Path("out"), suffix)
    return [target.relative_to("out").as_posix() for _, target in pairs]


def test_every_format_that_is_read_is_taken(tmp_path):
    names = [*NAMES, *(f"every{suffix}" for suffix in READABLE)]
    found, left_out = taken(fill(tmp_path / "in", names))
    assert found == sorted(names)
    assert left_out == ()


def test_hidden_files_and_folders_are_counted_and_left_out(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg", "._x.jpg", ".hidden.png", ".thumbnails/a.png", "sub/._y.jpg"])
    assert taken(folder) == (["x.jpg"], ("4 hidden files or folders are left out.",))


def test_what_is_no_picture_is_said_in_one_line(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg", "a.txt", "b.TXT", "c.mov", "README"])
    found, left_out = taken(folder)
    assert found == ["x.jpg"]
    assert left_out == ("4 files are not of a format we read: .txt, .mov, no suffix.",)


def test_of_many_suffixes_the_commonest_are_named(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg", *(f"a.{k}" for k in "fedcbag"), "b.g"])
    assert taken(folder)[1] == ("8 files are not of a format we read: .g, .a, .b, .c, .d, ….",)


def test_a_folder_with_nothing_says_why(tmp_path):
    folder = fill(tmp_path / "in", ["a.txt", "._b.jpg"])
    with pytest.raises(
        InvalidImage, match=r"no pictures .*1 file is not of a format.*1 hidden file or folder is"
    ):
        find_pictures(folder, tmp_path / "out")


def test_linked_folders_are_not_followed_and_loops_end(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg", "sub/y.jpg"])
    (folder / "loop").symlink_to(folder)
    (folder / "sub/up").symlink_to(tmp_path)
    assert taken(folder) == (["sub/y.jpg", "x.jpg"], ("2 linked folders are not followed.",))


def test_a_link_to_nowhere_is_taken_so_that_it_is_refused_by_name(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg"])
    (folder / "gone.jpg").symlink_to(tmp_path / "missing.jpg")
    assert taken(folder)[0] == ["gone.jpg", "x.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_a_pipe_is_counted_and_not_waited_for(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg"])
    os.mkfifo(folder / "pipe.jpg")
    assert taken(folder) == (["x.jpg"], ("1 pipe, socket or device is left out.",))
    (folder / "device.png").symlink_to(os.devnull)
    assert taken(folder) == (["x.jpg"], ("2 pipes, sockets or devices are left out.",))


@pytest.mark.parametrize("kind", ["same", "dots", "link"])
def test_the_folder_of_the_pictures_is_no_output(tmp_path, kind):
    folder = fill(tmp_path / "in", ["x.jpg", "sub/y.jpg"])
    (tmp_path / "link").symlink_to(folder)
    output = {"same": folder, "dots": folder / "sub" / "..", "link": tmp_path / "link"}[kind]
    with pytest.raises(InvalidImage, match="where the pictures are, because a second run would restyle them"):
        find_pictures(folder, output)


def test_an_output_inside_is_left_out_whatever_way_it_is_reached(tmp_path):
    folder = fill(tmp_path / "in", ["x.jpg", "out/x.png"])
    (tmp_path / "link").symlink_to(folder / "out")
    (folder / "again.png").symlink_to(folder / "out" / "x.png")
    for output in (folder / "out", tmp_path / "link", folder / "out" / ".." / "out"):
        assert [path.name for path in find_pictures(folder, output).pictures] == ["x.jpg"]


def test_an_output_around_the_pictures_never_takes_one_of_their_places(tmp_path):
    folder = fill(tmp_path / "photos/new", ["x.jpg"])
    assert targets(
        find_pictures(folder, tmp_path / "photos").pictures, folder, tmp_path / "photos", ".png"
    ) == [(folder / "x.jpg", tmp_path / "photos/x.png")]
    fill(folder, ["new/a.jpg", "a.png"])
    found = find_pictures(folder, tmp_path / "photos").pictures
    with pytest.raises(
        InvalidImage, match=r"new/a\.jpg' would be .*new/a\.png', which is one of the pictures"
    ):
        targets(found, folder, tmp_path / "photos", ".png")


def pairs_of(folder, output, suffix=".png"):
    return targets(find_pictures(folder, output).pictures, folder, output, suffix)


@pytest.mark.parametrize("place", ["out", "in/out"])
def test_no_linked_folder_brings_results_among_the_pictures(tmp_path, place):
    folder, output = fill(tmp_path / "in", ["a.jpg", "sub/b.jpg"]), tmp_path / place
    output.mkdir()
    (output / "sub").symlink_to(folder / "sub")
    with pytest.raises(InvalidImage, match=r"sub/b\.jpg' would be .*in/sub/b\.png', among the pictures"):
        pairs_of(folder, output)


def test_no_linked_file_takes_the_place_of_a_picture(tmp_path):
    folder, output = fill(tmp_path / "in", ["a.png", "b.png"]), tmp_path / "out"
    output.mkdir()
    (output / "a.png").symlink_to(folder / "b.png")
    with pytest.raises(InvalidImage, match=r"a\.png' would be .*in/b\.png', which is one of the pictures"):
        pairs_of(folder, output)
    (output / "a.png").unlink()
    (output / "a.png").symlink_to(folder / "new.png")
    with pytest.raises(InvalidImage, match=r"would be .*in/new\.png', among the pictures"):
        pairs_of(folder, output)


def test_pictures_that_are_links_into_the_results_are_counted_and_left_out(tmp_path):
    folder, originals = fill(tmp_path / "in", ["x.jpg"]), fill(tmp_path / "out", ["a.png"])
    (folder / "a.png").symlink_to(originals / "a.png")
    assert taken(folder) == (["x.jpg"], ("1 link into the results is left out.",))


def test_links_between_other_folders_are_followed_for_results(tmp_path):
    folder, output = fill(tmp_path / "in", ["sub/b.jpg"]), tmp_path / "in" / "out"
    output.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (output / "sub").symlink_to(tmp_path / "elsewhere")
    assert pairs_of(folder, output) == [(folder / "sub/b.jpg", output / "sub/b.png")]
    (output / "sub").unlink()
    (output / "kept").mkdir()
    (output / "sub").symlink_to(output / "kept")
    assert pairs_of(folder, output) == [(folder / "sub/b.jpg", output / "sub/b.png")]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a.jpg", "sub/b.heic"], ["a.png", "sub/b.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["A.jpg", "a.png"], ["A.jpg.png", "a.png.png"]),
        (["A.jpg", "a.JPG"], ["A.jpg.png", "a.JPG.2.png"]),
        (["a.jpg", "a.png", "a.png.jpg"], ["a.jpg.png", "a.png.png", "a.png.jpg.png"]),
        (["cafe\u0301.jpg", "caf\u00e9.png"], ["cafe\u0301.jpg.png", "caf\u00e9.png.png"]),
        (["straße.jpg", "STRASSE.jpg"], ["straße.jpg.png", "STRASSE.jpg.2.png"]),
        (["x.1.jpg", "x.2.jpg"], ["x.1.png", "x.2.png"]),
    ],
)
def test_no_two_results_are_one_file_on_any_disk(names, wanted):
    assert results(names) == wanted


def test_the_suffix_of_results_is_the_one_asked_for():
    assert results(["a.jpg", "b.png"], ".tif") == ["a.tif", "b.tif"]


def test_names_that_are_no_text_are_taken(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    folder = fill(tmp_path / "in", [name])
    pairs = targets(find_pictures(folder, tmp_path / "out").pictures, folder, tmp_path / "out", ".png")
    assert pairs == [(folder / name, tmp_path / "out" / os.fsdecode(b"caf\xe9.png"))]
