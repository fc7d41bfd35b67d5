"""One clip's job: a method on it within the demo's limits, stoppable, in its own thread; and its files."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from style_core import (
    ClipResult,
    InvalidClip,
    InvalidImage,
    Progress,
    get_method,
    list_methods,
    stylize_video,
)
from style_core.fronts import browser_copy, give_memory_back, inspect_clip, to_pil

from .limits import Limits
from .runs import TabRun
from .stream import Update, stream
from .work import check_choices, is_iterative, on_threads, plain_name

CODEC = "h264"  # of 8 bits, which every browser and phone plays
BEFORE = "before.mp4"


@dataclass(frozen=True)
class ClipRequest:
    """What a visitor asked for; files are paths."""

    clip: str
    style: str
    method: str
    style_strength: float = 1.0

    def files(self) -> dict[str, str | None]:
        """Role to file of what its run keeps."""
        return {"clip": self.clip, "style": self.style}

    def values(self) -> dict[str, Any]:
        """The values of the controls, without files."""
        return {"method": self.method, "style_strength": self.style_strength}

    def title(self) -> str:
        """What a visitor's download is called: clip-style-method."""
        return "-".join([plain_name(self.clip), plain_name(self.style), self.method])


@dataclass(frozen=True)
class ClipDone:
    """A clip that was written, and what is to be known of it."""

    result: ClipResult
    notes: tuple[str, ...]


def clip_methods() -> list[str]:
    """Keys of the methods that restyle clips: those that do not optimize every picture by itself."""
    return [key for key in list_methods() if not is_iterative(get_method(key))]


def clip_request(clip: str | None, style: str | None, method: str, style_strength: Any) -> ClipRequest:
    """What the controls say.

    Raises:
        StyleCoreError: something is missing, or no value of a control.
    """
    check_choices("method", [method], clip_methods())
    if clip is None:
        raise InvalidClip("Please add a clip first.")
    if style is None:
        raise InvalidImage("Please add a style picture first.")
    get_method(method).options(style_strength=style_strength)
    return ClipRequest(clip, style, method, float(style_strength))


def restyle(
    request: ClipRequest, target: Path, most_frames: int, limits: Limits,
    enough: threading.Event | None = None, threads: int = 0,
) -> Iterator[Update | ClipDone]:  # fmt: skip
    """Progress reports, then the finished clip.

    Args:
        target: an .mp4 in a folder that goes away with what asked for it.
        most_frames: taken, from the beginning.
        enough: once set, the clip ends with the frames it has.
        threads: processor threads of the job; 0 leaves the machine's.

    Raises:
        StyleCoreError: a sentence for the visitor.
    """

    def work(progress: Progress) -> ClipResult:
        return stylize_video(
            request.method, request.clip, request.style, target, codec=CODEC, most_frames=most_frames,
            style_strength=request.style_strength, progress=limits.watched(progress),
        )  # fmt: skip

    try:
        for each in stream(on_threads(work, threads), enough, seconds=limits.last_seconds()):
            if isinstance(each, Update):
                yield each
            else:
                yield ClipDone(each, (*_shortened(each, most_frames, limits, enough), *each.notes))
    finally:
        give_memory_back()


def _shortened(
    result: ClipResult, most_frames: int, limits: Limits, enough: threading.Event | None
) -> Sequence[str]:
    """Why a clip has not all frames that were to be taken, if so."""
    if result.is_complete:
        return ()
    if enough is not None and enough.is_set():
        return (f"Stopped after {result.frame_count} of {most_frames} frames; the clip ends there.",)
    return (
        f"The {limits.max_seconds:g} seconds that a job may take here were over after "
        f"{result.frame_count} of {most_frames} frames; the clip ends there.",
    )


def keep_before(run: TabRun, request: ClipRequest, frame_count: int) -> None:
    """A copy of the clip beside its result, which browsers play and which says nothing of who took it."""
    browser_copy(request.clip, run.folder / BEFORE, most_frames=frame_count)


def clip_file(run: TabRun, name: str) -> Path | None:
    """The ``result`` of a clip's run, or the clip ``before``; ``None`` if there is no such file."""
    if not run.tiles or name not in ("result", "before"):
        return None
    path = run.folder / (BEFORE if name == "before" else f"{run.tiles[0].title}.mp4")
    return path if path.is_file() else None


def first_frame(path: Path) -> Image.Image:
    """The first frame of a clip of this demo.

    Raises:
        OSError: it is gone or cannot be read.
    """
    try:
        return to_pil(inspect_clip(path).first_frame)
    except InvalidClip as error:
        raise OSError(str(error)) from error


def has_sound(run: TabRun) -> bool:
    """Whether a run's result has sound."""
    path = clip_file(run, "result")
    return path is not None and inspect_clip(path).has_sound


def frames_taken(path: str, limits: Limits) -> int:
    """How many frames of a clip are taken.

    Raises:
        InvalidClip: it cannot be read, or its frames are too large.
    """
    return limits.frames_taken(inspect_clip(path), Path(path).name)
