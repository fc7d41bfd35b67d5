"""What methods say they will take and what they take: ``python -m benchmarks.memory_estimates``.

Every row is a process of its own, which counts from the moment a method says what it needs; the highest
resident size after that, less what was resident then, is what it took. Linux alone says it. Optimizers run
as many steps as fill the history of L-BFGS, at one size.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from style_core import get_method, list_methods, stylize
from style_core.fronts import option_fields
from style_core.ops.pixel_optimization import HISTORY
from style_core.pipeline.runtime import RequestRuntime

from .arguments import described
from .pictures import STYLES, photo

MEGAPIXELS = (0.25, 1.0, 4.0)
REGIONS = (1, 8, 64)
SHAPE = 4 / 3  # width to height
STYLE = (1024, 768)  # px
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # see proc_pid_clear_refs(5)


def main() -> None:
    """Print the table; with ``--row`` measure one and print it."""
    parser = described(__doc__)
    parser.add_argument("--methods", nargs="+", default=list_methods())
    parser.add_argument("--megapixels", nargs="+", type=float, default=MEGAPIXELS)
    parser.add_argument("--regions", nargs="+", type=int, default=REGIONS, help="1 is without masks")
    parser.add_argument("--precision", choices=("fast", "exact"), default="fast")
    parser.add_argument("--row", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(_measure(args.row[0], float(args.row[1]), int(args.row[2]), args.row[3]))
        return
    print("| method | megapixels | regions | said | taken | said / taken |\n|---|---|---|---|---|---|")
    for run in itertools.product(args.methods, args.megapixels, args.regions, [args.precision]):
        command = [sys.executable, "-m", "benchmarks.memory_estimates", "--row", *map(str, run)]
        print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip(), flush=True)


def _measure(key: str, megapixels: float, regions: int, precision: str) -> str:
    height = round(math.sqrt(megapixels * 1e6 / SHAPE))
    content, style = photo(round(height * SHAPE), height), photo(*STYLE, STYLES["wct"])
    masks: dict[str, Any] = {}
    if regions > 1:
        masks = {"content_mask": _mask(content, regions), "style_mask": _mask(style, regions)}
    said: list[tuple[int, int]] = []

    def need(self: RequestRuntime, size: int) -> None:
        REFERENCES.write_text(RESET_PEAK)
        said.append((size, _status("VmRSS")))

    RequestRuntime.need_memory = need  # type: ignore[method-assign]
    stylize(key, content, style, device="cpu", **masks, **_options(key, max(content.shape), precision))
    size, before = said[-1]
    taken = _status("VmHWM") - before
    return (
        f"| {key} | {megapixels:g} | {regions} | {size / 1e9:.2f} GB | {taken / 1e9:.2f} GB | "
        f"{size / taken:.2f} |"
    )


def _options(key: str, longer: int, precision: str) -> dict[str, Any]:
    """The whole photo through the network, at one size."""
    known = option_fields(get_method(key).options)
    wanted: dict[str, Any] = {
        "size": longer, "working_size": None, "steps": HISTORY + 2, "coarse_to_fine": False,
        "precision": precision,
    }  # fmt: skip
    return {name: value for name, value in wanted.items() if name in known}


def _mask(picture: torch.Tensor, regions: int) -> torch.Tensor:
    """Rectangles of so many gray values, row by row."""
    height, width = picture.shape[-2:]
    columns = 2 ** math.ceil(math.log2(regions) / 2)
    rows = regions // columns
    place = (torch.arange(height) * rows // height)[:, None] * columns + torch.arange(
        width
    ) * columns // width
    return ((place + 0.5) / regions * 255).round().div(255)[None, None].expand(1, 3, -1, -1).contiguous()


def _status(name: str) -> int:
    """Bytes, by a line of the process's status."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
