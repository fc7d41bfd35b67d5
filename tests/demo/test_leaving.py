"""The end of the process while something is being made: no abort, whatever the job is doing."""

import pytest

from ..forks import Program, run_forks

SCRIPT = """
import sys, time
import torch
from demo.stream import leave, stream

def paint(progress):
    while True:
        torch.randn(300, 300) @ torch.randn(300, 300)
        progress(0.5, "Painting")

def hang(progress):
    progress(0.5, "Hanging")
    time.sleep(60)

running = stream({"paint": paint, "hang": hang}[sys.argv[1]])
print(next(running).message, leave(float(sys.argv[2])), flush=True)
later = stream(paint)  # whatever begins now ends as soon
try:
    next(later)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def ended():
    """A process that paints and is given long, and one that hangs and is not."""
    programs = (Program(SCRIPT, how) for how in (("paint", "20"), ("hang", "0.2")))
    return run_forks(*programs, imports=("demo.stream",), timeout=60)


def test_a_job_ends_at_its_next_report_and_the_process_as_it_should(ended):
    done, _ = ended
    assert done.stdout.split() == ["Painting", "True", "Cancelled"]
    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_does_not_report_is_told_of(ended):
    _, done = ended
    assert done.stdout.split() == ["Hanging", "False", "Cancelled"]
