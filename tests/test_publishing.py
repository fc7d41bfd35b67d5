"""Originals fetched and verified, weights and the demo published to a Hub, and fetched again from it."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard

import hub_upload
from style_core.publishing import originals
from style_core.publishing.checkpoints import CheckpointError
from style_core.publishing.originals import ORIGINALS, Original, fetch_originals, git_blob_sha1
from style_core.publishing.repository import plan_space, plan_weights

from .fake_hub import serve

ROOT = Path(__file__).resolve().parent.parent


class TestOriginals:
    @pytest.fixture
    def mirror(self, tmp_path):
        """A host with GitHub's addresses, serving what is put into ``tmp_path/mirror``."""
        folder = tmp_path / "mirror"
        folder.mkdir()

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(folder))

            def log_message(self, *arguments):
                """Nothing is printed."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()

    @pytest.fixture
    def listed(self, mirror, monkeypatch):
        """One original of wct2: its file at the mirror, listed with its true blob."""
        folder, _ = mirror
        path = folder / "owner/name/raw/HEAD/models/a.pth"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"weights")
        monkeypatch.setitem(
            originals.ORIGINALS, "wct2", (Original("owner/name", "models/a.pth", git_blob_sha1(path)),)
        )
        return path

    def test_a_blobs_name_is_gits(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"hello\n")
        git = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
        assert git_blob_sha1(path) == git.stdout.strip()

    def test_a_file_is_fetched_once_and_its_licence_said_first(self, mirror, listed, tmp_path):
        said = []
        for _ in range(2):
            (path,) = fetch_originals("wct2", tmp_path / "out", said.append, host=mirror[1])
            assert path.read_bytes() == b"weights"
        assert "MIT" in said[0]
        assert said[-1] == "a.pth is here already."

    def test_another_file_than_the_listed_is_removed(self, mirror, listed, tmp_path):
        listed.write_bytes(b"something else")
        with pytest.raises(CheckpointError, match="is not the file listed"):
            fetch_originals("wct2", tmp_path / "out", print, host=mirror[1])
        assert list((tmp_path / "out").iterdir()) == []

    def test_what_is_not_there_is_a_sentence(self, mirror, listed, tmp_path, capsys):
        listed.unlink()
        command = ["fetch-originals", "wct2", "-o", str(tmp_path / "out"), "--host", mirror[1]]
        assert hub_upload.main(command) == 1
        assert "answers 404; the file may have moved" in capsys.readouterr().err

    def test_nobody_there_is_a_sentence(self, tmp_path, capsys, monkeypatch):
        monkeypatch.setattr(originals, "DELAYS", (0.01,))
        command = ["fetch-originals", "wct2", "-o", str(tmp_path / "out"), "--host", "http://127.0.0.1:9"]
        assert hub_upload.main(command) == 1
        said = capsys.readouterr().err
        assert "cannot be fetched from http://127.0.0.1:9/" in said
        assert "(Connection refused); check the connection and run it again" in said

    @pytest.mark.parametrize(
        ("method", "count"), [("wct2", 3), ("photo_wct", 1), ("wct", 10), ("wct_16x", 10)]
    )
    def test_every_original_is_listed_with_a_blob_of_its_own(self, method, count):
        blobs = {original.blob for original in ORIGINALS[method]}
        assert len(blobs) == len({original.name for original in ORIGINALS[method]}) == count
        assert all(len(blob) == 40 for blob in blobs)


@pytest.fixture
def weights(tiny_weights, tmp_path):
    """A folder with one family, as convert and training leave it."""
    folder = tmp_path / "weights" / "vgg19"
    shutil.copytree(tiny_weights, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["family"] = "vgg19"
    for entry in manifest["files"].values():
        entry |= {"licence": "MIT", "origin": "made up", "metrics": {"reconstruction_db": {"median": 30.1}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder.parent


class TestPlans:
    def test_the_card_has_licence_origin_metrics_and_usage(self, weights):
        plan = plan_weights(weights, "someone/style")
        card = plan.texts["README.md"]
        assert card.startswith("---\nlicense: mit\n")
        assert "| `wct_1.safetensors` | MIT | made up | reconstruction 30.1 dB |" in card
        assert "export STYLE_CORE_REPO=someone/style" in card
        assert {"vgg19/manifest.json", "vgg19/encoder.safetensors"} <= set(plan.files)

    def test_a_familys_own_folder_will_do(self, weights):
        assert set(plan_weights(weights / "vgg19", "a/b").files) == set(plan_weights(weights, "a/b").files)

    def test_non_commercial_files_are_named_on_top(self, weights):
        path = weights / "vgg19" / "manifest.json"
        path.write_text(path.read_text().replace('"MIT"', '"CC BY-NC-SA 4.0"'))
        card = plan_weights(weights, "a/b").texts["README.md"]
        assert "license: cc-by-nc-sa-4.0" in card
        assert "non-commercial use only" in card

    @pytest.mark.parametrize("name", ["style", "a/b/c", "../b", "a/", "a/..", ""])
    def test_a_repository_is_user_and_name(self, weights, name):
        with pytest.raises(CheckpointError, match="is named USER/NAME"):
            plan_weights(weights, name)

    def test_a_file_its_manifest_does_not_describe_is_refused(self, weights):
        path = weights / "vgg19" / "wct_1.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(CheckpointError, match="is not the file its manifest describes"):
            plan_weights(weights, "a/b")

    def test_a_name_that_leaves_the_folder_is_refused(self, weights):
        path = weights / "vgg19" / "manifest.json"
        path.write_text(json.dumps({"family": "vgg19", "files": {"../../secret": {"sha256": "0" * 64}}}))
        with pytest.raises(CheckpointError, match="names a family or a file that cannot be one"):
            plan_weights(weights, "a/b")

    def test_nothing_to_publish_is_refused(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"holds no manifest\.json"):
            plan_weights(tmp_path, "a/b")

    def test_a_space_has_what_the_demo_needs_and_no_more(self):
        plan = plan_space("a/b")
        assert {"app.py", "requirements.txt", "demo/page.py", "style_core/pipeline/stylizing.py",
                "assets/weights/compact/encoder.safetensors"} <= set(plan.files)  # fmt: skip
        assert not [n for n in plan.files if n.startswith(("tests/", "benchmarks/", "style_core/training/"))]
        assert "style_core/publishing/repository.py" not in plan.files
        assert not [n for n in plan.files if "__pycache__" in n]
        readme = plan.texts["README.md"]
        card = SpaceCard(readme, ignore_metadata_errors=False).data
        assert (card.title, card.sdk, card.app_file) == ("Style transfer", "gradio", "app.py")
        assert card.sdk_version == version("gradio")
        assert "models:\n- timm/vgg19.tv_in1k" in readme
        assert readme.count("\n---\n") == 1


def environment(hub, home, **more):
    """What a user would set."""
    return {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_TOKEN": "hf_test",
            "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT), **more}  # fmt: skip


def run_in_a_process(hub, home, *arguments, **more):
    """A Python program with the environment a user would set."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment(hub, home, **more), capture_output=True, text=True, cwd=ROOT
    )


@contextmanager
def uploads(hub, home):
    """``upload(*arguments)`` of ``hub_upload.py``, one after another in one process: status and output."""
    code = """
import json, sys, hub_upload
for line in sys.stdin:
    status = hub_upload.main(json.loads(line))
    print(f"end {status}", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment(hub, home), cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as program:  # fmt: skip

        def upload(*arguments):
            program.stdin.write(json.dumps(arguments) + "\n")
            program.stdin.flush()
            lines = []
            for line in program.stdout:
                if line.startswith("end "):
                    return int(line.split()[1]), "".join(lines)
                lines.append(line)
            raise AssertionError(f"the process ended: {''.join(lines)}")

        yield upload
        program.stdin.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A Hub, and one process that uploads to it."""
    with (
        serve(tmp_path_factory.mktemp("hub")) as hub,
        uploads(hub, tmp_path_factory.mktemp("home")) as upload,
    ):
        yield hub, upload


@pytest.fixture
def hub(served):
    """The Hub, of which nothing was asked yet."""
    hub, _ = served
    for noted in (hub.requests, hub.commits, hub.faults):
        noted.clear()
    return hub


@pytest.fixture
def upload(served):
    _, upload = served
    return upload


def test_published_weights_are_fetched_again_by_another_process(hub, upload, weights, tmp_path):
    publish = ("publish", str(weights), "--repo", "tester/style")
    status, said = upload(*publish, "--dry-run")
    assert status == 0, said
    assert "Nothing was sent." in said
    assert not hub.requests
    status, said = upload(*publish)
    assert status == 0, said
    assert len(hub.commits) == 1
    assert "nothing was committed" in upload(*publish)[1]
    assert len(hub.commits) == 1

    fetch = "from style_core.weights import locate; print(locate('vgg19', 'wct_2'))"
    done = run_in_a_process(hub, tmp_path / "two", "-c", fetch, STYLE_CORE_REPO="tester/style")
    assert done.returncode == 0, done.stderr
    found = Path(done.stdout.strip())
    assert found.is_relative_to(tmp_path / "two")
    assert found.read_bytes() == (weights / "vgg19" / "wct_2.safetensors").read_bytes()


def test_a_space_is_pushed_once(hub, upload):
    for expected in ("commit", "nothing was committed"):
        status, said = upload("space", "--repo", "tester/demo")
        assert status == 0, said
        assert expected in said
    assert (hub.folder("spaces", "tester/demo") / "app.py").is_file()
    assert len(hub.commits) == 1


def test_a_token_that_may_not_write_is_a_sentence(hub, upload, weights):
    hub.fault(403, "create")
    status, said = upload("publish", str(weights), "--repo", "tester/closed")
    assert status == 1
    assert "The Hub answered 403 for tester/closed: your token may not write there." in said
