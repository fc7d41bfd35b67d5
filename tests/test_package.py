"""The wheel: what is in it, that it is one with requirements.txt, and that it works where no checkout is."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

from style_core.cli import main
from style_core.version import __version__

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
PICTURES = ("content/cathedral.jpg", "photo_style/dusk.jpg")
BUILT_FROM = ("LICENSE", "NOTICE.md", "README.md", "app.py", "pyproject.toml")
EDITABLES = "editables~=0.3"  # what hatchling asks for besides where a checkout is installed in place
NOT_OF_THE_CORE = ("gradio", "starlette", "mcp", "accelerate", "torchvision", "av")


def listed(name):
    """The requirements of a file, without those it includes."""
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return {ranges(line) for line in lines if line and not line.startswith(("#", "-r"))}


def ranges(line):
    """A requirement's name, extras and versions, whatever the way it is written."""
    requirement = Requirement(line)
    return requirement.name.replace("_", "-").lower(), frozenset(requirement.extras), requirement.specifier


def test_requirements_are_the_core_and_the_page_range_by_range():
    assert listed("requirements.txt") == {ranges(line) for line in PROJECT["dependencies"] + EXTRAS["demo"]}


def test_what_the_tests_need_has_the_ranges_of_the_other_extras():
    others = {ranges(line) for line in EXTRAS["mcp"] + EXTRAS["train"]} - {ranges("style-core[demo]")}
    assert len(others) == 2
    assert others <= listed("requirements-dev.txt")


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """What builds the package, as pip takes it where it may fetch nothing."""
    folder = tmp_path_factory.mktemp("tools")
    fetched = pip("download", "-d", folder, *PYPROJECT["build-system"]["requires"], EDITABLES)
    if fetched.returncode:
        pytest.skip(f"the build tools cannot be fetched: {fetched.stderr.strip().splitlines()[-1]}")
    return "--no-index", "--find-links", folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout with what a used one has lying about."""
    source = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    for name in ("assets", "demo", "style_core", "tests"):
        shutil.copytree(ROOT / name, source / name)
    for stray in (
        "demo/components.pyi",
        "style_core/weights/hub/names.pyi",
        "style_core/__pycache__/cli.pyc",
    ):
        (source / stray).parent.mkdir(exist_ok=True)
        (source / stray).touch()
    return source


@pytest.fixture(scope="module")
def wheel(tools, source, tmp_path_factory):
    """The wheel of the copy."""
    built = tmp_path_factory.mktemp("built")
    done = pip("wheel", "--no-deps", *tools, "-w", built, source)
    assert done.returncode == 0, done.stderr
    (path,) = built.iterdir()
    return path


@pytest.fixture(scope="module")
def home(wheel, tmp_path_factory):
    """A virtual environment with the wheel."""
    return environment(tmp_path_factory.mktemp("venv"), "--no-index", wheel)


def environment(folder, *installed):
    """A virtual environment with the package; all else is taken from the environment of the tests."""
    venv.create(folder, symlinks=os.name != "nt")
    done = pip("--python", python_of(folder), "install", "--no-deps", *installed)
    assert done.returncode == 0, done.stderr
    (site,) = folder.rglob("site-packages")
    # A line of a .pth file is a folder to import from; the .pth files in it, which could name the
    # checkout, are not followed.
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "of_the_tests.pth").write_text("\n".join(sorted(places)))
    return folder


@pytest.fixture
def run(home, tmp_path, monkeypatch):
    """Run a program of the virtual environment in a folder that has two example pictures and no checkout."""
    for name in PICTURES:
        place = tmp_path / "assets" / "examples" / name
        place.parent.mkdir(parents=True)
        shutil.copy(ROOT / "assets" / "examples" / name, place)
    monkeypatch.delenv("PYTHONPATH", raising=False)

    def program(name, *arguments):
        command = [str(python_of(home).with_name(name)), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    return program


def python_of(folder):
    return folder / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name


def test_the_wheel_has_everything_it_needs_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = Parser().parsestr(archive.read(f"style_core-{__version__}.dist-info/METADATA").decode())
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files")
    assert (metadata["Name"], metadata["Version"]) == ("style-core", __version__)
    assert {name.split("/")[0] for name in names} == {
        "style_core", "style_core_demo", f"style_core-{__version__}.dist-info"
    }  # fmt: skip
    assert "style_core/py.typed" in names
    assert {name for name in names if name.endswith((".pyi", ".pyc", ".csv")) or "/tests/" in name} == set()
    for inside, outside, pattern in (
        ("style_core", "style_core", "*.py"),
        ("style_core_demo", "demo", "*.py"),
        ("style_core_demo/static", "demo/static", "*"),
        ("style_core_demo/locale", "demo/locale", "*.json"),
        ("style_core_demo/assets/examples", "assets/examples", "*.*"),
        ("style_core/assets/weights/compact", "assets/weights/compact", "*.safetensors"),
        ("style_core/assets/weights/compact", "assets/weights/compact", "manifest.json"),
    ):
        files = {path.relative_to(ROOT / outside).as_posix() for path in (ROOT / outside).rglob(pattern)}
        assert files
        assert {f"{inside}/{file}" for file in files} <= names


WITHOUT_EXTRAS = """
import runpy, sys
sys.modules.update(dict.fromkeys({missing}))  # nothing is installed but what the core needs
{sample}
import style_core, style_core.weights
print(style_core.__file__, style_core.weights.locate("compact", "wct2_sum"))
sys.argv[1:] = ["--help"]
try:
    runpy.run_module("style_core", run_name="__main__", alter_sys=True)
except SystemExit as ended:
    assert ended.code == 0
from style_core_demo.command import main
sys.argv = ["style-core-demo"]
sys.exit(main())
"""


def test_without_the_extras_sample_and_usage_work_and_the_page_names_its_own(run, home, tmp_path):
    """The README's sample with the installed weights, ``python -m``, and the page, which needs Gradio."""
    readme = (ROOT / "README.md").read_text("utf-8")
    sample = next(b for b in re.findall(r"^```python\n(.*?)^```$", readme, re.S | re.M) if "stylize" in b)
    small = sample.replace("style_strength=0.8", "style_strength=0.8, size=96")
    assert small != sample
    done = run("python", "-c", WITHOUT_EXTRAS.format(missing=NOT_OF_THE_CORE, sample=small))
    assert (done.returncode, done.stderr) == (
        1, "Refused: the page needs Gradio: pip install 'style-core[demo]'.\n"
    )  # fmt: skip
    said, usage = done.stdout.split("usage: ", 1)
    for path in said.splitlines()[-1].split():
        assert Path(path).is_relative_to(home)
    assert Image.open(tmp_path / "cathedral_at_dusk.png").size == (96, 64)
    assert usage.startswith("python -m style_core [-h]")


def test_the_command_runs(run, tmp_path):
    pictures = [f"assets/examples/{name}" for name in PICTURES]
    done = run("style-core", "wct2", *pictures, "-o", "out.png", "--size", "96")
    assert (done.returncode, done.stderr) == (0, "")
    assert Image.open(tmp_path / "out.png").size == (96, 64)


def test_the_usage_says_how_it_was_called(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: style-core [-h]")


def test_the_page_shows_its_examples(run):
    """Texts, scripts and example pictures are found, and Gradio serves the pictures, outside a checkout."""
    code = """
import json, os, re, urllib.request
from style_core_demo import server as module
module.warm_up = list  # the kernels of a new folder would be compiled meanwhile, for nobody
server = module.serve(shares="shares", quiet=True)
with urllib.request.urlopen(server.url + "config") as answer:
    texts = re.findall(r'http[^"]+/lake_palace[.]jpg', answer.read().decode())
with urllib.request.urlopen(texts[0]) as answer:
    print(len(answer.read()), flush=True)
os._exit(0)
"""
    done = run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    shipped = ROOT / "assets" / "examples" / "content" / "lake_palace.jpg"
    assert int(done.stdout.split()[-1]) == shipped.stat().st_size


def test_an_editable_checkout_has_both_commands(tools, source, tmp_path):
    home = environment(tmp_path / "venv", *tools, "-e", source)
    for name in ("style-core", "style-core-demo"):
        command = [str(python_of(home).with_name(name)), "--help"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"usage: {name} [-h]")
