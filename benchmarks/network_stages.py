"""Where the time of WCT, PhotoWCT and WCT2 goes: processor seconds by stage, with one region and with masks.

    python -m benchmarks.network_stages [--threads 2] [--size 1024] [--rounds 3]

Compact weights, no smoothing. Medians over the rounds, of the method alone: pictures are in memory and the
networks read. Processor seconds are of all threads. To compare two commits, run it in a checkout of each, by
turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image

from style_core import memory, stylize, transfer
from style_core.ops import whitening

from .arguments import described
from .pictures import STYLES, photo

METHODS = ("wct", "photo_wct", "wct2")
STAGES: dict[str, tuple[Any, str]] = {
    "convolutions": (F, "conv2d"),
    "statistics": (transfer, "region_moments"),
    "eigh": (whitening, "symmetric_eigen"),
    "maps": (transfer, "apply_maps"),
}


class Clock:
    """Processor seconds spent in the functions of STAGES, none of which calls another."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)

    def watch(self) -> None:
        """Time every call from now on."""
        for stage, (module, name) in STAGES.items():
            setattr(module, name, self._timed(stage, getattr(module, name)))

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            result = function(*args, **kwargs)
            self.spent[stage] += time.process_time() - began
            return result

        return timed


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=1024, help="px of both sides")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = Clock()
    clock.watch()
    columns = ("method", "regions", "seconds", "processor", *STAGES, "rest")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for method in args.methods:
        for masks in (1, 3):
            runs = [_run(method, args.size, masks, clock) for _ in range(args.rounds + 1)][1:]
            middle = {name: median(run[name] for run in runs) for name in runs[0]}
            figures = " | ".join(f"{middle[name]:.2f}" for name in columns[2:])
            print(f"| {method} | {masks} | {figures} |", flush=True)


def _run(method: str, size: int, regions: int, clock: Clock) -> dict[str, float]:
    content, style = photo(size, size), photo(size, size, STYLES["wct" if method == "wct" else "photo_wct"])
    options: dict[str, Any] = {} if method == "wct" else {"content_strength": 0}
    if regions > 1:
        options |= {"content_mask": _stripes(size, regions), "style_mask": _stripes(size, regions)}
    memory.forget()  # each run does all the work
    clock.spent = dict.fromkeys(STAGES, 0.0)
    began = time.process_time()
    result = stylize(method, content, style, **options)
    total = time.process_time() - began
    rest = total - sum(clock.spent.values())
    return {"seconds": result.seconds["stylize"], "processor": total, **clock.spent, "rest": rest}


def _stripes(size: int, count: int) -> Image.Image:
    """A mask of equal upright stripes, each of a color of its own."""
    mask = Image.new("RGB", (size, size))
    for k in range(count):
        color = tuple(255 * (k == channel) for channel in range(3))
        mask.paste(color, (k * size // count, 0, (k + 1) * size // count, size))
    return mask


if __name__ == "__main__":
    main()
