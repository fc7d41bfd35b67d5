"""The sha256 of files, computed once for as long as a file stays as it is."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

_lock = threading.Lock()
_known: dict[Path, tuple[int, int, str]] = {}  # path -> size, modification time, digest


def file_sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file; read again only when its size or time has changed.

    Raises:
        OSError: it cannot be read.
    """
    stat = path.stat()
    with _lock:
        known = _known.get(path)
    if known and known[:2] == (stat.st_size, stat.st_mtime_ns):
        return known[2]
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    with _lock:
        _known[path] = (stat.st_size, stat.st_mtime_ns, digest.hexdigest())
    return digest.hexdigest()


def forget_digests() -> None:
    """Forget all digests, so that files are read again."""
    with _lock:
        _known.clear()
