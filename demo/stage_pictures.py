"""The pictures of a run: its result in a file, and light ones for the stage, on the way and at the end."""

from __future__ import annotations

import math
import time
import uuid
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from style_core import Result, load_image
from style_core.fronts import ImageTensor, image_size, to_pil

from .runs import PIXELS, TabRun, linked, process_folder, scratch_folder
from .shared_pictures import JPEG_SIDE
from .texts import language_of
from .work import as_sentences

PREVIEW_SIDE = 640  # px
PREVIEW_SECONDS = 0.5  # between two previews
STAGE_PIXELS = 2_000_000  # of the pictures on the stage; the files to download have all
STAGE_QUALITY = 92


def save_result(run: TabRun, name: str, result: Result) -> Path:
    """The result as PNG in the run's folder."""
    path = run.folder / f"{name}.png"
    result.save(path)
    return path


def save_before(run: TabRun, content: str | None, result: Result) -> Path:
    """What the slider shows before: the content at the result's size, as JPEG where that is possible."""
    width, height = result.picture.size
    picture = result.picture if content is None else load_image(content, name="content")
    shown = to_pil(picture.samples)
    if shown.size != (width, height):
        shown = shown.resize((width, height))
    path = run.folder / f"before.{'png' if max(width, height) > JPEG_SIDE else 'jpg'}"
    shown.save(path, quality=92)
    return path


def save_pixels(run: TabRun, name: str, image: Image.Image) -> None:
    """A result as the run's folder keeps it until somebody wants a file of it."""
    np.save(run.folder / f"{name}{PIXELS}", np.asarray(image))


def save_stage(
    run: TabRun, content: str | None, image: Image.Image, before: Path | None
) -> tuple[Path, Path]:
    """Light pictures of the content and the result for the page, of at most ``STAGE_PIXELS`` each.

    Args:
        image: the result.
        before: the content's, if an earlier run of this content at this size has it.
    """
    size = _staged(image.size)
    after = _save_light(image.resize(size, reducing_gap=2.0), run.folder / "after")
    if before is not None:
        return linked(before, run.folder / "before"), after
    plain = image.convert("RGB").resize(size, reducing_gap=2.0) if content is None else None
    return _save_light(plain or _resized(content or "", size), run.folder / "before"), after


def _save_light(image: Image.Image, path: Path) -> Path:
    """As JPEG, unless it is transparent or too long for one."""
    path = path.with_suffix(".png" if image.mode != "RGB" or max(image.size) > JPEG_SIDE else ".jpg")
    image.save(path, quality=STAGE_QUALITY, subsampling=0, compress_level=1)
    return path


class Previews:
    """The pictures on the way, not too many: each is a file that stays as long as the run.

    Args:
        content: what they are previews of; without one the first of them takes its place.
    """

    def __init__(self, content: str | None, folder: Path | None = None) -> None:
        self._content, self._folder = content, folder or process_folder()
        self._before: dict[tuple[int, int], Path] = {}
        self._shown = 0.0

    def show(
        self, preview: ImageTensor | None, side: int = PREVIEW_SIDE, *, at_once: bool = False
    ) -> tuple[str, str] | None:
        """The slider's value: the content and this one, enlarged if it is small, so that nothing jumps.

        Args:
            side: px of the longer side at most.
            at_once: even if another was shown just now.

        Returns:
            ``None`` where it is too early for another.
        """
        is_early = not at_once and time.monotonic() - self._shown < PREVIEW_SECONDS
        if preview is None or is_early:
            return None
        self._shown = time.monotonic()
        picture = to_pil(preview.detach().cpu())
        picture = picture.resize(self._size(picture.size, side), Image.Resampling.BICUBIC)
        path = self._saved(picture)
        if picture.size not in self._before:
            plain = None if self._content is None else _resized(self._content, picture.size)
            self._before[picture.size] = path if plain is None else self._saved(plain)
        return str(self._before[picture.size]), str(path)

    def _size(self, size: tuple[int, int], side: int) -> tuple[int, int]:
        """Of what is shown of a picture: in the shape of the content, of ``PREVIEW_SIDE`` if as large."""
        width, height = image_size(self._content) or size
        longest = min(max(width, height), max(PREVIEW_SIDE, min(side, max(size))))
        scale = longest / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _saved(self, picture: Image.Image) -> Path:
        path = self._folder / f"preview_{uuid.uuid4().hex[:12]}.jpg"
        picture.save(path, quality=85)
        return path


def content_alone(content: str | None, request: gr.Request) -> Any:
    """The stage while there is no result of a content yet: the content, light, on both sides."""
    if content is None:
        return gr.skip()
    with as_sentences("content", language_of(request)):
        size = image_size(content) or (1, 1)
        picture = _resized(content, _staged(size))
    path = str(_save_light(picture, scratch_folder() / "content"))
    return path, path


def _resized(content: str, size: tuple[int, int]) -> Image.Image:
    return to_pil(load_image(content, name="content").samples).resize(size, reducing_gap=2.0)


def _staged(size: tuple[int, int]) -> tuple[int, int]:
    """The size on the stage of a picture of a size."""
    scale = min(1.0, math.sqrt(STAGE_PIXELS / (size[0] * size[1])))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
