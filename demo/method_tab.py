"""One tab, made from a method's options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from style_core import (
    FAMILIES,
    Cancelled,
    Method,
    StyleCoreError,
    describe_weights,
    find_regions,
    option_fields,
)

from .controls import (
    advanced_controls,
    family_choice,
    given_options,
    main_controls,
    picture_input,
    style_weights,
)
from .examples import KeptResult, example_key, gallery, keep_result, kept_result
from .masks import COLORS, editor_value, overlays, painted_mask, save_mask
from .runs import FinishedTile, Run, scratch_folder
from .service import Service
from .sharing import share_row
from .stops import Stops
from .stream import Update
from .texts import language, say, tr
from .work import (
    DRAWN_MASKS,
    MASK_MODES,
    NO_MASKS,
    OWN_MASKS,
    Done,
    Previews,
    Request,
    as_list,
    as_sentences,
    check,
    is_iterative,
    save_before,
    save_result,
    summary,
)

STRENGTHS = ("content_strength", "style_strength")
QUICK_SIDE = 192  # px of the picture that follows a moved strength at once, where the whole takes longer
QUICK_SECONDS = 0.5  # a job that took no longer needs no such picture


@dataclass(frozen=True)
class TabParts:
    """What others fill in: controls by name."""

    inputs: dict[str, Any]


def method_tab(method: Method, service: Service) -> TabParts:
    """Build the tab of ``method`` inside the current ``gr.Blocks``."""
    key = method.key
    gr.Markdown(_introduction(method))
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            with gr.Row():
                content = picture_input("Content photo", f"{key}-content")
                style = picture_input(
                    "Style photo" if method.photorealistic else "Style picture", f"{key}-style"
                )
            with gr.Row():
                run = gr.Button(tr("Run"), variant="primary", elem_id=f"{key}-run", min_width=120)
                stop = gr.Button(tr("Stop"), elem_id=f"{key}-stop", min_width=120)
            more_styles, weights = _more_styles(method)
            controls = main_controls(method)
            masks, content_mask, style_mask, editors = _mask_inputs(method, content, style)
            with gr.Accordion(tr("Advanced"), open=False):
                family = _family(method)
                controls |= advanced_controls(method)
        with gr.Column(scale=3, min_width=320):
            slider = gr.ImageSlider(
                label=tr("Before / after"),
                interactive=False,
                elem_id=f"{key}-result",
                format="png",
                max_height=640,
            )
            status = gr.Markdown(label="Status", elem_id=f"{key}-status")
            notes = gr.Markdown(label="Notes", elem_id=f"{key}-notes")
            with gr.Row():
                download = gr.DownloadButton(tr("Download PNG"), elem_id=f"{key}-download", min_width=120)
                share = gr.Button(tr("Share"), elem_id=f"{key}-share", min_width=120)
            run_id = gr.Textbox(visible=False, label="run")
            share_row(share, run_id, f"{key}-link", service)
            with gr.Accordion(tr("Settings"), open=False):
                settings = gr.JSON(label="Settings", show_label=False, elem_id=f"{key}-settings")
    inputs = {"content": content, "style": style, "masks": masks, "content_mask": content_mask,
              "style_mask": style_mask, "more_styles": more_styles, "style_weights": weights,
              "family": family, **controls}  # fmt: skip
    outputs = [slider, status, notes, download, settings, run_id]
    stops = Stops()
    queue: dict[str, Any] = {"concurrency_limit": service.jobs, "concurrency_id": "compute",
                             "show_progress": "minimal"}  # fmt: skip
    collected = run.click(
        _paint, [masks, *editors], [content_mask, style_mask], queue=False, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    event = collected.then(
        _runner(method, stops, service), inputs_kwargs=inputs, outputs=outputs, api_name=key, **queue
    )
    events = [event]
    if not is_iterative(method):
        again = _rerunner(method, stops, service)
        for name in STRENGTHS:
            moved = controls[name].release(
                again, inputs_kwargs={**inputs, "run_id": run_id}, outputs=outputs, api_visibility="private",
                trigger_mode="always_last", **queue,
            )  # fmt: skip
            events.append(moved)
    examples = gr.Examples(
        [[str(pair.content), str(pair.style)] for pair in gallery(photorealistic=method.photorealistic)],
        [content, style],
        label=tr("Examples"),
        examples_per_page=12,
        elem_id=f"{key}-examples",
    )
    shown = examples.load_input_event.then(
        _runner(method, stops, service),
        inputs_kwargs=inputs,
        outputs=outputs,
        api_visibility="private",
        **queue,
    )
    events.append(shown)
    # A run under way hands over what it has; one that still waits, or does not end, is cancelled.
    stop.click(_stopper(stops), None, status, queue=False, api_visibility="private").then(
        None, cancels=events
    )
    return TabParts(inputs)


def _introduction(method: Method) -> Any:
    paper = method.paper
    link = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})"
    texture = " Without a content photo it makes a texture of the style." if method.makes_textures else ""
    return tr(f"{method.summary}{texture} {link}, {paper.authors}, {paper.venue} {paper.year}.")


def _family(method: Method) -> gr.Radio:
    family = family_choice(f"{method.key}-family")
    note = gr.Markdown(elem_id=f"{method.key}-family-note")

    def describe(chosen: str, request: gr.Request) -> str:
        try:
            return say(describe_weights(method.key, chosen), language(request))
        except StyleCoreError as error:
            return say(str(error), language(request))

    family.change(describe, family, note, queue=False, api_visibility="private")
    return family


def _more_styles(method: Method) -> tuple[gr.File, gr.Textbox]:
    with gr.Accordion(tr("More styles"), open=False, visible=method.mixes_styles):
        files = gr.File(
            label=tr("Further style pictures"), file_count="multiple", type="filepath",
            elem_id=f"{method.key}-more-styles", height=140,
        )  # fmt: skip
        weights = gr.Textbox(
            "", label=tr("Shares"), elem_id=f"{method.key}-style-weights", max_lines=1,
            info=tr(
                "One number for each style picture, like 2, 1; empty for equal shares. With a content mask "
                "alone, each of its regions gets a style of its own, in reading order."
            ),
        )  # fmt: skip
    return files, weights


def _mask_inputs(
    method: Method, content: gr.Image, style: gr.Image
) -> tuple[gr.Radio, gr.Image, gr.Image, list[gr.ImageEditor]]:
    key = method.key
    modes = list(MASK_MODES) if method.uses_segments else [NO_MASKS]
    with gr.Accordion(tr("Regions"), open=False, visible=method.uses_segments):
        masks = gr.Radio(
            [(tr(mode), mode) for mode in modes], value=NO_MASKS, label=tr("Masks"), elem_id=f"{key}-masks",
            info=tr(
                "Match sky with sky and ground with ground: automatically, drawn with the brush, or by two "
                "mask pictures; regions of the same color are matched."
            ),
        )  # fmt: skip
        with gr.Column(visible=False) as drawing:
            editors = [
                gr.ImageEditor(
                    type="pil", layers=False, transforms=(), sources=(), label=tr(label), height=360,
                    brush=gr.Brush(colors=list(COLORS), color_mode="fixed", default_size=40),
                    elem_id=f"{key}-draw-{side}",
                )
                for side, label in (
                    ("content", "Paint regions of the content"),
                    ("style", "Paint regions of the style"),
                )
            ]  # fmt: skip
        with gr.Row(visible=False) as files:
            content_mask = picture_input("Content mask", f"{key}-content-mask")
            style_mask = picture_input("Style mask", f"{key}-style-mask")
        with gr.Column(visible=False) as preview:
            look = gr.Button(tr("Show the regions"), size="sm", elem_id=f"{key}-regions")
            regions = gr.Gallery(
                label=tr("Regions: the same color is matched"), columns=2, height=240, visible=False,
                elem_id=f"{key}-regions-shown", format="jpeg",
            )  # fmt: skip
            found = gr.Markdown(elem_id=f"{key}-regions-notes")
        masks.change(
            lambda mode: (
                gr.Column(visible=mode == DRAWN_MASKS),
                gr.Row(visible=mode == OWN_MASKS),
                gr.Column(visible=mode != NO_MASKS),
            ),
            masks, [drawing, files, preview], queue=False, api_visibility="private",
        ).then(
            _under_the_brush, [masks, content, style], editors, queue=False, api_visibility="private"
        )  # fmt: skip
        for picture, editor in zip((content, style), editors, strict=True):
            picture.change(
                lambda mode, path: editor_value(path) if mode == DRAWN_MASKS else gr.skip(),
                [masks, picture], editor, queue=False, api_visibility="private",
            )  # fmt: skip
        look.click(
            _paint, [masks, *editors], [content_mask, style_mask], queue=False, api_visibility="private"
        ).then(
            _show_regions, [masks, content, style, content_mask, style_mask], [regions, found],
            api_visibility="private", concurrency_limit=1, concurrency_id="regions",
        )  # fmt: skip
    return masks, content_mask, style_mask, editors


def _under_the_brush(mode: str, content: str | None, style: str | None) -> Any:
    if mode != DRAWN_MASKS:
        return gr.skip(), gr.skip()
    return editor_value(content), editor_value(style)


def _paint(mode: str, content: dict[str, Any] | None, style: dict[str, Any] | None) -> Any:
    """The strokes of both editors into the mask inputs."""
    if mode != DRAWN_MASKS:
        return gr.skip(), gr.skip()
    folder = scratch_folder()
    return tuple(
        save_mask(painted_mask(value), folder, name)
        for value, name in ((content, "content_mask"), (style, "style_mask"))
    )


def _show_regions(
    mode: str, content: str | None, style: str | None, content_mask: str | None, style_mask: str | None,
    request: gr.Request,
) -> Any:  # fmt: skip
    tongue = language(request)
    with as_sentences("regions", tongue):
        if content is None or style is None:
            raise gr.Error("Please add a content and a style picture first.", print_exception=False)
        if mode in (OWN_MASKS, DRAWN_MASKS):
            check(
                Request(
                    "wct2", content, (style,), masks=mode, content_mask=content_mask, style_mask=style_mask
                )
            )
            if content_mask is None or style_mask is None:
                raise gr.Error("One of the masks has no regions yet.", print_exception=False)
            found = find_regions(
                content, style, content_mask=content_mask, style_mask=style_mask, device="cpu"
            )
        else:
            found = find_regions(content, style, device="cpu")
        mask = content_mask if mode in (OWN_MASKS, DRAWN_MASKS) else None
        pictures = overlays(content, style, found, mask)
    captions = (say("Content", tongue), say("Style", tongue))
    return gr.Gallery(list(zip(pictures, captions, strict=True)), visible=True), as_list(found.notes, tongue)


def _stopper(stops: Stops) -> Callable[..., Any]:
    def stop(request: gr.Request) -> Any:
        has_ended = stops.ask(request.session_hash or "")
        return gr.skip() if has_ended else say("Stopped.", language(request))

    return stop


def _request(method: Method, values: dict[str, Any]) -> Request:
    """The request that a tab's controls describe."""
    style, more = values["style"], values.get("more_styles") or []
    shares = style_weights(values.get("style_weights"))
    options = {name: values[name] for name in option_fields(method.options) if name in values}
    return Request(
        method.key, values["content"], tuple([style, *more] if style is not None else []),
        None if shares is None else tuple(shares), values.get("masks") or NO_MASKS,
        values.get("content_mask"), values.get("style_mask"), values.get("family") or FAMILIES[0],
        given_options(method, options),
    )  # fmt: skip


def _runner(method: Method, stops: Stops, service: Service) -> Callable[..., Iterator[Any]]:
    def run(
        request: gr.Request, content: str | None = None, style: str | None = None, masks: str = NO_MASKS,
        content_mask: str | None = None, style_mask: str | None = None, more_styles: list[str] | None = None,
        style_weights: str = "", family: str = FAMILIES[0], **options: Any,
    ) -> Iterator[Any]:  # fmt: skip
        values = {"content": content, "style": style, "masks": masks, "content_mask": content_mask,
                  "style_mask": style_mask, "more_styles": more_styles, "style_weights": style_weights,
                  "family": family, **options}  # fmt: skip
        tongue = language(request)
        with as_sentences(method.key, tongue):
            asked = _request(method, values)
            check(asked)
        # What the last run left is not this one's, and must not be downloaded or shared as if it were.
        yield gr.skip(), say("Starting …", tongue), "", None, None, ""
        yield from _run(method, asked, request.session_hash or "", stops, service, tongue)

    run.__name__ = run.__qualname__ = method.key
    run.__doc__ = _api_description(method)
    return run


def _rerunner(method: Method, stops: Stops, service: Service) -> Callable[..., Iterator[Any]]:
    """After a moved strength: the same again, if nothing else was changed since the last run."""

    def rerun(request: gr.Request, run_id: str | None = None, **values: Any) -> Iterator[Any]:
        tongue = language(request)
        last = service.runs.get(run_id)
        with as_sentences(method.key, tongue):
            asked = _request(method, values)
        before = None if last is None else last.request
        if (
            last is None
            or not isinstance(before, Request)
            or not asked.is_same_but_strengths(before)
            or asked == before
        ):
            yield (gr.skip(),) * 6
            return
        if last.tiles[0].seconds > QUICK_SECONDS and not asked.options.get("size"):
            yield from _quick_look(asked, last, service, tongue)
        yield from _run(method, asked, request.session_hash or "", stops, service, tongue)

    return rerun


def _quick_look(asked: Request, last: Run, service: Service, tongue: str) -> Iterator[Any]:
    """A small picture first, so that the hand on the slider sees what it does."""
    small = Request(**{**vars(asked), "options": {**asked.options, "size": QUICK_SIDE}})
    previews = Previews(last.folder)
    try:
        for update in service.perform(small):
            if isinstance(update, Done):
                before = last.file("before")
                shown = previews.show(update.result.image)
                if before is not None and isinstance(shown, tuple):
                    yield (
                        (str(before), shown[1]),
                        say("A small preview; the picture follows …", tongue),
                        *_nothing(4),
                    )
    except StyleCoreError:
        return  # the picture itself will say why


def _run(
    method: Method, asked: Request, session: str, stops: Stops, service: Service, tongue: str
) -> Iterator[Any]:
    is_plain = len(asked.styles) == 1 and asked.is_plain()
    with as_sentences(method.key, tongue):
        key = example_key(asked.values(), asked.content, asked.styles[0]) if is_plain else None
        kept = kept_result(key) if key else None
    if kept is not None:
        yield _from_examples(method, asked, kept, service, tongue)
        return
    with as_sentences(method.key, tongue):
        run = service.begin("method", method.key, asked)
    previews = Previews(run.folder)
    is_done = False
    try:
        with as_sentences(method.key, tongue), stops.running(session) as enough:
            for update in service.perform(asked, enough):
                if isinstance(update, Update):
                    yield _line(_progress(update, tongue), previews.show(update.preview))
                else:
                    shown = _finished(run, asked, update, tongue)
                    is_done = True
                    if key and not enough.is_set() and update.notes == update.result.notes:  # no limit cut it
                        path = run.folder / "result.png"
                        keep_result(key, path, update.result.settings, update.notes, update.seconds)
                    yield shown
    except gr.Error as error:
        yield _line("")  # no stale status beside the message
        if isinstance(error.__cause__, Cancelled) and str(error.__cause__) == "Stopped.":
            yield _line(say("Stopped.", tongue))
            return
        raise
    finally:
        if not is_done:
            service.drop(run)


def _progress(update: Update, tongue: str) -> str:
    return f"{say(update.message, tongue)} … {update.fraction:.0%}"


def _nothing(count: int) -> tuple[Any, ...]:
    return (gr.skip(),) * count


def _line(status: str, shown: Any = None) -> tuple[Any, ...]:
    """All outputs while a job runs: a status and perhaps a picture; what the last run said is cleared."""
    return gr.skip() if shown is None else shown, status, "", gr.skip(), gr.skip(), gr.skip()


def _finished(run: Run, asked: Request, done: Done, tongue: str) -> tuple[Any, ...]:
    """All outputs at the end; the result is noted in the run."""
    before, after = save_before(run, asked.content, done.result), save_result(run, "result", done.result)
    tile = FinishedTile("result", run.tab, done.result.settings, done.notes, done.seconds)
    run.tiles.append(tile)
    status = summary(done.result, done.seconds, tongue)
    return (
        (str(before), str(after)),
        status,
        as_list(done.notes, tongue),
        str(after),
        dict(tile.settings),
        run.id,
    )


def _from_examples(method: Method, asked: Request, kept: KeptResult, service: Service, tongue: str) -> Any:
    """All outputs for a kept result, with a word that it is one."""
    run = service.begin("method", method.key, asked)
    after = run.folder / "result.png"
    after.write_bytes(kept.image.read_bytes())
    before = run.folder / "before.jpg"
    with Image.open(after) as result, Image.open(asked.content or after) as content:
        size = result.size
        content.convert("RGB").resize(size).save(before, quality=92)
    run.tiles.append(FinishedTile("result", method.key, kept.settings, kept.notes, kept.seconds))
    status = say(
        f"{size[0]} x {size[1]} px, kept from an earlier visitor, for whom it took {kept.seconds:.1f} s; "
        "Run after a change computes anew.",
        tongue,
    )
    return (
        (str(before), str(after)),
        status,
        as_list(kept.notes, tongue),
        str(after),
        dict(kept.settings),
        run.id,
    )


def _api_description(method: Method) -> str:
    """The endpoint's documentation, for API pages and MCP clients."""
    lines = [method.summary, "", "Args:"]
    lines += [
        "    content: the photo to restyle.",
        "    style: the picture whose look it gets.",
        f"    masks: how regions are matched: {', '.join(MASK_MODES)}.",
        "    content_mask: with masks 'my own', a picture with one flat color per region of the content.",
        "    style_mask: its partner for the style, in the same colors.",
        "    more_styles: further style pictures to mix, where the method can.",
        "    style_weights: a share for each style, like 2, 1.",
        f"    family: the networks: {', '.join(FAMILIES)}.",
    ]
    lines += [f"    {name}: {option.help}" for name, option in option_fields(method.options).items()]
    lines += [
        "",
        "Returns:",
        "    Before and after, a status, notes, the PNG with its settings, the settings, the run's id.",
    ]
    return "\n".join(lines)
