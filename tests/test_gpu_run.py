"""The run that is ready for a GPU, tried on the processor, and on a machine that has PyTorch alone."""

import re
import subprocess
import sys
from pathlib import Path

from style_core import list_methods

ROOT = Path(__file__).resolve().parent.parent
LACKING = """
import importlib.abc, importlib.util, runpy, sys

class Lacking(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in NAMES:
            raise ModuleNotFoundError(name)

NAMES = {"numpy", "scipy", "numba", "PIL", "pi_heif", "pillow_jxl", "imagecodecs", "tifffile", "cachetools",
         "safetensors", "huggingface_hub", "filelock", "tqdm", "pytest"}
sys.meta_path.insert(0, Lacking())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in NAMES else found(name, package)
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def rows(path):
    lines = path.read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][
        2:
    ]


def test_it_writes_all_tables_where_nothing_but_pytorch_is(tmp_path):
    command = [sys.executable, "-c", LACKING, str(tmp_path), "--device", "cpu", "--megapixels", "0.004"]
    command += ["--widths", "compact", "--compared", "48", "--steps", "2", "--no-tests"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    machine = dict(rows(tmp_path / "machine.md"))
    assert "numpy" in machine["packages that are missing"]
    agreement = rows(tmp_path / "agreement.md")
    assert [row[0] for row in agreement] == [key for key in list_methods() for _ in range(2)]
    assert {row[4] for row in agreement} == {"yes"}
    speed = rows(tmp_path / "speed.md")
    assert [row[1] for row in speed] == list_methods()
    assert all(re.fullmatch(r"\d+\.\d\d", row[3]) and row[6].endswith("%") for row in speed), speed


def test_where_all_is_installed_nothing_has_a_stand_in():
    code = (
        "import benchmarks.bare; print(benchmarks.bare.import_without_door()); import benchmarks.gpu_tables"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
