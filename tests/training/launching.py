"""Two processes that train together, started as torchrun would but by one interpreter, which imports once."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# A fork needs no second import of what takes seconds, as does what an optimizer imports at its first step.
LAUNCH = """
import os, runpy, signal, sys
import accelerate, style_core.training.__main__, torch._dynamo

ranks = []
for rank in ("0", "1"):
    if (child := os.fork()) == 0:
        os.environ.update(RANK=rank, LOCAL_RANK=rank)
        del sys.modules["style_core.training.__main__"]
        {run}
        sys.exit()
    ranks.append(child)
while ranks:
    child, status = os.wait()
    ranks.remove(child)
    if status:  # the other would wait for it
        for other in ranks:
            os.kill(other, signal.SIGTERM)
        sys.exit(1)
"""


def train_in_two(run, arguments, folder=None):
    """What two processes that run a statement with these arguments in a folder print and return."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = {
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    environment = {**os.environ, **launcher, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LAUNCH.format(run=run), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd=folder)
