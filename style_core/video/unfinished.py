"""What a stopped run leaves beside its clip, so that the same run goes on from there."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from torch import Tensor

from ..digest import file_sha256, settled_identity
from ..errors import InvalidClip
from ..images import Samples, Source
from ..memory import fingerprint
from ..version import __version__
from .colors import samples_of
from .opening import open_clip


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


def _frames_done(target: Path, digest: str | None) -> int:
    """How many frames a stopped run of that digest has left in the target; 0 where there was none."""
    try:
        found = json.loads(_mark(target).read_text("utf-8"))
        is_same = digest is not None and found["run"] == digest and target.is_file()
        return max(0, int(found["frames"])) if is_same else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


@dataclass(frozen=True)
class StoppedRun:
    """What a stopped run has left: its first frames, as it has written them.

    Attributes:
        count: of the frames.
        frames: themselves, to be read once.
        path: of the file that has them.
    """

    count: int = 0
    frames: Iterator[Any] | None = None
    path: Path | None = None

    def last(self, *, is_deep: bool) -> Samples:
        """The last of them."""
        assert self.path is not None
        with open_clip(self.path) as clip:
            (frame,) = deque(clip.frames(), maxlen=1)
            return samples_of(frame, is_deep=is_deep)

    @property
    def notes(self) -> tuple[str, ...]:
        """That it was gone on from."""
        if not self.count:
            return ()
        return (f"Went on after the {self.count} frames of a run that was stopped; they were encoded again.",)


@contextmanager
def stopped_run(target: Path, digest: str | None) -> Iterator[StoppedRun]:
    """The stopped run to go on from, open, or an empty one."""
    count = _frames_done(target, digest)
    with ExitStack() as opened:
        try:
            clip = opened.enter_context(open_clip(target)) if count else None
        except InvalidClip:  # damaged since: it is made again
            clip = None
        yield StoppedRun() if clip is None else StoppedRun(count, clip.frames(), target)


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
