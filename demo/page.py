"""The whole page: a title, one tab per registered method, Compare; and what a link to it fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from style_core import get_method, list_methods

from .compare import KEY as COMPARE
from .compare import compare_tab
from .controls import shown_options
from .endpoints import Page, Tab
from .method_tab import method_tab
from .runs import scratch_folder
from .service import Service
from .share_records import Share
from .shares import ShareError
from .sharing import permitted, refill, share_endpoint
from .texts import language_of, say, tr

TITLE = "Style transfer"
INTRODUCTION = (
    "# Style transfer\n"
    "Give a photo the look of another picture. Everything runs on the machine that serves this page; nothing "
    "is sent anywhere else. Weights other than those that came with it are fetched only if you choose them."
)
CACHE_SECONDS = (600, 3600)  # look every ten minutes, remove files older than an hour


def build_page(service: Service) -> Page:
    """The Gradio Blocks of the demo; nothing is computed or loaded yet."""
    with Page(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        gr.Markdown(tr(INTRODUCTION))
        limits = gr.Markdown(service.limits.sentence(), elem_id="limits")
        notice = gr.Markdown(elem_id="notice")
        parts: dict[str, Tab] = {}
        with gr.Tabs() as tabs:
            for key in list_methods():
                method = get_method(key)
                with gr.Tab(method.title, id=key):
                    parts[key] = method_tab(method, service)
            with gr.Tab(tr("Compare"), id=COMPARE):
                parts[COMPARE] = compare_tab(service)
        page.outputs |= {key: tab.outputs for key, tab in parts.items()}
        gr.api(share_endpoint(service), api_name="share", concurrency_limit=2, concurrency_id="share")
        opener = _Opener(service, tabs, limits, notice, parts)
        page.load(
            opener.opened, None, opener.everything(), queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
    return page


@dataclass(frozen=True)
class _Opener:
    """What opening the page does: the limits in the visitor's language, a shared comparison's controls."""

    service: Service
    tabs: gr.Tabs
    limits: gr.Markdown
    notice: gr.Markdown
    parts: Mapping[str, Tab]

    def everything(self) -> list[Any]:
        """All that may change."""
        controls = (control for tab in self.parts.values() for control in tab.inputs.values())
        return [self.tabs, self.limits, self.notice, *controls]

    def opened(self, request: gr.Request) -> dict[Any, Any]:
        """New values by component."""
        language = language_of(request)
        found: dict[Any, Any] = {self.limits: say(self.service.limits.sentence(), language)}
        share_id = dict(request.query_params).get("share")
        if share_id is None:
            return found
        try:
            return found | self._filled(share_id)
        except ShareError as error:
            return found | {self.notice: f"**{say(str(error), language)}**"}

    def _filled(self, share_id: str) -> dict[Any, Any]:
        """The tab of a shared comparison and its controls, as they were.

        Raises:
            ShareError: there is none, or it cannot be read.
        """
        share = self.service.store.load(share_id)
        tab, values = refill(share.record, self._inputs(share))
        if tab not in self.parts:
            return {}
        if tab != COMPARE:
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
                path = folder / f"{name}.{'png' if media_type == 'image/png' else 'jpg'}"
                path.write_bytes(content)
                files[name] = str(path)
        return files
