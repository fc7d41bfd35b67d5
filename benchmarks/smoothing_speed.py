"""The closed-form smoothing: growth with pixels, steps, residual: ``python -m benchmarks.smoothing_speed``.

The guide is a real photo, what is smoothed is PhotoWCT's own picture before smoothing. ``--direct`` adds
the error against a sparse direct solve (SciPy's LU on pymatting's Laplacian) at the sizes where that fits.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pymatting
import scipy.sparse as sparse
import torch
from scipy.sparse.linalg import splu
from torch import Tensor

from style_core import stylize
from style_core.ops.matting_laplacian import EPSILON
from style_core.ops.propagation import ALPHA, propagate

from .wct_speed import STYLES, photo

SIZES = ((256, 192), (512, 384), (768, 512), (1024, 768), (1536, 1152), (2048, 1536))
DIRECT_PIXELS = 400_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--content", default="content/castle.jpg")
    args = parser.parse_args()
    print(
        "| size | megapixels | seconds | steps | residual | seconds per megapixel | direct: seconds | error |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for width, height in SIZES:
        guide, style = photo(width, height, args.content), photo(512, 384, STYLES["photo_wct"])
        picture = stylize("photo_wct", guide, style, content_strength=0).image
        propagate(picture, guide)
        began = time.perf_counter()
        solved = propagate(picture, guide)
        seconds = time.perf_counter() - began
        pixels = width * height
        direct = "– | –"
        if args.direct and pixels <= DIRECT_PIXELS:
            began = time.perf_counter()
            truth = direct_solve(picture, guide)
            error = float((solved.image - truth).abs().max()) * 255
            direct = f"{time.perf_counter() - began:.1f} | {error:.2f}/255"
        print(
            f"| {width} x {height} | {pixels / 1e6:.2f} | {seconds:.2f} | {solved.steps} "
            f"| {solved.residual:.1e} | {seconds * 1e6 / pixels:.2f} | {direct} |",
            flush=True,
        )


def direct_solve(y: Tensor, guide: Tensor) -> Tensor:
    """``(1 - alpha) (I - alpha S)^-1 y`` by sparse LU in double precision: ``[1, 3, H, W]``."""
    h, w = guide.shape[-2:]
    laplacian = pymatting.cf_laplacian(guide[0].permute(1, 2, 0).double().numpy(), EPSILON, 1)
    counts = [
        np.convolve(np.r_[np.zeros(1), np.ones(side - 2), np.zeros(1)], np.ones(3), "same") for side in (h, w)
    ]
    degree = np.outer(*counts).ravel()
    system = (1 - ALPHA) * sparse.diags(degree) + ALPHA * laplacian
    root = np.sqrt(degree)[:, None]
    right = (1 - ALPHA) * root * y[0].flatten(1).T.double().numpy()
    solution = root * splu(system.tocsc()).solve(right)
    return torch.from_numpy(solution.T).float().view_as(y)


if __name__ == "__main__":
    main()
