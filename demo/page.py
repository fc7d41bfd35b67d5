"""The whole page: a title, one tab per registered method, Compare; and what a link to it fills in."""

from __future__ import annotations

from typing import Any

import gradio as gr

from style_core import get_method, list_methods

from .compare import KEY as COMPARE
from .compare import compare_tab
from .controls import shown_options
from .method_tab import method_tab
from .runs import scratch_folder
from .service import Service
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


def build_page(service: Service) -> gr.Blocks:
    """The Gradio Blocks of the demo; nothing is computed or loaded yet."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        gr.Markdown(tr(INTRODUCTION))
        limits = gr.Markdown(service.limits.sentence(), elem_id="limits")
        notice = gr.Markdown(elem_id="notice")
        parts: dict[str, dict[str, Any]] = {}
        with gr.Tabs() as tabs:
            for key in list_methods():
                method = get_method(key)
                with gr.Tab(method.title, id=key):
                    parts[key] = method_tab(method, service)
            with gr.Tab(tr("Compare"), id=COMPARE):
                parts[COMPARE] = compare_tab(service)
        gr.api(share_endpoint(service), api_name="share", concurrency_limit=2, concurrency_id="share")
        everything = [
            tabs,
            limits,
            notice,
            *(control for controls in parts.values() for control in controls.values()),
        ]
        page.load(
            _opener(service, tabs, limits, notice, parts), None, everything, queue=False,
            show_progress="hidden", api_visibility="private",
        )  # fmt: skip
    return page


def _opener(
    service: Service, tabs: gr.Tabs, limits: gr.Markdown, notice: gr.Markdown,
    parts: dict[str, dict[str, Any]],
) -> Any:  # fmt: skip
    """What opening the page does: the limits in the visitor's language, a shared comparison's controls."""

    def opened(request: gr.Request) -> dict[Any, Any]:
        language = language_of(request)
        found: dict[Any, Any] = {limits: say(service.limits.sentence(), language)}
        share_id = dict(request.query_params).get("share")
        if share_id is None:
            return found
        try:
            share = service.store.load(share_id)
            folder = scratch_folder()
            files = {}
            for name in share.pictures:
                if name != "card" and not name.startswith("result"):
                    content, media_type = service.store.picture(share_id, name)
                    path = folder / f"{name}.{'png' if media_type == 'image/png' else 'jpg'}"
                    path.write_bytes(content)
                    files[name] = str(path)
        except ShareError as error:
            return found | {notice: f"**{say(str(error), language)}**"}
        tab, values = refill(share.record, files)
        if tab not in parts:
            return found
        if tab != COMPARE:
            values = {k: v for k, v in values.items() if permitted(tab, k, v)}
            values |= shown_options(get_method(tab), values)
        shown = {parts[tab][name]: value for name, value in values.items() if name in parts[tab]}
        return {**found, tabs: gr.Tabs(selected=tab), **shown}

    return opened
