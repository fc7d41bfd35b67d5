"""Programs that share what takes seconds to import: forks of one interpreter that has imported it once.

Each has arguments, a folder, an environment and outputs of its own, imports everything else itself, and ends
as any program does. What an interpreter reads at its start, such as ``PYTHONUTF8``, it does not see.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# The program is run at the outermost level, so that the interpreter says what it raises and ends for it.
FORKING = """
import gc, json, os, socket, sys
asked = json.load(sys.stdin)
looked_up = socket.getaddrinfo
socket.getaddrinfo = socket.socket.connect = None  # to import asks no host
for name in asked["imports"]:
    __import__(name)
socket.getaddrinfo = looked_up
del socket.socket.connect
gc.freeze()  # or each fork goes through all that was imported at its end
for number, program in enumerate(asked["programs"]):
    place = f"{asked['folder']}/{number}"
    if os.fork() == 0:
        break
    with open(f"{place}.status", "w") as file:
        file.write(str(os.waitstatus_to_exitcode(os.wait()[1])))
else:
    os._exit(0)
for stream, kind in ((1, "out"), (2, "err")):
    os.dup2(os.open(f"{place}.{kind}", os.O_WRONLY | os.O_CREAT), stream)
os.environ.clear()
os.environ.update(program["environment"])
os.chdir(program["folder"])
sys.argv[1:] = program["arguments"]
sys.path[:1] = ["", *program["paths"]]
exec(compile(program["code"], "<string>", "exec"), {"__name__": "__main__"})
"""


@dataclass(frozen=True)
class Program:
    """Python code and what it is run with; its modules are looked for in ``paths`` first."""

    code: str
    arguments: Sequence[str] = ()
    folder: str = str(ROOT)
    paths: Sequence[str] = (str(ROOT),)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True)
class Ended:
    """What a program returned and printed."""

    returncode: int
    stdout: str
    stderr: str


def run_forks(*programs: Program, imports: Sequence[str], timeout: float = 300) -> list[Ended]:
    """Run programs one after another, with these modules, which may be of the checkout, imported before."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no forks")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with tempfile.TemporaryDirectory() as folder:
        asked = {"imports": imports, "folder": folder, "programs": [asdict(p) for p in programs]}
        done = subprocess.run(
            [sys.executable, "-c", FORKING], input=json.dumps(asked), text=True, cwd=ROOT,
            env=environment, timeout=timeout, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [_ended(Path(folder), number) for number in range(len(programs))]


def _ended(folder: Path, number: int) -> Ended:
    status, out, err = ((folder / f"{number}.{kind}").read_text() for kind in ("status", "out", "err"))
    return Ended(int(status), out, err)
