"""The memory that this process may still take by its control groups: a container's limit, not the machine's.

Linux limits groups of processes in a tree, in one of two ways of telling it (version 1 and 2 of the
kernel's control groups). The limits of all groups above a process hold as well as its own, and what counts
against them includes cached pages of files, of which the kernel gives back the inactive ones before it kills
anybody. Swap, where a group has some, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")
UNLIMITED = 1 << 60  # bytes; version 1 writes "no limit" as a number about this large or larger


@dataclass(frozen=True)
class _Version:
    """The names of what one version tells of a group.

    Attributes:
        limits: files, of which the lowest counts; version 2 slows processes down above "high" and kills them
            above "max".
        used: file of the bytes that are charged to the group, its children's included.
        inactive: lines of ``memory.stat`` with the bytes of files that would be given back, best first.
    """

    limits: tuple[str, ...]
    used: str
    inactive: tuple[str, ...]


FIRST = _Version(
    ("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_inactive_file", "inactive_file")
)
SECOND = _Version(("memory.max", "memory.high"), "memory.current", ("inactive_file",))


def container_memory(proc: Path = PROC) -> int | None:
    """Bytes that this process can still take within the limits of its control groups.

    Args:
        proc: the process's own folder, with ``cgroup`` and ``mountinfo``.

    Returns:
        0 where a limit is passed already, ``None`` without a limit or without control groups.
    """
    left = [_left(folder, version) for folder, version in _groups(proc)]
    return min((room for room in left if room is not None), default=None)


def _left(folder: Path, version: _Version) -> int | None:
    """The limit of one group without what is used and would not be given back; ``None`` for no limit."""
    found = [_number(folder / name) for name in version.limits]
    limits = [limit for limit in found if limit is not None and limit < UNLIMITED]
    used = _number(folder / version.used)
    if not limits or used is None:
        return None
    return max(0, min(limits) - max(0, used - _inactive(folder, version)))


def _groups(proc: Path) -> Iterator[tuple[Path, _Version]]:
    """The folders of the process's groups that may have limits, from its own up to the topmost seen."""
    paths = _paths(proc)
    for root, point, version in _mounts(proc):
        own = paths.get(version)
        if own is None:
            continue
        # In a container the tree is often seen from the container's own group on.
        inside = own[len(root) :] if root == "/" or own == root or own.startswith(f"{root}/") else ""
        folder = point / inside.strip("/")
        for group in (folder, *folder.parents):
            yield group, version
            if group == point:
                break


def _paths(proc: Path) -> dict[_Version, str]:
    """The process's group in the tree of each version: lines ``number:controllers:path``."""
    found = {}
    for line in _lines(proc / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            found[FIRST] = path
        elif not controllers:
            found[SECOND] = path
    return found


def _mounts(proc: Path) -> Iterator[tuple[str, Path, _Version]]:
    """Where the trees are seen: the group at the top, its folder, the version.

    Lines ``… … … root point … - type … options``, see proc_pid_mountinfo(5).
    """
    for line in _lines(proc / "mountinfo"):
        mount, _, kind = (part.split() for part in line.partition(" - "))
        if len(mount) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            yield mount[3], Path(mount[4]), SECOND
        elif kind[0] == "cgroup" and "memory" in kind[2].split(","):
            yield mount[3], Path(mount[4]), FIRST


def _inactive(folder: Path, version: _Version) -> int:
    """Bytes of cached files that nobody used lately."""
    stat = dict(line.split(maxsplit=1) for line in _lines(folder / "memory.stat") if " " in line)
    return next((int(stat[name]) for name in version.inactive if name in stat), 0)


def _number(path: Path) -> int | None:
    """The number a file holds; ``None`` for "max", or without the file, as at the root of the tree."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # not Linux, or not for everybody to read
        return []
