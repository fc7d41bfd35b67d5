"""Results as files: what formats hold, what is refused before the work, and that none is ever half a file."""

import io
import itertools
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

from style_core import InvalidImage, load_image, stylize
from style_core.files import save_image
from style_core.files.color_profile import srgb_profile
from style_core.files.formats import READABLE, WRITABLE, WRITTEN
from style_core.files.place import check_place
from style_core.fronts import check_output

from ..conftest import photo

ROOT = Path(__file__).resolve().parent.parent.parent
SUFFIXES = sorted(WRITABLE)
LOSSLESS_DEEP = (".png", ".tif")
OLD = b"a file that was there before"


def eight_bit(pixels):
    """``[1, C, H, W]`` in [0, 1] as an array ``[H, W, C]`` of 0-255."""
    return pixels[0].permute(1, 2, 0).mul(255).numpy()


def save(path, pixels=None, alpha=None, **options):
    return save_image(photo(20, 28) if pixels is None else pixels, alpha, path, {"method": "wct2"}, **options)


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


# --- what formats hold ---


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".TIFF", ".avif"])
def test_transparency_is_written_where_the_format_has_it(tmp_path, suffix):
    alpha = torch.linspace(0, 1, 28).expand(1, 1, 20, 28)
    assert save(tmp_path / f"out{suffix}", alpha=alpha) == ()
    with Image.open(tmp_path / f"out{suffix}") as image:
        tolerance = 2.51 if suffix == ".avif" else 0.51
        np.testing.assert_allclose(np.asarray(image)[..., 3], eight_bit(alpha)[..., 0], atol=tolerance)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_a_jpeg_is_written_without_transparency_and_says_so(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert save(path, alpha=torch.rand(1, 1, 20, 28)) == (
        "JPEG has no transparency; the result was saved without it.",
    )
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (28, 20))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("size", [(20, 28), (16, 16), (700, 37), (37, 3000)])
def test_png_and_tiff_hold_every_value_to_the_nearest(tmp_path, bits, has_alpha, size):
    pixels, alpha = photo(*size), torch.rand(1, 1, *size) if has_alpha else None
    planes = pixels if alpha is None else torch.cat([pixels, alpha], 1)
    wanted = np.rint(planes[0].permute(1, 2, 0).double().numpy() * (2**bits - 1))
    save(tmp_path / "out.tif", pixels, alpha, bits=bits)
    save(tmp_path / "out.png", pixels, alpha, bits=bits)
    stored = tifffile.imread(tmp_path / "out.tif")
    assert stored.dtype == (np.uint8 if bits == 8 else np.uint16)
    np.testing.assert_array_less(np.abs(stored - wanted), 1.01)  # float32 puts 0.5 of 65,535 on either side
    assert (stored == wanted).mean() > 0.99
    imagecodecs = pytest.importorskip("imagecodecs")
    np.testing.assert_array_equal(imagecodecs.png_decode((tmp_path / "out.png").read_bytes()), stored)
    if bits == 8:
        for name in ("out.tif", "out.png"):
            with Image.open(tmp_path / name) as image:
                image.verify()
            with Image.open(tmp_path / name) as image:
                np.testing.assert_array_equal(np.asarray(image), stored)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_file_says_that_it_is_srgb(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    save(path)
    with Image.open(path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_results_are_equal_files(tmp_path, suffix):
    for name in ("one", "two"):
        save(tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_the_profile_does_not_hold_the_time_it_was_made():
    assert srgb_profile()[24:36] == bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))  # 2000-01-01


@pytest.mark.parametrize("suffix", LOSSLESS_DEEP)
def test_a_lossless_file_comes_back_as_it_was_written(tmp_path, suffix):
    pixels = torch.randint(0, 256, (1, 3, 20, 28)) / 255
    save(tmp_path / f"out{suffix}", pixels)
    np.testing.assert_allclose(load_image(tmp_path / f"out{suffix}").pixels, pixels, atol=1e-6)


@pytest.mark.parametrize(("suffix", "usual"), [(".jpg", 95), (".webp", 95), (".avif", 90)])
def test_quality_trades_size_for_fidelity(tmp_path, suffix, usual):
    pixels = photo(96, 128)
    found = []
    for quality in (20, 60, None, 100):
        path = tmp_path / f"{quality}{suffix}"
        save(path, pixels, quality=quality)
        with Image.open(path) as image:
            error = np.abs(np.asarray(image.convert("RGB")) - eight_bit(pixels)).mean()
        found.append((path.stat().st_size, -error))
    assert found == sorted(found)
    save(tmp_path / f"usual{suffix}", pixels, quality=usual)
    assert (tmp_path / f"usual{suffix}").read_bytes() == (tmp_path / f"None{suffix}").read_bytes()


def test_every_format_that_is_written_is_read():
    assert set(WRITABLE) <= set(READABLE)


# --- refused before the work ---


@pytest.mark.parametrize("name", ["out.bmp", "out", "out.png.exe", ".png"])
def test_an_unknown_suffix_is_refused_with_those_that_work(tmp_path, name):
    for refuse in (check_output, save):
        with pytest.raises(InvalidImage) as caught:
            refuse(tmp_path / name)
        assert repr(name) in str(caught.value)
        assert ".png, .jpg" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("out.jpg", {"bits": 16}, "JPEG holds 8 bits per channel, not 16; PNG and TIFF do."),
        ("out.webp", {"bits": 16}, "WEBP holds 8 bits per channel, not 16; PNG and TIFF do."),
        ("out.png", {"bits": 12}, "PNG holds 8 or 16 bits per channel, not 12."),
        ("out.png", {"quality": 90}, "PNG is written without loss and takes no quality ('out.png')."),
        ("out.jpg", {"quality": 0}, "quality must be a whole number from 1 to 100, not 0."),
        ("out.jpg", {"quality": 101}, "quality must be a whole number from 1 to 100, not 101."),
        ("out.jpg", {"quality": 90.5}, "quality must be a whole number from 1 to 100, not 90.5."),
        ("out.jpg", {"quality": True}, "quality must be a whole number from 1 to 100, not True."),
        ("out.jpg", {"quality": "90"}, "quality must be a whole number from 1 to 100, not '90'."),
    ],
)
def test_what_a_format_cannot_do_is_refused(tmp_path, name, options, sentence):
    for refuse in (check_output, save):
        with pytest.raises(InvalidImage) as caught:
            refuse(tmp_path / name, **options)
        assert str(caught.value) == sentence
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("path", [None, b"out.png", 5, ["out.png"]])
def test_what_is_no_name_of_a_file_is_refused(path):
    for refuse in (check_output, save):
        with pytest.raises(InvalidImage) as caught:
            refuse(path)
        assert str(caught.value) == f"A result is saved under a file's name, not {path!r}."


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_a_whole_quality_is_one_whatever_its_type(tmp_path, suffix):
    for name, quality in (("int", 60), ("float", 60.0), ("numpy", np.int64(60))):
        save(tmp_path / f"{name}{suffix}", quality=quality)
    wanted = (tmp_path / f"int{suffix}").read_bytes()
    assert {(tmp_path / f"{name}{suffix}").read_bytes() == wanted for name in ("float", "numpy")} == {True}


@pytest.mark.parametrize("form", [form for form in WRITTEN if form.longest], ids=lambda form: form.name)
def test_the_longest_side_of_a_format_is_where_it_ends(tmp_path, form):
    path = tmp_path / f"out{form.suffixes[0]}"
    save(path, torch.zeros(1, 3, 16, form.longest))
    with Image.open(path) as image:
        image.load()
        assert image.size == (form.longest, 16)
    path.write_bytes(OLD)
    for size in ((form.longest + 1, 16), (16, form.longest + 1)):
        with pytest.raises(InvalidImage, match=f"holds at most {form.longest} px on a side"):
            check_output(path, size=size)
        with pytest.raises(InvalidImage, match=f"the result is {size[0]} x {size[1]} px"):
            save(path, torch.zeros(1, 3, size[1], size[0]))
    assert path.read_bytes() == OLD


def make_folder(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_loop(path):
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "sentence"), [(make_folder, "it is a folder"), (make_pipe, "ordinary file"), (make_loop, "link")]
)
def test_something_else_in_the_files_place_is_refused(tmp_path, make, sentence):
    make(tmp_path / "out.png")
    for refuse in (check_output, save):
        with pytest.raises(InvalidImage, match=sentence):
            refuse(tmp_path / "out.png")


@pytest.mark.parametrize("place", ["missing/out.png", "file.txt/out.png", "x" * 300 + ".png", "a\0b.png"])
def test_a_place_that_cannot_be_is_refused(tmp_path, place):
    (tmp_path / "file.txt").write_text("")
    for refuse in (check_output, save):
        with pytest.raises(InvalidImage, match="Cannot write"):
            refuse(os.path.join(tmp_path, place))


def test_standard_output_is_refused_with_what_would_do():
    with pytest.raises(InvalidImage, match="not written to standard output; name a file"):
        check_output("-")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("protected", ["folder", "file"])
def test_a_protected_place_is_refused(tmp_path, protected):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "out.png").write_bytes(OLD)
    folder.chmod(0o555 if protected == "folder" else 0o777)
    (folder / "out.png").chmod(0o444 if protected == "file" else 0o666)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:  # as a user whom permissions bind, where these tests are root's
        try:
            for parent in (tmp_path, *tmp_path.parents[:3]):
                if os.getuid() == 0 and parent != Path("/"):
                    parent.chmod(parent.stat().st_mode | 0o011)
            if os.getuid() == 0:
                os.setuid(65534)
            check_place(folder / "out.png")
        except InvalidImage as error:
            os.write(writes, str(error).encode())
        finally:
            os._exit(0)
    os.close(writes)
    os.waitpid(child, 0)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read().decode()
    folder.chmod(0o755)
    assert "Cannot write" in said
    assert "Permission denied" in said
    assert (folder / "out.png").read_bytes() == OLD
    assert leftovers(folder) == []


def test_trying_a_place_leaves_nothing_and_changes_nothing(tmp_path):
    (tmp_path / "old.png").write_bytes(OLD)
    before = (tmp_path / "old.png").stat().st_mtime_ns
    check_output(tmp_path / "old.png")
    check_output(tmp_path / "new.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.png"]
    assert (tmp_path / "old.png").stat().st_mtime_ns == before


def test_a_result_too_long_for_its_format_is_refused_before_the_work(tmp_path, tiny_weights):
    seen = []

    def refuse(width, height):
        seen.append((width, height))
        check_output(tmp_path / "out.webp", size=(width, height))

    def progress(fraction, message, preview=None):
        assert message == "Reading the pictures"

    with pytest.raises(
        InvalidImage, match="WEBP holds at most 16383 px on a side, and the result is 17000 x 24"
    ):
        stylize(
            "wct2", photo(24, 17000), photo(24, 24), weights_dir=tiny_weights, progress=progress,
            on_size=refuse,
        )  # fmt: skip
    assert seen == [(17000, 24)]


# --- whole or untouched ---


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("odd"), MemoryError()])
def test_an_encoder_that_fails_half_way_leaves_the_old_file(tmp_path, monkeypatch, suffix, error):
    path = tmp_path / f"out{suffix}"
    path.write_bytes(OLD)

    def half(name, file, *_):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr("style_core.files.writing.encode", half)
    with pytest.raises(InvalidImage, match=r"^Cannot write .*: (No space left on device|odd|MemoryError)\.$"):
        save(path)
    assert path.read_bytes() == OLD
    assert leftovers(tmp_path) == []


def test_ctrl_c_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "out.png").write_bytes(OLD)

    def interrupted(name, file, *_):
        file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr("style_core.files.writing.encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == OLD
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    real = Path.open

    def full(path, mode="r", *rest, **more):
        file = real(path, mode, *rest, **more)
        return real(Path("/dev/full"), "wb") if "x" in mode and file.close() is None else file

    (tmp_path / "out.png").write_bytes(OLD)
    monkeypatch.setattr("style_core.files.writing.check_place", lambda path: None)
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InvalidImage, match="No space left on device"):
        save(tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == OLD
    assert leftovers(tmp_path) == []


KILLED = """
import sys, torch
from style_core.files import save_image
save_image(torch.rand(1, 3, 3000, 3000), None, sys.argv[1], {})
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_program_leaves_the_old_file(tmp_path):
    (tmp_path / "out.png").write_bytes(OLD)
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "out.png")], cwd=ROOT)
    try:
        for _ in itertools.count():
            drafts = [path for path in tmp_path.glob(".*") if path.stat().st_size > 100_000]
            assert child.poll() is None, "it was done before it could be killed"
            if drafts:
                break
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert (tmp_path / "out.png").read_bytes() == OLD
    assert [name for name in leftovers(tmp_path) if not name.endswith(".part")] == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_any_new_file_or_of_the_file_before(tmp_path):
    before = os.umask(0o027)
    try:
        save(tmp_path / "new.png")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.png").stat().st_mode) == 0o640
    (tmp_path / "private.png").write_bytes(OLD)
    (tmp_path / "private.png").chmod(0o600)
    save(tmp_path / "private.png")
    assert stat.S_IMODE((tmp_path / "private.png").stat().st_mode) == 0o600


@pytest.mark.parametrize("is_there", [True, False])
def test_of_a_link_the_target_is_written(tmp_path, is_there):
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "real.png"
    if is_there:
        target.write_bytes(OLD)
    (tmp_path / "link.png").symlink_to(target)
    save(tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    with Image.open(target) as image:
        assert image.size == (28, 20)


@pytest.mark.parametrize(
    "name", [b"caf\xe9.png", "画像.png".encode(), b"x" * 250 + b".png", b"\xff" * 60 + b".png"]
)
def test_any_name_the_disk_takes_is_written(tmp_path, name):
    path = Path(os.fsdecode(name))
    save(tmp_path / path)
    assert (tmp_path / path).stat().st_size > 100
    assert leftovers(tmp_path) == []
