"""What one job of this demo may take, from environment variables, and how that is kept and shown."""

from __future__ import annotations

import math
import os
import reprlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from style_core import EnoughDone, InvalidClip, InvalidOption, Progress
from style_core.fronts import ClipFacts, image_size

PREFIX = "STYLE_DEMO_"


@dataclass(frozen=True)
class Limits:
    """Every field is set by the variable ``STYLE_DEMO_<NAME>``.

    Attributes:
        max_megapixels: of a result; larger contents are reduced, with a note.
        max_steps: of the methods that optimize; more are reduced, with a note.
        max_seconds: of one job; optimizers then hand over what they have, others are refused.
        max_upload_mb: of one file.
        queue: jobs that may wait.
        jobs: jobs that run at the same time in each lane (quick ones; those that optimize); 0: one on an
            accelerator or up to seven cores, else a job for every four cores.
        shares_per_hour: of one visitor.
        clip_seconds: of a clip; of a longer one the beginning is taken, and it is said.
        clip_frames: likewise.
        clip_megapixels: of a clip's frames; clips of larger ones are refused.
    """

    max_megapixels: float = 16.0
    max_steps: int = 2000
    max_seconds: float = 1800.0
    max_upload_mb: float = 50.0
    queue: int = 40
    jobs: int = 0
    shares_per_hour: int = 60
    clip_seconds: float = 20.0
    clip_frames: int = 600
    clip_megapixels: float = 2.1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """The limits that are set, defaults for the others.

        Raises:
            InvalidOption: a value is no positive number.
        """
        found: dict[str, Any] = {}
        for name, default in vars(cls()).items():
            kind = type(default)
            found[name] = number(PREFIX + name.upper(), default, kind, environment)
        return cls(**found)

    def sentence(self) -> str:
        """The limits in words, for the page."""
        return (
            f"One job here takes at most {self.max_megapixels:g} megapixels, {self.max_steps} steps and "
            f"{self.max_seconds:g} seconds; a file at most {self.max_upload_mb:g} MB."
        )

    def clip_sentence(self) -> str:
        """What is taken of a clip, in words."""
        return (
            f"Of a clip at most {self.clip_seconds:g} seconds and {self.clip_frames} frames are taken, "
            f"from its beginning; frames of at most {self.clip_megapixels:g} megapixels (1920 x 1080 px are "
            f"2.1), files of at most {self.max_upload_mb:g} MB."
        )

    def frames_taken(self, clip: ClipFacts, name: str) -> int:
        """How many frames are taken of a clip, from its beginning.

        Args:
            name: of its file, for a refusal.

        Raises:
            InvalidClip: its frames are too large.
        """
        if clip.width * clip.height > self.clip_megapixels * 1e6:
            raise InvalidClip(
                f"{name!r} has frames of {clip.width} x {clip.height} px; here they have at most "
                f"{self.clip_megapixels:g} megapixels, as 1920 x 1080 px are: save it smaller first."
            )
        share = min(1.0, self.clip_seconds / max(clip.seconds, 1e-6))
        return max(1, min(self.clip_frames, round(clip.frame_count * share)))

    def at_once(self, device: str, cores: int) -> int:
        """How many jobs of a lane run at the same time."""
        if self.jobs:
            return self.jobs
        return max(1, cores // 4) if device == "cpu" else 1

    def fit(
        self, content: str | None, options: Mapping[str, Any], *, takes_steps: bool
    ) -> tuple[dict[str, Any], list[str]]:
        """Options that stay within the limits, and what was changed.

        Args:
            content: the file that gives the result its size, if any.
            options: values by name.
            takes_steps: whether the method has steps to limit.
        """
        fitted, notes = dict(options), []
        size = image_size(content)  # None where it cannot be read, which the core will say better
        if size is not None:
            longest, allowed = max(size), self._longest(size)
            wanted = fitted.get("size") or longest
            if isinstance(wanted, int) and wanted > allowed:
                fitted["size"] = allowed
                notes.append(
                    f"This demo makes pictures of at most {self.max_megapixels:g} megapixels: the longer "
                    f"side is {allowed} px instead of {reprlib.repr(wanted)}."
                )
        elif isinstance(fitted.get("size"), int) and fitted["size"] > self._longest((1, 1)):
            fitted["size"] = self._longest((1, 1))
            notes.append(
                f"This demo makes pictures of at most {self.max_megapixels:g} megapixels: the longer side is "
                f"{fitted['size']} px instead of {reprlib.repr(options['size'])}."
            )
        steps = fitted.get("steps")
        if takes_steps and isinstance(steps, (int, float)) and steps > self.max_steps:
            fitted["steps"] = self.max_steps
            notes.append(f"This demo takes at most {self.max_steps} steps instead of {reprlib.repr(steps)}.")
        return fitted, notes

    def watched(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
        """``progress`` that ends the work with what it has once the seconds are over."""
        began = clock()

        def report(fraction: float, message: str, preview: Any = None) -> None:
            progress(fraction, message, preview)
            if fraction < 1 and clock() - began > self.max_seconds:
                raise EnoughDone(
                    f"This took longer than the {self.max_seconds:g} seconds that a job may take here; "
                    "choose a smaller size."
                )

        return report

    def last_seconds(self) -> float:
        """When a job is given up that says nothing any more, in the middle of a step or of a file."""
        return self.max_seconds * 1.5 + 30

    def _longest(self, size: tuple[int, int]) -> int:
        """The longer side at which a picture of this shape has the most pixels that are allowed."""
        share = math.sqrt(self.max_megapixels * 1e6 / (size[0] * size[1]))
        return max(16, math.floor(max(size) * share))


def number(name: str, default: float, kind: type, environment: Mapping[str, str] = os.environ) -> Any:
    """The number of an environment variable.

    Raises:
        InvalidOption: it is no positive (whole) number.
    """
    text = environment.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf or (kind is int and value % 1):
        raise InvalidOption(
            f"{name} must be a {'whole ' if kind is int else ''}number above 0, not {text!r}."
        )
    return kind(value)
