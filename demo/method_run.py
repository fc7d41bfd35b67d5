"""A run of a method's tab: the controls' request, its progress, its end, and again after a moved strength."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import gradio as gr

from style_core import Method, StyleCoreError, load_image
from style_core.fronts import CARRYING, FAMILIES, image_size, option_fields, to_pil

from .controls import given_options, style_weights
from .endpoints import Endpoint, Outputs, documented
from .examples import KeptResult, example_key, keep_result, kept_result
from .lanes import Job
from .runs import LOOK, FinishedTile, TabRun
from .service import Service
from .shipped_results import shipped_result
from .small_first import Small, comes_on_the_way, photo_follows, smaller
from .stage_pictures import PREVIEW_SIDE, Previews, save_pixels, save_stage
from .stops import Stops
from .stream import Update
from .strength import extras_html, usual_suffix
from .texts import language_of, say
from .work import (
    MASK_MODES,
    NO_MASKS,
    Done,
    Refusal,
    Request,
    as_list,
    as_sentences,
    check,
    is_iterative,
    plain_summary,
    summary,
)

STAGE_SIDE = 1600  # px, more than a small result has
EVERY = 0.25  # seconds between two lines about what is being done, each of which is work for the page
QUICK_SIDE = 192  # px of the picture that follows a moved strength at once, where the whole takes longer
QUICK_SECONDS = 0.5  # a job that took no longer needs no such picture


@dataclass(frozen=True)
class MethodOutputs(Outputs):
    """The right side of a method's tab."""

    before_after: Annotated[gr.ImageSlider, "the content and the result, of at most two megapixels."]
    status: Annotated[gr.Markdown, "what is being done, or was."]
    notes: Annotated[gr.Markdown, "what was changed without being asked for, as Markdown points."]
    file: Annotated[
        gr.DownloadButton, "the result with its settings inside: a photo as JPEG, a painting as PNG."
    ]
    settings: Annotated[gr.JSON, "every option as it took effect."]
    run: Annotated[gr.Textbox, "the run's id, with which it can be shared."]
    extras: Annotated[
        gr.HTML, "the file in the other format, and what the page follows strengths by, as HTML."
    ]


@dataclass(frozen=True)
class _UnderWay:
    """What the parts of a run share."""

    language: str
    enough: threading.Event  # Stop was pressed
    job: Job
    previews: Previews
    said: list[float] = field(default_factory=lambda: [-math.inf])  # when it was last said what is done


@dataclass(frozen=True)
class MethodRunner:
    """Does what a method's tab is asked for, and shows it in the tab's outputs."""

    method: Method
    service: Service
    outputs: MethodOutputs
    stops: Stops = field(default_factory=Stops)
    door: str = ""  # the key of the door that it works for; none for the method's own tab

    def endpoint(self) -> Endpoint:
        """What Run does, documented for API pages and MCP clients."""

        def run(request: gr.Request, **values: Any) -> Iterator[Any]:
            language = language_of(request)
            with as_sentences(self.method.key, language):
                asked = request_of(self.method, values)
                check(asked)
            # What the last run left is not this one's, and must not be downloaded or shared as if it were.
            yield self.outputs.show(
                status=say("Starting …", language), notes="", file=None, settings=None, run="", extras=""
            )
            yield from self._run(asked, request.session_hash or "", language)

        return documented(
            run, self.method.key, self.method.summary, _documented_inputs(self.method), MethodOutputs
        )

    def shipped(self) -> Endpoint:
        """The result that came with the demo; without one the run's id is empty, and Run is to be pressed."""

        def show(request: gr.Request, **values: Any) -> Iterator[Any]:
            language = language_of(request)
            with as_sentences(self.method.key, language):
                asked = request_of(self.method, values)
                is_plain = len(asked.styles) == 1 and asked.is_plain()
                found = shipped_result(asked.method, asked.content, asked.styles[0]) if is_plain else None
            yield self.outputs.show(run="") if found is None else self._from_shipped(asked, found, language)

        return show

    def after_moved_strength(self) -> Endpoint:
        """The same again, if nothing else was changed since the last run."""

        def rerun(request: gr.Request, run_id: str | None = None, **values: Any) -> Iterator[Any]:
            language = language_of(request)
            last = self.service.runs.get(run_id)
            with as_sentences(self.method.key, language):
                asked = request_of(self.method, values)
                check(asked)
            if last is None or asked == last.request:
                yield gr.skip()
                return
            if not _is_moved(asked, last):
                yield self._left_to_run(last, language)
                return
            if _is_slow(asked, last):
                yield from self._quick_look(asked, last, language)
            try:
                yield from self._run(asked, request.session_hash or "", language, last)
            except Refusal:
                yield self._left_to_run(last, language)
                raise

        return rerun

    def _quick_look(self, asked: Request, last: TabRun, language: str) -> Iterator[Any]:
        """A small picture first, so that the hand on the slider sees what it does."""
        small = replace(asked, options={**asked.options, "size": QUICK_SIDE})
        before, previews = last.file("before"), Previews(asked.content, last.folder)
        try:
            for update in self.service.perform(small):
                shown = previews.show(update.result.image) if isinstance(update, Done) else None
                if before is not None and shown is not None:
                    yield self.outputs.show(
                        before_after=(str(before), shown[1]),
                        status=say("A small preview; the picture follows …", language),
                    )
        except StyleCoreError:
            return  # the picture itself will say why

    def _left_to_run(self, last: TabRun, language: str) -> dict[Any, Any]:
        """Strengths and picture differ and will do so: more was changed, or the picture was refused."""
        return self.outputs.show(extras=self._extras(last, language, follows=False))

    def _run(self, asked: Request, session: str, language: str, last: TabRun | None = None) -> Iterator[Any]:
        """What an earlier visitor's run left of an example, or a run."""
        with as_sentences(self.method.key, language):
            key = _key_of_example(asked)
            kept = kept_result(key) if key else None
        if kept is not None:
            yield self._from_examples(asked, kept, language)
            return
        with as_sentences(self.method.key, language):
            run = self.service.begin("method", self.method.key, asked)
        try:
            with (
                as_sentences(self.method.key, language),
                self.stops.running(session) as enough,
                self.service.lanes.job(self.method.key) as job,
            ):
                way = _UnderWay(language, enough, job, Previews(asked.content, run.folder))
                yield from self._compute(asked, run, way, key, last)
        except Refusal as error:
            yield self.outputs.show(status=say("Stopped.", language) if error.is_stop else "", notes="")
            if error.is_stop and last is not None:
                yield self._left_to_run(last, language)
            if not error.is_stop:
                raise
        finally:
            if not run.tiles:
                self.service.drop(run)

    def _compute(
        self, asked: Request, run: TabRun, way: _UnderWay, key: str | None, last: TabRun | None
    ) -> Iterator[Any]:
        """The status and pictures on the way, then everything; the result of an example is kept.

        Args:
            last: a run that only the strengths tell from this one.
        """
        language, small = way.language, None
        if self.door and last is None:
            small = yield from self._small_first(asked, way)
        if small is not None:
            done = yield from self._after(small, asked, way)
        elif self.door and last is None and smaller(asked) is not None:
            done = yield from self._by_its_preview(asked, way)
        else:
            done = yield from self._alone(asked, way, is_moved=last is not None)
        says = plain_summary if self.door else summary
        status = says(done.result, done.seconds, language)
        pictures = self._finish(asked, run, done, last)
        extras = self._extras(run, language, follows=not is_iterative(self.method))
        # At once; to write the file of all pixels and to fit a look take longer.
        yield self.outputs.show(before_after=pictures, status=status, extras=extras)
        is_whole = not way.enough.is_set() and done.notes == done.result.notes  # no limit cut it
        if key and is_whole and key == _key_of_example(asked):  # still
            path = run.file("result")
            assert path is not None
            keep_result(key, path, done.result.settings, done.notes, done.seconds)
        if done.result.fit_look is not None:
            done.result.look.save(run.folder / LOOK)
        yield self._all(run, pictures, status, language)

    def _small_first(self, asked: Request, way: _UnderWay) -> Generator[Any, None, Small | None]:
        """A small result by a job of its own, where the whole takes long and has none on its way."""
        request, done, language = smaller(asked), None, way.language
        if request is None or comes_on_the_way(asked):
            return None
        is_painting, seconds = is_iterative(self.method), self.service.expected(asked)
        way.job.later = seconds or 0.0
        words = say("A quick painting first" if is_painting else "A preview first", language)
        for update in self.service.perform(request, way.enough, way.job):
            if isinstance(update, Done):
                done = update
                continue
            yield from self._on_the_way(way, words, update.fraction, way.previews.show(update.preview))
        assert done is not None
        way.job.later = 0.0
        small = Small(done, is_painting, self.service.size_of(asked))
        shown = way.previews.show(done.result.image, STAGE_SIDE, at_once=True)
        yield self.outputs.show(status=small.says(seconds, language), before_after=shown)
        return small

    def _alone(self, asked: Request, way: _UnderWay, *, is_moved: bool) -> Generator[Any, None, Done]:
        """The result; a strength moved has its preview on the stage already."""
        done = None
        for update in self.service.perform(asked, way.enough, way.job):
            if isinstance(update, Done):
                done = update
                continue
            shown = None if is_moved else way.previews.show(update.preview)
            yield from self._on_the_way(way, self._message(update, way.language), update.fraction, shown)
        assert done is not None
        return done

    def _by_its_preview(self, asked: Request, way: _UnderWay) -> Generator[Any, None, Done]:
        """The whole of a photo, whose restyled copy is on the stage as soon as its job has it."""
        done, words = None, say("A preview first", way.language)
        for update in self.service.perform(asked, way.enough, way.job):
            if isinstance(update, Done):
                done = update
                continue
            is_it = update.message == CARRYING and update.preview is not None
            if is_it:
                words = say(photo_follows(self.service.size_of(asked), None), way.language)
            shown = way.previews.show(update.preview, STAGE_SIDE if is_it else PREVIEW_SIDE, at_once=is_it)
            yield from self._on_the_way(way, words, update.fraction, shown)
        assert done is not None
        return done

    def _after(self, small: Small, asked: Request, way: _UnderWay) -> Generator[Any, None, Done]:
        """The whole in place of a small result, which stays if Stop or a refusal comes too early."""
        done, is_better, enough = None, False, way.enough
        try:
            for update in () if enough.is_set() else self.service.perform(asked, enough, way.job):
                if isinstance(update, Done):
                    done = update
                    continue
                is_shown = small.is_below(update.preview)
                shown = way.previews.show(update.preview, STAGE_SIDE) if is_shown else None
                is_better = is_better or shown is not None
                words = small.says(update.seconds_left, way.language)
                yield from self._on_the_way(way, words, update.fraction, shown)
        except StyleCoreError as error:
            return small.stopped() if enough.is_set() else small.instead(str(error))
        is_early = enough.is_set() and small.is_painting and not is_better
        return small.stopped() if done is None or is_early else done

    def _on_the_way(
        self, way: _UnderWay, words: str, fraction: float, shown: tuple[str, str] | None
    ) -> Iterator[dict[Any, Any]]:
        """What is being done, now and then, and each new picture of what there is so far."""
        if shown is None and time.monotonic() - way.said[-1] < EVERY:
            return
        way.said[-1] = time.monotonic()
        line = {"status": f"{words} … {fraction:.0%}", "notes": ""}
        yield self.outputs.show(**line, **({"before_after": shown} if shown else {}))

    def shown_again(self, run: TabRun, language: str) -> dict[Any, Any]:
        """All outputs of a run of before."""
        before, after, (tile,) = run.light("before"), run.light("after"), run.tiles
        width, height = run.size(tile.name)
        status = say(f"{width} x {height} px in {tile.seconds:.1f} s", language)
        return self._all(run, (str(before), str(after)), status, language)

    def _message(self, update: Update, language: str) -> str:
        """What is being done: a door has no words for the parts of a method."""
        if not self.door:
            return say(update.message, language)
        return say("Being painted" if is_iterative(self.method) else "Being made", language)

    def _finish(self, asked: Request, run: TabRun, done: Done, last: TabRun | None) -> tuple[str, str]:
        """The result in its run, and the pictures of content and result for the stage."""
        image = done.result.to_pil()
        save_pixels(run, "result", image)
        run.tiles.append(
            FinishedTile(
                "result", run.tab, done.result.settings, done.notes, done.seconds, title=asked.title()
            )
        )
        before, after = save_stage(run, asked.content, image, last.file("before") if last else None)
        return str(before), str(after)

    def _from_examples(self, asked: Request, kept: KeptResult, language: str) -> dict[Any, Any]:
        """All outputs for a kept result, with a word that it is one."""
        run = self.service.begin("method", self.method.key, asked)
        after, before = run.folder / "result.png", run.folder / "before.jpg"
        after.write_bytes(kept.image.read_bytes())
        size = image_size(str(after)) or (0, 0)
        content = load_image(asked.content or str(after), name="content")
        to_pil(content.samples).resize(size).save(before, quality=92)
        run.tiles.append(
            FinishedTile(
                "result", self.method.key, kept.settings, kept.notes, kept.seconds, title=asked.title()
            )
        )
        status = (
            f"{size[0]} x {size[1]} px, kept from an earlier visitor, for whom it took {kept.seconds:.1f} s; "
            "Run after a change computes anew."
        )
        return self._all(run, (str(before), str(after)), say(status, language), language)

    def _from_shipped(self, asked: Request, kept: KeptResult, language: str) -> dict[Any, Any]:
        """All outputs for a result that came with the demo, with a word that it is one."""
        run = self.service.begin("method", self.method.key, asked)
        image = to_pil(load_image(kept.image).samples)
        save_pixels(run, "result", image)
        before, after = save_stage(run, asked.content, image, None)
        size = f"{image.width} x {image.height} px"
        tile = FinishedTile(
            "result", run.tab, kept.settings, kept.notes, kept.seconds, title=asked.title()
        )  # fmt: skip
        run.tiles.append(tile)
        status = f"{size}, an example that came with the program; Run makes it here."
        return self._all(run, (str(before), str(after)), say(status, language), language)

    def _all(self, run: TabRun, pictures: tuple[str, str], status: str, language: str) -> dict[Any, Any]:
        """All outputs of a finished run."""
        (tile,) = run.tiles
        return self.outputs.show(
            before_after=pictures, status=status, notes=as_list(tile.notes, language),
            file=str(run.written(tile.name, usual_suffix(run, tile.name))), settings=dict(tile.settings),
            run=run.id, extras=self._extras(run, language, follows=not is_iterative(self.method)),
        )  # fmt: skip

    def _extras(self, run: TabRun, language: str, *, follows: bool) -> str:
        assert isinstance(run.request, Request)
        return extras_html(run, run.request, language, follows=follows, place=self.door or self.method.key)


def request_of(method: Method, values: dict[str, Any]) -> Request:
    """The request that a tab's controls describe."""
    style, more = values["style"], values.get("more_styles") or []
    weights = style_weights(values.get("style_weights"))
    options = {name: values[name] for name in option_fields(method.options) if name in values}
    return Request(
        method=method.key,
        content=values["content"],
        styles=tuple([style, *more] if style is not None else []),
        style_weights=None if weights is None else tuple(weights),
        masks=values.get("masks") or NO_MASKS,
        content_mask=values.get("content_mask"),
        style_mask=values.get("style_mask"),
        family=values.get("family") or FAMILIES[0],
        options=given_options(method, options),
    )


def _is_moved(asked: Request, last: TabRun) -> bool:
    """Whether a strength was moved since the last run, and nothing else."""
    before = last.request
    return isinstance(before, Request) and asked.is_same_but_strengths(before) and asked != before


def _is_slow(asked: Request, last: TabRun) -> bool:
    """Whether a moved content strength, of which the page has no preview, wants a small picture first."""
    before = last.request
    assert isinstance(before, Request)
    is_moved = asked.strength("content_strength") != before.strength("content_strength")
    return is_moved and last.tiles[0].seconds > QUICK_SECONDS and not asked.options.get("size")


def _key_of_example(asked: Request) -> str | None:
    """The key of a request for nothing but an example with the defaults."""
    if len(asked.styles) != 1 or not asked.is_plain():
        return None
    return example_key(asked.values(), asked.content, asked.styles[0])


def _documented_inputs(method: Method) -> dict[str, str]:
    """Every input of a method's endpoint and what it means."""
    return {
        "content": "the photo to restyle.",
        "style": "the picture whose look it gets.",
        "masks": f"how regions are matched: {', '.join(MASK_MODES)}.",
        "content_mask": "with masks 'my own', a picture with one flat color per region of the content.",
        "style_mask": "its partner for the style, in the same colors.",
        "more_styles": "further style pictures to mix, where the method can.",
        "style_weights": "a share for each style, like 2, 1.",
        "family": f"the networks: {', '.join(FAMILIES)}.",
        **{name: option.help for name, option in option_fields(method.options).items()},
    }
