"""The folders in which weights are looked for, in order.

The folder given by the caller, the one named by ``STYLE_CORE_WEIGHTS``, the shipped ``assets/weights``, and
what ``style-core weights get`` fetched into ``STYLE_CORE_DATA`` (if that is not set, the user's data folder).
A folder holds ``<family>/<name>.safetensors`` or ``<name>.safetensors``, with a manifest beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..progress import TextReport

# Inside the package in a wheel, at the root in a checkout.
INSTALLED = Path(__file__).resolve().parent.parent / "assets" / "weights"
SHIPPED = INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[2] / "assets" / "weights"
ENVIRONMENT = "STYLE_CORE_WEIGHTS"
DATA = "STYLE_CORE_DATA"
# What is published: set -> the method whose decoders are in it, and the family. Each has a folder of its own,
# because a decoder works with its own encoder only.
PUBLISHED_SETS = {
    "wct2": ("wct2", "vgg19"),
    "photo_wct": ("photo_wct", "vgg19"),
    "wct": ("wct", "vgg19"),
    "wct_16x": ("wct", "vgg19_16x"),
}


def data_folder() -> Path:
    """Where a user's programs keep data of ours."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(os.environ.get(DATA) or Path(base, "style_core")).absolute()


def fetched_folder(name: str) -> Path:
    """Where a published set is put once it is fetched: ``weights/<set>/<family>`` of the data folder."""
    return data_folder() / "weights" / name / PUBLISHED_SETS[name][1]


def published_set(method: str, family: str) -> str | None:
    """The published set that has a method's networks of a family.

    A method without decoders, like Gatys, takes the only encoder of a family, if it is one.
    """
    named = {owner: name for name, (owner, its_family) in PUBLISHED_SETS.items() if its_family == family}
    if method in named or any(method == owner for owner, _ in PUBLISHED_SETS.values()):
        return named.get(method)
    return next(iter(named.values())) if len(named) == 1 else None


def named_folders(folder: Path | None) -> list[Path]:
    """Those a person named: the caller, and ``STYLE_CORE_WEIGHTS``."""
    named = os.environ.get(ENVIRONMENT)
    return [place for place in (folder, Path(named) if named else None) if place]


def searched_folders(method: str, family: str, folder: Path | None) -> Iterator[Path]:
    """Every folder that may hold files of a method and a family, in order."""
    for place in (*named_folders(folder), SHIPPED):
        yield from (place / family, place)
    fetched = published_set(method, family)
    if fetched:
        yield fetched_folder(fetched)


def find_file(method: str, family: str, name: str, folder: Path | None) -> Path | None:
    """``name``.safetensors in the first folder that has it."""
    candidates = (place / f"{name}.safetensors" for place in searched_folders(method, family, folder))
    return next((path for path in candidates if path.is_file()), None)


@contextmanager
def locked(folder: Path, report: TextReport) -> Iterator[None]:
    """Alone in a folder, among all threads and processes; waiting is reported, and so can be stopped."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    while True:
        try:
            lock.acquire(timeout=0.3)
            break
        except Timeout:
            report("Waiting for another request that is fetching the same weights")
    try:
        yield
    finally:
        lock.release()
