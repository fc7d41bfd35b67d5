"""Weights: where they are looked for, what is refused, and that they are read once."""

import json
import threading
import time

import pytest
import torch
from safetensors.torch import save_file

from style_core import WeightsUnavailable, stylize
from style_core.nets.encoder import Encoder
from style_core.nets.wavelet import WaveletDecoder
from style_core.training.export import export
from style_core.weights import (
    clear_cache,
    folders,
    load_encoder,
    load_network,
    loading,
    locate,
    network_cache,
    read_weights,
)
from style_core.weights.manifest import present_sha256, set_entry

from ..conftest import TINY_WIDTHS, photo

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    """No weights from elsewhere: none cached, none shipped, no folder in the environment."""
    clear_cache()
    monkeypatch.setattr(folders, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv(folders.DATA, str(tmp_path / "data"))
    monkeypatch.delenv(folders.ENVIRONMENT, raising=False)
    yield
    clear_cache()


def fill(folder, seed=0):
    """Random tiny weights in ``folder``, which is returned."""
    torch.manual_seed(seed)
    digest = export(Encoder(TINY_WIDTHS).state_dict(), folder, "encoder", entry={}, metadata={})
    decoder = WaveletDecoder(TINY_WIDTHS, variant="cat5").state_dict()
    export(decoder, folder, "wct2_cat5", entry={}, metadata={"encoder_sha256": digest})
    return folder


def encoder_of(folder, *, family="compact", last="relu4_1", pool="max"):
    return load_encoder(family, folder, CPU, last=last, pool=pool)


def decoder_of(folder, name="wct2_cat5"):
    return load_network("compact", name, folder, CPU, lambda s: WaveletDecoder.from_state(s, variant="cat5"))


def refusal(call, *arguments, **named):
    """The text of the refusal, after checking that it is one sentence."""
    with pytest.raises(WeightsUnavailable) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


# --- order ---


@pytest.mark.parametrize(
    ("present", "first"),
    [
        (("argument", "environment", "shipped"), "argument"),
        (("environment", "shipped"), "environment"),
        (("shipped",), "shipped"),
        (("argument", "shipped"), "argument"),
    ],
)
def test_places_are_searched_in_order(tmp_path, monkeypatch, present, first):
    for name in present:
        fill(tmp_path / name)
    if "environment" in present:
        monkeypatch.setenv(folders.ENVIRONMENT, str(tmp_path / "environment"))
    folder = tmp_path / "argument" if "argument" in present else None
    assert locate("compact", "encoder", folder) == tmp_path / first / "encoder.safetensors"


def test_what_a_folder_does_not_have_comes_from_the_shipped_weights(tmp_path):
    fill(tmp_path / "shipped")
    (tmp_path / "empty").mkdir()
    assert locate("compact", "encoder", tmp_path / "empty").parent == tmp_path / "shipped"


@pytest.mark.parametrize("family", ["compact", "vgg19"])
def test_a_folder_per_family_comes_before_loose_files(tmp_path, family):
    fill(tmp_path / "here")
    inner = fill(tmp_path / "here" / family, seed=1)
    assert locate(family, "encoder", tmp_path / "here") == inner / "encoder.safetensors"


def test_stylize_uses_the_folder_it_is_given(tmp_path):
    pictures = photo(32, 32), photo(32, 32, 1)
    results = [
        stylize("wct2", *pictures, weights_dir=fill(tmp_path / name, seed), content_strength=0, device="cpu")
        for name, seed in (("one", 1), ("two", 2))
    ]
    assert not torch.equal(results[0].image, results[1].image)


# --- refusals ---


def test_a_changed_file_is_refused_with_both_sums(tmp_path):
    path = fill(tmp_path / "w") / "encoder.safetensors"
    listed = json.loads((tmp_path / "w" / "manifest.json").read_text())["files"][path.name]["sha256"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    text = refusal(encoder_of, tmp_path / "w")
    assert "is not the file its manifest describes" in text
    assert listed[:12] in text


def test_a_file_the_manifest_does_not_list_is_refused(tmp_path):
    folder = fill(tmp_path / "w")
    (folder / "encoder.safetensors").rename(folder / "extra.safetensors")
    assert "does not list the sha256 of extra.safetensors" in refusal(
        read_weights, folder / "extra.safetensors"
    )


@pytest.mark.parametrize("manifest", [None, b"", b"[]", b"{}", b'{"files": []}', b"\xff"])
def test_a_missing_or_broken_manifest_is_refused(tmp_path, manifest):
    folder = fill(tmp_path / "w")
    (folder / "manifest.json").unlink()
    if manifest is not None:
        (folder / "manifest.json").write_bytes(manifest)
    assert "does not list the sha256 of encoder.safetensors" in refusal(encoder_of, folder)


@pytest.mark.parametrize("data", [b"", b"\x80\x04pickled", b"\xff" * 200])
def test_what_is_no_safetensors_file_is_refused(tmp_path, data):
    path = fill(tmp_path / "w") / "encoder.safetensors"
    path.write_bytes(data)
    set_entry(path.parent, path.name, {"sha256": present_sha256(path)})
    assert "is not a readable safetensors file" in refusal(encoder_of, path.parent)


def test_a_decoder_of_another_encoder_is_refused_with_both_names(tmp_path):
    folder = fill(tmp_path / "w")
    torch.manual_seed(9)
    export(Encoder(TINY_WIDTHS).state_dict(), folder, "encoder", entry={}, metadata={})
    text = refusal(decoder_of, folder)
    assert "wct2_cat5.safetensors" in text
    assert "was not trained on" in text
    assert "encoder.safetensors" in text


def test_a_decoder_that_names_no_encoder_is_refused(tmp_path):
    folder = fill(tmp_path / "w")
    decoder = WaveletDecoder(TINY_WIDTHS, variant="cat5").state_dict()
    export(decoder, folder, "wct2_cat5", entry={}, metadata={})
    assert "was not trained on" in refusal(decoder_of, folder)


def test_tensors_of_another_network_are_refused_with_what_is_missing(tmp_path):
    folder = fill(tmp_path / "w")
    digest = present_sha256(folder / "encoder.safetensors")
    state = Encoder(TINY_WIDTHS).state_dict()
    export(state, folder, "wct2_cat5", entry={}, metadata={"encoder_sha256": digest})
    text = refusal(decoder_of, folder)
    assert "wct2_cat5.safetensors" in text
    assert "weights do not fit" in text


def test_an_encoder_that_ends_too_early_is_refused_with_where(tmp_path):
    widths = dict(list(TINY_WIDTHS.items())[:4])  # conv1_1 … conv2_2
    export(Encoder(widths).state_dict(), tmp_path / "w", "encoder", entry={}, metadata={})
    text = refusal(encoder_of, tmp_path / "w")
    assert "conv2_2" in text
    assert "relu4_1" in text


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    assert repr(str(tmp_path / "gone")) in refusal(locate, "compact", "encoder", tmp_path / "gone")


def test_an_unknown_family_is_refused_with_those_there_are():
    text = refusal(locate, "huge", "encoder")
    assert "compact, vgg19" in text
    assert "'huge'" in text


def test_vgg19_without_weights_names_the_ways_out(tmp_path):
    (tmp_path / "empty").mkdir()
    text = refusal(
        stylize, "wct2", photo(32, 32), photo(32, 32), family="vgg19", weights_dir=tmp_path / "empty"
    )
    assert str(tmp_path / "empty") in text
    for way_out in ("'style-core weights get wct2'", "weights_dir", "'compact'"):
        assert way_out in text


def test_compact_without_weights_says_where_it_looked(monkeypatch, tmp_path):
    monkeypatch.setenv(folders.ENVIRONMENT, str(tmp_path / "named"))
    text = refusal(locate, "compact", "encoder")
    assert "'encoder'" in text
    assert str(tmp_path / "named") in text


# --- loading ---


def count_opens(monkeypatch):
    """The names of the safetensors files opened from now on, each opening made slow."""
    opened, original = [], loading.safe_open

    def slow_open(path, *arguments, **named):
        opened.append(path.name)
        time.sleep(0.05)
        return original(path, *arguments, **named)

    monkeypatch.setattr(loading, "safe_open", slow_open)
    return opened


@pytest.mark.parametrize("load", [encoder_of, decoder_of])
def test_two_threads_asking_at_once_read_the_file_once(tmp_path, monkeypatch, load):
    folder, opened, found = fill(tmp_path / "w"), count_opens(monkeypatch), []
    threads = [threading.Thread(target=lambda: found.append(load(folder))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert found[0] is found[1]


def test_a_second_request_reads_nothing(tmp_path, monkeypatch):
    first = encoder_of(fill(tmp_path / "w"))
    opened = count_opens(monkeypatch)
    assert encoder_of(tmp_path / "w") is first
    assert opened == []


def test_poolings_and_cuts_do_not_share_a_network(tmp_path):
    fill(tmp_path / "w")
    networks = [encoder_of(tmp_path / "w", pool=pool) for pool in ("max", "haar")]
    networks.append(encoder_of(tmp_path / "w", last="relu3_1"))
    assert [n.pool for n in networks] == ["max", "haar", "max"]
    assert [n.layers[-1] for n in networks] == ["conv4_1", "conv4_1", "conv3_1"]


def test_a_failed_request_is_not_remembered(tmp_path):
    folder = fill(tmp_path / "w")
    kept = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text("{}")
    refusal(encoder_of, folder)
    (folder / "manifest.json").write_text(kept)
    assert encoder_of(folder).layers[-1] == "conv4_1"


def test_the_cache_keeps_what_fits_its_budget_and_the_latest(tmp_path, monkeypatch):
    monkeypatch.setattr(network_cache, "DEFAULT_BUDGET", 0.1)  # MB
    networks = [encoder_of(fill(tmp_path / str(k), seed=k)) for k in range(6)]
    size = sum(p.numel() * p.element_size() for p in networks[0].parameters())
    assert len(network_cache._networks) == 100_000 // size
    assert list(network_cache._networks.values())[-1] is networks[-1]


def test_a_network_larger_than_the_budget_is_kept_while_it_is_the_only_one(tmp_path, monkeypatch):
    monkeypatch.setenv("STYLE_CORE_CACHE_MB", "0")
    first = encoder_of(fill(tmp_path / "a"))
    assert encoder_of(tmp_path / "a") is first
    encoder_of(fill(tmp_path / "b", seed=1))
    assert len(network_cache._networks) == 1


def test_float16_files_load_as_frozen_float32_of_the_same_values(tmp_path):
    torch.manual_seed(0)
    state = Encoder(TINY_WIDTHS).state_dict()
    export(state, tmp_path / "w", "encoder", entry={}, metadata={})
    loaded = encoder_of(tmp_path / "w", last="relu5_1").state_dict(keep_vars=True)
    assert {p.dtype for p in loaded.values()} == {torch.float32}
    assert not any(p.requires_grad for p in loaded.values())
    for name, tensor in state.items():
        torch.testing.assert_close(loaded[name], tensor.half().float(), rtol=0, atol=0)


def test_float32_files_load_without_loss(tmp_path):
    torch.manual_seed(0)
    state, path = Encoder(TINY_WIDTHS).state_dict(), tmp_path / "encoder.safetensors"
    save_file(state, path)
    set_entry(tmp_path, path.name, {"sha256": present_sha256(path)})
    loaded = encoder_of(tmp_path, last="relu5_1").state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
