"""The results of this visit, as a row of small pictures that bring each back."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from .looks import in_both, picture_address
from .runs import Runs, TabRun

MOST = 8  # of the last results
GONE = "This result is no longer here; its hour is over."
CLICKS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-run]");
  if (button) trigger("select", { run: button.dataset.run });
});
"""


def history_row(elem_id: str) -> gr.HTML:
    """The row, empty at first; its ``select`` event has the id of a ``run``."""
    return gr.HTML("", elem_id=elem_id, padding=False, apply_default_css=False, js_on_load=CLICKS)


def noted(runs: Runs, run_id: str | None, ids: str | None) -> tuple[str, str]:
    """The row after a run.

    Args:
        run_id: of the run, if it came to something.
        ids: of the results of before, as this function gave them; the page keeps them.

    Returns:
        the ids of all results, and the row's markup.
    """
    known = (runs.get(each) for each in (ids or "").split()[:MOST])
    past = with_run([run for run in known if run is not None], runs.get(run_id))
    return " ".join(run.id for run in past), history_html(past)


def with_run(past: Sequence[TabRun], run: TabRun | None) -> list[TabRun]:
    """The results of before and one more, if it is one and not there yet; the newest first."""
    if run is None or not run.tiles or run.light("after") is None or run in past:
        return list(past)
    return [run, *past][:MOST]


def as_picked(run: TabRun, name: str) -> str:
    """An input of a run: the file that was picked, whose name its look is known by, or the run's own."""
    picked = run.request.files().get(name)
    return picked if picked and Path(picked).is_file() else str(run.inputs[name])


def history_html(past: Sequence[TabRun]) -> str:
    """The row's markup."""
    if len(past) < 2:  # the one is on the stage
        return ""
    buttons = "".join(_button(run) for run in past)
    return f'<p class="looks-word">{in_both("Your results")}</p><div class="looks">{buttons}</div>'


def _button(run: TabRun) -> str:
    after, title = run.light("after"), html.escape(run.tiles[0].title)
    picture = "" if after is None else picture_address(after)
    return (
        f'<button type="button" data-run="{run.id}" title="{title}">'
        f'<img src="{picture}" alt="{title}" width="84" height="56"></button>'
    )
