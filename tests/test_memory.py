"""Values kept by what they were computed from."""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from style_core import get_method, list_methods, memory, stylize, weights
from style_core.digest import file_sha256
from style_core.ops.moments import Moments
from style_core.pipeline import reading
from style_core.weights.manifest import set_entry

from .conftest import photo


@dataclass(frozen=True)
class Record:
    name: str
    picture: torch.Tensor


class TestFingerprint:
    def test_equal_contents_have_equal_fingerprints(self):
        a, b = torch.arange(6.0).view(2, 3), torch.arange(6.0).view(2, 3)
        assert memory.fingerprint((Record("x", a), {"k": [1, None]})) == memory.fingerprint(
            (Record("x", b), {"k": [1, None]})
        )

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (("1",), (1,)),
            ((1,), (1.0,)),
            ((True,), (1,)),
            ((("a", "b"),), (("ab",),)),
            ((["a"], ["b"]), (["a", "b"], [])),
            ((torch.zeros(2, 3),), (torch.zeros(3, 2),)),
            ((torch.zeros(2),), (torch.zeros(2, dtype=torch.int32),)),
            ((torch.zeros(2),), (torch.tensor([0.0, 1e-30]),)),
            (({"a": 1},), ({"a": 2},)),
            ((None,), ("None",)),
        ],
    )
    def test_different_contents_differ(self, first, second):
        assert memory.fingerprint(first) != memory.fingerprint(second)

    def test_a_slice_is_its_own_contents(self):
        whole = torch.arange(24.0).view(1, 2, 3, 4)
        assert memory.fingerprint((whole[..., :2],)) == memory.fingerprint((whole[..., :2].contiguous(),))

    def test_what_has_no_known_equality_is_refused(self):
        with pytest.raises(TypeError, match="function has no fingerprint"):
            memory.fingerprint((lambda: None,))


class TestTensorDigests:
    def test_a_tensor_is_read_once(self, monkeypatch):
        read, original = [], memory._tensor_digest
        monkeypatch.setattr(memory, "_tensor_digest", lambda x: (read.append(x), original(x))[1])
        picture, known = torch.rand(3, 8), memory.TensorDigests()
        assert memory.fingerprint((picture, 1), known) != memory.fingerprint((picture, 2), known)
        memory.fingerprint(({"again": [picture]},), known)
        assert len(read) == 1

    @pytest.mark.parametrize(
        "change",
        [
            lambda x: x.add_(1),
            lambda x: x[0, :2].zero_(),  # through a view
            lambda x: x.set_(torch.ones(3, 8)),
            lambda x: x.resize_(2, 8),
            lambda x: x.t_(),
            lambda x: x.view(-1).copy_(x.flatten().flip(0)),
        ],
    )
    def test_a_change_in_place_is_noticed(self, change):
        picture, known = torch.rand(3, 8), memory.TensorDigests()
        before = memory.fingerprint((picture,), known)
        change(picture)
        after = memory.fingerprint((picture,), known)
        assert after != before
        assert after == memory.fingerprint((picture.clone(),))

    def test_a_change_of_a_tensor_that_nobody_counts_is_noticed(self):
        known = memory.TensorDigests()
        with torch.inference_mode():
            picture = torch.rand(3, 8)
            before = memory.fingerprint((picture,), known)
            picture.add_(1)
            assert memory.fingerprint((picture,), known) != before

    def test_a_new_tensor_in_the_place_of_an_old_one_is_read(self):
        known, found = memory.TensorDigests(), set()
        for k in range(20):  # each is gone before the next, which mostly gets its address and its id
            found.add(memory.fingerprint((torch.full((3, 8), float(k)),), known))
        assert len(found) == 20


class TestKeeping:
    def test_the_least_recently_used_goes_first(self, monkeypatch):
        monkeypatch.setenv(memory.BUDGET, "1")  # 1 MB: two values of 400 kB fit
        values = {name: torch.zeros(100_000) for name in "abc"}
        memory.keep("a", values["a"])
        memory.keep("b", values["b"])
        assert memory.recall("a") is values["a"]
        memory.keep("c", values["c"])
        assert memory.recall("b") is None
        assert memory.recall("a") is values["a"]
        assert memory.recall("c") is values["c"]

    def test_a_value_of_more_than_half_the_budget_is_not_kept(self, monkeypatch):
        monkeypatch.setenv(memory.BUDGET, "1")
        memory.keep("small", torch.zeros(10))
        memory.keep("large", torch.zeros(200_000))
        assert memory.recall("large") is None
        assert memory.recall("small") is not None

    def test_bytes_of_nested_records_are_counted(self):
        moments = Moments(*(torch.zeros(4) for _ in Moments.__dataclass_fields__))
        assert memory.size_of({1: [moments, (torch.zeros(2, dtype=torch.float64),)]}) == (
            16 * len(Moments.__dataclass_fields__) + 16
        )


def pictures():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(1, 3, 32, 40, generator=generator) for _ in range(2)]


@pytest.fixture
def run(tiny_weights):
    return functools.partial(stylize, weights_dir=tiny_weights, device="cpu")


QUICK = [key for key in list_methods() if not hasattr(get_method(key).options, "steps")]


@pytest.mark.parametrize("key", QUICK)
@pytest.mark.parametrize("change", [{"style_strength": 0.6}, {"content_strength": 0.2}, {"seed": 3}])
def test_a_changed_strength_gives_what_a_fresh_run_gives(run, key, change):
    content, style = pictures()
    fresh = run(key, content, style, **change).image
    memory.forget()
    run(key, content, style)
    assert torch.equal(run(key, content, style, **change).image, fresh)


@pytest.mark.parametrize("key", QUICK)
def test_another_style_or_mask_is_not_mistaken_for_the_last(run, key):
    content, style = pictures()
    mask = torch.zeros(32, 40, dtype=torch.uint8)
    mask[:16] = 255
    masks = {"content_mask": mask.numpy(), "style_mask": mask.numpy()}
    runs = [(style.flip(3), {}), (style, masks), (style, {}), (style, {"precision": "exact"})]
    fresh = []
    for picture, given in runs:
        memory.forget()
        fresh.append(run(key, content, picture, **given).image)
    memory.forget()
    for (picture, given), expected in zip(runs, fresh, strict=True):
        assert torch.equal(run(key, content, picture, **given).image, expected)


def test_the_style_is_encoded_once_for_two_strengths(run):
    content, style = pictures()
    seen = []
    for strength in (1.0, 0.5):
        messages = []
        run("wct2", content, style, style_strength=strength,
            progress=lambda fraction, message, preview=None: messages.append(message))  # fmt: skip  # noqa: B023
        seen.append("Encoding the style" in messages)
    assert seen == [True, False]


def test_notes_are_said_again_when_the_value_is_recalled(run):
    content, style = pictures()
    mask = torch.zeros(32, 40, dtype=torch.uint8)
    mask[:4, :5] = 255
    masks = {"content_mask": mask.numpy(), "style_mask": mask.numpy()}
    first = run("wct2", content, style, **masks)
    again = run("wct2", content, style, **masks)
    assert first.notes
    assert again.notes == first.notes


# --- networks replaced under the same name ---


@pytest.fixture
def weights_folder(tiny_weights, tmp_path):
    """A copy of the tiny weights that a test may change."""
    return Path(shutil.copytree(tiny_weights, tmp_path / "weights"))


def replace(folder, name, *, seed=11):
    """Other random tensors in the same file: same name, inode and size, the old times put back."""
    path = folder / f"{name}.safetensors"
    before = path.stat()
    with safe_open(path, "pt") as file:
        metadata, state = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    generator = torch.Generator().manual_seed(seed)
    other = {
        key: (value.float() * (1 + 0.3 * torch.rand(value.shape, generator=generator))).to(value.dtype)
        for key, value in state.items()
    }
    if "encoder_sha256" in (metadata or {}):
        metadata["encoder_sha256"] = file_sha256(folder / "encoder.safetensors")
    data = save(other, metadata)
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)
    set_entry(folder, path.name, {"sha256": hashlib.sha256(data).hexdigest()})


REPLACED = {
    "wct2": ["wct2_cat5"],
    "photo_wct": ["photo_wct_3"],
    "wct": ["wct_4"],
    "gatys": ["encoder"],
}


@pytest.mark.parametrize("key", REPLACED)
def test_a_network_replaced_in_place_is_used_at_once(key, weights_folder):
    content, style = pictures()
    given = {"weights_dir": weights_folder, "content_strength": 0.3, "device": "cpu"}
    given |= {"steps": 2} if key == "gatys" else {}
    before = stylize(key, content, style, **given).image
    for name in REPLACED[key]:
        replace(weights_folder, name)
    after = stylize(key, content, style, **given).image
    memory.forget()
    weights.clear_cache()
    assert torch.equal(after, stylize(key, content, style, **given).image)
    assert not torch.equal(after, before)


def test_after_a_whole_set_is_replaced_features_and_regions_are_those_of_a_fresh_process(
    weights_folder, tmp_path
):
    content, style = photo(48, 64), photo(48, 64, seed=1)
    given = {"content_mask": "auto", "style_mask": "auto", "weights_dir": weights_folder, "device": "cpu"}
    first = stylize("wct2", content, style, **given)
    for name in ("encoder", "wct2_cat5"):
        replace(weights_folder, name)
    second = stylize("wct2", content, style, **given)
    torch.save((content, style), tmp_path / "pictures.pt")
    script = (
        "import sys, torch, style_core; pictures, folder, out = sys.argv[1:]; "
        "r = style_core.stylize('wct2', *torch.load(pictures), content_mask='auto', style_mask='auto', "
        "weights_dir=folder, device='cpu'); "
        "torch.save((r.image, r.segments.content, r.segments.style), out)"
    )
    files = [str(tmp_path / "pictures.pt"), str(weights_folder), str(tmp_path / "out.pt")]
    subprocess.run([sys.executable, "-c", script, *files], check=True)
    image, regions, style_regions = torch.load(tmp_path / "out.pt")
    torch.testing.assert_close(second.image, image, rtol=0, atol=1e-6)
    assert torch.equal(second.segments.content, regions)
    assert torch.equal(second.segments.style, style_regions)
    assert not torch.equal(first.image, second.image)


def test_what_depends_on_a_recalled_value_depends_on_its_networks(weights_folder):
    """The smoothed picture is remembered by its inputs; the networks were used by the one it was made of."""
    content, style = pictures()
    given = {"weights_dir": weights_folder, "device": "cpu"}
    stylize("photo_wct", content, style, content_strength=0, **given)
    stylize("photo_wct", content, style, **given)  # recalls the network's picture and smooths it
    replace(weights_folder, "photo_wct_1")
    after = stylize("photo_wct", content, style, **given).image
    memory.forget()
    assert torch.equal(after, stylize("photo_wct", content, style, **given).image)


def test_regions_of_a_pair_are_found_once_for_all_methods(run, monkeypatch):
    content, style = photo(48, 64), photo(48, 64, seed=1)
    found, original = [], reading.cluster_segments
    monkeypatch.setattr(
        reading, "cluster_segments", lambda *given: (found.append(given), original(*given))[1]
    )
    results = [
        run(key, content, style, content_mask="auto", style_mask="auto")
        for key in ("wct2", "photo_wct", "wct")
    ]
    assert len(found) == 1
    assert all(torch.equal(r.segments.content, results[0].segments.content) for r in results)
    run("wct", content, style.flip(3), content_mask="auto", style_mask="auto")
    assert len(found) == 2


def test_a_request_reads_each_picture_once_for_its_keys(run, monkeypatch):
    content, style = photo(48, 64), photo(48, 56, seed=1)
    sizes, original = [], memory._tensor_digest
    monkeypatch.setattr(memory, "_tensor_digest", lambda x: (sizes.append(tuple(x.shape)), original(x))[1])
    run("wct2", content, style)
    assert sorted(sizes) == [(1, 3, 48, 56), (1, 3, 48, 64)]
