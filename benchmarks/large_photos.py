"""Time and memory against megapixels, JPEG in to JPEG out: ``python -m benchmarks.large_photos PHOTO``.

WCT2 and PhotoWCT as they are, the network at ``working_size`` and its look carried to the photo, beside the
whole photo through the network (``working_size`` none) as far as ``--whole-up-to`` megapixels. Every row runs
in a process of its own, which has restyled a small photo before, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from style_core import load_image, memory, stylize
from style_core.fronts import to_pil

from .arguments import described
from .pictures import EXAMPLES

MEGAPIXELS = (0.3, 1.0, 3.0, 6.0, 12.0, 24.0, 40.0)
METHODS = ("wct2", "photo_wct")
STYLE = EXAMPLES / "photo_style" / "dusk.jpg"
HEADER = ("method", "way", "megapixels", "size", "seconds", "processor seconds", "peak memory")
WAYS: dict[str, dict[str, Any]] = {"look": {}, "whole": {"working_size": None}}


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--whole-up-to", type=float, default=12.0, metavar="MEGAPIXELS")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.row:
        print(_row(args.photo, *args.row))
        return
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in MEGAPIXELS:
            file = _resampled(args.photo, megapixels, Path(folder))
            for method in METHODS:
                for way in ("look", "whole") if megapixels <= args.whole_up_to else ("look",):
                    command = [sys.executable, "-m", "benchmarks.large_photos", str(file)]
                    row = ["--row", method, way, str(megapixels)]
                    done = subprocess.run([*command, *row], capture_output=True, text=True, check=True)
                    print(done.stdout.strip(), flush=True)


def _resampled(photo: Path, megapixels: float, folder: Path) -> Path:
    """The photo as a JPEG of that many megapixels."""
    picture = load_image(photo)
    width, height = picture.size
    factor = (megapixels * 1e6 / (width * height)) ** 0.5
    large = to_pil(picture.samples).resize((round(width * factor), round(height * factor)))
    file = folder / f"{megapixels:g}.jpg"
    large.save(file, quality=92)
    return file


def _row(file: Path, method: str, way: str, megapixels: str) -> str:
    target = file.with_suffix(".out.jpg")
    small = EXAMPLES / "content" / "castle.jpg"
    stylize(method, small, STYLE, size=400, working_size=256).save(target)  # networks and kernels are loaded
    memory.forget()
    began, worked = time.perf_counter(), time.process_time()
    result = stylize(method, file, STYLE, **WAYS[way])
    result.save(target)
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    width, height = result.picture.size
    name = "look" if way == "look" else "whole photo through the network"
    return (
        f"| {method} | {name} | {megapixels} | {width} x {height} | {seconds:.1f} | {processor:.1f} "
        f"| {_peak() / 1e9:.2f} GB |"
    )


def _peak() -> int:
    """Most bytes this process has held, as Linux counts them; ``getrusage`` would count its parent's in."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
