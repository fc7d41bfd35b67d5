"""The matting Laplacian (Levin et al., CVPR 2006, equation 12), without a sparse matrix.

Every 3x3 window couples its nine pixels by how well their colors follow one line in RGB. Two
pixels share a window only within a 5x5 neighborhood, so the whole matrix is 13 numbers a pixel:
the sums over the windows are formed once, and a product is 25 shifted multiply-adds. That is a
tenth of the time of regressing window by window at every product (the box-filter form), and it
needs no difference of nearly equal numbers, so float32 is enough for the products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..compiled import matting
from ..compiled.kernel import is_usable
from ..compiled.threads import Threads
from ..ops.float64 import float64_device
from ..ops.strips import strip_rows

EPSILON = 1e-7  # Luan et al. 2017 and Li et al. 2018
REACH = 2  # pixels in a common 3x3 window are at most so far apart
STRIP = 96  # rows worked on at once: what is written is still in the cache when it is read
POSITIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
_OFFSETS = [(0, 1), (0, 2)] + [(dy, dx) for dy in (1, 2) for dx in (-2, -1, 0, 1, 2)]


@dataclass(frozen=True)
class MattingLaplacian:
    """The matrix L of an image of H x W pixels; symmetric, positive semi-definite, L 1 = 0.

    Attributes:
        coefficients: ``[13, H + 4, W + 4]`` float32, zero in the margin of 2: the diagonal, then
            the entries towards the 12 neighbors that follow in reading order.
        degree: ``[H, W]``, how many windows cover a pixel (1 … 9): the row sums of the affinity W
            in ``L = diag(degree) - W``.
    """

    coefficients: Tensor
    degree: Tensor

    @property
    def diagonal(self) -> Tensor:
        """``[H, W]``."""
        return self.coefficients[0, REACH:-REACH, REACH:-REACH]

    def __call__(self, x: Tensor) -> Tensor:
        """``L x`` for every channel: ``[1, C, H, W]`` float32 to the same."""
        padded = torch.nn.functional.pad(x[0], (REACH,) * 4)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        if is_usable(x.device):
            planes = (self.coefficients.numpy(), padded.numpy(), out[0].numpy())
            with Threads() as threads:
                threads.run(matting.multiply, x.shape[2], *planes)
        else:
            self.product(padded, out[0])
        return out

    def product(self, padded: Tensor, out: Tensor, shift: Tensor | None = None) -> None:
        """``out = L x`` for ``x`` with a margin of 2: ``[C, H + 4, W + 4]`` into ``[C, H, W]``.

        Args:
            padded: its margin must be zero.
            out: written.
            shift: added to the diagonal, ``[H, W]``.
        """
        h, w = out.shape[-2:]
        strip = strip_rows(STRIP, w, out.device)
        for top in range(0, h, strip):
            rows = min(strip, h - top)
            target = out[:, top : top + rows]
            here = self.coefficients[0, REACH + top : REACH + top + rows, REACH:-REACH]
            if shift is not None:
                here = here + shift[top : top + rows]
            torch.mul(_part(padded, top, rows, w, 0, 0), here, out=target)
            for weight, (dy, dx) in zip(self.coefficients[1:], _OFFSETS, strict=True):
                # The entry towards a later neighbor, and the same entry seen from that neighbor.
                target.addcmul_(_part(padded, top, rows, w, dy, dx), _part(weight, top, rows, w, 0, 0))
                target.addcmul_(_part(padded, top, rows, w, -dy, -dx), _part(weight, top, rows, w, -dy, -dx))


def matting_laplacian(image: Tensor, *, epsilon: float = EPSILON) -> MattingLaplacian:
    """The Laplacian of ``image``.

    ``W_ij = sum over windows with i and j of (1 + (I_i - mu)' (Sigma + epsilon/9)^-1 (I_j - mu)) / 9``,
    windows whose center is at least one pixel inside; ``L = diag(row sums of W) - W``. Its numbers are
    computed in float64, on the processor where the image's device has none, and lie where the image does.

    Args:
        image: ``[1, 3, H, W]``, float, RGB in [0, 1], H and W at least 3.
        epsilon: variance (of 0-1 values) that is added so that flat windows stay solvable.

    Raises:
        ValueError: the image is smaller than one window.
    """
    h, w = image.shape[-2:]
    if h < 3 or w < 3:
        raise ValueError(f"a matting Laplacian needs at least 3 x 3 pixels, not {h} x {w}")
    picture = image[0].detach().to(float64_device(image.device))
    coefficients = torch.zeros(1 + len(_OFFSETS), h + 2 * REACH, w + 2 * REACH, device=picture.device)
    if is_usable(picture.device):
        _fill_compiled(coefficients, picture, epsilon)
    else:
        _fill(coefficients, picture, epsilon)
    return MattingLaplacian(coefficients.to(image.device), window_count(h, w, image.device))


def matting_energy(image: Tensor, *, epsilon: float = EPSILON) -> Callable[[Tensor], Tensor]:
    """What a picture has that is no local recoloring of ``image``: ``x -> sum_c x_c' L x_c``.

    The photorealism term of Luan et al. 2017, equation 2, differentiable; see :func:`laplacian_energy`.

    Args:
        image: see :func:`matting_laplacian`; the function takes ``[1, C, H, W]`` of its size, float32, on
            its device, and gives a scalar.
        epsilon: of the Laplacian.

    Raises:
        ValueError: the image is smaller than one window.
    """
    return partial(laplacian_energy, laplacian=matting_laplacian(image, epsilon=epsilon))


def laplacian_energy(x: Tensor, laplacian: MattingLaplacian) -> Tensor:
    """``sum_c x_c' L x_c``, with the gradient ``2 L x`` from the same product.

    Args:
        x: ``[1, C, H, W]``, float32.
        laplacian: of a picture of that size.

    Returns:
        a scalar.
    """
    return _Energy.apply(x, laplacian)


class _Energy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, laplacian: MattingLaplacian) -> Tensor:
        product = laplacian(x.contiguous())
        ctx.save_for_backward(product)
        return (x * product).sum()

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return product * (2 * outer), None


def window_count(h: int, w: int, device: torch.device) -> Tensor:
    """``[H, W]``, how many 3x3 windows that lie inside the image cover each pixel."""
    counts = []
    for side in (h, w):
        line = torch.arange(side, device=device)
        inside = torch.minimum(line, side - 1 - line).clamp_max(2) + 1
        counts.append(inside.clamp_max(side - 2).float())
    return counts[0][:, None] * counts[1]


def _fill_compiled(coefficients: Tensor, image: Tensor, epsilon: float) -> None:
    height = image.shape[1]
    with Threads() as threads:
        planes = image.float().contiguous().numpy()
        threads.run(matting.entries, height, planes, epsilon, coefficients.numpy())
        threads.run(matting.diagonal, height, coefficients.numpy())


def _fill(coefficients: Tensor, image: Tensor, epsilon: float) -> None:
    h, w = image.shape[-2:]
    strip = strip_rows(STRIP, w, image.device)
    for top in range(1, h - 1, strip):
        _add_windows(coefficients, image, top, min(strip, h - 1 - top), epsilon)
    for weight, (dy, dx) in zip(coefficients[1:], _OFFSETS, strict=True):  # rows sum to zero
        coefficients[0] -= weight
        coefficients[0, REACH:-REACH, REACH:-REACH] -= _part(weight, 0, h, w, -dy, -dx)


def _part(plane: Tensor, top: int, rows: int, width: int, dy: int, dx: int) -> Tensor:
    """Rows of a plane with margin, moved by (dy, dx)."""
    return plane[..., REACH + top + dy : REACH + top + dy + rows, REACH + dx : REACH + dx + width]


def _add_windows(coefficients: Tensor, image: Tensor, top: int, rows: int, epsilon: float) -> None:
    """Add the off-diagonal entries of the windows centered on ``rows`` rows from ``top``."""
    width = image.shape[-1] - 2
    # Window statistics in double: colors on a line make Sigma singular up to epsilon.
    window = [image[:, top + dy : top + dy + rows, 1 + dx : 1 + dx + width].double() for dy, dx in POSITIONS]
    mean = torch.stack(window).mean(0)
    centered = [pixel - mean for pixel in window]
    whitened = [
        y.float() for y in whiten_windows(centered, epsilon)
    ]  # y_i . y_j = (I_i - mu)' (…)^-1 (I_j - mu)
    for first in range(9):
        for second in range(first + 1, 9):
            (ay, ax), (by, bx) = POSITIONS[first], POSITIONS[second]
            weight = coefficients[1 + _OFFSETS.index((by - ay, bx - ax))]
            product = (whitened[first] * whitened[second]).sum(0)
            row, column = REACH + top + ay, REACH + 1 + ax
            weight[row : row + rows, column : column + width].sub_(product.add_(1), alpha=1 / 9)


def whiten_windows(centered: list[Tensor], epsilon: float) -> list[Tensor]:
    """``C^-1 x`` for nine ``[3, h, w]``, with ``C`` the Cholesky factor of their ``Sigma + epsilon/9``."""
    pairs = [(i, j) for i in range(3) for j in range(i + 1)]
    entry = {(i, j): torch.stack([x[i] * x[j] for x in centered]).mean(0) for i, j in pairs}
    for i in range(3):
        entry[i, i] = entry[i, i] + epsilon / 9
    c00 = entry[0, 0].sqrt()
    c10, c20 = entry[1, 0] / c00, entry[2, 0] / c00
    c11 = (entry[1, 1] - c10 * c10).clamp_min(epsilon / 18).sqrt()  # rounding must not make it negative
    c21 = (entry[2, 1] - c20 * c10) / c11
    c22 = (entry[2, 2] - c20 * c20 - c21 * c21).clamp_min(epsilon / 18).sqrt()
    whitened = []
    for red, green, blue in centered:
        first = red / c00
        second = (green - c10 * first) / c11
        whitened.append(torch.stack([first, second, (blue - c20 * first - c21 * second) / c22]))
    return whitened
