"""The whole page: two doors, clips, Compare, a tab per method; and what a link or a return fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from style_core import get_method

from .clip_tab import clip_tab, look_again
from .compare import KEY as COMPARE
from .compare import compare_tab
from .controls import shown_options
from .door import DOORS, best_first, door_tab
from .endpoints import Page, Tab
from .kept_pictures import KeptPictures, still_there
from .lanes import CLIP
from .method_tab import method_tab
from .runs import scratch_folder
from .service import Service
from .share_records import MEDIA_TYPES, Share
from .shares import ShareError
from .sharing import permitted, refill, share_endpoint
from .texts import language_of, say, tr

TITLE = "Style transfer"
HEADING = "# Style transfer\nGive a photo the look of another picture."
PRIVACY = (
    "Everything runs on the machine that serves this page; nothing is sent anywhere else. Weights other than "
    "those that came with it are fetched only if you choose them."
)
SUFFIXES = {media_type: suffix for suffix, media_type in MEDIA_TYPES.items()}
CACHE_SECONDS = (600, 3600)  # look every ten minutes, remove files older than an hour


def build_page(service: Service) -> Page:
    """The Gradio Blocks of the demo; nothing is computed or loaded yet."""
    with Page(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        gr.Markdown(tr(HEADING), elem_id="heading")
        notice = gr.Markdown(elem_id="notice")
        kept = KeptPictures()
        parts: dict[str, Tab] = {}
        with gr.Tabs(elem_id="tabs") as tabs:
            for door in DOORS:
                with gr.Tab(tr(door.title), id=door.key) as opened:
                    parts[door.key] = door_tab(door, service, kept)
                kept.show(opened, parts[door.key])
            with gr.Tab(tr("Clip"), id=CLIP) as opened:
                clips = clip_tab(service, kept, opened)
                parts |= {CLIP: clips} if clips else {}
            with gr.Tab(tr("Compare"), id=COMPARE) as opened:
                parts[COMPARE] = compare_tab(service, kept)
            kept.show(opened, parts[COMPARE])
            for key in best_first():
                method = get_method(key)
                with gr.Tab(method.title, id=key) as opened:
                    parts[key] = method_tab(method, service, kept)
                kept.show(opened, parts[key])
        gr.Markdown(tr(PRIVACY), elem_id="privacy")
        limits = gr.Markdown(service.limits.sentence(), elem_id="limits")
        page.outputs |= {key: tab.outputs for key, tab in parts.items()}
        gr.api(share_endpoint(service), api_name="share", concurrency_limit=2, concurrency_id="share")
        opener = _Opener(service, tabs, limits, notice, parts)
        opened = page.load(
            opener.opened, kept.state, opener.everything(), queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
        if CLIP in parts:  # one that came with a share
            opened.then(**look_again(parts[CLIP].inputs["clip"]))
    page.say_progress_once()
    return page


@dataclass(frozen=True)
class _Opener:
    """What opening the page does: the visitor's pictures of before, or a shared comparison's controls."""

    service: Service
    tabs: gr.Tabs
    limits: gr.Markdown
    notice: gr.Markdown
    parts: Mapping[str, Tab]

    def everything(self) -> list[Any]:
        """All that may change."""
        controls = (control for tab in self.parts.values() for control in tab.inputs.values())
        return [self.tabs, self.limits, self.notice, self._stage(), *controls]

    def _stage(self) -> Any:
        """Of the tab that the page opens with."""
        return self.parts[DOORS[0].key].stage

    def opened(self, kept: Any, request: gr.Request) -> dict[Any, Any]:
        """New values by component.

        Args:
            kept: what the browser remembers of the visitor's pictures.
        """
        language = language_of(request)
        found: dict[Any, Any] = {self.limits: say(self.service.limits.sentence(), language)}
        share_id = dict(request.query_params).get("share")
        if share_id is None:
            return found | self._returned(still_there(kept))
        try:
            return found | self._filled(share_id)
        except ShareError as error:
            return found | {self.notice: f"**{say(str(error), language)}**"}

    def _returned(self, pictures: dict[str, str]) -> dict[Any, Any]:
        """The first door with the pictures of before."""
        door = self.parts[DOORS[0].key].inputs
        found: dict[Any, Any] = {door[name]: path for name, path in pictures.items()}
        before = pictures.get("content") or (door["content"].value["path"] if pictures else None)
        return found | ({self._stage(): (before, before)} if before else {})

    def _filled(self, share_id: str) -> dict[Any, Any]:
        """The tab of a shared comparison and its controls, as they were.

        Raises:
            ShareError: there is none, or it cannot be read.
        """
        share = self.service.store.load(share_id)
        tab, values = refill(share.record, self._inputs(share))
        if tab not in self.parts:
            return {}
        if tab not in (COMPARE, CLIP):
            values = {k: v for k, v in values.items() if permitted(tab, k, v)}
            values |= shown_options(get_method(tab), values)
        controls = self.parts[tab].inputs
        return {self.tabs: gr.Tabs(selected=tab)} | {
            controls[name]: value for name, value in values.items() if name in controls
        }

    def _inputs(self, share: Share) -> dict[str, str]:
        """A share's input pictures as files, by name."""
        folder, files = scratch_folder(), {}
        for name in share.pictures:
            if name != "card" and not name.startswith("result"):
                content, media_type = self.service.store.picture(share.id, name)
                path = folder / f"{name}.{SUFFIXES[media_type]}"
                path.write_bytes(content)
                files[name] = str(path)
        return files
