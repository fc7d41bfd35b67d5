"""The closed-form smoothing: growth with pixels, steps, accuracy: ``python -m benchmarks.smoothing_speed``.

The guide is a real photo, what is smoothed is PhotoWCT's own picture before smoothing. "Largest" and "99.9 %"
are differences from the same system solved twenty times more exactly; that this is the truth is tested
against sparse direct solves in tests/ops/test_propagation.py.
"""

from __future__ import annotations

import time

from style_core import stylize
from style_core.ops.propagation import propagate

from .arguments import described
from .pictures import STYLES, photo

SIZES = ((256, 192), (512, 384), (768, 512), (1024, 768), (1536, 1152), (2048, 1536))
EXACT_PIXELS = 1_000_000
EXACT = 4e-5  # tolerance


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("--content", default="content/castle.jpg")
    args = parser.parse_args()
    print(
        "| size | megapixels | seconds | s per megapixel | steps | residual | largest, /255 | 99.9 %, /255 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for width, height in SIZES:
        guide, style = photo(width, height, args.content), photo(512, 384, STYLES["photo_wct"])
        picture = stylize("photo_wct", guide, style, content_strength=0).image
        propagate(picture, guide, normalization="rows")
        began = time.perf_counter()
        solved = propagate(picture, guide, normalization="rows")
        seconds = time.perf_counter() - began
        accuracy = "– | –"
        if width * height < EXACT_PIXELS:
            truth = propagate(picture, guide, tolerance=EXACT, normalization="rows").image
            off = (solved.image - truth).abs().flatten() * 255
            accuracy = f"{off.max():.2f} | {off.kthvalue(int(0.999 * off.numel())).values:.2f}"
        print(
            f"| {width} x {height} | {width * height / 1e6:.2f} | {seconds:.2f} "
            f"| {seconds * 1e6 / (width * height):.2f} | {solved.steps} | {solved.residual:.1e} "
            f"| {accuracy} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
