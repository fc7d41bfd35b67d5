"""The pictures of a folder and where their results go."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ..errors import InvalidImage
from ..files import READABLE

SUFFIXES_NAMED = 5  # of what is left out, in its sentence


@dataclass(frozen=True)
class FoundPictures:
    """The pictures under a folder, sorted, and sentences about what else is there."""

    pictures: list[Path]
    left_out: tuple[str, ...]


def find_pictures(folder: Path, output: Path) -> FoundPictures:
    """Everything under ``folder`` whose suffix is of a format that is read.

    Hidden files and folders are left out (``._x.jpg`` is what macOS adds to ``x.jpg``), and so are linked
    folders, which may lead back here, and ``output`` where it lies inside: results of an earlier run.

    Raises:
        InvalidImage: there is no such folder, no picture in it, or it is ``output`` itself.
    """
    if not folder.is_dir():
        raise InvalidImage(f"The folder {str(folder)!r} does not exist.")
    if _same(folder, output):
        raise InvalidImage(
            f"The results cannot go into {str(output)!r}, where the pictures are, because a second run would "
            "restyle them; choose another folder."
        )
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for path, kind in _entries(folder, output):
        if kind:
            counts[kind] += 1
        elif path.suffix.lower() not in READABLE:
            others[path.suffix.lower() or "no suffix"] += 1
        elif _is_special(path):
            counts["special"] += 1
        elif _is_result(path, output):
            counts["result"] += 1
        else:
            pictures.append(path)
    left_out = tuple(_sentences(others, counts))
    if not pictures:
        reason = f" {' '.join(left_out)}" if left_out else ""
        raise InvalidImage(f"The folder {str(folder)!r} holds no pictures ({', '.join(READABLE)}).{reason}")
    return FoundPictures(sorted(pictures), left_out)


def _entries(folder: Path, output: Path) -> Iterator[tuple[Path, str]]:
    """Every file under ``folder``, and what is not looked into, with the kind of reason."""
    unread: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=lambda error: unread.append(Path(error.filename))):
        for name in tuple(folders):
            path = Path(root, name)
            kind = "hidden" if name.startswith(".") else "linked" if path.is_symlink() else ""
            if kind or _same(path, output):
                folders.remove(name)
            if kind:
                yield path, kind
        yield from ((Path(root, name), "hidden" if name.startswith(".") else "") for name in files)
    yield from ((path, "unread") for path in unread)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return False


def _is_result(path: Path, output: Path) -> bool:
    """Whether it is a link to one of the results."""
    return path.is_symlink() and path.resolve().is_relative_to(output.resolve())


def _is_special(path: Path) -> bool:
    """Whether it is a pipe, socket or device; a link that leads nowhere is not, and is refused by name."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _sentences(others: Counter[str], counts: Counter[str]) -> Iterator[str]:
    if others:
        named = sorted(others, key=lambda suffix: (-others[suffix], suffix))[:SUFFIXES_NAMED]
        more = ", …" if len(others) > len(named) else ""
        yield f"{_counted(others.total(), 'file')} not of a format we read: {', '.join(named)}{more}."
    if counts["hidden"]:
        yield f"{_counted(counts['hidden'], 'hidden file or folder', 'hidden files or folders')} left out."
    if counts["linked"]:
        yield f"{_counted(counts['linked'], 'linked folder')} not followed."
    if counts["special"]:
        what = _counted(counts["special"], "pipe, socket or device", "pipes, sockets or devices")
        yield f"{what} left out."
    if counts["result"]:
        what = _counted(counts["result"], "link into the results", "links into the results")
        yield f"{what} left out."
    if counts["unread"]:
        yield f"{_counted(counts['unread'], 'folder')} not permitted to be read."


def _counted(number: int, one: str, several: str = "") -> str:
    return f"1 {one} is" if number == 1 else f"{number} {several or one + 's'} are"


def targets(pictures: Sequence[Path], folder: Path, output: Path, suffix: str) -> list[tuple[Path, Path]]:
    """Each picture with the file its result goes to: its own name with another suffix.

    Where that would be the same file for two, also on disks that do not tell ``A`` from ``a``, they keep
    their own suffix before it, and where that does not do, get a number.

    Raises:
        InvalidImage: a result would take the place of one of the pictures, or lie among them.
    """
    stems = [path.relative_to(folder).with_suffix("") for path in pictures]
    times = Counter(map(_on_any_disk, stems))
    taken: set[str] = set()
    pairs = []
    for path, stem in zip(pictures, stems, strict=True):
        names = _names(stem, path.relative_to(folder), is_shared=times[_on_any_disk(stem)] > 1)
        free = (name.with_name(f"{name.name}{suffix}") for name in names)
        target = next(name for name in free if _on_any_disk(name) not in taken)
        taken.add(_on_any_disk(target))
        pairs.append((path, output / target))
    _check_apart(pairs, folder, output)
    return pairs


def _names(stem: Path, whole: Path, *, is_shared: bool) -> Iterator[Path]:
    """What a result may be called, from the best down."""
    if not is_shared:
        yield stem
    yield whole
    yield from (whole.with_name(f"{whole.name}.{number}") for number in count(2))


def _on_any_disk(path: Path) -> str:
    """What two names must differ in to be two files on disks that fold case and composed letters."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _check_apart(pairs: Sequence[tuple[Path, Path]], folder: Path, output: Path) -> None:
    """Refuse results that links, or an output around the pictures, would bring among the pictures.

    An output inside the folder is left out when its pictures are looked for, so results may lie there.
    """
    among, apart = folder.resolve(), output.resolve()
    sources = {os.path.realpath(source) for source, _ in pairs}
    for source, target in pairs:
        place = os.path.realpath(target)
        is_apart = apart.is_relative_to(among) and Path(place).is_relative_to(apart)
        if place in sources:
            what = "which is one of the pictures"
        elif Path(place).is_relative_to(among) and not is_apart:
            what = "among the pictures, where a second run would restyle it"
        else:
            continue
        raise InvalidImage(
            f"The result of {str(source)!r} would be {place!r}, {what}; choose another folder."
        )
