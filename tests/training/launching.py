"""Two processes that train together, started as torchrun would but by one interpreter, which imports once."""

import os
import socket

from ..forks import ROOT, Program, run_forks

# A fork needs no second import of what takes seconds, as does what an optimizer imports at its first step.
IMPORTS = ("accelerate", "style_core.training.__main__", "torch._dynamo")
LAUNCH = """
import os, runpy, signal, sys
import style_core.training.__main__

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


def two_processes(run, arguments, folder=ROOT):
    """What launches two processes that run a statement with these arguments in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = {
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    return Program(
        LAUNCH.format(run=run), [*map(str, arguments)], str(folder), environment={**os.environ, **launcher}
    )


def train_in_two(*launches):
    """What each of these launches prints and returns, one after another."""
    return run_forks(*launches, imports=IMPORTS)
