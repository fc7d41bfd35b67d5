"""Everything about a GPU in one run of at most eight minutes: ``python -m benchmarks.gpu FOLDER``.

Writes Markdown tables to FOLDER, each row as soon as it is known: the machine and its rate of convolutions;
results against the processor's; all methods at several sizes and widths, with seconds, memory and the share
of that rate; the tests that take a device. PyTorch is all it needs (see bare.py); the tests need pytest and
the package's requirements, and are said not to have run without them. ``--device cpu`` tries the script.

``compact`` is the shipped family; ``full`` has the published widths with random (He) weights, the same work
without the look. What the share counts are the multiplications and additions of convolutions and matrix
products, at the rate of bfloat16 where the networks compute in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .bare import import_without_door

BUDGET = 480.0  # seconds of the whole run


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--megapixels", type=float, nargs="+", default=(1.0, 4.0, 12.0))
    parser.add_argument("--widths", nargs="+", choices=("compact", "full"), default=("compact", "full"))
    parser.add_argument("--compared", type=int, default=256, help="px of the compared pictures")
    parser.add_argument("--steps", type=int, default=20, help="of the optimizers")
    parser.add_argument("--no-tests", action="store_true")
    parser.add_argument("--seconds", type=float, default=BUDGET, help="of the whole run")
    args = parser.parse_args()
    missing = import_without_door()  # before anything of the package is imported
    from .gpu_tables import write_tables

    write_tables(args, missing)


if __name__ == "__main__":
    main()
