"""Fetching weights from a Hub: what is asked for, what is kept, and what is said when it fails."""

import json
import math
import os
import socket
import subprocess
import sys
import threading

import pytest
import torch
from safetensors.torch import load_file, save_file

from demo.limits import Limits
from demo.page import build_page
from demo.service import Service
from demo.shares import ShareStore
from style_core import Cancelled, WeightsUnavailable, get_weights, stylize
from style_core.fronts import describe_weights
from style_core.nets.encoder import Encoder
from style_core.progress import ignore_text
from style_core.weights import clear_cache, licence_of, locate, vgg19
from style_core.weights.hub import fetch_imagenet, fetch_network, names, our_repository, ranges

from ...conftest import photo
from ...fake_hub import digest
from ..trained_like import trained_like
from .conftest import PLACES, REPO, TIMM, write_timm

FULL = vgg19.WIDTHS


def refusal(call, *arguments):
    """The sentence a call is refused with."""
    with pytest.raises(WeightsUnavailable) as caught:
        call(*arguments)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def network(name="wct_1"):
    return fetch_network(our_repository(), "vgg19", name, ignore_text)


def imagenet(last="conv5_1"):
    return fetch_imagenet(last, ignore_text)


class TestRepository:
    def test_a_method_runs_on_fetched_weights_and_the_second_time_nothing_is_asked(self, hub):
        first = stylize("wct", photo(48, 48), photo(48, 48, seed=1), family="vgg19")
        count = len(hub.requests)
        assert count > 0
        clear_cache()
        again = stylize("wct", photo(48, 48), photo(48, 48, seed=1), family="vgg19")
        assert len(hub.requests) == count
        assert torch.equal(first.image, again.image)

    def test_only_the_files_needed_are_fetched(self, hub):
        network("wct_1")
        fetched = {str(r["path"]).rpartition("/")[2] for r in hub.requests if r["method"] == "GET"}
        assert fetched == {"manifest.json", "wct_1.safetensors"}

    def test_reports_name_the_file_its_size_and_its_licence(self, hub):
        manifest = hub.folder("models", REPO) / "vgg19" / "manifest.json"
        content = json.loads(manifest.read_text())
        content["files"]["wct_1.safetensors"]["licence"] = "CC BY-NC-SA 4.0"
        manifest.write_text(json.dumps(content))
        messages = []
        fetch_network(our_repository(), "vgg19", "wct_1", messages.append)
        assert any(
            m.startswith(f"Fetching wct_1 of {REPO} (CC BY-NC-SA 4.0): ") and " MB of " in m for m in messages
        )

    def test_a_non_commercial_licence_is_a_note_of_the_result(self, hub):
        manifest = hub.folder("models", REPO) / "vgg19" / "manifest.json"
        content = json.loads(manifest.read_text())
        for entry in content["files"].values():
            entry["licence"] = "CC BY-NC-SA 4.0"
        manifest.write_text(json.dumps(content))
        result = stylize("wct", photo(48, 48), photo(48, 48, seed=1), family="vgg19", levels=("1",))
        assert any("not for commercial use" in note for note in result.notes)

    def test_a_damaged_file_is_fetched_once_more(self, hub):
        hub.fault("corrupt", r"wct_1\.safetensors", times=1)
        assert licence_of(network()) == "unknown licence"
        gets = [r for r in hub.requests if r["method"] == "GET" and "wct_1" in str(r["path"])]
        assert len(gets) == 2

    def test_a_file_damaged_twice_is_refused_and_not_kept(self, hub):
        hub.fault("corrupt", r"wct_1\.safetensors", times=2)
        assert "are not the file its manifest describes, twice" in refusal(network)
        assert network().is_file()

    @pytest.mark.parametrize("entry", [{}, {"sha256": "no"}, {"sha256": "../../x"}])
    def test_a_file_without_a_hash_in_the_manifest_is_refused(self, hub, entry):
        (hub.folder("models", REPO) / "vgg19" / "manifest.json").write_text(
            json.dumps({"files": {"wct_1.safetensors": entry}})
        )
        assert "its manifest does not list them with a sha256" in refusal(network)

    @pytest.mark.parametrize("name", ["../wct_1", "a/b", "..", "wct_1.safetensors", ""])
    def test_names_cannot_leave_the_cache(self, hub, name):
        assert "is not the name of a network" in refusal(network, name)
        assert not hub.requests

    @pytest.mark.parametrize("value", ["justaname", "a/b/c", "../b", "a/..", "a/b@x y", "https://x/y"])
    def test_a_repository_is_user_and_name(self, hub, monkeypatch, value):
        monkeypatch.setenv("STYLE_CORE_REPO", value)
        assert "STYLE_CORE_REPO must be USER/NAME or USER/NAME@REVISION" in refusal(our_repository)

    def test_a_commit_in_between_changes_nothing_and_new_weights_are_found(self, hub):
        network("wct_1")
        folder = hub.folder("models", REPO)
        (folder / "README.md").write_text("a card")  # another commit, in which nothing of ours changed
        assert network("wct_2").is_file()
        manifest = folder / "vgg19" / "manifest.json"
        content = json.loads(manifest.read_text())
        added = folder / "vgg19" / "wct_new.safetensors"
        added.write_bytes((folder / "vgg19" / "wct_3.safetensors").read_bytes())
        content["files"][added.name] = content["files"]["wct_3.safetensors"]
        manifest.write_text(json.dumps(content))
        assert network("wct_new").read_bytes() == added.read_bytes()

    def test_a_cache_that_is_filled_and_cannot_be_written_will_do(self, hub, monkeypatch):
        from huggingface_hub import constants

        kept = network("wct_1")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr("style_core.weights.hub.names.cache_folder", None)  # calling it would fail
        assert network("wct_1") == kept

    def test_without_a_repository_the_two_ways_are_named(self, hub, monkeypatch):
        monkeypatch.delenv("STYLE_CORE_REPO")
        text = refusal(locate, "vgg19", "wct_1")
        assert "style-core weights get wct" in text
        assert "STYLE_CORE_REPO" in text
        assert "family 'compact', which is here" in text
        assert not hub.requests

    def test_local_folders_come_before_the_hub(self, hub, tmp_path, tiny_weights):
        assert locate("vgg19", "wct_1", tiny_weights) == tiny_weights / "wct_1.safetensors"
        assert not hub.requests

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (401, r"valid token \(401\); set HF_TOKEN"),
            (403, r"forbids it \(403\)"),
            ("gated", "has to be asked for on its page"),
        ],
    )
    def test_what_the_hub_refuses_is_a_sentence(self, hub, fault, reason):
        hub.fault(fault)
        with pytest.raises(WeightsUnavailable, match=reason) as caught:
            network()
        assert "family 'compact', which is here" in str(caught.value)

    def test_a_missing_repository_revision_or_file_is_a_sentence(self, hub, monkeypatch):
        assert "its manifest does not list them" in refusal(network, "wct_9")
        monkeypatch.setenv("STYLE_CORE_REPO", f"{REPO}@missing")
        assert "has no such revision" in refusal(network)
        monkeypatch.setenv("STYLE_CORE_REPO", "tester/nothing")
        assert "there is no repository tester/nothing" in refusal(network)
        monkeypatch.setenv("STYLE_CORE_REPO", REPO)
        (hub.folder("models", REPO) / "vgg19" / "wct_1.safetensors").unlink()
        assert "has no such file" in refusal(network)

    def test_a_short_answer_is_a_sentence(self, hub):
        hub.fault("short", r"wct_1\.safetensors")
        assert "could not be fetched: what arrived is shorter" in refusal(network)

    def test_eight_threads_fetch_a_file_once(self, hub):
        found, threads = [], []
        for _ in range(8):
            threads.append(threading.Thread(target=lambda: found.append(network())))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        assert len(set(found)) == 1
        assert len([r for r in hub.requests if r["method"] == "GET" and "wct_1" in str(r["path"])]) == 1


class TestImagenet:
    def test_the_layers_are_those_of_the_file_with_the_preprocessing(self, hub):
        state = load_file(imagenet("conv3_1"))
        original = load_file(hub.folder("models", TIMM) / "model.safetensors")
        kept = [layer for layer in PLACES if layer <= "conv3_1"]
        assert set(state) == {f"{n}.{k}" for n in ("conv0", *kept) for k in ("weight", "bias")}
        for layer in kept:
            for kind in ("weight", "bias"):
                assert torch.equal(state[f"{layer}.{kind}"], original[f"features.{PLACES[layer]}.{kind}"])
        torch.testing.assert_close(
            state["conv0.bias"] * -1, torch.tensor([0.485 / 0.229, 0.456 / 0.224, 0.406 / 0.225])
        )

    def test_the_record_says_where_it_comes_from(self, hub):
        path = imagenet("conv2_1")
        record = json.loads((path.parent / "record.json").read_text())
        assert record["repo"] == TIMM
        assert record["layers"] == ["conv1_1", "conv1_2", "conv2_1"]
        assert len(record["commit"]) == 40
        assert record["etag"]
        assert licence_of(path) == "BSD-3-Clause"

    def test_a_second_request_asks_nothing(self, hub):
        imagenet()
        count = len(hub.requests)
        assert imagenet("conv1_1") == imagenet("conv5_1")
        assert len(hub.requests) == count

    def test_a_deeper_request_fetches_what_is_missing(self, hub):
        first = load_file(imagenet("conv3_1"))
        before = hub.sent("model")
        hub.requests.clear()
        deeper = load_file(imagenet("conv5_1"))
        assert all(torch.equal(deeper[k], v) for k, v in first.items())
        Encoder.from_state(deeper, last="relu5_1")
        added = sum(v.numel() * 4 for k, v in deeper.items() if k not in first)
        assert 0 < hub.sent("model") < added + 25_000  # the header besides
        assert before > 0

    @pytest.mark.parametrize("method", ["gatys", "deep_photo"])
    def test_methods_run_on_it(self, hub, method):
        result = stylize(method, photo(48, 64), photo(48, 64, seed=1), family="vgg19", steps=2)
        assert result.settings["family"] == "vgg19"

    def test_it_is_never_taken_for_the_encoder_of_the_decoders(self, hub, monkeypatch):
        imagenet()
        monkeypatch.delenv("STYLE_CORE_REPO")
        with pytest.raises(WeightsUnavailable, match=r"'(encoder|wct_5)' are not in"):
            stylize("wct", photo(48, 48), photo(48, 48, seed=1), family="vgg19")

    @pytest.mark.parametrize("kind", ["cut", "short"])
    def test_a_broken_connection_goes_on_where_it_ended(self, hub, kind):
        def break_the_tensors(message):  # not the header before them
            if message.startswith("Fetching") and not hub.faults:
                hub.fault(kind, r"model\.safetensors", times=3)

        whole = load_file(fetch_imagenet("conv5_1", break_the_tensors))
        assert "conv5_1.weight" in whole
        starts = {str(r["range"]).removeprefix("bytes=").split("-")[0] for r in hub.requests if r["range"]}
        assert len(starts) > 4
        assert hub.sent("model") < 1.1 * (hub.folder("models", TIMM) / "model.safetensors").stat().st_size

    def test_another_process_goes_on_where_one_ended(self, hub):
        def stop_midway(message):
            if "Fetching" in message and not message.endswith(": 0.0 MB of 0.0 MB"):
                stop_midway.count += 1
                if stop_midway.count == 2:
                    raise Cancelled("Stopped.")

        stop_midway.count = 0
        with pytest.raises(Cancelled):
            fetch_imagenet("conv5_1", stop_midway)
        assert "conv5_1.weight" in load_file(imagenet())

    def test_a_host_without_ranges_sends_the_whole_and_it_is_said(self, hub):
        hub.fault("norange")
        messages = []
        state = load_file(fetch_imagenet("conv5_1", messages.append))
        original = load_file(hub.folder("models", TIMM) / "model.safetensors")
        assert torch.equal(state["conv5_1.weight"], original["features.28.weight"])
        assert any("the whole file, for this host knows no ranges" in m for m in messages)

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (401, r"valid token \(401\)"),
            (403, r"forbids it \(403\)"),
            ("gated", "has to be asked for"),
            (429, r"slow down \(429\), after 5 tries"),
            (500, r"fails \(500\), after 5 tries"),
            (503, r"fails \(503\), after 5 tries"),
            ("cut", "broke again and again; what has arrived is kept|cannot be reached"),
        ],
    )
    def test_every_failure_is_a_sentence(self, hub, fault, reason):
        hub.fault(fault)
        with pytest.raises(WeightsUnavailable, match=reason):
            imagenet()

    def test_failures_that_pass_are_waited_for(self, hub):
        hub.fault(503, r"model", times=1)
        assert imagenet("conv1_1").is_file()

    def test_a_host_that_hangs_is_given_up(self, hub, monkeypatch):
        monkeypatch.setattr(ranges, "DELAYS", (0.01,))
        hub.fault("hang")
        text = refusal(imagenet)
        assert "does not answer in time" in text or "cannot be reached" in text

    def test_nobody_there_is_a_sentence(self, hub, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}"
        )
        assert "cannot be reached" in refusal(imagenet)

    def test_offline_is_a_sentence_and_asks_nothing(self, hub, monkeypatch):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        assert "HF_HUB_OFFLINE is set; unset it" in refusal(imagenet)
        assert not hub.requests

    @pytest.mark.parametrize(
        "content", [b"", b"\x10", b"not a safetensors file at all" * 10, b"\x05\0\0\0\0\0\0\0{bad}"]
    )
    def test_a_file_of_something_else_is_refused(self, hub, content):
        (hub.folder("models", TIMM) / "model.safetensors").write_bytes(content)
        assert refusal(imagenet)

    def test_the_kept_file_is_checked_and_fetched_again_when_damaged(self, hub):
        path = imagenet("conv1_1")
        data = bytearray(path.read_bytes())
        data[-1] ^= 255
        path.write_bytes(data)
        clear_cache()
        fresh = imagenet("conv1_1")
        assert fresh.read_bytes() != bytes(data)

    def test_no_token_goes_to_another_host(self, hub, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        hub.redirects = True
        from ...fake_hub import LARGE

        path = hub.folder("models", TIMM) / "model.safetensors"
        assert path.stat().st_size >= LARGE
        imagenet()
        there = [r for r in hub.requests if str(r["path"]).startswith("/cdn")]
        assert there
        assert all(r["token"] is None for r in there)

    def test_a_full_disk_is_a_sentence(self, hub, monkeypatch):
        import errno

        def full(*arguments, **options):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("style_core.weights.hub.imagenet.save_file", full)
        assert "the disk is full; make room or set HF_HOME" in refusal(imagenet)

    def test_a_cache_that_cannot_be_written_is_a_sentence(self, hub, monkeypatch):
        from pathlib import Path

        from huggingface_hub import constants

        blocked = Path(constants.HF_HOME)
        blocked.parent.mkdir(parents=True, exist_ok=True)
        blocked.write_text("a file where the folder should be")
        assert "cannot be written; set HF_HOME" in refusal(imagenet)

    def test_stopping_ends_a_download_and_keeps_what_arrived(self, hub):
        hub.fault("slow", r"model\.safetensors")

        def stop(fraction, message, preview=None):
            if message.startswith("Fetching"):
                raise Cancelled("Stopped.")

        with pytest.raises(Cancelled):
            stylize("gatys", photo(48, 48), photo(48, 48, seed=1), family="vgg19", progress=stop)

    def test_eight_threads_fetch_once(self, hub):
        found, threads = [], []
        for _ in range(8):
            threads.append(threading.Thread(target=lambda: found.append(imagenet())))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert len(found) == 8
        ranged = [str(r["range"]) for r in hub.requests if r["range"]]
        assert len(ranged) == len(set(ranged)) > 0


class TestAnotherFileThanTheOneKnown:
    """The known commit or sha256 is not what the repository serves: said, and accepted by one setting."""

    @pytest.fixture(params=["another file", "no such commit", "no such file at the commit"])
    def known(self, hub, monkeypatch, request):
        """The sha256 of the file served, where another is known."""
        revisions = {"another file": "main", "no such commit": "missing"}
        revision = revisions.get(request.param, "empty")
        monkeypatch.setattr(names, "IMAGENET", names.Remote(TIMM, revision, "0" * 64))
        if revision == "empty":
            hub.fault("nofile", "/resolve/empty/")
        return digest(hub.folder("models", TIMM) / "model.safetensors")

    def test_it_is_said_what_differs_and_what_accepts_it(self, hub, known):
        text = refusal(imagenet)
        assert f"sha256 {known[:12]}…" in text
        assert f"not {'0' * 12}…" in text
        assert f"set STYLE_CORE_ACCEPT_VGG19={known[:12]} to accept it" in text
        assert "which is not there any more" in text or names.IMAGENET.revision == "main"
        assert "family 'compact', which is here" in text

    @pytest.mark.parametrize("length", [8, 12, 64, None])
    def test_the_setting_accepts_it(self, hub, known, monkeypatch, length):
        monkeypatch.setenv("STYLE_CORE_ACCEPT_VGG19", "any" if length is None else known[:length].upper())
        path = imagenet("conv1_2")
        record = json.loads((path.parent / "record.json").read_text())
        assert record["etag"] == known
        assert record["commit"] == hub.commit_of(hub.folder("models", TIMM))

    @pytest.mark.parametrize("length", [0, 1, 7])
    def test_a_beginning_too_short_accepts_nothing(self, known, monkeypatch, length):
        monkeypatch.setenv("STYLE_CORE_ACCEPT_VGG19", known[:length])
        assert f"sha256 {known[:12]}…" in refusal(imagenet)

    def test_another_sha256_accepts_nothing_and_is_said(self, known, monkeypatch):
        monkeypatch.setenv("STYLE_CORE_ACCEPT_VGG19", "0123456789")
        assert "(it is '0123456789')" in refusal(imagenet)

    def test_the_known_file_at_another_commit_is_no_other_file(self, hub, known, monkeypatch):
        monkeypatch.setattr(names, "IMAGENET", names.Remote(TIMM, names.IMAGENET.revision, known))
        assert imagenet("conv1_1").is_file()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda weight, bias: weight.zero_(), "conv1_2.weight is all 0"),
        (lambda weight, bias: weight.normal_(std=0.06), "spread like random ones"),
        (lambda weight, bias: bias.fill_(torch.nan), "conv1_2.bias holds values that are not finite"),
    ],
)
@pytest.mark.parametrize("accepted", ["", "any"])
def test_what_does_not_look_like_vgg19_is_refused_whatever_is_accepted(
    hub, monkeypatch, spoil, reason, accepted
):
    path = hub.folder("models", TIMM) / "model.safetensors"
    state = {name: value.clone() for name, value in load_file(path).items()}
    spoil(state["features.2.weight"], state["features.2.bias"])
    save_file(state, path)
    monkeypatch.setenv("STYLE_CORE_ACCEPT_VGG19", accepted)
    text = refusal(imagenet)
    assert "is not VGG-19 as trained on ImageNet" in text
    assert reason in text
    write_timm(path)  # once it is what it should be, nothing of the refused one is used
    assert imagenet().is_file()


CONV_PLACES = (*PLACES.values(), 30, 32, 34)
FULL_WIDTHS = (*FULL.values(), 512, 512, 512)


def write_true_size(path):
    """A sparse file with the header of timm's and its 575 MB; gives bytes by layer place.

    Trained-looking values up to conv5_1; behind, all is zero.
    """
    shapes, channels, sizes = {}, 3, {}
    for place, width in zip(CONV_PLACES, FULL_WIDTHS, strict=True):
        shapes[f"features.{place}.weight"] = (width, channels, 3, 3)
        shapes[f"features.{place}.bias"] = (width,)
        sizes[place] = 4 * (width * channels * 9 + width)
        channels = width
    shapes |= {"pre_logits.fc1.weight": (4096, 512, 7, 7), "pre_logits.fc1.bias": (4096,),
               "pre_logits.fc2.weight": (4096, 4096, 1, 1), "pre_logits.fc2.bias": (4096,),
               "head.fc.weight": (1000, 4096), "head.fc.bias": (1000,)}  # fmt: skip
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(shapes):  # the order safetensors writes equal types in
        stop = offset + 4 * math.prod(shapes[name])
        header[name] = {"dtype": "F32", "shape": shapes[name], "data_offsets": [offset, stop]}
        offset = stop
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(5)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
        for place in PLACES.values():
            width, inputs = shapes[f"features.{place}.weight"][:2]
            values = {"weight": trained_like(width, inputs, generator), "bias": torch.rand(width)}
            for kind, tensor in values.items():
                file.seek(8 + len(text) + header[f"features.{place}.{kind}"]["data_offsets"][0])
                file.write(tensor.numpy().tobytes())
    return sizes


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """A file as large as timm's, and its bytes by layer place."""
    path = tmp_path_factory.mktemp("large") / "model.safetensors"
    sizes = write_true_size(path)
    digest(path)  # which takes longer than a request waits; it is known from now on
    return path, sizes


@pytest.fixture
def true_size(hub, large_file, monkeypatch):
    """Bytes by layer place of a file as large as timm's, which is at the Hub."""
    monkeypatch.setattr(vgg19, "WIDTHS", FULL)
    path = hub.folder("models", TIMM) / "model.safetensors"
    path.unlink()
    path.hardlink_to(large_file[0])
    return large_file[1]


@pytest.mark.parametrize("last", ["conv4_1", "conv5_1"])
def test_of_575_megabytes_only_the_layers_needed_are_sent(hub, true_size, last):
    assert (hub.folder("models", TIMM) / "model.safetensors").stat().st_size > 574e6
    kept = load_file(imagenet(last))
    wanted = sum(true_size[place] for layer, place in PLACES.items() if layer <= last)
    assert sum(v.numel() * 4 for k, v in kept.items() if not k.startswith("conv0")) == wanted
    assert wanted < hub.sent("model") < 1.02 * wanted
    assert len([r for r in hub.requests if r["range"]]) == 3  # the header and two ranges


def test_the_environment_is_respected_by_another_process(hub, true_size, tmp_path):
    """HF_ENDPOINT and HF_HOME as a user sets them, in a process of its own."""
    environment = {
        **os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "other"), "HF_HUB_DISABLE_XET": "1",
        "STYLE_CORE_REPO": REPO, "STYLE_CORE_IMAGENET_REPO": f"{TIMM}@main",
    }  # fmt: skip
    code = (
        "from style_core.weights import locate; print(locate('vgg19', 'wct_1')); "
        "print(locate('vgg19', 'imagenet_encoder', last='conv1_2'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    for line in done.stdout.split():
        assert line.startswith(str(tmp_path / "other"))


def test_the_page_and_compact_results_ask_no_hub(monkeypatch, tmp_path):
    asked = []  # by code, too, that would go on without an answer

    def refuse(*arguments, **more):
        asked.append(arguments)
        raise OSError("There is no network.")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    clear_cache()
    build_page(Service(Limits(), ShareStore(str(tmp_path))))
    for method, options in (("wct2", {}), ("gatys", {"steps": 2})):
        result = stylize(method, photo(32, 32), photo(32, 32, seed=1), **options)
        assert result.settings["networks"]  # read from what came along
    assert asked == []


class TestWhereabouts:
    """What a family of weights would fetch, before anything is fetched."""

    def test_the_files_of_a_method_are_added_up_and_only_the_manifest_is_fetched(self, hub):
        folder = hub.folder("models", REPO) / "vgg19"
        listed = json.loads((folder / "manifest.json").read_text())
        for name, entry in listed["files"].items():
            is_needed = name == "encoder.safetensors" or name.startswith("wct2_")
            entry |= {"bytes": 2_000_000 if is_needed else 90_000_000, "licence": "MIT"}
        (folder / "manifest.json").write_text(json.dumps(listed))
        assert describe_weights("wct2", "vgg19") == f"The first use fetches at most 6.0 MB from {REPO} (MIT)."
        assert hub.sent(r".*\.safetensors") == 0

    def test_what_is_in_a_folder_is_said_to_be_here(self, hub, monkeypatch, tiny_weights):
        monkeypatch.setenv("STYLE_CORE_WEIGHTS", str(tiny_weights))
        assert "on this machine; nothing is fetched" in describe_weights("wct2", "vgg19")

    def test_without_a_repository_it_says_so(self, hub, monkeypatch):
        monkeypatch.delenv("STYLE_CORE_REPO")
        assert "fetch the published ones with 'style-core weights get wct2'" in describe_weights(
            "wct2", "vgg19"
        )

    def test_a_hub_that_refuses_is_a_sentence(self, hub):
        hub.fault(404, ".*manifest.*")
        with pytest.raises(WeightsUnavailable, match=r"The list of vgg19 weights"):
            describe_weights("wct2", "vgg19")

    def test_imagenets_network_names_its_size_and_asks_nobody(self, hub):
        assert "of VGG-19 from timm/vgg19.tv_in1k (BSD-3-Clause)" in describe_weights("gatys", "vgg19")
        assert hub.sent(".*") == 0


def test_weights_get_fetches_vgg19_once_and_says_size_and_licence_first(hub):
    said = []
    folder = get_weights("gatys", report=said.append)
    assert (folder / "imagenet_encoder.safetensors").is_file()
    assert said[0] == f"VGG-19: 51.8 MB, BSD-3-Clause, from {TIMM}."
    assert said[-1] == f"VGG-19 is in {folder} now."
    count = len(hub.requests)
    said.clear()
    assert get_weights("deep_photo", report=said.append) == folder
    assert said == [f"VGG-19 is here already, in {folder}."]
    assert len(hub.requests) == count
