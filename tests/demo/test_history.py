"""The results of a visit: each once, the newest first, as many as fit."""

import pytest
from PIL import Image

from demo.history import MOST, history_html, with_run
from demo.runs import FinishedTile, Runs


class Nothing:
    def values(self):
        return {}


@pytest.fixture
def finished(tmp_path):
    runs = Runs()

    def make(title="photo-style-wct2", *, done=True):
        run = runs.begin("method", "wct2", Nothing(), {})
        Image.new("RGB", (30, 20), "red").save(run.folder / "after.jpg")
        if done:
            run.tiles.append(FinishedTile("result", "wct2", {}, (), 0.1, title=title))
        return run

    return make


def test_a_result_is_there_once_and_the_newest_first(finished):
    first, second = finished(), finished()
    past = with_run(with_run(with_run([], first), second), first)
    assert past == [second, first]


def test_what_is_no_finished_result_is_not_there(finished):
    assert with_run([], None) == []
    assert with_run([], finished(done=False)) == []


def test_the_oldest_goes(finished):
    past = []
    made = [finished() for _ in range(MOST + 2)]
    for run in made:
        past = with_run(past, run)
    assert past == made[:1:-1]


def test_the_row_is_there_for_more_than_the_one_on_stage_and_names_are_text(finished):
    one = with_run([], finished('<b>"x'))
    assert history_html(one) == ""
    row = history_html(with_run(one, finished()))
    assert row.count("<button") == 2
    assert "<b>" not in row
    assert "&lt;b&gt;&quot;x" in row
