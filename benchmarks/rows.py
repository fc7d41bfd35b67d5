"""A table of measurements, every row in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence

from .arguments import described

SIZES = ((512, 512), (1024, 768), (1024, 1024))  # px
REPEATS = 3


def print_table(
    module: str, header: Sequence[str], runs: Callable[[str], Iterable[tuple[str, str]]],
    measure: Callable[..., str], description: str | None,
) -> None:  # fmt: skip
    """Print the rows of ``runs(widths)`` at every size; with ``--row`` measure one and print it.

    Args:
        module: what ``python -m`` starts again for each row.
        header: the columns.
        runs: the two arguments that tell the rows of "compact" or "full" widths apart.
        measure: (widths, first, second, width, height), all text, to a Markdown row.
    """
    parser = described(description)
    parser.add_argument("--widths", choices=["compact", "full", "both"], default="both")
    parser.add_argument("--row", nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(measure(*args.row))
        return
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for widths in ("compact", "full") if args.widths == "both" else (args.widths,):
        for run in runs(widths):
            for width, height in SIZES:
                command = [sys.executable, "-m", module, "--row", widths, *run, str(width), str(height)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(done.stdout.strip(), flush=True)
