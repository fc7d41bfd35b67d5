"""Where a file goes: whether it can be written there, and how so that never half of it is there."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import InvalidImage

STANDARD_OUTPUT = "-"
NAME_KEPT = 40  # characters of the name that an unfinished file shows


def check_place(path: Path) -> None:
    """Find out whether a file can be written at ``path`` by trying what writing does; leaves nothing behind.

    Raises:
        InvalidImage: there is no such folder, something else than a file is in its place, or neither the
            file nor its folder can be written.
    """
    if str(path) == STANDARD_OUTPUT:
        raise InvalidImage("Results are not written to standard output; name a file.")
    try:
        target = _target(path)
        if not target.parent.is_dir():
            raise InvalidImage(f"Cannot write {str(path)!r}: there is no folder {str(target.parent)!r}.")
        _check_existing(path, target)
        with _beside(target) as (file, draft):
            file.close()
            draft.unlink()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise cannot_write(path, error) from error


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write into that takes the name ``path`` once all of it is on the disk.

    Until then, and for good if anything is raised, a file that is there stays as it is. Its permissions
    are kept; a new file gets those that any new file gets. Of a link the target is written.

    Raises:
        OSError: the disk is full, or the place cannot be written.
    """
    target = _target(path)
    with _beside(target) as (file, draft):
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()  # before the renaming, which Windows wants
        if target.exists():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        draft.replace(target)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing.

    Raises:
        InvalidImage: with the reason that it cannot be written.
    """
    try:
        with written_whole(path) as file:
            file.write(content)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: BaseException) -> InvalidImage:
    """The refusal of a place or an encoder, with its reason."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InvalidImage(f"Cannot write {str(path)!r}: {reason}.")


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _check_existing(path: Path, target: Path) -> None:
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise InvalidImage(f"Cannot write {str(path)!r}: it is a folder.")
    if not stat.S_ISREG(mode):
        raise InvalidImage(f"Cannot write {str(path)!r}: it is not an ordinary file.")
    with target.open("r+b"):  # whoever protected it against writing means it
        pass


@contextmanager
def _beside(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new hidden file in the folder of ``target``, removed unless it was renamed."""
    draft = target.with_name(f".{target.name[:NAME_KEPT]}.{secrets.token_hex(8)}.part")
    file = draft.open("xb")
    try:
        yield file, draft
    finally:
        try:
            file.close()
        finally:  # closing writes what is left, and fails on a full disk
            draft.unlink(missing_ok=True)
