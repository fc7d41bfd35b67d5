"""The papers' own checkpoint files: where they are, and the git blob sha1 each must have.

A file is opened only after its bytes are known to be those of the listed blob; ``.pth`` files are
read without executing anything (checkpoints.py).
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import PUBLISHED, CheckpointError

TIMEOUT = 30  # s without a byte
BLOCK = 1 << 20
USER_AGENT = "style_core (hub_upload.py fetch-originals)"


@dataclass(frozen=True)
class Original:
    """A file of a repository at GitHub and its git blob sha1."""

    repository: str
    path: str
    blob: str

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
ENCODER_BLOBS = (
    "896efcb1be418979be39bcb26c008c7507ba1bb2", "57a394b3f8ce3f576b3721294407bfd48cbc7c19",
    "5afcbfaa0db8bd9482c4aa386652c04e68351591", "48d10de68c06b7e79e1935f3ce230a72f68998d3",
    "f662e4d9927a7c30c0e9a2e71d75a355a9ab4f7d",
)  # fmt: skip
DECODER_BLOBS = (
    "7cb29738ec76fea9367f13a58660418f39f92f1e", "92722c4185a94416173596bc1bb8fd5544107736",
    "c3b1de980c616bf9677c69b0232c336100fc36f5", "63fef9331525cfaa2b555db98a661d1c3510d0f3",
    "eacbc8e8387d7575240a613c5a4c147ffb805f03",
)  # fmt: skip
COMPRESSED = (  # kSE.pth and kSD.pth of the repository are links to these
    ("_new/20191110-133713_E20", "a5eece5054a5c352eb6d9bc83cc918c7ef915fc8"),
    ("_new/20191110-132713_E20", "24639ba9365561d218ebf5185b1ae2f696635242"),
    ("_new/20191110-132705_E20", "46d4e5263c89c1ca7498d120cdcb1d491a686ff1"),
    ("_new/20191110-132643_E20", "468fe7340eb03f4fc58da06e2b1bbe296999db81"),
    ("_new/20191109-211322_E20", "b68891fbdbcab7af9d61ad0ba11361f3af652c1c"),
    ("_new_sd/20191111-091942_E20", "9ab1781bd11678364dd7ee7d0edc484832da7065"),
    ("_new_sd/20191111-091932_E20", "7d54b614a9bd99a538ddb941624b4af62c73cac1"),
    ("_new_sd/20191111-091929_E20", "59e054a756c95a4da3a278c430fe6ff528e5b9a6"),
    ("_new_sd/20191111-092553_E20", "649b41339fe98e1fb9f1965f1764d3324cfd7b8c"),
    ("_new_sd/20191110-204615_E20", "8e2ac931dc847527df398c37ed4de3d9d406082a"),
)
ORIGINALS: dict[str, tuple[Original, ...]] = {
    "wct2": (
        Original(
            WCT2, "model_checkpoints/wave_encoder_cat5_l4.pth", "6be4f0df67802f93dfa68c3da5a25f5be4d15a88"
        ),
        Original(
            WCT2, "model_checkpoints/wave_decoder_cat5_l4.pth", "3f7fd4cbd4398a053dd21b22c00dd0012dfcc6e2"
        ),
        Original(
            WCT2, "model_checkpoints/wave_decoder_sum_l4.pth", "305baf0115e5e6cde546ce0776c2bb1b92f907c7"
        ),
    ),
    "photo_wct": (
        Original(
            "NVIDIA/FastPhotoStyle",
            "PhotoWCTModels/photo_wct.pth",
            "4b38e69fd1c3d3779a9bb54a305d352b2bcef92e",
        ),
    ),
    "wct": (
        *(
            Original(DEEP_TRANSFER, f"models/autoencoder_vgg19/vgg19_{k}/vgg_normalised_conv{k}_1.pth", blob)
            for k, blob in enumerate(ENCODER_BLOBS, 1)
        ),
        *(
            Original(
                DEEP_TRANSFER, f"models/autoencoder_vgg19/vgg19_{k}/feature_invertor_conv{k}_1.pth", blob
            )
            for k, blob in enumerate(DECODER_BLOBS, 1)
        ),
    ),
    "wct_16x": tuple(
        Original(DISTILLED, f"trained_models/wct_se_16x{path}.pth", blob) for path, blob in COMPRESSED
    ),
}


def fetch_originals(
    method: str, folder: Path, report: Callable[[str], None], *, host: str = HOST
) -> list[Path]:
    """Fetch a method's published files into ``folder``; those that are there already are not fetched again.

    Args:
        report: told the licence before anything is fetched, and how far a file has come.
        host: whose ``/OWNER/NAME/raw/…`` addresses are asked.

    Raises:
        CheckpointError: a file cannot be fetched, or is not the one listed.
    """
    published = PUBLISHED[method]
    report(f"{published.title}: {published.licence}, from {published.origin}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_fetch(original, folder / original.name, report, host) for original in ORIGINALS[method]]


def _fetch(original: Original, path: Path, report: Callable[[str], None], host: str) -> Path:
    if path.exists() and git_blob_sha1(path) == original.blob:
        report(f"{path.name} is here already")
        return path
    partial = path.with_suffix(".partial")
    address = original.url(host)
    try:
        request = urllib.request.Request(address, headers={"User-Agent": USER_AGENT})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response, partial.open("wb") as file:
            while block := response.read(BLOCK):
                file.write(block)
                report(f"{path.name}: {file.tell() / 1e6:.1f} MB")
    except urllib.error.HTTPError as error:
        raise CheckpointError(
            f"{address} answers {error.code}; the file may have moved, look for blob {original.blob[:12]}…."
        ) from error
    except OSError as error:  # URLError, timeouts, a full disk
        raise CheckpointError(f"{path.name} cannot be fetched from {address}: {error}.") from error
    found = git_blob_sha1(partial)
    if found != original.blob:
        partial.unlink()
        raise CheckpointError(
            f"{address} is not the file listed (git blob {found[:12]}…, expected {original.blob[:12]}…); "
            "it was removed."
        )
    partial.replace(path)
    return path


def git_blob_sha1(path: Path) -> str:
    """The name git gives a file's content."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size)  # git's, not for secrecy
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
