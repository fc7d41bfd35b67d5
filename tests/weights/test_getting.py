"""``style-core weights get``: from the published files at a host to the folder that is searched anyway."""

import http.server
import re
import threading
from pathlib import Path

import pytest
import torch

from style_core import Cancelled, WeightsUnavailable, cli, get_weights, stylize
from style_core.fronts import describe_weights
from style_core.publishing import getting, originals
from style_core.publishing.checkpoints import PUBLISHED
from style_core.publishing.originals import ORIGINALS, Original, fetch_originals, git_blob_sha1
from style_core.weights import folders, locate
from style_core.weights.folders import PUBLISHED_SETS, fetched_folder

from ..conftest import photo
from ..test_hub_upload import (
    as_canonical,
    as_collaborative,
    as_torch_sequence,
    compressed_pair,
    released_decoder,
    released_encoder,
    small_decoder,
    small_encoder,
)

LEVELS = (1, 2, 3, 4, 5)


class Host:
    """A host with GitHub's addresses and ranges, which can cut answers short."""

    def __init__(self, folder):
        self.folder, self.requests, self.cuts, self.knows_ranges = folder, [], 0, True
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                """Nothing is printed."""

            def do_GET(self):
                host.answer(self)

            do_HEAD = do_GET  # noqa: N815

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request):
        asked = request.headers.get("Range")
        self.requests.append((request.command, request.path, asked))
        path = self.folder / request.path.lstrip("/")
        if not path.is_file():
            request.send_error(404)
            return
        data = path.read_bytes()
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.knows_ranges else 0
        if start and start >= len(data):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - start))
        request.end_headers()
        if request.command == "HEAD":
            return
        is_cut = self.cuts > 0
        self.cuts -= is_cut
        request.wfile.write(data[start : start + (len(data) - start) // 2] if is_cut else data[start:])

    def gets(self):
        return [(path, asked) for method, path, asked in self.requests if method == "GET"]


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host that has nothing, and is asked instead of GitHub; the user's data are in ``tmp_path/data``."""
    running = Host(tmp_path / "host")
    monkeypatch.setattr(getting, "HOST", running.url)
    monkeypatch.setattr(originals, "DELAYS", (0.01, 0.01))
    monkeypatch.setenv(folders.DATA, str(tmp_path / "data"))
    for name in (folders.ENVIRONMENT, "STYLE_CORE_REPO"):
        monkeypatch.delenv(name, raising=False)
    yield running
    running.server.shutdown()
    running.server.server_close()


def publish(host, monkeypatch, name, files, *, sizes=True):
    """Put state dicts at the host in place of a set's originals."""
    listed = []
    for file, state in files.items():
        path = host.folder / f"o/r/raw/HEAD/{file}.pth"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path)
        listed.append(
            Original("o/r", f"{file}.pth", git_blob_sha1(path), path.stat().st_size if sizes else None)
        )
    monkeypatch.setitem(originals.ORIGINALS, name, tuple(listed))


def published_files(name):
    """Random small networks as a set's originals have them."""
    generator = torch.Generator().manual_seed(4)
    if name == "wct2":
        decoders = {f"decoder_{v}": released_decoder(v, generator) for v in ("cat5", "sum")}
        return {"encoder": released_encoder(generator), **decoders}
    if name == "wct_16x":
        pairs = {k: compressed_pair(k, generator) for k in LEVELS}
        return {f"{k}{kind}": as_collaborative(pair[kind]) for k, pair in pairs.items() for kind in (0, 1)}
    encoder = small_encoder(5, generator)
    depths = {1: 2, 2: 4, 3: 6, 4: 10, 5: 14}  # layers with conv0
    if name == "wct":  # five encoders, each the beginning of the next, and five decoders
        encoders = {f"e{k}": as_torch_sequence(encoder[: depths[k]], k) for k in LEVELS}
        return encoders | {f"d{k}": as_torch_sequence(small_decoder(k, generator), k) for k in LEVELS}
    parts = {}
    for k in (1, 2, 3, 4):
        for kind, layers in (("e", encoder[: depths[k]]), ("d", small_decoder(k, generator))):
            parts |= {f"{kind}{k}.{key}": value for key, value in as_canonical(layers).items()}
    return {"photo_wct": parts}


EXPECTED = {
    "wct2": {"encoder", "wct2_cat5", "wct2_sum"},
    "photo_wct": {"encoder", *(f"photo_wct_{k}" for k in (1, 2, 3, 4))},
    "wct": {"encoder", *(f"wct_{k}" for k in LEVELS)},
    "wct_16x": {"encoder", *(f"wct_{k}" for k in LEVELS)},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_set_is_fetched_converted_and_found_by_its_method(host, monkeypatch, name):
    publish(host, monkeypatch, name, published_files(name))
    method, family = PUBLISHED_SETS[name]
    assert f"'style-core weights get {name}'" in describe_weights(method, family)
    said = []
    folder = get_weights(name, report=said.append)
    assert {path.stem for path in folder.glob("*.safetensors")} == EXPECTED[name]
    assert folder == fetched_folder(name)
    assert {path.name for path in folder.parent.iterdir()} == {family, ".lock"}  # no originals, no draft
    size = sum(original.size for original in ORIGINALS[name]) / 1e6
    assert said[0].startswith(f"{PUBLISHED[name].title}: {size:.1f} MB, {PUBLISHED[name].licence}, from ")
    assert describe_weights(method, family) == "These networks are on this machine; nothing is fetched."
    result = stylize(method, photo(48, 64), photo(64, 48, seed=1), family=family, device="cpu")
    assert result.image.shape == (1, 3, 48, 64)


def test_a_second_time_it_is_here_and_nobody_is_asked(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"))
    folder = get_weights("wct")
    before = len(host.requests)
    said = []
    assert get_weights("wct", report=said.append) == folder
    assert said == [f"WCT is here already, in {folder}."]
    assert len(host.requests) == before


def test_two_sets_of_a_family_have_encoders_of_their_own(host, monkeypatch):
    for name in ("wct", "photo_wct"):
        publish(host, monkeypatch, name, published_files(name))
        get_weights(name)
    found = {name: locate("vgg19", f"{name}_1") for name in ("wct", "photo_wct")}
    for name, path in found.items():
        assert locate("vgg19", "encoder", method=name).parent == path.parent == fetched_folder(name)


def test_the_16x_encoder_serves_a_method_without_decoders(host, monkeypatch):
    publish(host, monkeypatch, "wct_16x", published_files("wct_16x"))
    get_weights("wct_16x")
    result = stylize("gatys", photo(48, 64), photo(64, 48, seed=1), family="vgg19_16x", steps=2)
    assert result.settings["family"] == "vgg19_16x"


def test_sizes_that_are_not_listed_are_asked_for_and_it_is_said_who_says_so(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"), sizes=False)
    said = []
    get_weights("wct", report=said.append)
    assert re.match(r"WCT: \d+\.\d MB as the host says, MIT", said[0])
    assert [method for method, *_ in host.requests[:3]] == ["HEAD"] * 3


@pytest.mark.parametrize("sizes", [True, False])
def test_a_connection_that_breaks_is_gone_on_with(host, monkeypatch, sizes):
    publish(host, monkeypatch, "photo_wct", published_files("photo_wct"), sizes=sizes)
    host.cuts = 2
    get_weights("photo_wct")
    starts = [asked for _, asked in host.gets()]
    assert starts[0] is None
    assert len(starts) == 3
    assert all(asked.startswith("bytes=") for asked in starts[1:])


def test_another_run_goes_on_where_one_was_stopped(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"))

    def stop(message):
        if message.startswith("Fetching d5"):
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        get_weights("wct", report=stop)
    assert not fetched_folder("wct").exists()
    host.requests.clear()
    get_weights("wct")
    assert {path for path, _ in host.gets()} <= {"/o/r/raw/HEAD/d5.pth"}


def test_a_partial_file_of_something_else_is_fetched_anew(host, monkeypatch, tmp_path):
    publish(host, monkeypatch, "wct", published_files("wct"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "e1.pth.partial").write_bytes(b"something else")
    (tmp_path / "out" / "d5.pth.partial").write_bytes(b"x" * 10_000_000)  # longer than the file
    for path in fetch_originals("wct", tmp_path / "out", lambda message: None, host=host.url):
        assert path.read_bytes() == (host.folder / "o/r/raw/HEAD" / path.name).read_bytes()


def test_a_host_without_ranges_sends_all_again(host, monkeypatch):
    publish(host, monkeypatch, "photo_wct", published_files("photo_wct"))
    host.cuts, host.knows_ranges = 1, False
    get_weights("photo_wct")
    assert len(host.gets()) == 2


def test_another_file_than_the_listed_is_refused_and_nothing_is_left_in_the_place(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"))
    (host.folder / "o/r/raw/HEAD/e3.pth").write_bytes(b"another")
    with pytest.raises(WeightsUnavailable, match="is not the file listed"):
        get_weights("wct")
    assert not fetched_folder("wct").exists()


def test_a_damaged_network_is_made_again(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"))
    path = get_weights("wct") / "wct_2.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    get_weights("wct")
    assert path.read_bytes() == whole


def test_a_place_that_cannot_be_written_names_the_setting(host, monkeypatch, tmp_path):
    publish(host, monkeypatch, "wct", published_files("wct"))
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(WeightsUnavailable, match="set STYLE_CORE_DATA to a folder that can"):
        get_weights("wct")


def test_the_data_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv(folders.DATA, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert fetched_folder("wct_16x") == tmp_path / "style_core/weights/wct_16x/vgg19_16x"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert folders.data_folder() == Path.home() / ".local/share/style_core"


def test_sets_originals_and_families_agree():
    assert PUBLISHED_SETS.keys() == ORIGINALS.keys()
    for name, (method, family) in PUBLISHED_SETS.items():
        assert PUBLISHED[name].family == family
        assert name.startswith(method)


def test_listed_blobs_and_sizes_are_those_of_the_files_at_hand(shared_data):
    listed = {original.name: original for original in ORIGINALS["wct"]}
    paths = sorted(shared_data.glob("published/*.pth"))
    assert len(paths) == 6
    for path in paths:
        assert (git_blob_sha1(path), path.stat().st_size) == (listed[path.name].blob, listed[path.name].size)


class TestCommand:
    def test_it_says_size_and_licence_before_and_the_place_after(self, host, monkeypatch, capsys):
        publish(host, monkeypatch, "wct", published_files("wct"))
        assert cli.main(["weights", "get", "wct"]) == 0
        out, err = capsys.readouterr()
        assert out.strip() == str(fetched_folder("wct"))
        assert err.splitlines()[0].startswith("WCT: ")
        assert f"WCT is in {fetched_folder('wct')} now" in err
        assert cli.main(["weights", "get", "wct"]) == 0
        assert "is here already" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["weights"], ["weights", "list"]])
    def test_the_list_says_for_every_method_and_family_where_they_are(self, host, capsys, arguments):
        assert cli.main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 15
        assert "nothing is fetched" in next(line for line in lines if line.startswith("compact    wct "))
        assert "get photo_wct'" in next(line for line in lines if line.startswith("vgg19      photo_wct"))
        assert "none are published for wct2" in next(line for line in lines if "16x  wct2" in line)
        assert not host.requests

    def test_another_name_is_refused_with_those_there_are(self, capsys):
        assert cli.main(["weights", "get", "vgg16"]) == 1
        assert capsys.readouterr().err == (
            "Refused: There are full-size weights of wct2, photo_wct, wct, wct_16x, gatys, deep_photo, "
            "not of 'vgg16'.\n"
        )

    @pytest.mark.parametrize("arguments", [["get"], ["get", "wct", "more"], ["put"]])
    def test_wrong_usage(self, arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["weights", *arguments])
        assert left.value.code == 2


def test_what_a_person_put_beside_a_set_stays(host, monkeypatch):
    publish(host, monkeypatch, "wct", published_files("wct"))
    own = fetched_folder("wct").parent / "notes.txt"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    get_weights("wct")
    assert own.read_text() == "mine"
