"""The sha256 of files, computed once for as long as a file stays as it is."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

# A file that was changed this recently may be changed again without its times showing it: clocks of file
# systems tick as slowly as every two seconds.
SETTLING = 2.5  # seconds

_lock = threading.Lock()
_known: dict[Path, tuple[_Identity, str]] = {}


class _Identity(NamedTuple):
    """What changes when a file is written, or another is put in its place."""

    device: int
    inode: int
    size: int
    modified: int  # ns
    changed: int  # ns; of the directory entry or the times themselves, which cannot be set back

    @classmethod
    def of(cls, found: os.stat_result) -> _Identity:
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def is_settled(self, now: float) -> bool:
        """Whether a later change would show in the times."""
        return abs(now - max(self.modified, self.changed) / 1e9) > SETTLING


def settled_identity(path: Path) -> tuple[int, ...] | None:
    """What stays the same as long as a file's contents do; ``None`` for no file, or one just written.

    Two equal ones mean that the file was not changed in between (see :func:`file_sha256`).
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    identity = _Identity.of(found)
    return tuple(identity) if stat.S_ISREG(found.st_mode) and identity.is_settled(time.time()) else None


def file_sha256(path: Path) -> str:
    """The hexadecimal sha256 of a file; read again only when it may have changed.

    A file is taken for the same as before if it is the same one (device and inode), of the same size and
    with the same times of modification and change, the last of which was over when it was read.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        before, began = _Identity.of(os.fstat(file.fileno())), time.time()
        with _lock:
            known = _known.get(path)
        if known and known[0] == before:
            return known[1]
        digest = _sha256(file)
        is_whole = _Identity.of(os.fstat(file.fileno())) == before  # not written to meanwhile
    with _lock:
        if is_whole and before.is_settled(began):
            _known[path] = before, digest
        else:
            _known.pop(path, None)
    return digest


def forget_digests() -> None:
    """Forget all digests, so that files are read again."""
    with _lock:
        _known.clear()


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()
