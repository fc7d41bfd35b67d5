"""WCT2: seconds, peak memory and share of time in convolutions: ``python -m benchmarks.wct2_speed``.

Every row runs in a process of its own, so that its peak memory is its own. ``full`` are random
weights of the published widths: the same work as the converted checkpoints, without them.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from style_core import memory, stylize
from style_core.nets.wavelet import VARIANTS

from .full_weights import random_full_weights
from .rows import REPEATS, print_table


def main() -> None:
    """Print the table."""
    header = ("widths", "decoder", "transfer", "size", "seconds", "peak memory", "in convolutions")
    runs = ((VARIANTS[0], "encoder"), (VARIANTS[1], "encoder"), (VARIANTS[0], "all"))
    print_table("benchmarks.wct2_speed", header, lambda widths: runs, _measure, __doc__)


def _measure(widths: str, decoder: str, transfer: str, w: str, h: str) -> str:
    content, style = (torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    content, style = (
        torch.nn.functional.interpolate(p, (int(h), int(w)), mode="bicubic").clamp(0, 1)
        for p in (content, style)
    )
    points = ("encoder", "skip", "decoder") if transfer == "all" else (transfer,)
    with tempfile.TemporaryDirectory() as folder:
        weights = random_full_weights(Path(folder)) if widths == "full" else None

        def run() -> float:
            memory.forget()  # each run does all the work
            result = stylize("wct2", content, style, decoder=decoder, transfer=points, weights_dir=weights)
            return result.seconds["total"]

        run()  # reads the weights and lets the convolution library choose its kernels
        seconds = min(run() for _ in range(REPEATS))
        peak = stylize(
            "wct2", content, style, decoder=decoder, transfer=points, weights_dir=weights
        ).peak_memory
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            began = time.perf_counter()
            run()
            total = time.perf_counter() - began
    events = profiler.key_averages()
    convolutions = sum(e.self_cpu_time_total for e in events if "conv" in e.key) / 1e6
    return (
        f"| {widths} | {decoder} | {transfer} | {w} x {h} | {seconds:.2f} | {peak / 1e9:.2f} GB "
        f"| {convolutions / total:.0%} |"
    )


if __name__ == "__main__":
    main()
