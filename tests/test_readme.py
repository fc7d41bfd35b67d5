"""Everything a reader may copy from the README runs."""

import re
import shlex
from pathlib import Path

import pytest

from style_core import cli, read_settings
from style_core.training.__main__ import _parser as training_parser

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.S | re.M)
PYTHON_BLOCKS = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder that looks like the repository's root but can be written to."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("block", PYTHON_BLOCKS)
def test_python_blocks_run(block, workplace):
    exec(compile(block, "README.md", "exec"), {})
    assert read_settings(workplace / "cathedral_at_dusk.png")["style_strength"] == 0.8


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python -m style_core ")])
def test_commands_run_or_are_refused_for_the_reason_given(command, workplace, capsys):
    status = cli.main(shlex.split(command)[3:])
    if "--family vgg19" in command:  # needs converted checkpoints, which are not ours to ship
        assert status == 1
        assert "photo.jpg" in capsys.readouterr().err
    else:
        assert status == 0


def test_the_two_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = [c.split()[1] for c in COMMANDS if c.startswith("make ")]
    assert targets == ["run", "test"]
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M)


def test_commands_of_the_weight_card_are_understood():
    card = (ROOT / "assets" / "weights" / "compact" / "README.md").read_text("utf-8")
    commands = re.findall(r"python -m style_core\.training (.+)", card)
    assert len(commands) >= 3
    for command in commands:
        assert training_parser().parse_args(shlex.split(command)).data


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
