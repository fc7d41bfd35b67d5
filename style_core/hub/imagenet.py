"""VGG-19 as trained on ImageNet, of whose 575 MB a method needs 14 to 52: fetched by layers.

timm's file is read by byte ranges; the layers become a small safetensors file of canonical tensors with
a record of repository, commit and ETag beside it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from ..checkpoints import IMAGENET_FILE, PUBLISHED, feature_places, imagenet_input
from ..digest import file_sha256
from ..errors import WeightsUnavailable
from ..nets.encoder import LAYERS, Encoder
from .names import Remote, Report, cache_folder, imagenet_repository, locked
from .ranges import RemoteFile, RemoteTensor, covering_ranges
from .reasons import INSTEAD, explained
from .repositories import MANIFEST

SOURCE = "model.safetensors"
RECORD = "record.json"


def fetch_imagenet(last: str, report: Report) -> Path:
    """VGG-19 as trained on ImageNet, up to layer ``last``, as canonical tensors with their preprocessing.

    Kept under the Hub's assets cache beside a manifest and a record of repository, commit and ETag. A
    file that ends before ``last`` is extended by the layers it lacks.

    Raises:
        WeightsUnavailable: with what was tried and what to do.
    """
    remote = imagenet_repository()
    layers = LAYERS[: LAYERS.index(last) + 1]
    what = "The vgg19 weights 'imagenet_encoder'"
    with explained(what, remote.repo):
        folder = cache_folder("vgg19", remote.repo.replace("/", "--"), remote.revision.replace("/", "--"))
        path = folder / f"{IMAGENET_FILE}.safetensors"
        if _holds(path, layers):
            return path
        with locked(folder, report):
            if not _holds(path, layers):  # another process may have been faster
                _fetch_layers(remote, layers, folder, path, report)
    return path


def kept_imagenet() -> Path | None:
    """The file that holds all layers, if it has been fetched before."""
    remote = imagenet_repository()
    folder = cache_folder("vgg19", remote.repo.replace("/", "--"), remote.revision.replace("/", "--"))
    path = folder / f"{IMAGENET_FILE}.safetensors"
    return path if _holds(path, LAYERS) else None


def _holds(path: Path, layers: Sequence[str]) -> bool:
    """Whether the kept file is what its record says, and goes far enough."""
    try:
        record = json.loads((path.parent / RECORD).read_text("utf-8"))
        return bool(record["sha256"] == file_sha256(path) and set(layers) <= set(record["layers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fetch_layers(remote: Remote, layers: Sequence[str], folder: Path, path: Path, report: Report) -> None:
    source = RemoteFile(remote, SOURCE, report)
    if remote.etag and source.etag != remote.etag:
        raise WeightsUnavailable(
            f"{remote.repo} serves another file than the one known (sha256 {remote.etag[:12]}…); convert a "
            f"file you trust ('python hub_upload.py convert imagenet'), {INSTEAD}"
        )
    held = _held_tensors(path, source.etag)
    header, start = source.header()
    wanted = {}
    for place, layer in zip(feature_places(LAYERS), LAYERS, strict=True):
        if layer in layers and f"{layer}.weight" not in held:
            for kind in ("bias", "weight"):
                wanted[f"{layer}.{kind}"] = RemoteTensor.read(header, f"{place}.{kind}", start)
    title = f"Fetching VGG-19 of {remote.repo} ({PUBLISHED['imagenet'].licence})"
    ranges = covering_ranges(list(wanted.values()))
    parts = source.fetch(ranges, folder / f"parts_{source.etag[:16]}", title)
    for name, tensor in wanted.items():
        held[name] = tensor.take(parts)
    _check_shapes(held, remote)
    held["conv0.weight"], held["conv0.bias"] = imagenet_input()
    order = [layer for layer in LAYERS if f"{layer}.weight" in held]
    _write(path, held, {"repo": remote.repo, "revision": remote.revision, "commit": source.commit,
                        "etag": source.etag, "file": SOURCE, "layers": order})  # fmt: skip
    for leftover in folder.glob("parts_*"):  # this version's, and what others left
        shutil.rmtree(leftover, ignore_errors=True)


def _held_tensors(path: Path, etag: str) -> dict[str, Tensor]:
    """What an earlier call left, if it is of the same file."""
    try:
        record = json.loads((path.parent / RECORD).read_text("utf-8"))
        if record["etag"] == etag and record["sha256"] == file_sha256(path):
            return {name: value.clone() for name, value in load_file(path).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing usable is there, which is how every first call finds it
    return {}


def _check_shapes(tensors: Mapping[str, Tensor], remote: Remote) -> None:
    try:
        Encoder.from_state(tensors)
    except ValueError as error:
        raise WeightsUnavailable(f"{SOURCE} of {remote} is not a VGG-19: {error}.") from error


def _write(path: Path, tensors: Mapping[str, Tensor], record: dict[str, Any]) -> None:
    """The file, the record and a manifest beside it; the record last, for it is what is looked for."""
    fresh = path.with_suffix(".new")
    save_file({k: v.contiguous() for k, v in tensors.items()}, fresh, metadata={"padding": "zeros"})
    fresh.replace(path)
    digest = file_sha256(path)
    published = PUBLISHED["imagenet"]
    entry = {"sha256": digest, "bytes": path.stat().st_size, "licence": published.licence,
             "origin": f"{record['repo']}, commit {record['commit']}, {record['file']}"}  # fmt: skip
    manifest = {"format": 1, "family": published.family, "files": {path.name: entry}}
    _replace_text(path.parent / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    _replace_text(path.parent / RECORD, json.dumps(record | {"sha256": digest}, indent=2) + "\n")


def _replace_text(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)
