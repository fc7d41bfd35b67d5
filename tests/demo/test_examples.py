"""Kept results of the example pictures."""

import os
import shutil

import pytest
from PIL import Image

from demo import examples
from demo.examples import CACHE, example_key, gallery, keep_result, kept_result

PAIR = gallery(photorealistic=True)[0]


def asked(method="wct2", **options):
    """What else a key belongs to."""
    return {"method": method, "family": "compact", "options": options}


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE, str(tmp_path / "kept"))


def test_a_key_belongs_to_the_contents_of_the_files_and_the_request(tmp_path):
    copy = tmp_path / "uploaded_copy.jpg"
    shutil.copy(PAIR.content, copy)
    key = example_key(asked(), str(PAIR.content), str(PAIR.style))
    assert example_key(asked(), str(copy), str(PAIR.style)) == key
    assert example_key(asked("wct"), str(copy), str(PAIR.style)) != key
    assert example_key(asked(seed=3), str(copy), str(PAIR.style)) != key
    assert example_key(asked(), str(PAIR.style), str(PAIR.content)) is None


def test_other_peoples_pictures_have_no_key(tmp_path):
    own = tmp_path / "own.png"
    Image.new("RGB", (20, 20)).save(own)
    assert example_key(asked(), str(own), str(PAIR.style)) is None
    assert example_key(asked(), None, str(PAIR.style)) is None


def test_what_is_kept_is_found_again(tmp_path):
    image = tmp_path / "result.png"
    Image.new("RGB", (20, 20), "red").save(image)
    assert kept_result("k" * 32) is None
    keep_result("k" * 32, image, {"method": "wct2"}, ("a note",), 1.5)
    found = kept_result("k" * 32)
    assert (found.settings, found.notes, found.seconds) == ({"method": "wct2"}, ("a note",), 1.5)
    assert found.image.read_bytes() == image.read_bytes()


def test_a_damaged_record_is_as_if_nothing_was_kept(tmp_path):
    image = tmp_path / "result.png"
    Image.new("RGB", (20, 20)).save(image)
    keep_result("k" * 32, image, {}, (), 1.0)
    (tmp_path / "kept" / f"{'k' * 32}.json").write_text("{")
    assert kept_result("k" * 32) is None


def test_a_place_that_cannot_be_written_loses_only_the_keeping(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file" / "below"))
    keep_result("k" * 32, tmp_path / "missing.png", {}, (), 1.0)
    assert kept_result("k" * 32) is None


def test_another_program_has_other_keys(monkeypatch):
    before = example_key(asked(), str(PAIR.content), str(PAIR.style))
    monkeypatch.setattr(examples, "PROGRAM", "another")
    assert example_key(asked(), str(PAIR.content), str(PAIR.style)) != before


@pytest.mark.parametrize("name", ["encoder", "wct2_cat5"])
def test_networks_replaced_in_place_have_other_keys(tiny_weights, tmp_path, monkeypatch, name):
    folder = shutil.copytree(tiny_weights, tmp_path / "weights")
    shipped = example_key(asked(), str(PAIR.content), str(PAIR.style))
    monkeypatch.setenv("STYLE_CORE_WEIGHTS", str(folder))
    before, others = (example_key(asked(m), str(PAIR.content), str(PAIR.style)) for m in ("wct2", "wct"))
    assert before != shipped
    path = folder / f"{name}.safetensors"
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert example_key(asked(), str(PAIR.content), str(PAIR.style)) != before
    is_used = name == "encoder"  # by WCT too
    assert (example_key(asked("wct"), str(PAIR.content), str(PAIR.style)) != others) == is_used
