"""The demo's own address as others see it: title, description and a picture, in place of Gradio's.

Gradio writes its own, with a picture of another host, into every page's head; what ``launch(head=…)`` adds
is put there by a script, which no chat program runs.
"""

from __future__ import annotations

import html
import io
import re
from functools import cache
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from style_core import load_image
from style_core.fronts import to_pil

from .addresses import base_url
from .share_page import SITE
from .sharing import CARD, card
from .shipped_results import first_sight
from .texts import language_of, say

DESCRIPTION = (
    "Give a photo the look of another picture: the light of another photo, or the hand of a painter."
)
LEVEL = 6  # of gzip: 20 ms for 1.8 MB
GRADIOS = re.compile(r'<meta\s+(?:property="og:|name="(?:twitter:|description"))[^>]*>\s*')


class FrontPage:
    """Middleware that rewrites the head of the page at ``/``; everything else passes as it is.

    The page, which Gradio compresses nothing of but its scripts, is sent in a sixth of its bytes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._page = app, GZipMiddleware(self._rewritten, compresslevel=LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
        else:
            await self._page(scope, receive, send)

    async def _rewritten(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: list[Message] = []
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await self._answer(Request(scope), begun[0], bytes(body), send)

        await self._app(scope, receive, collect)

    async def _answer(self, request: Request, begun: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(scope=begun)
        if headers.get("content-type", "").startswith("text/html"):
            body = with_card(body.decode(), base_url(request), language_of(request)).encode()
            headers["content-length"] = str(len(body))
        await send(begun)
        await send({"type": "http.response.body", "body": body})


def with_card(page: str, address: str, language: str) -> str:
    """The page with what chat programs and search engines show of it.

    Args:
        address: of the demo as visitors see it, without a slash at its end.
    """
    title, description = say(SITE, language), say(DESCRIPTION, language)
    tags = {
        "og:title": title, "og:description": description, "og:type": "website", "og:url": f"{address}/",
        "og:site_name": title, "og:image": f"{address}/card.jpg", "og:image:type": "image/jpeg",
        "og:image:width": str(CARD[0]), "og:image:height": str(CARD[1]), "og:image:alt": description,
    }  # fmt: skip
    lines = [f'<meta property="{name}" content="{html.escape(value)}">' for name, value in tags.items()]
    lines.append(f'<meta name="description" content="{html.escape(description)}">')
    lines.append('<meta name="twitter:card" content="summary_large_image">')
    return GRADIOS.sub("", page).replace("</head>", "".join(lines) + "</head>", 1)


@cache
def front_card() -> bytes:
    """The picture of the demo's address, as JPEG: what its page shows at first sight."""
    pictures = []
    for method in ("wct2", "gatys"):
        pair, result = first_sight(method)
        pictures += [to_pil(load_image(path).samples) for path in (pair.content, result)]
    content, photo, _, painting = pictures
    buffer = io.BytesIO()
    made: Any = card(content, [photo, painting])
    made.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
