"""Finished runs: kept for an hour, found by their id alone, removed with their files."""

import pytest
from PIL import Image

from demo.runs import FinishedTile, Runs


class Nothing:
    def values(self):
        return {}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.JPG"
    Image.new("RGB", (20, 20), "red").save(path, "JPEG")
    return str(path)


def finished(runs, photo):
    run = runs.begin("method", "wct2", Nothing(), {"content": photo, "style": None})
    Image.new("RGB", (5, 5)).save(run.folder / "result.png")
    run.tiles.append(FinishedTile("result", "wct2", {}, (), 0.1))
    return run


def test_a_run_keeps_its_inputs_when_the_upload_is_gone(photo, tmp_path):
    run = finished(Runs(), photo)
    (tmp_path / "photo.JPG").unlink()
    assert list(run.inputs) == ["content"]
    assert Image.open(run.inputs["content"]).size == (20, 20)


@pytest.mark.parametrize("name", ["../secret", "input_content", "result.png", "", "before", "/etc/passwd"])
def test_only_results_are_found_by_name(photo, name):
    run = finished(Runs(), photo)
    (run.folder.parent / "secret.png").write_bytes(b"secret")
    assert run.file("result") is not None
    assert run.file(name) is None


def test_ids_cannot_be_guessed(photo):
    runs = Runs()
    ids = {finished(runs, photo).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(run_id) == 22 for run_id in ids)
    assert runs.get("") is None
    assert runs.get(None) is None


@pytest.mark.parametrize("sent", [["x"], {"x": 1}, 5, True, None])
def test_what_is_no_id_finds_no_run(photo, sent):
    runs = Runs()
    finished(runs, photo)
    assert runs.get(sent) is None


def test_old_runs_are_gone_with_their_files(photo):
    now = [0.0]
    runs = Runs(lifetime=10, clock=lambda: now[0])
    old = finished(runs, photo)
    now[0] = 11
    assert runs.get(old.id) is None
    finished(runs, photo)  # the next one cleans up
    assert not old.folder.exists()
    assert runs.count() == 1


def test_only_so_many_are_kept(photo):
    runs = Runs(most=3)
    made = [finished(runs, photo) for _ in range(5)]
    assert [runs.get(run.id) is not None for run in made] == [False, False, True, True, True]
    assert [run.folder.exists() for run in made] == [False, False, True, True, True]


def test_a_dropped_run_leaves_nothing(photo):
    runs = Runs()
    run = finished(runs, photo)
    runs.drop(run)
    assert runs.get(run.id) is None
    assert not run.folder.exists()


def test_only_so_many_bytes_are_kept(photo):
    runs = Runs(most_bytes=100_000)
    made = []
    for _ in range(3):
        run = finished(runs, photo)
        (run.folder / "result.png").write_bytes(bytes(60_000))
        made.append(run)
    finished(runs, photo)
    assert [runs.get(run.id) is not None for run in made] == [False, False, True]


def test_a_run_under_way_is_never_removed(photo):
    now = [0.0]
    runs = Runs(lifetime=10, most=1, clock=lambda: now[0])
    running = runs.begin("method", "gatys", Nothing(), {"content": photo})
    old = finished(runs, photo)
    now[0] = 100
    finished(runs, photo)
    assert running.folder.exists()
    assert not old.folder.exists()
