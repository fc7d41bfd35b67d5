"""The results of this visit, as a row of small pictures that bring each back."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from .looks import in_both, picture_address
from .runs import TabRun

MOST = 8  # of the last results
CLICKS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-run]");
  if (button) trigger("select", { run: button.dataset.run });
});
"""


@dataclass(frozen=True)
class PastRun:
    """A result of before: the id of its run, its name, and a small picture as an address."""

    id: str
    title: str
    picture: str


def history_row(elem_id: str) -> gr.HTML:
    """The row, empty at first; its ``select`` event has the id of a ``run``."""
    return gr.HTML("", elem_id=elem_id, padding=False, apply_default_css=False, js_on_load=CLICKS)


def with_run(past: Sequence[PastRun], run: TabRun | None) -> list[PastRun]:
    """The results of before and one more, if it is one and not there yet; the newest first."""
    after = None if run is None or not run.tiles else run.light("after")
    if run is None or after is None or run.id in {each.id for each in past}:
        return list(past)
    return [PastRun(run.id, run.tiles[0].title, picture_address(after)), *past][:MOST]


def history_html(past: Sequence[PastRun]) -> str:
    """The row's markup."""
    if len(past) < 2:  # the one is on the stage
        return ""
    buttons = "".join(
        f'<button type="button" data-run="{each.id}" title="{html.escape(each.title)}">'
        f'<img src="{each.picture}" alt="{html.escape(each.title)}" width="84" height="56"></button>'
        for each in past
    )
    return f'<p class="looks-word">{in_both("Your results")}</p><div class="looks">{buttons}</div>'
