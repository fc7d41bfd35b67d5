"""``style-core weights get``: full-size networks fetched, converted and put where they are searched."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import WeightsUnavailable, shortened
from ..nets.encoder import LAYERS
from ..pipeline import get_method, list_methods
from ..progress import TextReport, ignore_text
from ..weights import verified_sha256
from ..weights.folders import DATA, PUBLISHED_SETS, fetched_folder, locked
from ..weights.hub import fetch_imagenet, imagenet_repository, kept_imagenet, megabytes
from ..weights.manifest import FILE, Manifest
from ..weights.vgg19 import IMAGENET_BYTES, LICENCE
from .checkpoints import PUBLISHED
from .conversion import convert
from .originals import HOST, fetch_originals


def get_weights(name: str, *, report: TextReport = ignore_text) -> Path:
    """Fetch full-size networks, once, into the place that is searched anyway.

    Args:
        name: "wct2", "photo_wct", "wct" or "wct_16x", whose published files are verified, converted and
            kept under ``STYLE_CORE_DATA``; or "gatys" or "deep_photo", which measure in VGG-19, kept in the
            Hub's cache.
        report: told size and licence before anything is fetched, then in sentences what was done, and on the
            way, without a full stop, how far a file has come; may raise to stop, and the next call goes on
            with what has arrived.

    Returns:
        the folder the files are in.

    Raises:
        WeightsUnavailable: another name; a file cannot be fetched or is not the one listed; the place
            cannot be written.
    """
    if name in PUBLISHED_SETS:
        return _get_published(name, report, HOST)
    measuring = [key for key in list_methods() if get_method(key).encoder == "imagenet"]
    if name not in measuring:
        known = ", ".join((*PUBLISHED_SETS, *measuring))
        raise WeightsUnavailable(f"There are full-size weights of {known}, not of {shortened(name)}.")
    return _get_imagenet(report)


def _get_imagenet(report: TextReport) -> Path:
    kept = kept_imagenet()
    if kept is None:
        report(f"VGG-19: {megabytes(IMAGENET_BYTES)}, {LICENCE}, from {imagenet_repository().repo}.")
        kept = fetch_imagenet(LAYERS[-1], report)
        report(f"VGG-19 is in {kept.parent} now.")
    else:
        report(f"VGG-19 is here already, in {kept.parent}.")
    return kept.parent


def _get_published(name: str, report: TextReport, host: str) -> Path:
    folder, title = fetched_folder(name), PUBLISHED[name].title
    try:
        with locked(folder.parent, report):
            if _is_whole(folder):
                report(f"{title} is here already, in {folder}.")
            else:
                _make(name, folder, report, host)
                report(f"{title} is in {folder} now, for --family {folder.name}.")
            shutil.rmtree(_originals(folder), ignore_errors=True)  # also those that a stop left behind
    except OSError as error:
        raise WeightsUnavailable(
            f"{str(folder)!r} cannot be written: {error.strerror or error}; set {DATA} to a folder that can."
        ) from error
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether every file of its manifest is there, as listed. The folder takes its name when it is whole."""
    try:
        names = Manifest.read(folder / FILE).files
        return bool(names) and all(verified_sha256(folder / name) for name in names)
    except (OSError, ValueError, WeightsUnavailable):
        return False


def _originals(folder: Path) -> Path:
    return folder.parent / "originals"


def _make(name: str, folder: Path, report: TextReport, host: str) -> None:
    """The folder, made beside its place; what was fetched is kept until it is whole."""
    files = fetch_originals(name, _originals(folder), report, host=host)
    draft = folder.parent / f"{folder.name}.new"
    report("Converting")
    for leftover in (draft, folder):
        if leftover.exists():
            shutil.rmtree(leftover)
    convert(name, files, draft)
    draft.replace(folder)
