"""The demo's own scripts and styles, put into the page's head: nothing is fetched from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from .viewer import viewer_head

FOLDER = Path(__file__).resolve().parent / "static"


@cache
def page_head() -> str:
    """What the page's head gets."""
    script, css, uploads = (
        (FOLDER / name).read_text("utf-8") for name in ("page.js", "page.css", "uploads.js")
    )
    return f"{viewer_head()}<style>{css}</style><script>{script}</script><script>{uploads}</script>"
