"""WCT2: seconds, peak memory and share of time in convolutions: ``python -m benchmarks.wct2_speed``.

Every row runs in a process of its own, so that its peak memory is its own. ``full`` are random
weights of the published widths: the same work as the converted checkpoints, without them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from style_core import stylize
from style_core.nets.wavelet import VARIANTS

from .full_weights import random_full_weights

SIZES = ((512, 512), (1024, 768), (1024, 1024))
REPEATS = 3


def main() -> None:
    """Print the table; with ``--row`` measure one row (used for the subprocesses)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", choices=["compact", "full", "both"], default="both")
    parser.add_argument("--row", nargs=5, metavar=("WIDTHS", "DECODER", "TRANSFER", "W", "H"))
    args = parser.parse_args()
    if args.row:
        print(_measure(*args.row))
        return
    print("| widths | decoder | transfer | size | seconds | peak memory | in convolutions |")
    print("|---|---|---|---|---|---|---|")
    for widths in ("compact", "full") if args.widths == "both" else (args.widths,):
        for decoder, transfer in ((VARIANTS[0], "encoder"), (VARIANTS[1], "encoder"), (VARIANTS[0], "all")):
            for width, height in SIZES:
                row = [widths, decoder, transfer, str(width), str(height)]
                command = [sys.executable, "-m", "benchmarks.wct2_speed", "--row", *row]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                print(done.stdout.strip(), flush=True)


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
