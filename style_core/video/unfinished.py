"""What a stopped run leaves beside its clip, so that the same run goes on from there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from torch import Tensor

from ..digest import file_sha256, settled_identity
from ..images import Source
from ..memory import fingerprint
from ..version import __version__


def run_digest(
    clip: str | PathLike[str], style: Source | Sequence[Source], settings: Mapping[str, Any]
) -> str | None:
    """What is the same for two runs exactly if they make the same clip; ``None`` if nobody can tell."""
    identity = settled_identity(Path(fspath(clip)))
    sources: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
    if identity is None:
        return None
    try:
        styles = [source if isinstance(source, Tensor) else file_sha256(Path(source)) for source in sources]
        return fingerprint((__version__, identity, styles, {k: _plain(v) for k, v in settings.items()}))
    except (TypeError, OSError):  # a picture in memory of a kind that has no digest
        return None


def _plain(value: Any) -> Any:
    return fspath(value) if isinstance(value, PathLike) else value


def frames_done(target: Path, digest: str | None) -> int:
    """How many frames a stopped run of that digest has left in the target; 0 where there was none."""
    try:
        found = json.loads(_mark(target).read_text("utf-8"))
        is_same = digest is not None and found["run"] == digest and target.is_file()
        return max(0, int(found["frames"])) if is_same else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def mark_unfinished(target: Path, digest: str | None, frames: int) -> None:
    """Say that the target holds the first frames of a run."""
    if digest is not None:
        part = _mark(target).with_suffix(".part")
        part.write_text(json.dumps({"run": digest, "frames": frames}), "utf-8")
        os.replace(part, _mark(target))


def mark_finished(target: Path) -> None:
    """Say that nothing is left to do."""
    _mark(target).unlink(missing_ok=True)


def _mark(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")
