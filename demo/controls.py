"""The controls of a method, made from its options: each declared once in style_core, drawn and read here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from style_core import InvalidOption, Method
from style_core.fronts import (
    FAMILIES,
    OptionField,
    option_default,
    option_fields,
    option_group,
    parse_numbers,
    parse_value,
)

from .components import as_sent, file_of, picture_data
from .option_texts import control_id, short_text
from .texts import tr
from .uploads import refuse_unreadable

NOT_SET = 0
TYPED_FROM = 100_000  # a whole number of such a range is typed, not dragged


def picture_input(label: str, elem_id: str) -> gr.Image:
    """An image input that refuses what is no picture when it is added."""
    image = unchecked_picture_input(label, elem_id)
    check_upload(image)
    return image


def unchecked_picture_input(
    label: str, elem_id: str, *, value: str | None = None, height: int = 260
) -> gr.Image:
    """An image input that hands over the uploaded file itself; ``elem_id`` is the tab's key and its name."""
    image = gr.Image(
        value, label=tr(label), type="filepath", image_mode=None, elem_id=elem_id, height=height,
        min_width=120, sources=["upload", "clipboard", "webcam"], buttons=[],
    )  # fmt: skip
    name = elem_id.partition("-")[2].replace("-", "_")
    return as_sent(image, file_of, picture_data(name))


def check_upload(image: gr.Image | gr.UploadButton) -> Any:
    """Refuse a file that is no picture when it is added; the event of one that is."""
    checked = image.upload(  # in the queue, without which Gradio shows no refusal, but in a lane of its own
        refuse_unreadable, image, None, api_visibility="private", show_progress="hidden",
        concurrency_limit=4, concurrency_id="uploads",
    )  # fmt: skip
    checked.failure(lambda: None, None, image, queue=False, api_visibility="private", show_progress="hidden")
    return checked


def family_choice(elem_id: str) -> gr.Radio:
    """Which weights to use."""
    made = gr.Radio(
        list(FAMILIES), value=FAMILIES[0], label=tr("Weights"), elem_id=elem_id,
        info=tr(
            "compact came with the program; the others are the papers' full-size networks, fetched when they "
            "are first used."
        ),
    )  # fmt: skip
    return as_sent(made)


def main_controls(method: Method) -> dict[str, Any]:
    """The controls that are always visible."""
    return {
        name: control(method, name)
        for name, option in option_fields(method.options).items()
        if not option.advanced
    }


def advanced_controls(method: Method) -> dict[str, Any]:
    """The other controls, under a heading for each group."""
    fields = option_fields(method.options)
    groups: dict[str, list[str]] = {}
    for name in (name for name, option in fields.items() if option.advanced):
        groups.setdefault(option_group(method.options, name), []).append(name)
    made: dict[str, Any] = {}
    for heading, names in groups.items():
        gr.Markdown(tr(f"#### {heading}"))
        made |= {name: control(method, name) for name in names}
    return made


def control(method: Method, name: str) -> Any:
    """The control of one option."""
    option, default = option_fields(method.options)[name], option_default(method.options, name)
    common = {"label": tr(option_label(option, name)), "info": tr(short_text(method.key, name)),
              "elem_id": control_id(method.key, name)}  # fmt: skip
    return as_sent(_MAKERS[option.kind](option, default, common))


def option_label(option: OptionField, name: str) -> str:
    """What an option is called on the page, in English."""
    return option.label or name.replace("_", " ").capitalize()


def given_options(method: Method, values: Mapping[str, Any]) -> dict[str, Any]:
    """Option values as style_core takes them: an unset number left out, texts of weights taken apart."""
    fields = option_fields(method.options)
    given = {k: v for k, v in values.items() if fields[k].kind != "whole" or v != NOT_SET}
    for name, value in given.items():
        if fields[name].kind == "weighted" and isinstance(value, str):
            given[name] = parse_value(fields[name], value)
    return given


def shown_options(method: Method, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse: what the controls show for the settings of a result."""
    fields = option_fields(method.options)
    shown: dict[str, Any] = {}
    for name, option in fields.items():
        if name in settings:
            value = settings[name]
            if option.kind == "whole" and value is None:
                value = NOT_SET
            shown[name] = ", ".join(value) if option.kind == "weighted" else value
    return shown


def style_weights(text: str | None) -> list[float] | None:
    """The numbers of the weights box, or ``None`` if it is empty.

    Raises:
        InvalidOption: they are no numbers.
    """
    if text is None or not text.strip():
        return None
    try:
        return parse_numbers(text)
    except ValueError:
        raise InvalidOption(f"The weights must be numbers like 2, 1, not {text}.") from None


def _slider(option: OptionField, default: Any, common: dict[str, Any]) -> Any:
    if option.whole and option.high is not None and option.high > TYPED_FROM:
        return gr.Number(default, precision=0, minimum=option.low, maximum=option.high, **common)
    return gr.Slider(option.low or 0, option.high or 0, default, step=option.step, **common)


_MAKERS: dict[str, Callable[[OptionField, Any, dict[str, Any]], Any]] = {
    "slider": _slider,
    "choice": lambda option, default, common: gr.Radio(list(option.choices), value=default, **common),
    "several": lambda option, default, common: gr.CheckboxGroup(
        list(option.choices), value=list(default), **common
    ),
    "weighted": lambda option, default, common: gr.Textbox(", ".join(default), max_lines=1, **common),
    "switch": lambda option, default, common: gr.Checkbox(default, **common),
    "whole": lambda option, default, common: gr.Number(
        default or NOT_SET, precision=0, minimum=NOT_SET, **common
    ),
}


def action_bar(key: str) -> tuple[gr.Button, gr.Button, gr.DownloadButton, gr.Button]:
    """Run, Stop, Download and Share, a bar which a phone keeps at the edge of its screen."""
    with gr.Row(elem_classes="door-actions"):
        run = gr.Button(tr("Run"), variant="primary", elem_id=f"{key}-run", min_width=90)
        stop = gr.Button(tr("Stop"), elem_id=f"{key}-stop", min_width=70)
        download = gr.DownloadButton(
            tr("Download"), elem_id=f"{key}-download", min_width=90, interactive=False
        )
        share = gr.Button(tr("Share"), elem_id=f"{key}-share", min_width=70, interactive=False)
    return run, stop, download, share
