"""What programs are told of the endpoints: inputs with their help, outputs by name.

The page's labels are chosen by the browser and say nothing to a program; so the API's description of an
endpoint gets English labels for the inputs and, for the outputs, the names of a record.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

import gradio as gr
from gradio.components import Component

from .texts import english

Endpoint = Callable[..., Iterator[Any]]


@dataclass(frozen=True)
class Outputs:
    """The components that an event fills; a program gets their values in the order of the fields.

    A field's annotation has the component and what it holds, for the API's description.
    """

    def components(self) -> list[Any]:
        """What Gradio takes as ``outputs``."""
        return [getattr(self, each.name) for each in fields(self)]

    @classmethod
    def described(cls) -> dict[str, str]:
        """What each output holds, by name."""
        hints = get_type_hints(cls, include_extras=True)
        return {each.name: hints[each.name].__metadata__[0] for each in fields(cls)}

    def show(self, **values: Any) -> dict[Any, Any]:
        """What an event yields: new values for the named outputs, while the others stay as they are."""
        return {getattr(self, name): value for name, value in values.items()}


@dataclass(frozen=True)
class Tab:
    """A tab of the page: its controls by name, what its endpoint fills, and the stage of a door."""

    inputs: Mapping[str, Any]
    outputs: Outputs
    stage: gr.ImageSlider | None = None


class Page(gr.Blocks):
    """Gradio's page with a better description of its API.

    Attributes:
        outputs: those of each endpoint.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.outputs: dict[str, Outputs] = {}

    def say_progress_once(self) -> None:
        """Let Gradio draw the progress of events that queue on the first output that is seen, else nowhere.

        Its page writes the state of every event, at each of its steps, to every output that any event
        has written to so far: all controls of the page, once a visitor's pictures have come back. That
        was most of what the browser had to do.
        """
        for event in self.fns.values():
            is_drawn = event.queue and event.show_progress != "hidden"
            outputs = (output for output in event.outputs if isinstance(output, Component))
            seen = [output for output in outputs if output.visible is True]
            event.show_progress_on = seen[:1] if is_drawn else []

    def get_api_info(self, *given: Any, **how: Any) -> Any:
        """As Gradio makes it, with names that a program can use."""
        info = super().get_api_info(*given, **how)
        for path, endpoint in info["named_endpoints"].items():
            for parameter in endpoint["parameters"]:
                parameter["label"] = english(parameter["label"])
            outputs = self.outputs.get(path.removeprefix("/"))
            if outputs is not None:
                for returned, name in zip(endpoint["returns"], outputs.described(), strict=True):
                    returned["label"] = name
        return info


def documented(
    endpoint: Endpoint, name: str, summary: str, inputs: Mapping[str, str], outputs: type[Outputs]
) -> Endpoint:
    """An endpoint that takes its inputs as keywords, described as one that lists them.

    Args:
        endpoint: takes the Gradio request as ``request``.
        inputs: their names and what they mean.
    """
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=gr.Request)
    given = [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=None) for each in inputs]
    made: Any = endpoint
    made.__name__ = made.__qualname__ = name
    made.__signature__ = inspect.Signature([request, *given])
    made.__doc__ = f"{summary}\n\nArgs:\n{_lines(inputs)}\n\nReturns:\n{_lines(outputs.described())}"
    return endpoint


def _lines(described: Mapping[str, str]) -> str:
    return "\n".join(f"    {name}: {text}" for name, text in described.items())
