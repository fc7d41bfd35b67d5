"""Two processes that train together are as one that is given twice as much."""

import runpy
import sys

import pytest
import torch

from style_core import StyleCoreError
from style_core.training.processes import join_processes

from .launching import train_in_two, two_processes

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


def alone(script, count):
    """Run a script in this process, which trains alone, in the folder it stands in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(script), count])
        patch.chdir(script.parent)
        runpy.run_path(str(script))


@pytest.fixture(scope="module")
def launched(tmp_path_factory):
    """Two launches, with what they returned: from the start, and with a checkpoint for the second process."""
    script = tmp_path_factory.mktemp("fresh") / "script.py"
    script.write_text(SCRIPT)
    (script.parent / "together").mkdir()
    # each process has a folder of its own, and only the second a checkpoint
    continued = tmp_path_factory.mktemp("continued") / "script.py"
    continued.write_text(SCRIPT.replace('Path("run")', 'Path(f"run{accelerator.process_index}")'))
    alone(continued, "1")
    (continued.parent / "run0").rename(continued.parent / "run1")
    started = ((script, script.parent / "together"), (continued, continued.parent))
    return script, *train_in_two(
        *(two_processes(f"runpy.run_path({str(path)!r})", ["1"], folder) for path, folder in started)
    )


def test_alone_it_is_the_first_of_one():
    accelerator = join_processes("cpu")
    assert accelerator.device == torch.device("cpu")
    assert accelerator.is_main_process
    assert accelerator.num_processes == 1


def test_two_processes_learn_what_one_learns_from_twice_as_much(launched):
    script, together, _ = launched
    assert together.returncode == 0, together.stderr[-2000:]
    alone(script, "2")
    first, second = (torch.load(script.parent / f"together/2_{k}.pt") for k in range(2))
    whole = torch.load(script.parent / "1_0.pt")
    for a, b, c in zip(first, second, whole, strict=True):
        assert torch.equal(a, b)
        torch.testing.assert_close(a, c, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_of_another_step_is_refused(launched):
    _, _, done = launched
    assert done.returncode != 0
    assert "is at step 3 here and at step -1 for the first process" in done.stderr


def test_without_accelerate_one_sentence_says_what_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(StyleCoreError, match=r"Training needs the accelerate package: pip install"):
        join_processes("cpu")
