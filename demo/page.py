"""The whole page: a title and one tab per registered method."""

from __future__ import annotations

import gradio as gr

from style_core import get_method, list_methods

from .method_tab import method_tab

TITLE = "Style transfer"
INTRODUCTION = (
    "# Style transfer\n"
    "Give a photo the look of another picture. Everything runs on this machine; nothing is sent "
    "anywhere. Weights other than those that came with it are fetched only if you choose them."
)
CACHE_SECONDS = (600, 3600)  # look every ten minutes, remove files older than an hour


def build_page() -> gr.Blocks:
    """The Gradio Blocks of the demo; nothing is computed or loaded yet."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SECONDS) as page:
        gr.Markdown(INTRODUCTION)
        with gr.Tabs():
            for key in list_methods():
                method = get_method(key)
                with gr.Tab(method.title, id=key):
                    method_tab(method)
    return page
