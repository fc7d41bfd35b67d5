"""The papers' own checkpoint files: where they are, how large, and the git blob sha1 each must have.

A file is opened only after its bytes are known to be those of the listed blob; ``.pth`` files are
read without executing anything (checkpoints.py). By hand, because pooch neither goes on with a partial file
nor knows git's blob sha1.
"""

from __future__ import annotations

import hashlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar

from ..progress import TextReport
from ..weights.hub import megabytes
from .checkpoints import PUBLISHED, CheckpointError

TIMEOUT = 30  # s without a byte
DELAYS = (0.5, 1.0, 2.0, 4.0)  # s before the tries after the first
BLOCK = 1 << 20
USER_AGENT = "style_core (weights get)"
NO_SUCH_RANGE = 416  # nothing lies behind what is here
R = TypeVar("R")


@dataclass(frozen=True)
class Original:
    """A file of a repository at GitHub, its git blob sha1, and its bytes where they are known beforehand."""

    repository: str
    path: str
    blob: str
    size: int | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    def url(self, host: str) -> str:
        """Where it is served; the blob's sha1 makes sure of the version."""
        return f"{host}/{self.repository}/raw/HEAD/{self.path}"


HOST = "https://github.com"
WCT2 = "clovaai/WCT2"
DEEP_TRANSFER = "pietrocarbo/deep-transfer"
DISTILLED = "MingSun-Tse/Collaborative-Distillation"
AUTOENCODERS = (  # of levels 1 to 5
    ("vgg_normalised", "896efcb1be418979be39bcb26c008c7507ba1bb2", 8_031),
    ("vgg_normalised", "57a394b3f8ce3f576b3721294407bfd48cbc7c19", 451_726),
    ("vgg_normalised", "5afcbfaa0db8bd9482c4aa386652c04e68351591", 2_223_308),
    ("vgg_normalised", "48d10de68c06b7e79e1935f3ce230a72f68998d3", None),
    ("vgg_normalised", "f662e4d9927a7c30c0e9a2e71d75a355a9ab4f7d", None),
    ("feature_invertor", "7cb29738ec76fea9367f13a58660418f39f92f1e", 7_488),
    ("feature_invertor", "92722c4185a94416173596bc1bb8fd5544107736", 450_926),
    ("feature_invertor", "c3b1de980c616bf9677c69b0232336c100336fc5", 2_221_993),
    ("feature_invertor", "63fef9331525cfaa2b555db98a661d1c3510d0f3", None),
    ("feature_invertor", "eacbc8e8387d7575240a613c5a4c147ffb805f03", None),
)
COMPRESSED = (  # kSE.pth and kSD.pth of the repository are links to these
    ("_new/20191110-133713_E20", "a5eece5054a5c352eb6d9bc83cc918c7ef915fc8", 10_271),
    ("_new/20191110-132713_E20", "24639ba9365561d218ebf5185b1ae2f696635242", 52_833),
    ("_new/20191110-132705_E20", "46d4e5263c89c1ca7498d120cdcb1d491a686ff1", 231_124),
    ("_new/20191110-132643_E20", "468fe7340eb03f4fc58da06e2b1bbe296999db81", 1_235_183),
    ("_new/20191109-211322_E20", "b68891fbdbcab7af9d61ad0ba11361f3af652c1c", 3_862_288),
    ("_new_sd/20191111-091942_E20", "9ab1781bd11678364dd7ee7d0edc484832da7065", 3_220),
    ("_new_sd/20191111-091932_E20", "7d54b614a9bd99a538ddb941624b4af62c73cac1", 30_672),
    ("_new_sd/20191111-091929_E20", "59e054a756c95a4da3a278c430fe6ff528e5b9a6", 142_014),
    ("_new_sd/20191111-092553_E20", "649b41339fe98e1fb9f1965f1764d3324cfd7b8c", 881_308),
    ("_new_sd/20191110-204615_E20", "8e2ac931dc847527df398c37ed4de3d9d406082a", 3_243_622),
)
ORIGINALS: dict[str, tuple[Original, ...]] = {
    "wct2": tuple(
        Original(WCT2, f"model_checkpoints/wave_{name}_l4.pth", blob)
        for name, blob in (
            ("encoder_cat5", "6be4f0df67802f93dfa68c3da5a25f5be4d15a88"),
            ("decoder_cat5", "3f7fd4cbd4398a053dd21b22c00dd0012dfcc6e2"),
            ("decoder_sum", "305baf0115e5e6cde546ce0776c2bb1b92f907c7"),
        )
    ),
    "photo_wct": (
        Original(
            "NVIDIA/FastPhotoStyle",
            "PhotoWCTModels/photo_wct.pth",
            "4b38e69fd1c3d3779a9bb54a305d352b2bcef92e",
        ),
    ),
    "wct": tuple(
        Original(DEEP_TRANSFER, f"models/autoencoder_vgg19/vgg19_{k}/{kind}_conv{k}_1.pth", blob, size)
        for k, (kind, blob, size) in zip((1, 2, 3, 4, 5) * 2, AUTOENCODERS, strict=True)
    ),
    "wct_16x": tuple(
        Original(DISTILLED, f"trained_models/wct_se_16x{path}.pth", blob, size)
        for path, blob, size in COMPRESSED
    ),
}


def fetch_originals(method: str, folder: Path, report: TextReport, *, host: str = HOST) -> list[Path]:
    """Fetch a method's published files into ``folder``; what is there of them already is not fetched again.

    Args:
        report: told size and licence before anything is fetched, and how far a file has come.
        host: whose ``/OWNER/NAME/raw/…`` addresses are asked.

    Raises:
        CheckpointError: a file cannot be fetched, or is not the one listed.
    """
    published, originals = PUBLISHED[method], ORIGINALS[method]
    missing = [original for original in originals if not _is_here(folder / original.name, original)]
    size = f"{_announced_size(missing, host)}, " if missing else ""
    report(f"{published.title}: {size}{published.licence}, from {published.origin}.")
    folder.mkdir(parents=True, exist_ok=True)
    for original in originals:
        if original in missing:
            _fetch(original, folder / original.name, report, host)
        else:
            report(f"{original.name} is here already.")
    return [folder / original.name for original in originals]


def git_blob_sha1(path: Path) -> str:
    """The name git gives a file's content."""
    header = hashlib.sha1(b"blob %d\0" % path.stat().st_size)  # git's, not for secrecy
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: header).hexdigest()


def _is_here(path: Path, original: Original) -> bool:
    return path.is_file() and git_blob_sha1(path) == original.blob


def _announced_size(originals: list[Original], host: str) -> str:
    """The bytes of all files for people, with who says so where it is not known beforehand."""
    known = [original.size for original in originals if original.size is not None]
    asked = [_asked_size(original, host) for original in originals if original.size is None]
    return f"{megabytes(sum(known) + sum(asked))}{' as the host says' if asked else ''}"


def _asked_size(original: Original, host: str) -> int:
    def ask() -> int:
        with _opened(original.url(host), method="HEAD") as response:
            return int(response.headers.get("Content-Length") or 0)

    return _tried(ask, original, host)


def _fetch(original: Original, path: Path, report: TextReport, host: str) -> None:
    """The file, from where an earlier try ended; what then is not the one listed is fetched once more."""
    part = path.with_name(f"{path.name}.partial")
    is_resumed = part.exists()
    _tried(lambda: _go_on(original, part, report, host), original, host)
    if is_resumed and git_blob_sha1(part) != original.blob:
        part.unlink()
        _tried(lambda: _go_on(original, part, report, host), original, host)
    found = git_blob_sha1(part)
    if found != original.blob:
        part.unlink()
        raise CheckpointError(
            f"{original.url(host)} is not the file listed (git blob {found[:12]}…, expected "
            f"{original.blob[:12]}…); it was removed."
        )
    part.replace(path)


def _go_on(original: Original, part: Path, report: TextReport, host: str) -> None:
    """Add to the partial file what it lacks; a host that knows no ranges sends all of it anew."""
    done = part.stat().st_size if part.exists() else 0
    if done and done == original.size:
        return
    headers = {"Range": f"bytes={done}-"} if done else {}
    try:
        with _opened(original.url(host), **headers) as response:
            is_rest = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
            _write(response, part, "ab" if is_rest else "wb", f"Fetching {original.name}", report)
    except urllib.error.HTTPError as error:
        if error.code != NO_SUCH_RANGE:
            raise


def _write(response: HTTPResponse, part: Path, mode: str, title: str, report: TextReport) -> None:
    with part.open(mode) as file:
        expected = file.tell() + int(response.headers.get("Content-Length") or 0)
        while block := response.read(BLOCK):
            file.write(block)
            report(f"{title}: {megabytes(file.tell())} of {megabytes(max(expected, file.tell()))}")
        if file.tell() < expected:
            raise ConnectionError("the connection ended before the file")


@contextmanager
def _opened(address: str, *, method: str = "GET", **headers: str) -> Iterator[HTTPResponse]:
    request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT, **headers}, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        yield response


def _tried(call: Callable[[], R], original: Original, host: str) -> R:
    """What ``call`` gives, after some more tries where waiting can help.

    Raises:
        CheckpointError: with what was answered.
    """
    address = original.url(host)
    for delay in (*DELAYS, None):
        try:
            return call()
        except urllib.error.HTTPError as error:
            if delay is None or (error.code < 500 and error.code != 429):
                raise CheckpointError(
                    f"{address} answers {error.code}; the file may have moved, look for blob "
                    f"{original.blob[:12]}…."
                ) from error
        except (urllib.error.URLError, ConnectionError, TimeoutError, HTTPException) as error:
            if delay is None:
                raise CheckpointError(
                    f"{original.name} cannot be fetched from {address} ({_words(error)}); check the "
                    "connection and run it again, which goes on with what has arrived."
                ) from error
        time.sleep(delay)
    raise AssertionError("the last try either returns or raises")


def _words(error: OSError | HTTPException) -> str:
    """What went wrong below, without Python's names for it."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
