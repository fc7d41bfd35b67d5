"""The demo as a server: the page, and its own routes for shared comparisons, pictures of tiles and health."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import EpsImagePlugin
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from style_core import StyleCoreError, list_methods, warm_up
from style_core.fronts import default_device

from . import byte_ranges
from .addresses import base_path, base_url
from .clips import clip_file
from .door import method_pictures
from .front_page import FrontPage, front_card
from .lanes import CLIP, DOING
from .limits import PREFIX, Limits, number
from .option_texts import long_texts
from .page import build_page
from .runs import look_file, process_folder
from .service import Service
from .share_page import (
    FRAMED_BY_US,
    render_delete,
    render_embed,
    render_message,
    render_share,
    security_headers,
)
from .share_records import Share
from .shares import NotTheOwner, ShareError, ShareLimits, ShareNotFound, ShareStore
from .static_files import page_head
from .stream import leave
from .strength import FORMATS, LOOKS
from .texts import catalog, language_of, say
from .theme import page_theme
from .uploads import shown_picture

STORE = "STYLE_DEMO_SHARES"  # where shared comparisons are kept: a folder or an fsspec address
PERSISTENT = "/data"  # the persistent disk of a Space
log = logging.getLogger(__name__)
IMMUTABLE = "public, max-age=3600, immutable"

# Between two looks for jobs; Gradio looks a thousand times a second, which takes a twentieth of a processor
# while nobody is there.
QUEUE_SECONDS = 0.02


@dataclass(frozen=True)
class Server:
    """A running demo."""

    page: gr.Blocks
    app: Any
    url: str
    service: Service

    def close(self) -> None:
        """Stop serving."""
        self.page.close()

    def end_jobs(self, seconds: float) -> bool:
        """End what is being made, as the process is about to; see :func:`demo.stream.leave`.

        Returns:
            whether all has ended. If not, the interpreter should not wait to be aborted; this process's files
            are removed.
        """
        has_ended = leave(seconds)
        if not has_ended:
            shutil.rmtree(process_folder(), ignore_errors=True)
        return has_ended


def serve(
    *, limits: Limits | None = None, shares: str | None = None, host: str | None = None,
    port: int | None = None, open_browser: bool = False, mcp: bool = False, quiet: bool = False,
    calibrated: bool = False,
) -> Server:  # fmt: skip
    """Build the page and start serving it in the background.

    Args:
        limits: what a job may take; from the environment if not given.
        shares: a folder or fsspec address for shared comparisons; from the environment if not given.
        mcp: also offer the endpoints to MCP clients.
        calibrated: measure in the background how fast this machine is, so that times are said from the start.

    Raises:
        InvalidOption: a limit in the environment is no number.
    """
    EpsImagePlugin.gs_binary = False  # where Gradio opens a picture itself, PostScript must not run either
    limits = limits or Limits.from_environment()
    store = ShareStore(shares or share_place(), _share_limits())
    service = Service(limits, store, jobs=limits.at_once(default_device(), os.cpu_count() or 1))
    page = build_page(service)
    page.space_id = None  # keeps Gradio's Space header, and its third-party requests, off the page
    app, url, _ = page.queue(max_size=limits.queue).launch(
        server_name=host, server_port=port, inbrowser=open_browser, prevent_thread_lock=True, ssr_mode=False,
        run_history=False, quiet=quiet, theme=page_theme(), i18n=catalog(),
        head=page_head() + method_pictures() + long_texts(),
        max_file_size=f"{limits.max_upload_mb:g}mb", mcp_server=mcp, pwa=False, show_error=True,
        app_kwargs={"routes": routes(service), "middleware": [Middleware(FrontPage)]},
        footer_links=["api", "settings"],
    )  # fmt: skip
    page._queue.sleep_when_free = QUEUE_SECONDS
    threading.Thread(target=_prepare, args=(service, calibrated), daemon=True).start()
    return Server(page, app, url, service)


def _prepare(service: Service, calibrated: bool) -> None:
    """What the first visitors would otherwise wait for, or not be told."""
    warm_up()
    if not calibrated:
        return
    try:
        service.calibrate()
    except StyleCoreError as error:  # no networks, or no memory: visitors are told the same
        log.warning("this machine's pace is not known yet: %s", error)


def share_place() -> str:
    """Where shared comparisons are kept: as configured, a Space's own disk, or the user's data folder."""
    named = os.environ.get(STORE)
    if named:
        return named
    if os.environ.get("SYSTEM") == "spaces" and os.access(PERSISTENT, os.W_OK):
        return f"{PERSISTENT}/style_demo/shares"
    base = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(base, "style_demo", "shares")


def routes(service: Service) -> list[Route]:
    """The demo's own addresses."""

    def add(path: str, answer: Callable[..., Response], methods: list[str]) -> Route:
        return Route(path, lambda request: answer(service, request), methods=methods)

    return [
        add("/healthz", _health, ["GET"]),
        add("/runs/{run}/{name}", _run_picture, ["GET"]),
        add("/runs/{run}/{name}/{file}", _run_file, ["GET"]),
        add("/waiting/{tab}/{place:int}", _waiting, ["GET"]),
        add("/shown", _uploaded_picture, ["GET"]),
        add("/card.jpg", _front_card, ["GET"]),
        add("/c/{id}", _share, ["GET"]),
        add("/c/{id}/embed", _embed, ["GET"]),
        add("/c/{id}/delete", _confirm_delete, ["GET"]),
        Route("/c/{id}/delete", _deleter(service), methods=["POST"]),
        add("/c/{id}/{name}", _share_picture, ["GET"]),
    ]


def _health(service: Service, request: HttpRequest) -> Response:
    return JSONResponse({"status": "ok", "jobs": service.jobs, "runs": service.runs.count()},
                        headers={"Cache-Control": "no-store"})  # fmt: skip


def _waiting(service: Service, request: HttpRequest) -> Response:
    """What somebody at a place in the queue is told, in their language."""
    tab, place = request.path_params["tab"], request.path_params["place"]
    if tab not in DOING and tab not in list_methods():
        return Response("There is no such queue.", 404, media_type="text/plain")
    words = service.lanes.words(tab, place, language_of(request))
    return Response(words, media_type="text/plain", headers={"Cache-Control": "no-store"})


def _run_picture(service: Service, request: HttpRequest) -> Response:
    run = service.runs.get(request.path_params["run"])
    path = None if run is None else run.file(request.path_params["name"])
    if path is None:
        return Response("This result is no longer here.", 404, media_type="text/plain")
    return FileResponse(path, headers={"Cache-Control": IMMUTABLE, "X-Content-Type-Options": "nosniff"})


def _run_file(service: Service, request: HttpRequest) -> Response:
    """A result to keep, as JPEG or PNG by the name that is asked for, or its look; or a clip."""
    run, suffix = service.runs.get(request.path_params["run"]), Path(request.path_params["file"]).suffix
    name = request.path_params["name"]
    path = None
    if run and run.kind == CLIP:
        path = clip_file(run, name)
    elif run and suffix in LOOKS:
        path = look_file(run, suffix)
    elif run and suffix in FORMATS and run.can_be(name, suffix):
        path = run.written(name, suffix)
    if path is None:
        return Response("This result is no longer here.", 404, media_type="text/plain")
    headers = {"Cache-Control": IMMUTABLE, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, filename=path.name, headers=headers)


def _uploaded_picture(service: Service, request: HttpRequest) -> Response:
    """An uploaded picture that the browser cannot show itself (HEIC, TIFF, …), as JPEG."""
    shown = shown_picture(request.query_params.get("file", ""), Path(get_upload_folder()))
    if shown is None:
        return Response("This picture cannot be shown.", 404, media_type="text/plain")
    return FileResponse(shown, headers={"Cache-Control": IMMUTABLE, "X-Content-Type-Options": "nosniff"})


def _front_card(service: Service, request: HttpRequest) -> Response:
    return Response(front_card(), media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


def _share(service: Service, request: HttpRequest) -> Response:
    return _page_of(service, request, lambda share, language, nonce: render_share(
        share, base_url(request), language, nonce
    ))  # fmt: skip


def _embed(service: Service, request: HttpRequest) -> Response:
    """The slider of a share alone, which any site may frame."""
    answer = _page_of(service, request, lambda share, language, nonce: render_embed(
        share, base_url(request), language, nonce
    ))  # fmt: skip
    policy = answer.headers["Content-Security-Policy"]
    answer.headers["Content-Security-Policy"] = policy.replace(FRAMED_BY_US, "frame-ancestors *")
    return answer


def _share_picture(service: Service, request: HttpRequest) -> Response:
    try:
        content, media_type = service.store.picture(request.path_params["id"], request.path_params["name"])
    except ShareError as error:
        return Response(str(error), _status(error), media_type="text/plain")
    headers = {"Cache-Control": "private, max-age=600", "X-Content-Type-Options": "nosniff"}
    return byte_ranges.answer(content, request.headers.get("range"), media_type, headers)


def _confirm_delete(service: Service, request: HttpRequest) -> Response:
    key = request.query_params.get("key", "")
    return _page_of(
        service, request, lambda share, language, nonce: render_delete(share.id, key, language, nonce)
    )


def _page_of(service: Service, request: HttpRequest, render: Callable[[Share, str, str], str]) -> Response:
    """A page about the share of the address, or why there is none."""
    language, nonce = language_of(request), secrets.token_urlsafe(16)
    try:
        share = service.store.load(request.path_params["id"])
    except ShareError as error:
        return _refusal(error, language, nonce, base_path(request))
    return HTMLResponse(render(share, language, nonce), headers=security_headers(nonce))


def _deleter(service: Service) -> Callable[[HttpRequest], Any]:
    async def delete(request: HttpRequest) -> Response:
        language, nonce = language_of(request), secrets.token_urlsafe(16)
        form = await request.form()
        try:
            await run_in_threadpool(service.store.delete, request.path_params["id"], str(form.get("key", "")))
        except ShareError as error:
            return _refusal(error, language, nonce, base_path(request))
        text = say("The shared comparison was deleted.", language)
        return HTMLResponse(
            render_message(text, "", language, nonce, base_path(request)), headers=security_headers(nonce)
        )

    return delete


def _refusal(error: ShareError, language: str, nonce: str, base: str) -> Response:
    status = _status(error)
    title = say("Not found" if status == 404 else "Not possible", language)
    page = render_message(title, say(str(error), language), language, nonce, base)
    return HTMLResponse(page, status, headers=security_headers(nonce))


def _status(error: ShareError) -> int:
    return 404 if isinstance(error, ShareNotFound) else 403 if isinstance(error, NotTheOwner) else 503


def _share_limits() -> ShareLimits:
    """From STYLE_DEMO_SHARE_COUNT, …_SHARE_MB and …_SHARE_DAYS."""
    standard = ShareLimits()
    count = number(PREFIX + "SHARE_COUNT", standard.count, int)
    megabytes = number(PREFIX + "SHARE_MB", standard.total_bytes / 1e6, float)
    days = number(PREFIX + "SHARE_DAYS", standard.days, float)
    return ShareLimits(
        count=count, total_bytes=int(megabytes * 1e6), picture_bytes=standard.picture_bytes, days=days
    )
