"""What importing the package brings into a process that had imported nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ASKED = """
import json, socket, sys

def refuse(*arguments, **more):
    raise AssertionError(f"network: {arguments}")

socket.getaddrinfo = socket.socket.connect = refuse
import style_core
style_core.list_methods()
modules = list(sys.modules)
from PIL import Image
from style_core.files import decoding
print(json.dumps({"modules": modules, "decoders": list(Image.OPEN), "permitted": list(decoding.DECODERS)}))
"""


@pytest.fixture(scope="module")
def fresh():
    """Lists of a fresh process without network: its modules, Pillow's decoders, those that may be used."""
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, cwd=ROOT, check=True)
    return json.loads(done.stdout)


def test_the_hubs_library_is_not_imported(fresh):
    assert "style_core.weights" in fresh["modules"]
    assert "huggingface_hub" not in fresh["modules"]


def test_every_permitted_decoder_is_there_and_none_that_runs_a_program(fresh):
    assert set(fresh["permitted"]) <= {*fresh["decoders"], "MPO"}
    assert "EPS" not in fresh["decoders"]  # not even loaded
