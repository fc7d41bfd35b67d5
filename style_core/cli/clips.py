"""A clip by the command line: ``style-core wct2 clip.mp4 style.jpg -o out.mp4``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .. import InvalidClip, Progress, TakesLong, stylize_video

ANIMATIONS = {".gif": ".gif", ".apng": ".apng", ".png": ".apng", ".webp": ".webp"}  # in -> out
PICTURES_ONLY = {
    "content_mask": "--content-mask", "style_mask": "--style-mask", "save_look": "--save-look",
    "lut": "--lut", "keep_metadata": "--keep-metadata", "keep_gps": "--keep-gps", "quality": "--quality",
}  # fmt: skip


def restyle(method: str, values: dict[str, Any], output: Path, progress: Progress) -> None:
    """Restyle the clip and say how it went.

    Raises:
        InvalidClip: an option came along that only pictures have, or the clip cannot be used.
    """
    for name, flag in PICTURES_ONLY.items():
        if values.pop(name, None):
            raise InvalidClip(f"{flag} goes with pictures, not with clips.")
    values.pop("bits")
    if masks := values.pop("masks", None):
        values["content_mask"] = values["style_mask"] = masks
    with warnings.catch_warnings():
        warnings.simplefilter("always", TakesLong)
        warnings.showwarning = partial(_show_warning, otherwise=warnings.showwarning)
        result = stylize_video(
            method, values.pop("content"), values.pop("style"), output, progress=progress, **values
        )
    for note in result.notes:
        print(f"Note: {note}", file=sys.stderr)
    if not result.is_complete:
        print(f"Note: Stopped after {result.frame_count} frames; the file has those.", file=sys.stderr)
    pace = result.frame_count / result.seconds
    shots = "1 shot" if result.shot_count == 1 else f"{result.shot_count} shots"
    print(f"{output}  {result.frame_count} frames in {shots}  {result.seconds:.1f} s ({pace:.1f} a second)")


def _show_warning(message: Any, *where: Any, otherwise: Callable[..., None], **more: Any) -> None:
    """One line above the bar, at once."""
    if isinstance(message, TakesLong):
        tqdm.write(f"Warning: {message}", file=sys.stderr)
    else:
        otherwise(message, *where, **more)
