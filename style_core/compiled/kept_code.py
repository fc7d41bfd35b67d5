"""Where compiled kernels are kept on disk: one folder for every state of all their sources.

Numba compares the file a kernel stands in with what it was compiled from, not the functions the kernel
calls, which may stand elsewhere: after an upgrade it would run machine code of the old ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent
PREFIX, REMOVED = "kernels-", "removed-"
UNUSED = 30 * 24 * 3600.0  # seconds since a process last asked, after which a folder is removed

_lock = threading.Lock()


def sources_digest(numba_version: str, sources: Path = SOURCES) -> str:
    """A digest of all Python files of a folder and of the compiler; the processor Numba tells apart."""
    digest = hashlib.sha256(numba_version.encode())
    for path in sorted(sources.glob("*.py")):
        digest.update(f"\0{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def code_folder(numba: Any, sources: Path = SOURCES) -> Path | None:
    """The folder for these sources, marked as used now; ``None`` if there is no place that can be written.

    It lies in the folder ``NUMBA_CACHE_DIR`` names, beside the sources, or in the user's cache. Folders
    of other sources that nobody has asked for in a month are removed.
    """
    name = PREFIX + sources_digest(numba.__version__, sources)
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "style_core"
    named = [Path(numba.config.CACHE_DIR)] if numba.config.CACHE_DIR else []
    for place in (*named, sources / "__pycache__", user):
        folder = place / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:  # cannot be written
            continue
        remove_unused(place)
        return folder
    return None


def remove_unused(place: Path) -> None:
    """Remove the folders of kernels that nobody has asked for in a month.

    Each is renamed first, so that another process finds it whole or not at all, and compiles again.
    """
    for folder in place.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > UNUSED:
                folder.rename(folder.with_name(f"{REMOVED}{folder.name}-{os.getpid()}"))
        except OSError:  # another process was faster
            continue
    for folder in place.glob(f"{REMOVED}{PREFIX}*"):  # or what a process that was ended left
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_in(folder: Path, numba: Any) -> Iterator[None]:
    """What Numba is told to cache meanwhile, it keeps in ``folder``."""
    with _lock:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before
