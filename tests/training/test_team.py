"""Two processes that train together agree on values and on gradients."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from style_core.training.team import Team, join_team

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = """
import torch
from style_core.training.team import join_team
team = join_team("cpu")
parameter = torch.nn.Parameter(torch.full((2,), float(team.rank)))
team.agree([parameter.data])
parameter.grad = torch.full((2,), 1.0 + 2 * team.rank)
team.average_gradients([parameter])
team.wait()
with open(f"{team.rank}.txt", "w") as file:
    file.write(f"{team.rank} of {team.size}: {parameter.tolist()} {parameter.grad.tolist()}")
"""


def test_alone_nothing_is_shared(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team = join_team("cpu")
    assert team == Team(torch.device("cpu"))
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    team.average_gradients([parameter])
    assert parameter.grad.tolist() == [3.0, 3.0]


def test_two_processes_average_gradients_and_take_the_firsts_values(tmp_path):
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    # accelerate launch starts GPU processes through this; on CPUs it starts one only
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        str(script),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)] == [
        "0 of 2: [0.0, 0.0] [2.0, 2.0]",
        "1 of 2: [0.0, 0.0] [2.0, 2.0]",
    ]
