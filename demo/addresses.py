"""The demo's address as its visitor sees it, behind a proxy too."""

from __future__ import annotations

import gradio as gr
from gradio.route_utils import get_root_url
from starlette.requests import Request


def base_url(request: Request | gr.Request) -> str:
    """The whole address, without a slash at its end."""
    inner = request.request if isinstance(request, gr.Request) else request
    assert inner is not None  # there is one in every event
    root = getattr(inner.app, "root_path", None) or None
    return str(get_root_url(inner, inner.url.path, root)).rstrip("/")


def base_path(request: Request) -> str:
    """The path on this host alone; unlike the whole address it needs no believable request."""
    return str(getattr(request.app, "root_path", "") or "").rstrip("/")
