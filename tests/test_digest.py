"""Digests of files: never those of what was there before."""

import hashlib
import os

import pytest

from style_core import digest
from style_core.digest import file_sha256, forget_digests, settled_identity

OLD = 1_000_000_000  # seconds; a time at which nobody is writing


@pytest.fixture(autouse=True)
def nothing_known():
    forget_digests()


@pytest.fixture
def counted(monkeypatch):
    """How often a file is read."""
    reads, original = [], digest._sha256
    monkeypatch.setattr(digest, "_sha256", lambda file: (reads.append(file.name), original(file))[1])
    return reads


def settled(monkeypatch, seconds=60.0):
    """Let the clock run ahead, so that files written just now are old."""
    now = digest.time.time
    monkeypatch.setattr(digest.time, "time", lambda: now() + seconds)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_file_that_has_settled_is_read_once(tmp_path, monkeypatch, counted):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    settled(monkeypatch)
    assert file_sha256(path) == file_sha256(path) == sha256(b"one")
    assert len(counted) == 1


def test_a_file_written_again_within_the_tick_of_a_clock_is_read_again(tmp_path, monkeypatch):
    """Such clocks tick in milliseconds to seconds: the second writing may leave all times as they are."""
    path = tmp_path / "file"
    path.write_bytes(b"one")
    frozen = digest._Identity.of(path.stat())
    monkeypatch.setattr(digest._Identity, "of", classmethod(lambda cls, found: frozen))
    assert file_sha256(path) == sha256(b"one")
    path.write_bytes(b"two")
    assert file_sha256(path) == sha256(b"two")


def test_the_same_size_and_modification_time_do_not_hide_a_change_in_place(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, (OLD, OLD))
    settled(monkeypatch)
    assert file_sha256(path) == sha256(b"one")
    path.write_bytes(b"two")
    os.utime(path, (OLD, OLD))
    assert file_sha256(path) == sha256(b"two")


def test_another_file_in_its_place_is_read(tmp_path, monkeypatch):
    path, other = tmp_path / "file", tmp_path / "other"
    for place, data in ((path, b"one"), (other, b"two")):
        place.write_bytes(data)
        os.utime(place, (OLD, OLD))
    settled(monkeypatch)
    assert file_sha256(path) == sha256(b"one")
    other.replace(path)
    assert file_sha256(path) == sha256(b"two")


def test_a_file_that_was_written_while_it_was_read_is_read_again(tmp_path, monkeypatch):
    path, original = tmp_path / "file", digest._sha256
    path.write_bytes(b"one")
    settled(monkeypatch)

    def slow(file):
        found = original(file)
        path.write_bytes(b"three")
        return found

    monkeypatch.setattr(digest, "_sha256", slow)
    assert file_sha256(path) == sha256(b"one")
    monkeypatch.setattr(digest, "_sha256", original)
    assert file_sha256(path) == sha256(b"three")


def test_an_identity_changes_with_the_file_and_is_none_of_what_may_still_change(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    assert settled_identity(path) is None  # written just now
    settled(monkeypatch)
    before = settled_identity(path)
    assert before is not None
    assert settled_identity(path) == before
    path.write_bytes(b"two")
    assert settled_identity(path) != before
    assert settled_identity(tmp_path) is None
    assert settled_identity(tmp_path / "missing") is None
    assert settled_identity(tmp_path / "no\0name") is None
