"""The wheel and the Space: what is in the former, and that they work where no checkout is."""

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
from style_core.publishing.repository import plan_space
from style_core.version import __version__

from .forks import Program, run_forks

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
PICTURES = ("content/cathedral.jpg", "photo_style/dusk.jpg")
BUILT_FROM = ("LICENSE", "NOTICE.md", "README.md", "app.py", "pyproject.toml")
EDITABLES = "editables~=0.3"  # what hatchling asks for besides where a checkout is installed in place
NOT_OF_THE_CORE = ("gradio", "starlette", "mcp", "accelerate", "torchvision", "av")
IMPORTED_ONCE = ("torch", "numba", "scipy.ndimage", "gradio")  # what all programs here would spend seconds on


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
    site = site_of(folder)
    # A line of a .pth file is a folder to import from; the .pth files in it, which could name the
    # checkout, are not followed.
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "of_the_tests.pth").write_text("\n".join(sorted(places)))
    return folder


def python_of(folder):
    return folder / ("Scripts" if os.name == "nt" else "bin") / Path(sys.executable).name


def site_of(folder):
    (site,) = folder.rglob("site-packages")
    return site


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder that has two example pictures and no checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in PICTURES:
        place = folder / "assets" / "examples" / name
        place.parent.mkdir(parents=True)
        shutil.copy(ROOT / "assets" / "examples" / name, place)
    return folder


@pytest.fixture(scope="module")
def editable(tools, source, tmp_path_factory):
    """A virtual environment in which the copy of the checkout is installed in place."""
    return environment(tmp_path_factory.mktemp("editable"), *tools, "-e", source)


@pytest.fixture(scope="module")
def ended(home, elsewhere, editable, tmp_path_factory):
    """What the programs below returned and printed, by name."""
    space = tmp_path_factory.mktemp("space")
    for name, path in plan_space("a/b").files.items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, space / name)
    installed = {"folder": str(elsewhere), "paths": (str(site_of(home)),)}
    programs = {
        "without extras": Program(
            WITHOUT_EXTRAS.format(missing=NOT_OF_THE_CORE, sample=small_sample()), **installed
        ),
        "page": Program(PAGE, **installed),
        "space": Program(SPACE, folder=str(space), paths=()),
    }
    for name in COMMANDS:
        script = str(python_of(editable).with_name(name))
        programs[name] = Program(COMMAND, (str(site_of(editable)), script), str(elsewhere), ())
    return dict(zip(programs, run_forks(*programs.values(), imports=IMPORTED_ONCE), strict=True))


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
missing = {missing}  # nothing is installed but what the core needs
parts = [name for name in sys.modules if name.split(".")[0] in missing]
sys.modules.update(dict.fromkeys([*missing, *parts]))
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


PAGE = """
import json, os, re, urllib.request
import style_core_demo
from style_core_demo import server as module
module.warm_up = list  # the kernels of a new folder would be compiled meanwhile, for nobody
server = module.serve(shares="shares", quiet=True)
with urllib.request.urlopen(server.url + "config") as answer:
    texts = re.findall(r'http[^"]+/lake_palace[.]jpg', answer.read().decode())
with urllib.request.urlopen(texts[0]) as answer:
    print(style_core_demo.__file__, len(answer.read()), flush=True)
os._exit(0)
"""
# To import the page asks no host, and the kernels of a new folder are not compiled, for nobody:
# the sample compiles those of the wheel's.
SPACE = """
import socket
looked_up = socket.getaddrinfo
socket.getaddrinfo = socket.socket.connect = None
import numba, torch
numba.config.DISABLE_JIT = True
from demo import server
from style_core import stylize
from style_core.cli import main
socket.getaddrinfo = looked_up
del socket.socket.connect
server.warm_up = list
server.serve(quiet=True).close()
assert main(["weights", "get", "nix"]) == 1
print(stylize("wct2", torch.rand(1, 3, 32, 40), torch.rand(1, 3, 32, 32)).image.shape)
"""
COMMANDS = ("style-core", "style-core-demo")
# An installed command; an interpreter looks through the folder of installed packages at its start.
COMMAND = """
import runpy, site, sys
before = list(sys.path)
site.addsitedir(sys.argv[1])
sys.path[:0] = [place for place in sys.path if place not in before]
import style_core
print(style_core.__file__, file=sys.stderr)
sys.argv = [sys.argv[2], "--help"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def small_sample():
    """The README's sample, of a small size."""
    readme = (ROOT / "README.md").read_text("utf-8")
    sample = next(b for b in re.findall(r"^```python\n(.*?)^```$", readme, re.S | re.M) if "stylize" in b)
    small = sample.replace("style_strength=0.8", "style_strength=0.8, size=96")
    assert small != sample
    return small


def test_without_the_extras_sample_and_usage_work_and_the_page_names_its_own(ended, home, elsewhere):
    """The README's sample with the installed weights, ``python -m``, and the page, which needs Gradio."""
    done = ended["without extras"]
    assert (done.returncode, done.stderr) == (
        1, "Refused: the page needs Gradio: pip install 'style-core[demo]'.\n"
    )  # fmt: skip
    said, usage = done.stdout.split("usage: ", 1)
    for path in said.splitlines()[-1].split():
        assert Path(path).is_relative_to(home)
    assert Image.open(elsewhere / "cathedral_at_dusk.png").size == (96, 64)
    assert usage.startswith("python -m style_core [-h]")


def test_the_command_runs(home, elsewhere, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    pictures = [f"assets/examples/{name}" for name in PICTURES]
    command = [
        str(python_of(home).with_name("style-core")),
        "wct2",
        *pictures,
        "-o",
        "out.png",
        "--size",
        "96",
    ]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert Image.open(elsewhere / "out.png").size == (96, 64)


def test_the_usage_says_how_it_was_called(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: style-core [-h]")


def test_the_page_shows_its_examples(ended, home):
    """Texts, scripts and example pictures are found, and Gradio serves the pictures, outside a checkout."""
    done = ended["page"]
    assert done.returncode == 0, done.stderr
    shipped = ROOT / "assets" / "examples" / "content" / "lake_palace.jpg"
    *_, module, size = done.stdout.split()
    assert int(size) == shipped.stat().st_size
    assert Path(module).is_relative_to(home)


def test_the_space_runs_by_itself(ended):
    done = ended["space"]
    assert done.returncode == 0, done.stderr
    assert "torch.Size([1, 3, 32, 40])" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_an_editable_checkout_has_both_commands(ended, editable, source, name):
    done = ended[name]
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {name} [-h]")
    assert Path(done.stderr.strip()).is_relative_to(source)
    script = python_of(editable).with_name(name).read_text()
    assert str(python_of(editable)) in script.partition("import")[0]
