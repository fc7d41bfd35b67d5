"""The manifest: what is read of it, and that it is written whole."""

import hashlib
import json

import pytest

from style_core import WeightsUnavailable
from style_core.weights import licence_of, verified_sha256
from style_core.weights.manifest import FILE, UNKNOWN, Manifest, new_entry, set_entry


@pytest.fixture
def file(tmp_path):
    """A file of weights without a manifest."""
    path = tmp_path / "wct_1.safetensors"
    path.write_bytes(b"weights")
    return path


def written(folder):
    return json.loads((folder / FILE).read_text("utf-8"))


def test_an_entry_is_what_the_file_is_and_what_is_said_of_it(file):
    set_entry(file.parent, file.name, new_entry(file, licence="MIT"), family="vgg19")
    assert written(file.parent) == {
        "format": 1,
        "family": "vgg19",
        "files": {
            file.name: {"sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7, "licence": "MIT"},
        },
    }


def test_an_entry_is_replaced_and_others_and_the_family_stay(file):
    set_entry(file.parent, "encoder.safetensors", {"sha256": "0" * 64, "metrics": {"db": 30}}, family="vgg19")
    set_entry(file.parent, file.name, {"licence": "one"})
    set_entry(file.parent, file.name, {"licence": "two"})
    assert written(file.parent)["family"] == "vgg19"
    assert written(file.parent)["files"] == {
        "encoder.safetensors": {"sha256": "0" * 64, "metrics": {"db": 30}},
        file.name: {"licence": "two"},
    }


def test_what_cannot_be_written_leaves_the_manifest_as_it_was(file):
    set_entry(file.parent, file.name, new_entry(file))
    before = (file.parent / FILE).read_bytes()
    with pytest.raises(TypeError):
        set_entry(file.parent, file.name, {"origin": object()})
    assert (file.parent / FILE).read_bytes() == before
    assert {path.name for path in file.parent.iterdir()} == {file.name, FILE}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": []}', b"\xff", b"null"])
def test_what_is_no_manifest_is_a_value_error_and_not_overwritten(file, content):
    (file.parent / FILE).write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011  # of several kinds
        Manifest.read(file.parent / FILE)
    with pytest.raises(ValueError):  # noqa: PT011
        set_entry(file.parent, file.name, {})
    assert (file.parent / FILE).read_bytes() == content


@pytest.mark.parametrize("entry", [None, 3, {}, {"sha256": None}, {"sha256": "no"}, {"sha256": "A" * 64}])
def test_an_entry_without_a_sha256_verifies_nothing(file, entry):
    (file.parent / FILE).write_text(json.dumps({"files": {file.name: entry}}))
    with pytest.raises(WeightsUnavailable, match="does not list the sha256 of wct_1"):
        verified_sha256(file)
    assert licence_of(file) == UNKNOWN


def test_a_file_of_another_family_is_refused_with_both(file):
    set_entry(file.parent, file.name, new_entry(file), family="vgg19_16x")
    assert verified_sha256(file) == verified_sha256(file, "vgg19_16x")
    with pytest.raises(WeightsUnavailable, match="of the vgg19_16x family, not of vgg19"):
        verified_sha256(file, "vgg19")
