"""Machine code kept on disk is that of the sources as they are, called functions included."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from style_core.compiled import kept_code
from style_core.compiled.kept_code import PREFIX, UNUSED, code_folder, sources_digest

numba = pytest.importorskip("numba", reason="Numba is not installed")

CALLER = """
from .called import value
from .kernel import kernel

@kernel
def ask(x):
    return value(x)
"""
CALLED = """
from .kernel import kernel

@kernel
def value(x):
    return x + {}
"""
# PyTorch takes seconds to import, and kernel.py only names a type of it.
RUN = """
import sys, types
sys.modules["torch"] = types.ModuleType("torch")
from copied.caller import ask
print(ask(1.0), sum(ask.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path):
    """A copy of what makes kernels, with one kernel that calls another from another file."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for name in ("kernel.py", "kept_code.py"):
        shutil.copy(Path(kept_code.__file__).with_name(name), folder)
    (folder / "__init__.py").write_text("")
    (folder / "caller.py").write_text(CALLER)
    (folder / "called.py").write_text(CALLED.format(1))
    return folder


def answer(package):
    """What a fresh process computes, and how many kernels it found compiled."""
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=package.parent, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    value, hits = done.stdout.split()
    return float(value), int(hits)


def folders(place):
    return sorted(path.name for path in place.iterdir() if PREFIX in path.name)


def test_a_change_in_a_function_that_a_kernel_calls_is_compiled(package):
    assert answer(package) == (2.0, 0)
    assert answer(package) == (2.0, 1)
    (package / "called.py").write_text(CALLED.format(5))
    assert answer(package) == (6.0, 0)
    assert len(folders(package / "__pycache__")) == 2
    (package / "called.py").write_text(CALLED.format(1))  # back again: the code of then is still there
    assert answer(package) == (2.0, 1)


@pytest.mark.parametrize("change", ["content", "name", "another file", "another compiler"])
def test_whatever_changes_the_code_changes_the_folder(package, change):
    before, version = sources_digest("1.0", package), "1.0"
    if change == "content":
        (package / "called.py").write_text(CALLED.format(2))
    elif change == "name":
        (package / "called.py").rename(package / "callee.py")
    elif change == "another file":
        (package / "more.py").write_text("")
    else:
        version = "1.1"
    assert sources_digest(version, package) != before


def fake_numba(place=""):
    return SimpleNamespace(__version__="1.0", config=SimpleNamespace(CACHE_DIR=str(place)))


def test_folders_nobody_used_for_a_month_are_removed_and_others_kept(package, tmp_path):
    place, now = tmp_path / "place", time.time()
    for name, age in (("old", UNUSED + 60), ("recent", UNUSED - 60)):
        folder = place / f"{PREFIX}{name}"
        folder.mkdir(parents=True)
        (folder / "kernel.nbc").write_bytes(b"code")
        os.utime(folder, (now - age, now - age))
    (place / "of_others").mkdir()
    os.utime(place / "of_others", (0, 0))
    used = code_folder(fake_numba(place), package)
    assert folders(place) == sorted([f"{PREFIX}recent", used.name])
    assert (place / "of_others").is_dir()


def test_using_a_folder_keeps_it(package, tmp_path):
    used = code_folder(fake_numba(tmp_path / "place"), package)
    os.utime(used, (0, 0))
    assert code_folder(fake_numba(tmp_path / "place"), package) == used
    assert time.time() - used.stat().st_mtime < 60


def test_a_folder_that_another_process_removes_first_is_no_failure(package, tmp_path, monkeypatch):
    place = tmp_path / "place"
    (place / f"{PREFIX}old").mkdir(parents=True)
    os.utime(place / f"{PREFIX}old", (0, 0))
    rename = Path.rename

    def taken(path, target):
        shutil.rmtree(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", taken)
    used = code_folder(fake_numba(place), package)
    assert folders(place) == [used.name]


def test_where_no_place_can_be_written_nothing_is_kept(package, tmp_path, monkeypatch):
    (package / "__pycache__").write_text("a file where the folder would be")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert code_folder(fake_numba(tmp_path / "file" / "below"), package) is None


def test_the_user_cache_is_used_where_the_sources_cannot_be_written_beside(package, tmp_path, monkeypatch):
    (package / "__pycache__").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert code_folder(fake_numba(), package).parent == tmp_path / "home" / "style_core"
