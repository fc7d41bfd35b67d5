"""Gradio components that hand over uploaded files themselves, unopened.

Gradio's own preprocessing opens pictures with every decoder Pillow has, turns, clips or re-encodes some and
fails with a generic message on broken ones; which files are pictures, and how they are read, is
style_core's.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable
from typing import Any

import gradio as gr


def _like(base: type[Any], preprocess: Callable[[Any, Any], Any]) -> type[Any]:
    """A component like ``base`` with another preprocessing.

    A subclass, because Gradio builds components anew from their class when an event updates them, which
    loses what was set on an instance. Made past Gradio's own metaclass step, which would write a stub file
    beside the source; ``is_template`` makes the page draw it as its base.
    """
    body = {"preprocess": preprocess, "is_template": True, "__module__": __name__, "__doc__": base.__doc__}
    made: type[Any] = ABCMeta.__new__(type(base), base.__name__, (base,), body)
    return made


def _path(self: Any, payload: Any) -> str | None:
    return None if payload is None else payload.path


PictureFile = _like(gr.Image, _path)  # its value is the uploaded file's path
