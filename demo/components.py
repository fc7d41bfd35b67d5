"""Gradio components whose values come as they were sent: files unopened, numbers unchecked.

Gradio's own preprocessing opens pictures with every decoder Pillow has, turns, clips or re-encodes some, and
its refusals ("Value -5 is less than minimum value 0.") do not say which value of many is meant. Which
files are pictures, and what an option may be, is style_core's to say.
"""

from __future__ import annotations

import reprlib
from abc import ABCMeta
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import gradio as gr
from gradio.components import Component
from gradio.data_classes import ImageData

from .texts import shown

C = TypeVar("C", bound=Component)
Preprocess = Callable[[Any, Any], Any]  # the component and what was sent -> the value


def as_sent(component: C, preprocess: Preprocess = lambda _, payload: payload, data_model: Any = None) -> C:
    """The component with another preprocessing, by default none, however often Gradio rebuilds it.

    A ``data_model`` takes the place of Gradio's, by which it checks what is sent before that.

    Gradio builds components anew from their class when an event updates them, which would lose what is
    set on an instance; so the instance gets a class of its own.
    """
    component.__class__ = _like(type(component), preprocess, data_model)
    return component


def file_of(_: Any, payload: Any) -> str | None:
    """The uploaded file's path."""
    return None if payload is None else payload.path


def picture_data(name: str) -> type[Any]:
    """Gradio's model of an uploaded picture, which refuses anything else in a sentence of ours.

    Args:
        name: the parameter's.
    """
    return uploaded(ImageData, name, "picture file")


@cache
def uploaded(model: type[Any], name: str, what: str) -> type[Any]:
    """A model of Gradio's that refuses what is no upload in a sentence of ours.

    Args:
        name: the parameter's.
        what: it must be.
    """

    class Uploaded(model):
        @classmethod
        def model_validate(cls, obj: Any, **how: Any) -> Any:
            try:
                return super().model_validate(obj, **how)
            except ValueError as error:  # as pydantic refuses
                sentence = f"{name} must be a {what}, not {reprlib.repr(obj)}."
                raise gr.Error(shown(sentence), print_exception=False) from error

    return Uploaded


@cache
def _like(base: type[Any], preprocess: Preprocess, data_model: type[Any] | None) -> type[Any]:
    """A class like ``base`` with another preprocessing.

    Made past Gradio's own metaclass step, which would write a stub file beside the source;
    ``is_template`` makes the page draw it as its base.
    """
    body = {"preprocess": preprocess, "is_template": True, "__module__": __name__, "__doc__": base.__doc__}
    if data_model is not None:
        body["data_model"] = data_model
    made: type[Any] = ABCMeta.__new__(type(base), base.__name__, (base,), body)
    return made
