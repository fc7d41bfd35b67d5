"""VGG-19 as trained on ImageNet, of whose 575 MB a method needs 14 to 52: fetched by layers.

timm's file is read by byte ranges; the layers become a small safetensors file of canonical tensors with
a record of repository, commit and ETag beside it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from ...digest import file_sha256
from ...errors import WeightsUnavailable, shortened
from ...files import written_whole
from ...nets.encoder import LAYERS
from ...progress import TextReport
from .. import manifest
from ..folders import locked
from ..vgg19 import IMAGENET_FILE, LICENCE, check_vgg19, feature_places, imagenet_input
from .names import Remote, cache_folder, imagenet_repository
from .ranges import RemoteFile, RemoteTensor, covering_ranges
from .reasons import INSTEAD, explained

SOURCE = "model.safetensors"
RECORD = "record.json"
ACCEPT = "STYLE_CORE_ACCEPT_VGG19"  # the sha256, or how it begins, of another file that is welcome; or "any"
LEAST_PREFIX = 8  # digits of a sha256 that name a file


def fetch_imagenet(last: str, report: TextReport) -> Path:
    """VGG-19 as trained on ImageNet, up to layer ``last``, as canonical tensors with their preprocessing.

    Kept under the Hub's assets cache beside a manifest and a record of repository, commit and ETag. A
    file that ends before ``last`` is extended by the layers it lacks.

    Raises:
        WeightsUnavailable: with what was tried and what to do; also where the repository serves another
            file than the one known, unless ``STYLE_CORE_ACCEPT_VGG19`` accepts that, or what arrived is
            no VGG-19.
    """
    remote = imagenet_repository()
    layers = LAYERS[: LAYERS.index(last) + 1]
    what = "The vgg19 weights 'imagenet_encoder'"
    with explained(what, remote.repo):
        path = _place(remote)
        if _holds(path, layers):
            return path
        with locked(path.parent, report):
            if not _holds(path, layers):  # another process may have been faster
                _fetch_layers(remote, layers, path, report)
    return path


def kept_imagenet() -> Path | None:
    """The file that holds all layers, if it has been fetched before."""
    path = _place(imagenet_repository())
    return path if _holds(path, LAYERS) else None


def _place(remote: Remote) -> Path:
    folder = cache_folder("vgg19", remote.repo.replace("/", "--"), remote.revision.replace("/", "--"))
    return folder / f"{IMAGENET_FILE}.safetensors"


def _holds(path: Path, layers: Sequence[str]) -> bool:
    """Whether the kept file is what its record says, and goes far enough."""
    try:
        record = json.loads((path.parent / RECORD).read_text("utf-8"))
        return bool(record["sha256"] == file_sha256(path) and set(layers) <= set(record["layers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fetch_layers(remote: Remote, layers: Sequence[str], path: Path, report: TextReport) -> None:
    source = _open_accepted(remote, report)
    held = _held_tensors(path, source.etag)
    header, start = source.header()
    wanted = {}
    for place, layer in zip(feature_places(LAYERS), LAYERS, strict=True):
        if layer in layers and f"{layer}.weight" not in held:
            for kind in ("bias", "weight"):
                wanted[f"{layer}.{kind}"] = RemoteTensor.read(header, f"{place}.{kind}", start)
    title = f"Fetching VGG-19 of {remote.repo} ({LICENCE})"
    ranges = covering_ranges(list(wanted.values()))
    parts = source.fetch(ranges, path.parent / f"parts_{source.etag[:16]}", title)
    for name, tensor in wanted.items():
        held[name] = tensor.take(parts)
    _check_content(held, source, path.parent)
    held["conv0.weight"], held["conv0.bias"] = imagenet_input()
    order = [layer for layer in LAYERS if f"{layer}.weight" in held]
    _write(path, held, {"repo": remote.repo, "revision": source.remote.revision, "commit": source.commit,
                        "etag": source.etag, "file": SOURCE, "layers": order})  # fmt: skip
    _remove_parts(path.parent)


def _open_accepted(remote: Remote, report: TextReport) -> RemoteFile:
    """The file known, at its commit or the present one, or another that the user accepts.

    Raises:
        WeightsUnavailable: it is another, with what differs and the setting that accepts it.
    """
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

    gone = ""
    try:
        source = RemoteFile(remote, SOURCE, report)
    except (RevisionNotFoundError, EntryNotFoundError):
        if not remote.etag:  # a person's own choice of repository and revision
            raise
        gone = ", which is not there any more"
        source = RemoteFile(replace(remote, revision="main"), SOURCE, report)
    if not remote.etag or source.etag == remote.etag or _is_accepted(source.etag):
        return source
    given = os.environ.get(ACCEPT)
    raise WeightsUnavailable(
        f"{remote.repo} serves another {SOURCE} than the one known: sha256 {source.etag[:12]}… of commit "
        f"{source.commit[:12]}…, not {remote.etag[:12]}… of commit {remote.revision[:12]}…{gone}; set "
        f"{ACCEPT}={source.etag[:12]}{f' (it is {shortened(given)})' if given else ''} to accept it after "
        f"a check of its layers, {INSTEAD}"
    )


def _is_accepted(etag: str) -> bool:
    value = os.environ.get(ACCEPT, "").strip().lower()
    return value == "any" or (len(value) >= LEAST_PREFIX and etag.startswith(value))


def _held_tensors(path: Path, etag: str) -> dict[str, Tensor]:
    """What an earlier call left, if it is of the same file."""
    try:
        record = json.loads((path.parent / RECORD).read_text("utf-8"))
        if record["etag"] == etag and record["sha256"] == file_sha256(path):
            return {name: value.clone() for name, value in load_file(path).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # nothing usable is there, which is how every first call finds it
    return {}


def _remove_parts(folder: Path) -> None:
    """Those of this version, and what others left."""
    for leftover in folder.glob("parts_*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _check_content(tensors: Mapping[str, Tensor], source: RemoteFile, folder: Path) -> None:
    try:
        check_vgg19(tensors)
    except ValueError as error:
        _remove_parts(folder)
        raise WeightsUnavailable(
            f"{SOURCE} of {source.remote} is not VGG-19 as trained on ImageNet: {error}; name another "
            f"repository, {INSTEAD}"
        ) from error


def _write(path: Path, tensors: Mapping[str, Tensor], record: dict[str, Any]) -> None:
    """The file, the record and a manifest beside it; the record last, for it is what is looked for."""
    fresh = path.with_suffix(".new")
    save_file({k: v.contiguous() for k, v in tensors.items()}, fresh, metadata={"padding": "zeros"})
    fresh.replace(path)
    origin = f"{record['repo']}, commit {record['commit']}, {record['file']}"
    (path.parent / manifest.FILE).unlink(missing_ok=True)
    entry = manifest.new_entry(path, licence=LICENCE, origin=origin)
    manifest.set_entry(path.parent, path.name, entry, family="vgg19")
    with written_whole(path.parent / RECORD) as file:
        file.write((json.dumps(record | {"sha256": entry["sha256"]}, indent=2) + "\n").encode())
