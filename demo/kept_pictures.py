"""A visitor's pictures: what was picked in one tab is there in the others, and after the page was left.

The browser keeps where the uploads are, and nothing else; a tab that is opened shows the pictures that
were picked anywhere, or what it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from .endpoints import Tab

NAMES = ("content", "style")
STORAGE = "style-transfer-pictures"  # Gradio wants a secret too; these are addresses that the browser knows
JS: dict[str, Any] = {"fn": None, "queue": False, "api_visibility": "private"}


class KeptPictures:
    """The browser's memory of one visitor's pictures; made once inside the page's ``gr.Blocks``."""

    def __init__(self) -> None:
        self.state = gr.BrowserState({}, storage_key=STORAGE, secret=STORAGE)

    def watch(self, tab: Tab) -> None:
        """Remember what is picked in a tab."""
        for name, picture in _pictures(tab).items():
            gr.on(
                [picture.upload, picture.clear], inputs=[self.state, picture], outputs=self.state,
                js=f"(kept, picture) => ({{ ...kept, {name}: picture }})", **JS,
            )  # fmt: skip

    def remember(self, event: Any, tab: Tab) -> Any:
        """Remember the pictures of a tab after an event."""
        pictures = _pictures(tab)
        names = ", ".join(pictures)
        return event.then(
            inputs=[self.state, *pictures.values()], outputs=self.state,
            js=f"(kept, {names}) => ({{ ...kept, {names} }})", **JS,
        )  # fmt: skip

    def show(self, opened: gr.Tab, tab: Tab) -> None:
        """Bring the pictures along when a tab is opened; a stage gets a new content on both sides."""
        pictures = [tab.inputs[name] for name in NAMES]
        stages = [] if tab.stage is None else [tab.stage]
        opened.select(
            inputs=[self.state, *pictures, *stages], outputs=[*pictures, *stages], js=_BROUGHT_ALONG, **JS
        )

    def show_style(self, opened: gr.Tab, tab: Tab, run: gr.Textbox, clip: gr.File, press: str) -> None:
        """Bring the style alone along to the tab of clips, but not beside what was made of another.

        Args:
            run: empty until there is a result.
            press: the id of a button that shows what a new style does to the clip.
        """
        style = tab.inputs["style"]
        js = _STYLE_BROUGHT_ALONG.replace("BUTTON", press)
        opened.select(inputs=[self.state, style, run, clip], outputs=style, js=js, **JS)


def still_there(kept: Any) -> dict[str, str]:
    """The files of a browser's memory that are uploads of this server, by name.

    Args:
        kept: what the browser sent: anything.
    """
    found = {}
    for name in NAMES:
        picture = kept.get(name) if isinstance(kept, Mapping) else None
        path = picture.get("path") if isinstance(picture, Mapping) else None
        if isinstance(path, str) and _is_upload(path):
            found[name] = path
    return found


def _pictures(tab: Tab) -> dict[str, Any]:
    """The controls of a tab that are kept."""
    return {name: tab.inputs[name] for name in NAMES if name in tab.inputs}


def _is_upload(path: str) -> bool:
    try:
        file = Path(path).resolve()
        return file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file()
    except (OSError, ValueError):  # ValueError: a zero byte
        return False


_BROUGHT_ALONG = """
(kept, content, style, stage) => {
  const isOther = (picked, shown) => picked && (!shown || picked.path !== shown.path);
  const picked = { content, style };
  for (const name of ["content", "style"]) if (kept && kept[name]) picked[name] = kept[name];
  const isNew = isOther(picked.content, content) || isOther(picked.style, style);
  return [picked.content, picked.style, isNew ? [picked.content, picked.content] : stage];
}
"""

_STYLE_BROUGHT_ALONG = """
(kept, style, run, clip) => {
  const picked = kept && kept.style;
  if (run || !picked || (style && picked.path === style.path)) return style;
  if (clip) setTimeout(() => document.getElementById("BUTTON")?.click(), 200);  // once the style is there
  return picked;
}
"""
