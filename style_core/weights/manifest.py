"""The manifest beside weights: what each file is. Read, written and held against the files here alone.

{"format": 1, "family": "vgg19", "files": {
    "wct_1.safetensors": {"sha256": …, "bytes": …, "licence": …, "origin": …, …}, …}}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..digest import file_sha256
from ..errors import WeightsUnavailable
from ..files import written_whole

FILE = "manifest.json"
FORMAT = 1
SHA256 = re.compile(r"[0-9a-f]{64}")
UNKNOWN = "unknown licence"


@dataclass(frozen=True)
class Entry:
    """What a manifest says of one file.

    Attributes:
        values: all of it, as written.
    """

    values: Mapping[str, Any]

    @property
    def sha256(self) -> str | None:
        """Hexadecimal; ``None`` where there is none that could be one."""
        value = self.values.get("sha256")
        return value if isinstance(value, str) and SHA256.fullmatch(value) else None

    @property
    def size(self) -> int:
        """Bytes; 0 where it does not say."""
        value = self.values.get("bytes")
        return value if isinstance(value, int) else 0

    @property
    def licence(self) -> str:
        """In words, like "MIT"."""
        return str(self.values.get("licence", UNKNOWN))


@dataclass(frozen=True)
class Manifest:
    """A folder's manifest.

    Attributes:
        family: that of all files, ``None`` where it names none.
        files: by file name.
    """

    family: str | None
    files: Mapping[str, Entry]

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest in the file ``path``.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no manifest.
        """
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
            raise ValueError(f"{path} lists no files")
        entries = {name: Entry(v if isinstance(v, dict) else {}) for name, v in content["files"].items()}
        return cls(str(content["family"]) if content.get("family") else None, entries)


def new_entry(path: Path, **facts: Any) -> dict[str, Any]:
    """The entry of a file as it is now: its sha256 and size, and what is said of it."""
    return {"sha256": file_sha256(path), "bytes": path.stat().st_size, **facts}


def set_entry(folder: Path, file_name: str, entry: Mapping[str, Any], *, family: str | None = None) -> None:
    """Add or replace a file's entry in the folder's manifest, which is written whole or not at all.

    Args:
        family: named as the folder's; without one, what the manifest names stays.

    Raises:
        OSError: it cannot be written.
        ValueError: what is there is no manifest.
    """
    path = folder / FILE
    known = Manifest.read(path) if path.exists() else Manifest(None, {})
    files = {name: known_entry.values for name, known_entry in known.files.items()} | {file_name: entry}
    content = {"format": FORMAT, "family": family or known.family, "files": dict(sorted(files.items()))}
    with written_whole(path) as file:
        file.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def licence_of(path: Path) -> str:
    """What the manifest beside a file says of its licence."""
    try:
        return Manifest.read(path.parent / FILE).files[path.name].licence
    except (OSError, ValueError, KeyError):
        return UNKNOWN  # reading the weights will say what is wrong with the manifest


def verified_sha256(path: Path, family: str | None = None) -> str:
    """The sha256 of a weights file as it is now, held against the manifest beside it.

    Args:
        path: the file.
        family: what it is asked for as; a manifest that names another family refuses.

    Raises:
        WeightsUnavailable: not listed in the manifest, different from it, or of another family.
    """
    digest, place = present_sha256(path), path.parent / FILE
    try:
        manifest = Manifest.read(place)
        listed = manifest.files[path.name].sha256
    except (OSError, ValueError, KeyError):
        listed = None
    if listed is None:
        raise WeightsUnavailable(f"{str(place)!r} does not list the sha256 of {path.name}.")
    if family and manifest.family and manifest.family != family:
        raise WeightsUnavailable(f"{str(path)!r} is of the {manifest.family} family, not of {family}.")
    if listed != digest:
        raise WeightsUnavailable(
            f"{str(path)!r} is not the file its manifest describes (sha256 {digest[:12]}…, expected "
            f"{listed[:12]}…); fetch or convert it again."
        )
    return digest


def present_sha256(path: Path) -> str:
    """The sha256 of a weights file as it is now.

    Raises:
        WeightsUnavailable: it cannot be read.
    """
    try:
        return file_sha256(path)
    except OSError as error:
        raise WeightsUnavailable(f"{str(path)!r} cannot be read: {error.strerror}.") from error
