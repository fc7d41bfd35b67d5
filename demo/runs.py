"""Finished runs of the last hour: the files of each in a folder of its own, found by an id nobody can guess.

Sharing, downloads and the tiles of Compare name a run by its id; what is older, or more than there is
room for, is removed with its files.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from style_core import load_image, load_look, write_lut
from style_core.fronts import image_size, save_picture

from .shared_pictures import JPEG_SIDE

LIFETIME = 3600.0  # seconds
MOST = 400  # runs kept at once
MOST_BYTES = 6_000_000_000  # of their files
LOOK = "look.look"  # the look of a photo, where its method recolors
PIXELS = ".npy"  # suffix of a result's 8-bit pixels as they are; a PNG of 12 megapixels takes seconds


class Asked(Protocol):
    """A request: what the controls said."""

    def values(self) -> dict[str, Any]:
        """Everything but the files, as plain JSON."""

    def files(self) -> Mapping[str, str | None]:
        """Role to file of every picture or clip."""


@dataclass(frozen=True)
class FinishedTile:
    """One result: a file of the run and what is known of it; ``title`` names it in a visitor's downloads."""

    name: str
    label: str
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    seconds: float
    measures: Mapping[str, float] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True)
class TabRun:
    """A run and its files.

    Attributes:
        id: unguessable.
        folder: holds ``<name>.<suffix>`` of every input and result.
        kind: "method" or "compare".
        tab: the tab it was made on.
        request: what was asked for; has ``values()``, plain JSON without the files.
        inputs: role (content, style, style_2, content_mask, …) to file.
        tiles: the results, in order.
    """

    id: str
    folder: Path
    kind: str
    tab: str
    request: Asked
    inputs: Mapping[str, Path]
    tiles: list[FinishedTile] = field(default_factory=list)

    def file(self, name: str) -> Path | None:
        """The PNG of a result, or the file of ``before``; ``None`` if the run has no such one."""
        return self.light(name) if name == "before" else self.written(name, ".png")

    def light(self, name: str) -> Path | None:
        """The picture for the stage: ``before`` or ``after``."""
        return next((path for path in self.folder.glob(f"{name}.*") if path.is_file()), None)

    def can_be(self, name: str, suffix: str) -> bool:
        """Whether a result can be had in a format: transparency and very long sides are PNG's alone."""
        stored = self._stored(name)
        if stored is None or suffix == ".png":
            return stored is not None
        if stored.suffix == PIXELS:
            height, width, channels = np.load(stored, mmap_mode="r").shape
            return channels == 3 and max(height, width) <= JPEG_SIDE
        picture = load_image(stored, name="result")
        return picture.coverage is None and max(picture.size) <= JPEG_SIDE

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a result in px; zeros if there is none."""
        stored = self._stored(name)
        if stored is not None and stored.suffix == PIXELS:
            height, width, _ = np.load(stored, mmap_mode="r").shape
            return width, height
        return (stored and image_size(str(stored))) or (0, 0)

    def _stored(self, name: str) -> Path | None:
        """The file with a result's pixels."""
        found = (self.folder / f"{name}{suffix}" for suffix in (PIXELS, ".png"))
        return next((path for path in found if path.is_file()), None)

    def written(self, name: str, suffix: str) -> Path | None:
        """A result in a format, with its settings, written when it is first asked for.

        Args:
            suffix: ".png" or ".jpg".

        Raises:
            StyleCoreError: the disk is full.
        """
        tile, stored = next((tile for tile in self.tiles if tile.name == name), None), self._stored(name)
        if tile is None or stored is None:
            return None
        path = self.folder / f"{tile.title or name}{suffix}"
        if not path.is_file():
            picture = load_image(np.load(stored) if stored.suffix == PIXELS else stored, name="result")
            save_picture(picture.samples, picture.coverage, path, tile.settings)
        return path


def look_file(run: TabRun, suffix: str) -> Path | None:
    """The look of a run's photo; as a table of colors written when it is first asked for.

    Args:
        suffix: ".look" or ".cube".

    Raises:
        StyleCoreError: it cannot be read, or the disk is full.
    """
    kept, content = run.folder / LOOK, run.inputs.get("content")
    if not kept.is_file() or content is None:
        return None
    path = run.folder / f"{run.tiles[0].title}{suffix}"
    if not path.is_file():
        look = load_look(kept)
        if suffix == ".cube":
            write_lut(path, look, content)
        else:
            look.save(path)
    return path


class Runs:
    """The registry; thread-safe.

    Not one of cachetools' caches: a run under way must stay whatever its age, and its folder goes on growing.
    """

    def __init__(self, *, lifetime: float = LIFETIME, most: int = MOST, most_bytes: int = MOST_BYTES,
                 clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._lifetime, self._most, self._most_bytes, self._clock = lifetime, most, most_bytes, clock
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[float, TabRun]] = {}  # the oldest first

    def begin(self, kind: str, tab: str, request: Asked, inputs: Mapping[str, str | None]) -> TabRun:
        """A new run with links to its input files, so that they last as long as it does."""
        run_id = secrets.token_urlsafe(16)
        folder = process_folder() / run_id
        folder.mkdir()
        files = {role: linked(Path(path), folder / f"input_{role}") for role, path in inputs.items() if path}
        run = TabRun(id=run_id, folder=folder, kind=kind, tab=tab, request=request, inputs=files)
        with self._lock:
            self._runs[run_id] = (self._clock(), run)
            outdated = self._outdated()
        for old in outdated:
            shutil.rmtree(old.folder, ignore_errors=True)
        return run

    def get(self, run_id: Any) -> TabRun | None:
        """The run of that id, or ``None`` if there is none any more, or it is no id at all."""
        if not isinstance(run_id, str):
            return None
        with self._lock:
            known = self._runs.get(run_id)
            if known is None or self._clock() - known[0] > self._lifetime:
                return None
            return known[1]

    def count(self) -> int:
        """How many runs are kept."""
        with self._lock:
            return len(self._runs)

    def drop(self, run: TabRun) -> None:
        """Forget a run that came to nothing."""
        with self._lock:
            self._runs.pop(run.id, None)
        shutil.rmtree(run.folder, ignore_errors=True)

    def _outdated(self) -> list[TabRun]:
        now, removed = self._clock(), []
        held = {run_id: _bytes(run.folder) for run_id, (_, run) in self._runs.items()}
        for run_id, (began, run) in list(self._runs.items())[:-1]:  # the newest stays
            is_within = len(self._runs) <= self._most and sum(held.values()) <= self._most_bytes
            if now - began <= self._lifetime and is_within:
                break
            if not run.tiles:  # still under way
                continue
            del self._runs[run_id], held[run_id]
            removed.append(run)
        return removed


@cache
def process_folder() -> Path:
    """This process's folder of runs, removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="style_demo_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def scratch_folder() -> Path:
    """A new folder for files that Gradio takes a copy of; removed by a later call after an hour."""
    parent = process_folder() / "scratch"
    parent.mkdir(exist_ok=True)
    for old in parent.iterdir():
        if time.time() - old.stat().st_mtime > LIFETIME:
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=parent))


def _bytes(folder: Path) -> int:
    """Of a folder's files; none of one that has just been removed."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:
        return 0


def linked(source: Path, target: Path) -> Path:
    """The file under another name, with its suffix; a copy where there are no links."""
    target = target.with_suffix(source.suffix.lower())
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
    return target
