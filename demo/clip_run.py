"""What the tab of clips does: an added clip looked at, the look of its first frame, the whole clip."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
from PIL import Image

from style_core import InvalidClip, __version__
from style_core.fronts import ClipFacts, inspect_clip, to_pil

from .clip_player import player_html
from .clips import (
    CODEC,
    ClipDone,
    ClipRequest,
    clip_file,
    clip_methods,
    clip_request,
    frames_taken,
    keep_before,
)
from .endpoints import Endpoint, Outputs, documented
from .lanes import CLIP
from .pace import about
from .runs import FinishedTile, TabRun, process_folder
from .service import Service
from .stops import Stops
from .stream import Update
from .texts import language_of, say
from .viewer import ShownTile, before_after_html
from .work import Refusal, as_list, as_sentences

FIRST_SIDE = 1280  # px of the first frame on the page, at most
FIRST_QUALITY = 88
SUMMARY = "Restyle a short clip after a picture, steadily: one plan and one look for every shot."
INPUTS = {
    "clip": "the clip: MP4, MOV, MKV, WebM, GIF or an animated WebP.",
    "style": "the picture whose look it gets.",
    "method": f"{', '.join(clip_methods())}.",
    "style_strength": "0 keeps the clip, 1 gives it the whole look.",
}


@dataclass(frozen=True)
class ClipOutputs(Outputs):
    """What a run of the tab fills."""

    player: Annotated[gr.HTML, "the clip before and after, as HTML."]
    status: Annotated[gr.Markdown, "what is being done, or was."]
    notes: Annotated[gr.Markdown, "what was changed without being asked for, as Markdown points."]
    file: Annotated[gr.DownloadButton, "the clip: H.264 in MP4, with its sound."]
    settings: Annotated[gr.JSON, "what it was made with."]
    run: Annotated[gr.Textbox, "the run's id, with which it can be shared."]


@dataclass(frozen=True)
class ClipRunner:
    """Does what the tab is asked for, and shows it in the tab's outputs."""

    service: Service
    outputs: ClipOutputs
    stops: Stops = field(default_factory=Stops)

    def facts(self, path: str | None, method: str, request: gr.Request) -> str:
        """What an added clip is, what is taken of it, and how long that takes if others have shown it.

        Raises:
            Refusal: it cannot be used.
        """
        if path is None:
            return ""
        language = language_of(request)
        with as_sentences(CLIP, language):
            found = inspect_clip(path)
            taken = self.service.limits.frames_taken(found, Path(path).name)
        described, seconds = (
            _described(found, taken, language),
            self.service.expected_of(found, taken, method),
        )
        if seconds is None:
            return described
        return f"{described} · {say(f'Run takes {say(about(seconds), language)}', language)}"

    def facts_again(self, path: str | None, method: str, request: gr.Request) -> Any:
        """The same of a clip that is there; what is wrong with it was said when it was added."""
        try:
            return self.facts(path, method, request)
        except Refusal:
            return gr.skip()

    def first_look(self, request: gr.Request, **values: Any) -> Iterator[Any]:
        """The look of the first frame, made as the clip is; nothing while a clip is under way."""
        language = language_of(request)
        if values.get("clip") is None or self.stops.is_running(request.session_hash or ""):
            yield gr.skip()
            return
        with as_sentences(CLIP, language):
            asked = clip_request(**values)
        nothing: dict[str, Any] = {"notes": "", "file": None, "settings": None, "run": ""}
        yield self.outputs.show(status=say("The first frame is being made …", language), **nothing)
        try:
            with as_sentences(CLIP, language), self.service.lanes.job(asked.method):
                player = self._first_frame(asked, language)
        except Refusal:
            yield self.outputs.show(status="")
            raise
        yield self.outputs.show(player=player, status=say("The first frame. Run makes the clip.", language))

    def _first_frame(self, asked: ClipRequest, language: str) -> str:
        """The first frame before and after, as HTML."""
        found = inspect_clip(asked.clip)
        self.service.limits.frames_taken(found, Path(asked.clip).name)
        with tempfile.TemporaryDirectory(dir=process_folder(), ignore_cleanup_errors=True) as folder:
            target = Path(folder) / "first.mp4"
            for _ in self.service.restyle(asked, target, 1):
                pass
            made = inspect_clip(target)
        shown = [
            ShownTile(_address(each), say(word, language))
            for word, each in (("Before", found), ("After", made))
        ]
        return before_after_html(shown, language=language)

    def endpoint(self) -> Endpoint:
        """What Run does, documented for API pages and MCP clients."""

        def run(request: gr.Request, **values: Any) -> Iterator[Any]:
            language = language_of(request)
            with as_sentences(CLIP, language):
                asked = clip_request(**values)
                most = frames_taken(asked.clip, self.service.limits)
            yield self.outputs.show(
                status=say("Starting …", language), notes="", file=None, settings=None, run=""
            )
            yield from self._run(asked, most, request.session_hash or "", language)

        return documented(run, CLIP, SUMMARY, INPUTS, ClipOutputs)

    def _run(self, asked: ClipRequest, most: int, session: str, language: str) -> Iterator[Any]:
        """The status on the way, then everything."""
        with as_sentences(CLIP, language):
            run = self.service.runs.begin(CLIP, CLIP, asked, asked.files())
        try:
            with (
                as_sentences(CLIP, language),
                self.stops.running(session) as enough,
                self.service.lanes.job(CLIP) as job,
            ):
                target = run.folder / f"{asked.title()}.mp4"
                for each in self.service.restyle(asked, target, most, enough, job):
                    if isinstance(each, Update):
                        yield self.outputs.show(status=f"{say(each.message, language)} … {each.fraction:.0%}")
                    else:
                        yield self._finished(asked, run, each, language)
        except Refusal as error:
            yield self.outputs.show(status=say("Stopped.", language) if error.is_stop else "", notes="")
            if not error.is_stop:
                raise
        finally:
            if not run.tiles:
                self.service.drop(run)

    def _finished(self, asked: ClipRequest, run: TabRun, done: ClipDone, language: str) -> dict[Any, Any]:
        """All outputs of a clip that was written."""
        result, notes = done.result, list(done.notes)
        made = inspect_clip(result.path)
        try:
            keep_before(run, asked, result.frame_count)
        except InvalidClip:
            notes.append("The clip of before cannot be shown; the result is whole.")
        settings = {
            **asked.values(), "codec": CODEC, "frames": result.frame_count, "shots": result.shot_count,
            "version": __version__,
        }  # fmt: skip
        run.tiles.append(
            FinishedTile("result", asked.method, settings, tuple(notes), result.seconds, title=asked.title())
        )
        _picture(made).save(run.folder / "after.jpg", quality=FIRST_QUALITY)  # for the row of this visit
        return self._all(run, made, language)

    def shown_again(self, run: TabRun, language: str) -> dict[Any, Any]:
        """All outputs of a run of before.

        Raises:
            Refusal: its clip is gone.
        """
        with as_sentences(CLIP, language):
            return self._all(run, inspect_clip(str(clip_file(run, "result"))), language)

    def _all(self, run: TabRun, made: ClipFacts, language: str) -> dict[Any, Any]:
        """All outputs of a finished run."""
        (tile,) = run.tiles
        status = f"{made.frame_count} frames of {made.width} x {made.height} px in {tile.seconds:.1f} s"
        return self.outputs.show(
            player=run_player(run, language, has_sound=made.has_sound), status=say(status, language),
            notes=as_list(tile.notes, language), file=str(clip_file(run, "result")),
            settings=dict(tile.settings), run=run.id,
        )  # fmt: skip


def run_player(run: TabRun, language: str, *, has_sound: bool) -> str:
    """The player of a finished run."""
    address = f"runs/{run.id}"
    before = f"{address}/before/before.mp4" if clip_file(run, "before") else ""
    return player_html(
        f"{address}/result/{run.tiles[0].title}.mp4", before, has_sound=has_sound, language=language
    )


def _described(found: ClipFacts, taken: int, language: str) -> str:
    """Like "640 x 360 px, 90 frames in 3.0 s"."""
    size = f"{found.width} x {found.height} px, {found.frame_count} frames in {found.seconds:.1f} s"
    if taken >= found.frame_count:
        return say(size, language)
    seconds = found.seconds * taken / found.frame_count
    return say(f"{size}; the first {taken} frames ({seconds:.1f} s) are taken.", language)


def _picture(clip: ClipFacts) -> Image.Image:
    """A clip's first frame."""
    picture = to_pil(clip.first_frame)
    picture.thumbnail((FIRST_SIDE, FIRST_SIDE), Image.Resampling.LANCZOS)
    return picture


def _address(clip: ClipFacts) -> str:
    """The same as an address that needs no file."""
    buffer = io.BytesIO()
    _picture(clip).save(buffer, "JPEG", quality=FIRST_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
