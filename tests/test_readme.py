"""Whatever a reader may copy from the README and docs/ runs, in both languages, and what they list is so."""

import ast
import re
import shlex
import urllib.request
from functools import cache
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from PIL import Image

import hub_upload
from demo.command import demo_parser
from demo.limits import PREFIX, Limits
from demo.server import serve
from demo.shares import ShareLimits
from style_core import cli, get_method, list_methods, memory, read_settings
from style_core.fronts import option_fields
from style_core.publishing.originals import ORIGINALS
from style_core.training.arguments import training_parser
from style_core.weights import network_cache

from .video.conftest import scene, write_clip

ROOT = Path(__file__).resolve().parent.parent
SIDE = 256  # px of the examples here
MOST_LINES = 130  # of a README that people read
PAGES = {  # English -> Chinese
    "README.md": "README.zh-CN.md",
    **{f"docs/{path.name}": f"docs/zh-CN/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))},
}
BOTH = [*PAGES, *PAGES.values()]
MODULE = "-m style_core.training "


def text_of(page):
    return (ROOT / page).read_text("utf-8")


def blocks_of(page):
    """Language and text of every code block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text_of(page), re.S | re.M)


def prose_of(page):
    """The page without front matter and code blocks."""
    return re.sub(r"\A---\n.*?^---$|^```.*?^```$", "", text_of(page), flags=re.S | re.M)


PYTHON_BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    if page != "README.md"
    for number, (language, block) in enumerate(blocks_of(page))
    if language == "python" and "gradio_client" not in block
]
COMMANDS = [
    line for page in PAGES for kind, text in blocks_of(page) if not kind for line in text.splitlines()
]
STARTS = (  # of what the tests below run, or read as the program would
    "make ", "pip install ", "style-core ", "python hub_upload.py ", "python app.py ",
    "accelerate launch -m style_core.training ",
)  # fmt: skip


def commands(start):
    """What follows ``start`` in the commands that begin so."""
    return [command.removeprefix(start) for command in COMMANDS if command.startswith(start)]


RESTYLING = [c for c in commands("style-core ") if not c.startswith("weights get ")]


def small(parts):
    """What makes a command's work short, given behind what the reader gives: a size and steps."""
    if parts[0] not in list_methods():
        return []
    takes_steps = "steps" in option_fields(get_method(parts[0]).options)
    return ["--size", "96", *(["--steps", "10"] if takes_steps else [])]


@pytest.fixture(scope="module")
def small_assets(tmp_path_factory):
    """The folder of assets, with examples that take less to read and to restyle."""
    assets = tmp_path_factory.mktemp("assets")
    for place in (ROOT / "assets").iterdir():
        if place.name != "examples":
            (assets / place.name).symlink_to(place)
    for picture in (ROOT / "assets/examples").glob("*/*.jpg"):
        copy = assets / picture.relative_to(ROOT / "assets")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(picture) as image:
            image.draft("RGB", (SIDE, SIDE))
            image.thumbnail((SIDE, SIDE))
            image.save(copy)
    return assets


@pytest.fixture
def workplace(small_assets, tmp_path, monkeypatch):
    """A folder that looks like the repository's root but can be written to."""
    (tmp_path / "assets").symlink_to(small_assets)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_python_blocks_run(block, workplace):
    found = {}
    exec(compile(block, "docs", "exec"), found)
    assert found["result"].image.isfinite().all()


def test_the_readmes_sample_does_what_it_says(workplace):
    ((_, block),) = [b for b in blocks_of("README.md") if b[0] == "python"]
    assert len(block.splitlines()) == 6
    exec(compile(block, "README.md", "exec"), {})
    assert read_settings(workplace / "cathedral_at_dusk.png")["style_strength"] == 0.8


def test_the_api_block_runs(workplace, tmp_path, monkeypatch):
    (block,) = [text for page in PAGES for _, text in blocks_of(page) if "gradio_client" in text]
    server = serve(shares=str(tmp_path / "shares"), quiet=True)
    monkeypatch.setenv("STYLE_DEMO_URL", server.url)
    found = {}
    try:
        exec(compile(block, "docs/page.md", "exec"), found)
        with urllib.request.urlopen(found["shared"]["link"]) as page:
            assert "WCT, WCT2" in page.read().decode()
    finally:
        server.close()
    assert read_settings(found["restyled"]["file"])["style_strength"] == 0.8
    assert [figure["label"] for figure in found["compared"]["figures"]] == ["WCT", "WCT2"]


class TestCommands:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_one_is_tried(self, command):
        assert command.startswith(STARTS)

    @pytest.mark.parametrize("command", RESTYLING)
    def test_those_of_the_package_run_or_are_refused_for_the_reason_given(self, command, workplace, capsys):
        parts = shlex.split(command)
        if parts[0] == "look":  # which another command keeps
            (keeping,) = (c for c in RESTYLING if f"--save-look {parts[1]}" in c)
            assert cli.main([*shlex.split(keeping), "--size", "96"]) == 0
        if "clip.mp4" in parts:
            write_clip(workplace / "clip.mp4", [scene(1, k / 20) for k in range(8)])
            assert cli.main(parts) == 0
            return
        status = cli.main([*parts, *small(parts)])
        if "--family vgg19" in command:  # needs converted checkpoints, which are not ours to ship
            assert status == 1
            assert "photo.jpg" in capsys.readouterr().err
        else:
            assert status == 0

    def test_those_that_get_weights_name_published_ones(self, monkeypatch):
        asked = []
        monkeypatch.setattr(cli.networks, "get_weights", lambda name, report: asked.append(name))
        for command in commands("style-core weights get "):
            assert cli.main(["weights", "get", command]) == 0
        assert asked == ["wct2"]
        assert set(asked) <= set(ORIGINALS)

    @pytest.mark.parametrize("command", commands("python hub_upload.py "))
    def test_those_of_publishing_run_or_are_refused_for_the_reason_given(
        self, command, workplace, monkeypatch, capsys
    ):
        (workplace / "weights").symlink_to(ROOT / "assets/weights")
        monkeypatch.setattr(hub_upload, "fetch_originals", lambda method, *_, **__: [Path(method)])
        status = hub_upload.main(shlex.split(command))
        said = capsys.readouterr()
        if command.startswith("convert "):  # of files that are not here
            assert status == 1
            assert f"{shlex.split(command)[2]}: there is no such file" in said.err
        else:
            assert status == 0
            assert "--dry-run" not in command or "Nothing was sent." in said.out

    def test_those_of_training_are_understood(self):
        card = text_of("assets/weights/compact/README.md")
        found = [*re.findall(f"{MODULE}(.+)", card), *commands(f"accelerate launch {MODULE}")]
        assert len(found) >= 4
        for command in found:
            assert training_parser().parse_args(shlex.split(command)).data

    def test_those_of_the_page_are_understood(self):
        given = [demo_parser().parse_args(shlex.split(command)) for command in commands("python app.py ")]
        assert [(args.port, args.mcp) for args in given] == [(7861, False), (None, True)]

    def test_make_has_its_two(self):
        targets = [command.split()[0] for command in commands("make ")]
        assert targets == ["run", "test"]
        for target in targets:
            assert re.search(rf"^{target}:", text_of("Makefile"), re.M)

    def test_extras_are_those_of_the_package(self):
        declared = text_of("pyproject.toml").split("[project.optional-dependencies]")[1].split("[project")[0]
        named = {extra for page in PAGES for extra in re.findall(r'pip install "\.\[(\w+)]"', text_of(page))}
        assert named == {"demo", "mcp"}
        assert named <= set(re.findall(r"^(\w+) =", declared, re.M))


class TestPages:
    def test_the_readme_is_short(self):
        for page in ("README.md", "README.zh-CN.md"):
            assert len(text_of(page).splitlines()) <= MOST_LINES

    def test_every_page_of_the_docs_is_in_both_languages_and_in_the_index(self):
        chinese = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/zh-CN").iterdir()}
        assert {"README.zh-CN.md", *chinese} == set(PAGES.values())
        for index in ("docs/README.md", "docs/zh-CN/README.md"):
            linked = re.findall(r"^\| \[.+?]\((\w+\.md)\)", text_of(index), re.M)
            assert sorted(linked) == sorted(Path(page).name for page in PAGES if page != "README.md"
                                            and page != "docs/README.md")  # fmt: skip

    @pytest.mark.parametrize(("english", "chinese"), PAGES.items())
    def test_both_languages_have_the_same_blocks_and_structure(self, english, chinese):
        assert blocks_of(chinese) == blocks_of(english)
        assert structure(chinese) == structure(english)
        for page, other in ((english, chinese), (chinese, english)):
            first = re.search(r"\]\(([^)]+)\)", prose_of(page))[1]
            assert (ROOT / page).parent.joinpath(first).resolve() == ROOT / other

    @pytest.mark.parametrize("page", [*BOTH, "CONTRIBUTING.md", "NOTICE.md", "CHANGELOG.md"])
    def test_links_lead_somewhere(self, page):
        for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
            if "://" in target:
                continue
            name, _, anchor = target.partition("#")
            path = (ROOT / page).parent.joinpath(name).resolve()
            assert path.is_relative_to(ROOT), target
            assert path.exists(), target
            assert not anchor or anchor in anchors(path), target

    def test_the_front_matter_makes_the_repository_a_space(self):
        from huggingface_hub import SpaceCard

        card = SpaceCard(text_of("README.md"), ignore_metadata_errors=False).data
        assert (card.sdk, card.app_file, card.license) == ("gradio", "app.py", "mit")
        assert (ROOT / card.app_file).is_file()
        wanted = re.search(r"^gradio([^\n]+)$", text_of("requirements.txt"), re.M)[1]
        assert card.sdk_version in SpecifierSet(wanted)
        assert len(card.short_description) <= 60


def structure(page):
    """Headings by level, points, pictures and tables with what is in code in their cells, in order."""
    found = []
    for line in prose_of(page).splitlines():
        if heading := re.match(r"#+ |- |\d\. |!\[", line):
            found.append(heading[0])
        elif line.startswith("|"):
            found.append((line.count("|"), *sorted(re.findall(r"`[^`]+`", line))))
    return found


def anchors(path):
    """The anchors GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_contributing_names_every_module_and_room():
    named = {word.strip("/") for word in re.findall(r"`([\w/]+)`", text_of("CONTRIBUTING.md"))}
    for folder in ("style_core", "demo"):
        inside = {
            path.stem
            for path in (ROOT / folder).iterdir()
            if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        assert inside - {"__init__", "__main__"} <= named


class TestEnvironment:
    """The table of docs/environment.md against the source."""

    ROWS = re.findall(r"^\| (`[A-Z].*?) \| .+? \| (.+?) \| (.+?) \|$", text_of("docs/environment.md"), re.M)

    def test_every_variable_of_ours_is_there_once_and_no_other(self):
        listed = [name for names, _, _ in self.ROWS for name in re.findall(r"`(STYLE_\w+)`", names)]
        assert sorted(listed) == sorted(variables_read())

    def test_no_page_names_a_variable_that_is_not_read(self):
        own = "STYLE_DEMO_URL"  # read by the sample itself
        for page in (*BOTH, "CONTRIBUTING.md", "CHANGELOG.md"):
            named = set(re.findall(r"STYLE_(?:CORE|DEMO)_[A-Z0-9_]*[A-Z0-9]", prose_of(page)))
            assert named <= {*variables_read(), own}, page

    @pytest.mark.parametrize(("names", "readers"), [(names, readers) for names, _, readers in ROWS])
    def test_the_files_named_read_it(self, names, readers):
        for reader in re.findall(r"`(.+?)`", readers):
            if "/" not in reader:
                assert reader == "huggingface_hub"
                continue
            source = text_of(reader)
            assert "environ" in source
            for name in re.findall(r"`(\w+)`", names):
                assert re.sub("STYLE_(CORE|DEMO)_", "", name).lower() in source.lower()

    def test_defaults_are_those_of_the_source(self):
        limits, shares = Limits(), ShareLimits()
        expected = {PREFIX + name.upper(): value for name, value in vars(limits).items() if name != "jobs"}
        expected |= {
            PREFIX + "SHARE_COUNT": shares.count,
            PREFIX + "SHARE_MB": shares.total_bytes / 1e6,
            PREFIX + "SHARE_DAYS": shares.days,
            network_cache.BUDGET: network_cache.DEFAULT_BUDGET,
            memory.BUDGET: memory.DEFAULT_BUDGET,
        }
        listed = {names.strip("`"): default for names, default, _ in self.ROWS}
        assert {name: float(listed[name]) for name in expected} == expected


@cache
def variables_read():
    """The names of all variables of ours in the source: whole texts, or a text behind the demo's PREFIX."""
    found = {PREFIX + name.upper() for name in vars(Limits())}
    for path in (*(ROOT / "style_core").rglob("*.py"), *(ROOT / "demo").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Name) and node.left.id == "PREFIX":
                found |= {PREFIX + node.right.value} if isinstance(node.right, ast.Constant) else set()
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(re.findall(r"\ASTYLE_(?:CORE|DEMO)_[A-Z0-9_]*[A-Z0-9]\Z", node.value))
    return found
