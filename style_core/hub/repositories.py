"""The networks of one of our repositories: whole files in the Hub's cache, held against their manifest."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..digest import file_sha256
from ..errors import WeightsUnavailable
from .names import Remote, Report, cache_folder, locked, megabytes
from .reasons import INSTEAD, explained

MANIFEST = "manifest.json"
SHA256 = re.compile(r"[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[a-z0-9_]+")


def fetch_network(remote: Remote, family: str, name: str, report: Report) -> Path:
    """``<family>/<name>.safetensors`` of one of our repositories, with its manifest beside it.

    A file in the Hub's cache is used without a question to the Hub, for a revision stays what it is.

    Args:
        report: called with what is being fetched, of what size and under what licence.

    Raises:
        WeightsUnavailable: with what was tried and what to do.
    """
    if not PLAIN_NAME.fullmatch(name) or not PLAIN_NAME.fullmatch(family):
        raise WeightsUnavailable(f"{family}/{name} is not the name of a network.")
    what = f"The {family} weights {name!r}"
    own = ("locks", remote.repo.replace("/", "--"), f"{family}_{name}")
    with explained(what, remote.repo), locked(cache_folder(*own), report):
        manifest = _download(remote, f"{family}/{MANIFEST}", report)
        entry = _entry(manifest, f"{name}.safetensors", what, remote)
        title = f"Fetching {name} of {remote.repo} ({entry.get('licence', 'licence unknown')})"
        for _ in range(2):
            path = _download(remote, f"{family}/{name}.safetensors", report, title=title)
            if file_sha256(path) == entry["sha256"]:
                return path
            _remove(path)
            report(f"{name} arrived damaged")
    raise WeightsUnavailable(
        f"{what} from {remote} are not the file its manifest describes, twice; tell the repository's "
        f"owner, {INSTEAD}"
    )


def _entry(manifest: Path, file: str, what: str, remote: Remote) -> Mapping[str, Any]:
    try:
        entry = json.loads(manifest.read_text("utf-8"))["files"][file]
        if not SHA256.fullmatch(entry["sha256"]):
            raise ValueError(file)
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsUnavailable(
            f"{what} are not in {remote}: its manifest does not list them with a sha256; use another "
            f"revision, {INSTEAD}"
        ) from error
    return dict(entry)


def _download(remote: Remote, path: str, report: Report, *, title: str = "") -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = hf_hub_download(remote.repo, path, revision=remote.revision, local_files_only=True)
    except LocalEntryNotFoundError:
        bar = _reporting(report, title)
        found = hf_hub_download(remote.repo, path, revision=remote.revision, tqdm_class=bar)
    return Path(found)


def _reporting(report: Report, title: str) -> type[Any]:
    """A progress bar class that draws nothing and reports instead."""
    from tqdm import tqdm

    class Reporting(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": False, "file": open(os.devnull, "w")})  # noqa: SIM115

        def update(self, n: float | None = 1) -> bool | None:
            drawn = super().update(n)
            if title:
                report(f"{title}: {megabytes(self.n)} of {megabytes(self.total or 0)}")
            return drawn

    return Reporting


def _remove(pointer: Path) -> None:
    """A damaged file and the blob its name in the snapshot points to."""
    blob = pointer.resolve()
    pointer.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)
