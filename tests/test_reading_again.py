"""A file that has not changed is decoded once; one that has is decoded again."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from style_core import memory, stylize
from style_core.pipeline import reading

OLD = 1_000_000_000  # seconds; a time at which nobody is writing


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    memory.forget()
    monkeypatch.setattr("style_core.digest.SETTLING", 0.0)


@pytest.fixture
def decoded(monkeypatch):
    """The names under which pictures were decoded."""
    names, original = [], reading.load_image
    monkeypatch.setattr(
        reading, "load_image", lambda *a, **k: (names.append(k["name"]), original(*a, **k))[1]
    )
    return names


def picture(path, seed):
    samples = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(samples).save(path)
    return path


def test_a_moved_strength_decodes_nothing(tmp_path, decoded):
    content, style = picture(tmp_path / "content.png", 1), picture(tmp_path / "style.png", 2)
    first = stylize("wct2", content, style, style_strength=0.5)
    again = stylize("wct2", content, style, style_strength=0.5)
    moved = stylize("wct2", content, style, style_strength=0.2)
    assert decoded == ["content", "style"]
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, moved.image)


def test_a_changed_file_is_decoded_again(tmp_path, decoded):
    content, style = picture(tmp_path / "content.png", 1), picture(tmp_path / "style.png", 2)
    first = stylize("wct2", content, style)
    os.utime(picture(content, 3), (OLD, OLD))
    second = stylize("wct2", content, style)
    assert decoded == ["content", "style", "content"]
    assert not torch.equal(first.image, second.image)


def test_one_file_in_two_places_is_named_by_its_place(tmp_path, decoded):
    both = picture(tmp_path / "both.png", 1)
    stylize("wct2", both, both)
    assert decoded == ["content", "style"]
