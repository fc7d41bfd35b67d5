"""The networks of one of our repositories: whole files in the Hub's cache, held against their manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...digest import file_sha256
from ...errors import WeightsUnavailable
from ...progress import TextReport
from .. import manifest as manifests
from ..folders import locked
from .names import Remote, cache_folder, megabytes
from .reasons import INSTEAD, explained

PLAIN_NAME = re.compile(r"[a-z0-9_]+")


def fetch_network(remote: Remote, family: str, name: str, report: TextReport) -> Path:
    """``<family>/<name>.safetensors`` of one of our repositories, with its manifest beside it.

    A file in the Hub's cache is used without a question to the Hub. All files of a family come from the
    commit its manifest came from.

    Args:
        report: called with what is being fetched, of what size and under what licence.

    Raises:
        WeightsUnavailable: with what was tried and what to do.
    """
    if not PLAIN_NAME.fullmatch(name) or not PLAIN_NAME.fullmatch(family):
        raise WeightsUnavailable(f"{family}/{name} is not the name of a network.")
    what = f"The {family} weights {name!r}"
    title = f"Fetching {name} of {remote.repo}"
    with explained(what, remote.repo):
        path = _kept(remote, family, name)
        if path is not None:
            return path
        with locked(cache_folder("locks", remote.repo.replace("/", "--"), f"{family}_{name}"), report):
            manifest = _download(remote, f"{family}/{manifests.FILE}", report)
            if _entry(manifest, name) is None:  # an old one, of before these weights were there
                manifest = _download(remote, f"{family}/{manifests.FILE}", report, is_fresh=True)
            entry = _entry(manifest, name)
            if entry is None:
                raise WeightsUnavailable(
                    f"{what} are not in {remote}: its manifest does not list them with a sha256; use another "
                    f"revision, {INSTEAD}"
                )
            # All files of one commit: that of the manifest, which may be older than the branch is by now.
            commit = Remote(remote.repo, manifest.parent.parent.name)
            for _ in range(2):
                path = _download(
                    commit, f"{family}/{name}.safetensors", report,
                    title=f"{title} ({entry.licence})",
                )  # fmt: skip
                if file_sha256(path) == entry.sha256:
                    return path
                _remove(path)
                report(f"{name} arrived damaged")
    raise WeightsUnavailable(
        f"{what} from {remote} are not the file its manifest describes, twice; tell the repository's "
        f"owner, {INSTEAD}"
    )


def listed_networks(remote: Remote, family: str, report: TextReport) -> Mapping[str, manifests.Entry]:
    """What a repository's manifest says of each file of a family: bytes, licence, sha256.

    Only the manifest is fetched, and kept like a network.

    Raises:
        WeightsUnavailable: as :func:`fetch_network`.
    """
    with explained(f"The list of {family} weights", remote.repo):
        manifest = _download(remote, f"{family}/{manifests.FILE}", report)
        try:
            return manifests.Manifest.read(manifest).files
        except ValueError as error:
            raise WeightsUnavailable(f"The manifest of {remote} cannot be read, {INSTEAD}") from error


def _kept(remote: Remote, family: str, name: str) -> Path | None:
    """The file, if it and its manifest are in the cache and agree; nothing is asked, nothing locked."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = [
            Path(hf_hub_download(remote.repo, path, revision=remote.revision, local_files_only=True))
            for path in (f"{family}/{manifests.FILE}", f"{family}/{name}.safetensors")
        ]
    except LocalEntryNotFoundError:
        return None
    entry = _entry(found[0], name)
    return found[1] if entry is not None and file_sha256(found[1]) == entry.sha256 else None


def _entry(manifest: Path, name: str) -> manifests.Entry | None:
    """What a manifest says of a network, if it says its sha256."""
    try:
        entry = manifests.Manifest.read(manifest).files[f"{name}.safetensors"]
        return entry if entry.sha256 else None
    except (ValueError, KeyError):
        return None


def _download(
    remote: Remote, path: str, report: TextReport, *, title: str = "", is_fresh: bool = False
) -> Path:
    """A file from the cache or the Hub; ``is_fresh`` asks the Hub what the revision is now."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    raised: list[BaseException] = []
    try:
        if is_fresh:
            raise LocalEntryNotFoundError("not asked for")
        found = hf_hub_download(remote.repo, path, revision=remote.revision, local_files_only=True)
    except LocalEntryNotFoundError:
        bar = _reporting(report, title, raised)
        found = hf_hub_download(remote.repo, path, revision=remote.revision, tqdm_class=bar)
    if raised:  # some ways of downloading swallow what a progress bar raises
        raise raised[0]
    return Path(found)


def _reporting(report: TextReport, title: str, raised: list[BaseException]) -> type[Any]:
    """A progress bar class that draws nothing and reports instead; what a report raises is kept too."""
    from tqdm import tqdm

    class Reporting(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self.n += n or 0
            if title and not raised:
                try:
                    report(f"{title}: {megabytes(self.n)} of {megabytes(self.total or 0)}")
                except BaseException as error:
                    raised.append(error)
                    raise
            return None

    return Reporting


def _remove(pointer: Path) -> None:
    """A damaged file and the blob its name in the snapshot points to."""
    blob = pointer.resolve()
    pointer.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)
