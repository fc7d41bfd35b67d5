"""Uploads that browsers cannot show (HEIC, JPEG XL, TIFF …) as JPEG; the upload itself stays as it is."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import gradio as gr

from style_core import StyleCoreError, load_image
from style_core.fronts import image_size, to_pil

from .runs import process_folder
from .texts import language_of
from .work import as_sentences

SIDE = 1280  # px
_one_at_a_time = threading.Lock()


def refuse_unreadable(path: str | None, request: gr.Request) -> None:
    """Say at once, before any queue, that a file is no picture; what its head promises is read by a run.

    Raises:
        gr.Error: the sentence.
    """
    if path is not None and image_size(path) is None:
        with as_sentences("upload", language_of(request)):
            load_image(path, name="picture")


def shown_picture(file: str, uploads: Path) -> Path | None:
    """A JPEG of an uploaded file, made once.

    Args:
        file: the upload's path, as the page knows it.
        uploads: the folder that uploads are in; nothing outside it is ever read.

    Returns:
        the JPEG, or ``None`` where there is no such upload or it cannot be read, as Run will say.
    """
    try:
        path = Path(file).resolve()
        if not file or not path.is_relative_to(uploads.resolve()) or not path.is_file():
            return None
        stat = path.stat()
    except (OSError, ValueError):  # ValueError: a zero byte
        return None
    key = hashlib.sha256(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}".encode(errors="surrogateescape"))
    target = process_folder() / "shown" / f"{key.hexdigest()[:32]}.jpg"
    with _one_at_a_time:
        if target.is_file():
            return target
        try:
            picture = to_pil(load_image(path, name="picture").samples)
        except StyleCoreError:
            return None
        picture.thumbnail((SIDE, SIDE))
        target.parent.mkdir(exist_ok=True)
        picture.save(target, quality=88)
    return target
