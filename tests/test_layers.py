"""Who may import whom, as data, read from the source with ``ast``."""

import ast
import functools
import shutil
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import style_core.fronts

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("style_core", "demo", "app.py")

WORDS = (
    "style_core.environment",
    "style_core.errors",
    "style_core.progress",
    "style_core.options",
    "style_core.version",
)
# Numbers: what knows pictures and tensors, and nothing of methods. Rooms are entered by their doors alone.
NUMBERS = (
    "style_core.images",
    "style_core.tiles",
    "style_core.ops.*",
    "style_core.nets.*",
    "style_core.regions",
    "style_core.smoothing",
    "style_core.look",
)
CONTRACT = ("style_core.method", "style_core.transfer", "style_core.measures")
SHARED = ("style_core.methods.shared.*",)
METHODS = ("style_core.methods", "style_core.methods.*")
SUPPLY = (
    "style_core.weights",
    "style_core.device",
    "style_core.memory",
    "style_core.digest",
    "style_core.exactness",
    "style_core.reservations",
)
DOOR = ("style_core.pipeline",)
FRONTS = ("style_core", "style_core.fronts")  # the two doors for what has a user in front of it


@dataclass(frozen=True)
class Rule:
    """What the modules of a pattern may import besides the standard library."""

    modules: tuple[str, ...]
    own: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


RULES = (  # the first that fits a module holds
    Rule(("style_core.options", "style_core.options.*"), (*WORDS, "style_core.options.*")),
    Rule(WORDS, WORDS),
    Rule(("style_core.images",), WORDS, ("torch", "numpy", "PIL")),
    Rule(("style_core.tiles",), (), ("torch",)),
    Rule(
        ("style_core.files", "style_core.files.*"),
        (*WORDS, "style_core.images", "style_core.files.*"),
        ("torch", "numpy", "PIL", "pi_heif", "pillow_jxl", "imagecodecs", "tifffile"),
    ),
    Rule(("style_core.ops", "style_core.ops.*"), ("style_core.ops.*",), ("torch",)),
    Rule(("style_core.compiled", "style_core.compiled.*"),
         ("style_core.compiled.*",), ("torch", "numpy", "numba")),
    Rule(
        ("style_core.smoothing", "style_core.smoothing.*"),
        ("style_core.smoothing.*", "style_core.ops.*", "style_core.compiled.*"),
        ("torch", "numpy"),
    ),
    Rule(
        ("style_core.look", "style_core.look.*"),
        ("style_core.look.*", *WORDS, "style_core.images", "style_core.files", "style_core.ops.*",
         "style_core.compiled.*", "style_core.tiles", "style_core.regions"),
        ("torch", "numpy", "safetensors"),
    ),
    Rule(("style_core.nets", "style_core.nets.*"), ("style_core.nets.*",), ("torch",)),
    Rule(
        ("style_core.regions", "style_core.regions.*"),
        ("style_core.regions.*", *WORDS, *NUMBERS[:4], "style_core.files"),
        ("torch", "numpy", "scipy"),
    ),
    Rule(CONTRACT, (*WORDS, *NUMBERS, *CONTRACT), ("torch",)),
    Rule(SHARED, (*WORDS, *NUMBERS, *CONTRACT, *SHARED), ("torch",)),
    Rule(METHODS, (*WORDS, *NUMBERS, *CONTRACT, *SHARED), ("torch",)),
    Rule(("style_core.digest", "style_core.container", "style_core.reservations")),
    Rule(("style_core.memory",), WORDS, ("torch", "cachetools")),
    Rule(("style_core.exactness",), (), ("torch",)),
    Rule(("style_core.device",), (*WORDS, "style_core.container"), ("torch",)),
    Rule(
        ("style_core.weights.hub", "style_core.weights.hub.*"),
        ("style_core.weights.*", *WORDS, "style_core.nets.*", "style_core.digest", "style_core.files"),
        ("torch", "safetensors", "huggingface_hub", "filelock", "tqdm"),
    ),
    Rule(
        ("style_core.weights", "style_core.weights.*"),
        ("style_core.weights.*", *WORDS, "style_core.nets.*", "style_core.device", "style_core.digest",
         "style_core.files"),
        ("torch", "safetensors", "cachetools", "filelock"),
    ),
    Rule(
        ("style_core.pipeline", "style_core.pipeline.*"),
        (*WORDS, *NUMBERS, "style_core.files", *CONTRACT, "style_core.methods", *SUPPLY,
         "style_core.pipeline.*"),
        ("torch", "PIL"),
    ),
    Rule(
        ("style_core.batch", "style_core.batch.*"),
        (*WORDS, "style_core.images", "style_core.files", *DOOR, "style_core.batch.*"),
        ("torch",),
    ),
    Rule(
        ("style_core.video", "style_core.video.*"),
        (*WORDS, "style_core.images", "style_core.files", "style_core.look", "style_core.regions",
         "style_core.digest", "style_core.memory", *DOOR, "style_core.video.*"),
        ("torch", "numpy", "av", "cv2"),
    ),
    Rule(
        ("style_core",),
        (*WORDS, "style_core.images", "style_core.regions", "style_core.smoothing", "style_core.look",
         "style_core.files", *CONTRACT, *DOOR, "style_core.batch", "style_core.video",
         "style_core.publishing.getting"),
    ),
    Rule(
        ("style_core.fronts",),
        (*WORDS, "style_core.images", "style_core.files", *DOOR, *SUPPLY, "style_core.video"),
    ),
    Rule(("style_core.cli", "style_core.cli.*"), (*FRONTS, "style_core.cli.*"), ("tqdm",)),
    Rule(("style_core.demo_command",), ("demo.command",), ("style_core_demo",)),
    Rule(("style_core.__main__",), ("style_core.cli",)),
    Rule(
        ("style_core.publishing", "style_core.publishing.*"),
        (*WORDS, "style_core.nets.*", "style_core.pipeline", "style_core.digest", "style_core.weights",
         "style_core.weights.*", "style_core.publishing.*"),
        ("torch", "safetensors", "huggingface_hub"),
    ),
    Rule(
        ("style_core.training", "style_core.training.*"),
        (*WORDS, *NUMBERS, "style_core.files", *CONTRACT, *SHARED, *SUPPLY, "style_core",
         "style_core.weights.manifest", "style_core.training.*"),
        ("torch", "numpy", "scipy", "PIL", "safetensors", "tqdm", "accelerate", "cachetools"),
    ),
    Rule(("demo.shares",), ("demo.*",), ("cachetools", "fsspec")),
    Rule(("demo.zero_gpu",), (), ("spaces",)),
    Rule(("app",), ("demo.command",)),
    Rule(("demo.command",), ("style_core", "demo.server"), ("spaces",)),
    Rule(("demo", "demo.*"), (*FRONTS, "demo.*"), ("gradio", "numpy", "PIL", "starlette")),
)  # fmt: skip


def source_files(root):
    for part in PARTS:
        yield from sorted((root / part).rglob("*.py")) if (root / part).is_dir() else [root / part]


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def import_statements(text):
    """The imports of a source that are made when it runs, wherever in it; many tests ask for the same."""
    tree = ast.parse(text)
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    imports = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
    return [node for node in imports if id(node) not in only_types]


def imported(path, root):
    """Absolute names of all modules a file imports when it runs."""
    package = path.relative_to(root).parent.parts
    for node in import_statements(path.read_text("utf-8")):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *(node.module or "").split("."))).strip(".")
            for alias in node.names:
                inner = root.joinpath(*base.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").is_file()
                yield f"{base}.{alias.name}" if is_module else base


def fits(name, patterns):
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def violations(root):
    """``importer -> imported`` of every import the table does not permit."""
    found = set()
    for path in source_files(root):
        module = module_name(path, root)
        rule = next((rule for rule in RULES if fits(module, rule.modules)), None)
        if rule is None:
            found.add(f"{module} -> no rule")
            continue
        for name in imported(path, root):
            top = name.split(".")[0]
            is_own = top in {"style_core", "demo", "app"}
            is_permitted = fits(name, rule.own) if is_own else top in {*rule.others, *sys.stdlib_module_names}
            if not is_permitted:
                found.add(f"{module} -> {name}")
    return found


def every_python_file():
    """All of the repository's own sources but the tests."""
    for pattern in ("*.py", "style_core/**/*.py", "demo/**/*.py", "benchmarks/**/*.py"):
        yield from ROOT.glob(pattern)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the sources with a sixth method, and what is not permitted in it."""
    root = tmp_path_factory.mktemp("copy")
    for path in source_files(ROOT):
        place = root / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (root / "style_core/methods/sixth.py").write_text('"""A sixth method."""\n')
    return root, violations(root)


def test_every_import_is_permitted():
    assert violations(ROOT) == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.modules[0])
def test_every_rule_is_about_a_module_that_exists(rule):
    assert any(fits(module_name(path, ROOT), rule.modules) for path in source_files(ROOT))


@pytest.mark.parametrize(
    ("file", "line", "caught"),
    [
        ("style_core/nets/haar.py", "import gradio", "gradio"),
        ("style_core/nets/haar.py", "def f():\n    import gradio.themes", "gradio.themes"),
        ("style_core/nets/haar.py", "from ..images import to_pil", "style_core.images"),
        ("style_core/ops/whitening.py", "from ..nets.haar import haar_low", "style_core.nets.haar"),
        (
            "style_core/methods/wct2.py",
            "from ..smoothing.propagation import ALPHA",
            "style_core.smoothing.propagation",
        ),
        (
            "style_core/compiled/grid.py",
            "from ..smoothing import color_affine_grid",
            "style_core.smoothing.color_affine_grid",
        ),
        ("style_core/nets/encoder.py", "from .. import weights", "style_core.weights"),
        ("style_core/options/fields.py", "import torch", "torch"),
        ("style_core/methods/wct2.py", "from ..weights import locate", "style_core.weights"),
        ("style_core/methods/wct2.py", "from . import sixth", "style_core.methods.sixth"),
        ("style_core/images.py", "from .pipeline import stylize", "style_core.pipeline"),
        ("style_core/pipeline/stylizing.py", "from huggingface_hub import hub", "huggingface_hub"),
        ("style_core/cli/command.py", "from ..images import load_image", "style_core.images"),
        ("demo/stream.py", "import style_core.pipeline", "style_core.pipeline"),
        ("style_core/batch/stylizing.py", "from ..fronts import image_size", "style_core.fronts"),
        ("style_core/new.py", "import math", "no rule"),
    ],
)
def test_a_planted_import_is_caught(copy, file, line, caught):
    root, before = copy
    path = root / file
    there = path.read_text("utf-8") if path.exists() else None
    path.write_text(f"{there or ''}\n\n{line}\n", "utf-8")
    try:
        found = violations(root) - before
    finally:
        if there is None:
            path.unlink()
        else:
            path.write_text(there, "utf-8")
    assert found == {f"{module_name(path, root)} -> {caught}"}


def test_every_name_of_the_second_door_is_used_and_not_public():
    fronts = [*(ROOT / "demo").glob("*.py"), *(ROOT / "style_core/cli").glob("*.py")]
    used = {
        alias.name
        for path in fronts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == "fronts"
        for alias in node.names
    }
    assert used == set(style_core.fronts.__all__)
    assert not used & set(style_core.__all__)


def test_imports_for_types_alone_are_left_aside(tmp_path):
    path = tmp_path / "words.py"
    path.write_text("import math\nif TYPE_CHECKING:\n    import torch\n")
    assert list(imported(path, tmp_path)) == ["math"]


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("gradio", {"app.py", "demo"}),
        ("huggingface_hub", {"style_core/weights/hub", "style_core/publishing/repository.py"}),
        (
            "safetensors",
            {
                "style_core/look",
                "style_core/weights",
                "style_core/training",
                "style_core/publishing",
            },
        ),
        (
            "argparse",
            {"demo/command.py", "hub_upload.py", "style_core/cli", "style_core/training", "benchmarks"},
        ),
    ],
)
def test_a_library_is_imported_in_its_places_only(library, places):
    users = {
        path.relative_to(ROOT)
        for path in every_python_file()
        if any(name.split(".")[0] == library for name in imported(path, ROOT))
    }
    outside = {path for path in users if not any(path.is_relative_to(place) for place in places)}
    assert outside == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "style_core/weights/hub").glob("*.py")), ids=lambda path: path.name
)
def test_the_hub_is_reached_for_inside_a_function_only(path):
    tree = ast.parse(path.read_text("utf-8"))
    at_import = [ast.unparse(node) for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert not [line for line in at_import if "huggingface_hub" in line]
