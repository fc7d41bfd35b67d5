"""One tab, made from a method's options."""

from __future__ import annotations

import atexit
import html
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from style_core import (
    FAMILIES,
    Cancelled,
    ImageTensor,
    Method,
    OptionField,
    Progress,
    Result,
    StyleCoreError,
    load_image,
    option_default,
    option_fields,
    parse_numbers,
    parse_value,
    stylize,
    to_pil,
)

from .examples import gallery
from .stops import Stops
from .stream import Update, stream

log = logging.getLogger(__name__)
NOT_SET = 0
NO_MASKS, AUTO_MASKS, OWN_MASKS = "none", "automatic", "my own"
LONGEST_JPEG = 65500  # px, the format's limit
PREVIEW_SIDE = 640  # px
PREVIEW_SECONDS = 0.5  # between two previews
RESULT_LIFETIME = 3600.0  # seconds after which a result file is removed
APOLOGY = "Something went wrong on our side; the server's log has the details. Your pictures are still here."


def method_tab(method: Method) -> None:
    """Build the tab of ``method`` inside the current ``gr.Blocks``."""
    key = method.key
    gr.Markdown(_introduction(method))
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                content = _picture("Content photo", f"{key}-content")
                style = _picture("Style photo" if method.photorealistic else "Style picture", f"{key}-style")
            more_styles, style_weights = _more_styles(method)
            fields = option_fields(method.options)
            controls = {name: _control(method, name) for name, field in fields.items() if not field.advanced}
            masks, content_mask, style_mask = _mask_inputs(method)
            with gr.Accordion("Advanced", open=False):
                family = _family(method)
                controls |= {name: _control(method, name) for name, field in fields.items() if field.advanced}
            with gr.Row():
                run = gr.Button("Run", variant="primary", elem_id=f"{key}-run")
                stop = gr.Button("Stop", elem_id=f"{key}-stop")
        with gr.Column(scale=3, min_width=320):
            slider = gr.ImageSlider(
                label="Before / after",
                interactive=False,
                elem_id=f"{key}-result",
                format="png",
                max_height=640,
            )
            status = gr.Markdown(elem_id=f"{key}-status")
            notes = gr.Markdown(elem_id=f"{key}-notes")
            download = gr.DownloadButton("Download PNG", elem_id=f"{key}-download")
    inputs = {"content": content, "style": style, "more_styles": more_styles,
              "style_weights": style_weights, "masks": masks, "content_mask": content_mask,
              "style_mask": style_mask, "family": family, **controls}  # fmt: skip
    stops = Stops()
    event = run.click(
        _runner(method, stops), inputs_kwargs=inputs, outputs=[slider, status, notes, download],
        api_name=key, concurrency_limit=1, concurrency_id="compute", show_progress="minimal",
    )  # fmt: skip
    # A run under way hands over what it has; one that still waits, or does not end, is cancelled.
    stop.click(_stopper(stops), None, status, queue=False, api_visibility="private").then(
        None, cancels=[event]
    )
    gr.Examples(
        [[str(pair.content), str(pair.style)] for pair in gallery(photorealistic=method.photorealistic)],
        [content, style],
        label="Examples",
        examples_per_page=12,
    )


def _introduction(method: Method) -> str:
    paper = method.paper
    link = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})"
    texture = " Without a content photo it makes a texture of the style." if method.makes_textures else ""
    return f"{method.summary}{texture} {link}, {paper.authors}, {paper.venue} {paper.year}."


def _picture(label: str, elem_id: str) -> gr.Image:
    """An image input that hands over the uploaded file itself, unopened.

    Gradio's own preprocessing would turn, clip or re-encode some pictures and fail with a generic
    message on broken ones; orientation, profile, depth, alpha and refusals are style_core's.
    """
    image = gr.Image(
        label=label, type="filepath", image_mode=None, elem_id=elem_id, height=260,
        sources=["upload", "clipboard", "webcam"],
    )  # fmt: skip
    # On the instance, because Gradio writes a stub file beside the source of every component subclass.
    setattr(image, "preprocess", lambda payload: None if payload is None else payload.path)  # noqa: B010
    return image


def _family(method: Method) -> gr.Radio:
    return gr.Radio(
        list(FAMILIES), value=FAMILIES[0], label="Weights", elem_id=f"{method.key}-family",
        info=f"{FAMILIES[0]} came with the program; the others are the papers' full-size networks, fetched "
        "when they are first used, with their size and licence in the progress line.",
    )  # fmt: skip


def _more_styles(method: Method) -> tuple[gr.File, gr.Textbox]:
    with gr.Accordion("More styles", open=False, visible=method.mixes_styles):
        files = gr.File(
            label="Further style pictures", file_count="multiple", type="filepath",
            elem_id=f"{method.key}-more-styles", height=140,
        )  # fmt: skip
        weights = gr.Textbox(
            "", label="Weights", elem_id=f"{method.key}-style-weights", max_lines=1,
            info="One number for each style picture, like 2, 1; empty for equal shares. With a content mask "
            "alone, each of its regions gets a style of its own, in reading order.",
        )  # fmt: skip
    return files, weights


def _weights(text: str | None) -> list[float] | None:
    """The numbers of the weights box, or ``None`` if it is empty."""
    if text is None or not text.strip():
        return None
    try:
        return parse_numbers(text)
    except ValueError:
        raise gr.Error(
            f"The weights must be numbers like 2, 1, not {html.escape(text)}.", print_exception=False
        ) from None


def _mask_inputs(method: Method) -> tuple[gr.Radio, gr.Image, gr.Image]:
    modes = [NO_MASKS, AUTO_MASKS, OWN_MASKS] if method.uses_segments else [NO_MASKS]
    with gr.Accordion("Regions", open=False, visible=method.uses_segments):
        masks = gr.Radio(
            modes, value=NO_MASKS, label="Masks", elem_id=f"{method.key}-masks",
            info="Match sky with sky and ground with ground: automatically, or by two mask pictures "
            "in which matching regions have the same color.",
        )  # fmt: skip
        with gr.Row(visible=False) as row:
            content_mask = _picture("Content mask", f"{method.key}-content-mask")
            style_mask = _picture("Style mask", f"{method.key}-style-mask")
        masks.change(
            lambda mode: gr.Row(visible=mode == OWN_MASKS), masks, row, queue=False, api_visibility="private"
        )
    return masks, content_mask, style_mask


def _control(method: Method, name: str) -> Any:
    option, default = option_fields(method.options)[name], option_default(method.options, name)
    common = {"label": option.label or name.replace("_", " ").capitalize(), "info": option.help,
              "elem_id": f"{method.key}-{name.replace('_', '-')}"}  # fmt: skip
    return _MAKERS[option.kind](option, default, common)


def _slider(option: OptionField, default: Any, common: dict[str, Any]) -> Any:
    if option.whole and option.high is not None and option.high > 100_000:  # a seed is typed, not dragged
        return gr.Number(default, precision=0, minimum=option.low, maximum=option.high, **common)
    return gr.Slider(option.low or 0, option.high or 0, default, step=option.step, **common)


def _whole(default: int | None, common: dict[str, Any]) -> gr.Number:
    # A number box cannot be empty: the browser shows, and sends, 0. So 0 is what "not set" looks like here.
    info = f"{common['info']} 0 is not set."
    return gr.Number(default or NOT_SET, precision=0, minimum=NOT_SET, **{**common, "info": info})


def _weighted(option: OptionField, default: tuple[str, ...], common: dict[str, Any]) -> gr.Textbox:
    info = f"{common['info']} {option.values.capitalize()}."
    return gr.Textbox(", ".join(default), max_lines=1, **{**common, "info": info})


def _given(method: Method, values: dict[str, Any]) -> dict[str, Any]:
    """The options without those a number box leaves unset, and the texts of weights taken apart."""
    fields = option_fields(method.options)
    given = {k: v for k, v in values.items() if fields[k].kind != "whole" or v != NOT_SET}
    for name, value in given.items():
        if fields[name].kind == "weighted" and isinstance(value, str):
            given[name] = parse_value(fields[name], value)
    return given


_MAKERS: dict[str, Callable[[OptionField, Any, dict[str, Any]], Any]] = {
    "slider": _slider,
    "choice": lambda option, default, common: gr.Radio(list(option.choices), value=default, **common),
    "several": lambda option, default, common: gr.CheckboxGroup(
        list(option.choices), value=list(default), **common
    ),
    "weighted": lambda option, default, common: _weighted(option, default, common),
    "switch": lambda option, default, common: gr.Checkbox(default, **common),
    "whole": lambda option, default, common: _whole(default, common),
}


def _stopper(stops: Stops) -> Callable[..., Any]:
    def stop(request: gr.Request) -> Any:
        return gr.skip() if stops.ask(request.session_hash or "") else "Stopped."

    return stop


def _runner(method: Method, stops: Stops) -> Callable[..., Iterator[Any]]:
    def run(
        request: gr.Request, content: str | None, style: str | None, masks: str, content_mask: str | None,
        style_mask: str | None, more_styles: list[str] | None = None, style_weights: str = "",
        family: str = FAMILIES[0],
        **options: Any,
    ) -> Iterator[Any]:  # fmt: skip
        if style is None or (content is None and not method.makes_textures):
            missing = "style" if content is not None or method.makes_textures else "content"
            raise gr.Error(f"Please add a {missing} picture first.", print_exception=False)
        styles, weights = [style, *(more_styles or [])], _weights(style_weights)
        if masks == OWN_MASKS and content_mask is None and style_mask is None:
            raise gr.Error(
                "Please add both masks (with several styles, the content's), or choose another way to find "
                "regions.",
                print_exception=False,
            )
        chosen = {NO_MASKS: (None, None), AUTO_MASKS: ("auto", "auto")}.get(masks, (content_mask, style_mask))

        def work(progress: Progress) -> Result:
            return stylize(
                method.key, content, styles, style_weights=weights, content_mask=chosen[0],
                style_mask=chosen[1], family=family, progress=progress, **_given(method, options),
            )  # fmt: skip

        previews = _Previews()
        yield gr.skip(), "Starting …", "", gr.skip()
        try:
            with stops.running(request.session_hash or "") as enough:
                for update in stream(work, enough):
                    if isinstance(update, Update):
                        message = f"{update.message} … {update.fraction:.0%}"
                        yield previews.show(update.preview), message, gr.skip(), gr.skip()
                    else:
                        yield _finished(method, content, update)
        except Cancelled:
            yield gr.skip(), "Stopped.", "", gr.skip()
        except StyleCoreError as error:
            yield gr.skip(), "", "", gr.skip()  # no stale status beside the message
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        except Exception as error:
            log.exception("%s failed", method.key)
            yield gr.skip(), "", "", gr.skip()
            raise gr.Error(APOLOGY, print_exception=False) from error

    run.__name__ = run.__qualname__ = method.key
    run.__doc__ = method.summary
    return run


class _Previews:
    """The pictures on the way, small and not too many: each is a file that stays for a while."""

    def __init__(self) -> None:
        self._first: Path | None = None
        self._shown = 0.0

    def show(self, preview: ImageTensor | None) -> Any:
        """The slider's value: the first picture and this one."""
        if preview is None or time.monotonic() - self._shown < PREVIEW_SECONDS:
            return gr.skip()
        self._shown = time.monotonic()
        path = _results_folder() / f"preview_{uuid.uuid4().hex[:12]}.jpg"
        picture = to_pil(preview.detach().cpu())
        picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        picture.save(path, quality=85)
        self._first = self._first or path
        self._first.touch()  # still in use, however long the run takes
        return str(self._first), str(path)


@cache
def _process_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="style_core_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _results_folder() -> Path:
    """This process's folder of results, without those that Gradio has long copied and served."""
    folder = _process_folder()
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > RESULT_LIFETIME:
            path.unlink(missing_ok=True)
    return folder


def _finished(method: Method, content: str | None, result: Result) -> tuple[Any, ...]:
    folder = _results_folder()
    name = f"{method.key}_{uuid.uuid4().hex[:12]}"
    is_long = max(result.image.shape[2:]) > LONGEST_JPEG
    before, after = folder / f"{name}_before.{'png' if is_long else 'jpg'}", folder / f"{name}.png"
    pixels = result.image if content is None else load_image(content, name="content").pixels
    shown = Result(pixels, None, {}, (), {}, 0).to_pil()
    if shown.size != (result.image.shape[3], result.image.shape[2]):
        shown = shown.resize((result.image.shape[3], result.image.shape[2]))
    shown.save(before, quality=92)
    result.save(after)
    width, height = result.image.shape[3], result.image.shape[2]
    status = (
        f"{width} x {height} px in {result.seconds['total']:.1f} s on {result.settings['device']}, "
        f"{result.settings['family']} family"
    )
    notes = "\n".join(f"- {html.escape(note)}" for note in result.notes)
    return (str(before), str(after)), status, notes, str(after)
