"""WCT and PhotoWCT: seconds by stage and peak memory: ``python -m benchmarks.wct_speed``.

Every row runs in a process of its own, so that its peak memory is its own. Stages are told apart by
the progress messages. ``full``: random weights of the published widths.
"""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from style_core import memory, stylize

from .full_weights import random_full_weights
from .pictures import STYLES, photo
from .rows import REPEATS, print_table

RUNS = (("wct", "none"), ("photo_wct", "none"), ("photo_wct", "matting"), ("photo_wct", "guided"),
        ("photo_wct", "affine"))  # fmt: skip


def main() -> None:
    """Print the table."""
    header = ("widths", "method", "smoothing", "size", "seconds", "style", "levels, deepest first", "after",
              "memory")  # fmt: skip
    # What comes after the network does not depend on its widths, so "full" leaves the last two out.
    print_table(
        "benchmarks.wct_speed", header, lambda widths: RUNS if widths == "compact" else RUNS[:3], _measure,
        __doc__,
    )  # fmt: skip


def _measure(widths: str, method: str, smoothing: str, w: str, h: str) -> str:
    content, style = photo(int(w), int(h)), photo(int(w), int(h), STYLES[method])
    options: dict[str, Any] = {}
    if method == "photo_wct":
        options = {"content_strength": 0} if smoothing == "none" else {"smoothing": (smoothing,)}
    with tempfile.TemporaryDirectory() as folder:
        weights = random_full_weights(Path(folder)) if widths == "full" else None
        best: dict[str, float] = {}
        for _ in range(1 + REPEATS):  # the first reads the weights and lets the library choose its kernels
            memory.forget()  # each run does all the work
            stages: list[tuple[float, str]] = []
            result = stylize(
                method, content, style, weights_dir=weights, **options,
                progress=lambda fraction, message, preview=None, to=stages: to.append(
                    (time.perf_counter(), message)
                ),
            )  # fmt: skip
            if not best or result.seconds["total"] < best["total"]:
                best = {"total": result.seconds["total"], **_durations(stages)}
    levels = " ".join(f"{seconds:.2f}" for name, seconds in best.items() if name.startswith("Level"))
    after = sum(
        best.get(name, 0.0)
        for name in ("Smoothing along the content", "Guided filter", "Local affine post-processing")
    )
    return (
        f"| {widths} | {method} | {smoothing} | {w} x {h} | {best['total']:.2f} "
        f"| {best['Encoding the style']:.2f} | {levels} | {after:.2f} | {result.peak_memory / 1e9:.2f} GB |"
    )


def _durations(stages: list[tuple[float, str]]) -> dict[str, float]:
    """Seconds from each message to the next, by message."""
    total: dict[str, float] = {}
    for (began, name), (ended, _) in pairwise(stages):
        total[name] = total.get(name, 0.0) + ended - began
    return total


if __name__ == "__main__":
    main()
