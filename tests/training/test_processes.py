"""Two processes that train together are as one that is given twice as much."""

import runpy
import sys

import pytest
import torch

from style_core import StyleCoreError
from style_core.training.processes import join_processes

from .launching import train_in_two

# Each number belongs to one of two columns, so that a process alone has no gradient for the other.
SCRIPT = """
import sys
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from style_core.training.loop import Schedule, Task, train
from style_core.training.processes import join_processes

COUNT = int(sys.argv[1])


class Numbers(Dataset):
    def __getitem__(self, number):
        return torch.arange(number * COUNT, (number + 1) * COUNT)


class Columns(Task):
    def __init__(self):
        super().__init__()
        self.columns = nn.ParameterList([nn.Parameter(torch.rand(3) + k) for k in range(2)])
        self.unused = nn.Parameter(torch.ones(1))

    @property
    def trained(self):
        return self.columns

    def forward(self, drawn):
        losses = [((n + 1) * self.columns[int(n) % 2]).square().mean() for n in drawn]
        return torch.stack(losses).mean(), {}


accelerator = join_processes("cpu")
torch.manual_seed(accelerator.process_index)
task = Columns()
train(task, Numbers(), Schedule(steps=3, learning_rate=0.1, warmup=1), Path("run"), accelerator=accelerator)
torch.save(
    [p.detach() for p in task.columns] + [p.grad for p in task.columns],
    f"{accelerator.num_processes}_{accelerator.process_index}.pt",
)
"""


@pytest.fixture
def alone(monkeypatch):
    """Run a script in this process, which trains alone, in the folder it stands in."""

    def run_here(script, count):
        monkeypatch.setattr(sys, "argv", [str(script), count])
        monkeypatch.chdir(script.parent)
        runpy.run_path(str(script))

    return run_here


def test_alone_it_is_the_first_of_one():
    accelerator = join_processes("cpu")
    assert accelerator.device == torch.device("cpu")
    assert accelerator.is_main_process
    assert accelerator.num_processes == 1


def test_two_processes_learn_what_one_learns_from_twice_as_much(tmp_path, alone):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "together").mkdir()
    together = train_in_two(f"runpy.run_path({str(script)!r})", ["1"], tmp_path / "together")
    assert together.returncode == 0, together.stderr[-2000:]
    alone(script, "2")
    first, second = (torch.load(tmp_path / f"together/2_{k}.pt") for k in range(2))
    whole = torch.load(tmp_path / "1_0.pt")
    for a, b, c in zip(first, second, whole, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, c, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_of_another_step_is_refused(tmp_path, alone):
    script = tmp_path / "script.py"
    # each process has a folder of its own, and only the second a checkpoint
    script.write_text(SCRIPT.replace('Path("run")', 'Path(f"run{accelerator.process_index}")'))
    alone(script, "1")
    (tmp_path / "run0").rename(tmp_path / "run1")
    done = train_in_two(f"runpy.run_path({str(script)!r})", ["1"], tmp_path)
    assert done.returncode != 0
    assert "is at step 3 here and at step -1 for the first process" in done.stderr


def test_without_accelerate_one_sentence_says_what_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(StyleCoreError, match=r"Training needs the accelerate package: pip install"):
        join_processes("cpu")
