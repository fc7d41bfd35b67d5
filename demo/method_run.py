"""A run of a method's tab: the controls' request, its progress, its end, and again after a moved strength."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from style_core import Cancelled, Method, StyleCoreError, load_image
from style_core.fronts import FAMILIES, image_size, option_fields, to_pil

from .controls import (
    given_options,
    style_weights,
)
from .examples import KeptResult, example_key, keep_result, kept_result
from .runs import FinishedTile, TabRun
from .service import Service
from .stops import Stops
from .stream import Update
from .texts import language_of, say
from .work import (
    MASK_MODES,
    NO_MASKS,
    Done,
    Previews,
    Request,
    as_list,
    as_sentences,
    check,
    save_before,
    save_result,
    summary,
)

QUICK_SIDE = 192  # px of the picture that follows a moved strength at once, where the whole takes longer
QUICK_SECONDS = 0.5  # a job that took no longer needs no such picture


def request_of(method: Method, values: dict[str, Any]) -> Request:
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


def runner(method: Method, stops: Stops, service: Service) -> Callable[..., Iterator[Any]]:
    def run(
        request: gr.Request, content: str | None = None, style: str | None = None, masks: str = NO_MASKS,
        content_mask: str | None = None, style_mask: str | None = None, more_styles: list[str] | None = None,
        style_weights: str = "", family: str = FAMILIES[0], **options: Any,
    ) -> Iterator[Any]:  # fmt: skip
        values = {"content": content, "style": style, "masks": masks, "content_mask": content_mask,
                  "style_mask": style_mask, "more_styles": more_styles, "style_weights": style_weights,
                  "family": family, **options}  # fmt: skip
        language = language_of(request)
        with as_sentences(method.key, language):
            asked = request_of(method, values)
            check(asked)
        # What the last run left is not this one's, and must not be downloaded or shared as if it were.
        yield gr.skip(), say("Starting …", language), "", None, None, ""
        yield from _run(method, asked, request.session_hash or "", stops, service, language)

    run.__name__ = run.__qualname__ = method.key
    run.__doc__ = _api_description(method)
    return run


def rerunner(method: Method, stops: Stops, service: Service) -> Callable[..., Iterator[Any]]:
    """After a moved strength: the same again, if nothing else was changed since the last run."""

    def rerun(request: gr.Request, run_id: str | None = None, **values: Any) -> Iterator[Any]:
        language = language_of(request)
        last = service.runs.get(run_id)
        with as_sentences(method.key, language):
            asked = request_of(method, values)
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
            yield from _quick_look(asked, last, service, language)
        yield from _run(method, asked, request.session_hash or "", stops, service, language)

    return rerun


def _quick_look(asked: Request, last: TabRun, service: Service, language: str) -> Iterator[Any]:
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
                        say("A small preview; the picture follows …", language),
                        *_nothing(4),
                    )
    except StyleCoreError:
        return  # the picture itself will say why


def _run(
    method: Method, asked: Request, session: str, stops: Stops, service: Service, language: str
) -> Iterator[Any]:
    is_plain = len(asked.styles) == 1 and asked.is_plain()
    with as_sentences(method.key, language):
        key = example_key(asked.values(), asked.content, asked.styles[0]) if is_plain else None
        kept = kept_result(key) if key else None
    if kept is not None:
        yield _from_examples(method, asked, kept, service, language)
        return
    with as_sentences(method.key, language):
        run = service.begin("method", method.key, asked)
    previews = Previews(run.folder)
    is_done = False
    try:
        with as_sentences(method.key, language), stops.running(session) as enough:
            for update in service.perform(asked, enough):
                if isinstance(update, Update):
                    yield _line(_progress(update, language), previews.show(update.preview))
                else:
                    shown = _finished(run, asked, update, language)
                    is_done = True
                    if key and not enough.is_set() and update.notes == update.result.notes:  # no limit cut it
                        path = run.folder / "result.png"
                        if key == example_key(asked.values(), asked.content, asked.styles[0]):  # still
                            keep_result(key, path, update.result.settings, update.notes, update.seconds)
                    yield shown
    except gr.Error as error:
        yield _line("")  # no stale status beside the message
        if isinstance(error.__cause__, Cancelled) and str(error.__cause__) == "Stopped.":
            yield _line(say("Stopped.", language))
            return
        raise
    finally:
        if not is_done:
            service.drop(run)


def _progress(update: Update, language: str) -> str:
    return f"{say(update.message, language)} … {update.fraction:.0%}"


def _nothing(count: int) -> tuple[Any, ...]:
    return (gr.skip(),) * count


def _line(status: str, shown: Any = None) -> tuple[Any, ...]:
    """All outputs while a job runs: a status and perhaps a picture; what the last run said is cleared."""
    return gr.skip() if shown is None else shown, status, "", gr.skip(), gr.skip(), gr.skip()


def _finished(run: TabRun, asked: Request, done: Done, language: str) -> tuple[Any, ...]:
    """All outputs at the end; the result is noted in the run."""
    before, after = save_before(run, asked.content, done.result), save_result(run, "result", done.result)
    run.tiles.append(FinishedTile("result", run.tab, done.result.settings, done.notes, done.seconds))
    return _outputs(run, before, after, summary(done.result, done.seconds, language), language)


def _from_examples(method: Method, asked: Request, kept: KeptResult, service: Service, language: str) -> Any:
    """All outputs for a kept result, with a word that it is one."""
    run = service.begin("method", method.key, asked)
    after, before = run.folder / "result.png", run.folder / "before.jpg"
    after.write_bytes(kept.image.read_bytes())
    size = image_size(str(after)) or (0, 0)
    content = load_image(asked.content or str(after), name="content")
    to_pil(content.pixels).resize(size).save(before, quality=92)
    run.tiles.append(FinishedTile("result", method.key, kept.settings, kept.notes, kept.seconds))
    status = say(
        f"{size[0]} x {size[1]} px, kept from an earlier visitor, for whom it took {kept.seconds:.1f} s; "
        "Run after a change computes anew.",
        language,
    )
    return _outputs(run, before, after, status, language)


def _outputs(run: TabRun, before: Path, after: Path, status: str, language: str) -> tuple[Any, ...]:
    """Slider, status, notes, download, settings and id of a finished run."""
    tile = run.tiles[-1]
    notes = as_list(tile.notes, language)
    return (str(before), str(after)), status, notes, str(after), dict(tile.settings), run.id


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
