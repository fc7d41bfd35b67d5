"""The end of the process while something is being made: no abort, whatever the job is doing."""

import subprocess
import sys

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


def run(*how):
    return subprocess.run([sys.executable, "-c", SCRIPT, *how], capture_output=True, text=True, timeout=60)


def test_a_job_ends_at_its_next_report_and_the_process_as_it_should():
    done = run("paint", "20")
    assert done.stdout.split() == ["Painting", "True", "Cancelled"]
    assert (done.returncode, done.stderr) == (0, "")


def test_one_that_does_not_report_is_told_of():
    assert run("hang", "0.2").stdout.split() == ["Hanging", "False", "Cancelled"]
