"""The demo's own scripts and styles, put into the head of its pages: nothing is fetched from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "static"
STYLES = ("viewer.css", "page.css", "door.css", "strength.css", "player.css", "clip.css")


@cache
def static(name: str) -> str:
    """A file of ``static/``."""
    return (FOLDER / name).read_text("utf-8")


def page_head() -> str:
    """What the head of Gradio's page gets."""
    styles = "".join(f"<style>{static(name)}</style>" for name in STYLES)
    scripts = (
        "viewer.js",
        "page.js",
        "errors.js",
        "uploads.js",
        "strength.js",
        "progress.js",
        "waiting.js",
        "brush.js",
        "travel.js",
        "player.js",
        "clip.js",
    )
    return styles + "".join(f"<script>{static(name)}</script>" for name in scripts)
