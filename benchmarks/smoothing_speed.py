"""The closed-form smoothing: growth with pixels, steps, accuracy: ``python -m benchmarks.smoothing_speed``.

The guide is a real photo, what is smoothed is PhotoWCT's own picture before smoothing. "Largest" and "99.9 %"
are differences from the same system solved twenty times more exactly; that this is the truth is tested
against sparse direct solves in tests/smoothing/test_propagation.py.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import scipy.sparse
import torch

from style_core import stylize
from style_core.smoothing import propagate
from style_core.smoothing.matting_laplacian import EPSILON, window_count
from style_core.smoothing.propagation import ALPHA

from .arguments import described
from .pictures import STYLES, photo

SIZES = ((256, 192), (512, 384), (768, 512), (1024, 768), (1536, 1152), (2048, 1536))
EXACT_PIXELS = 1_000_000
EXACT = 4e-5  # tolerance
THREADS = torch.get_num_threads()
# The smallest of PyMatting's own shifts at which its factors exist here.
PYMATTING_SHIFT, PYMATTING_TOLERANCE = 1e-2, 1e-6


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("--content", default="content/castle.jpg")
    parser.add_argument("--pymatting", action="store_true", help="the same system by PyMatting, at one size")
    args = parser.parse_args()
    if args.pymatting:
        _against_pymatting(args.content)
        return
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


def _against_pymatting(content: str) -> None:
    """Print processor seconds and the largest error of both, with what suits PyMatting best."""
    guide = photo(512, 384, content)
    picture = stylize("photo_wct", guide, photo(512, 384, STYLES["photo_wct"]), content_strength=0).image
    truth = propagate(picture, guide, tolerance=EXACT, normalization="rows").image

    def ours() -> torch.Tensor:
        return propagate(picture, guide, normalization="rows").image

    for name, way in (("ours", ours), ("pymatting", partial(_pymatting, picture, guide))):
        way()  # compiles
        began = time.process_time()  # of all threads
        image = way()
        seconds = time.process_time() - began
        print(f"{name}: {seconds:.2f} s, largest {float((image - truth).abs().max()) * 255:.2f} of 255")


def _pymatting(picture: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
    """The system of ``propagate`` by PyMatting's Laplacian, incomplete Cholesky factors and solver."""
    import pymatting  # changes torch's threads, so only where it is asked for

    torch.set_num_threads(THREADS)
    laplacian = pymatting.cf_laplacian(guide[0].permute(1, 2, 0).double().numpy(), epsilon=EPSILON, radius=1)
    degree = window_count(guide.shape[-2], guide.shape[-1], guide.device).flatten().double().numpy()
    matrix = (scipy.sparse.diags((1 - ALPHA) * degree) + ALPHA * laplacian).tocsc()
    factors = pymatting.ichol(matrix, shifts=[PYMATTING_SHIFT])
    sides = (1 - ALPHA) * degree * picture[0].flatten(1).double().numpy()
    found = [pymatting.cg(matrix, side, M=factors, rtol=PYMATTING_TOLERANCE) for side in sides]
    return torch.from_numpy(np.stack(found)).float().reshape_as(picture)


if __name__ == "__main__":
    main()
