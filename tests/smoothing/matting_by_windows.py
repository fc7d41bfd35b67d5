"""The matting Laplacian as a sparse float64 matrix, summed window by window: the truth of several tests."""

import functools

import numpy as np
import scipy.sparse
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse.linalg import splu


def laplacian_by_windows(image, epsilon=1e-7):
    """Equation 12 of Levin et al. (2006), with an inverse matrix per window.

    PyMatting inverts by cofactors, which in gray pictures costs all but three digits.

    Returns:
        the Laplacian of ``[1, 3, H, W]``, ``[H W, H W]``, and how many windows cover each pixel, ``[H W]``.
    """
    picture = image[0].double().numpy()
    count = picture[0].size
    colors = sliding_window_view(picture, (3, 3), (1, 2)).reshape(3, -1, 9).transpose(1, 2, 0)
    place = sliding_window_view(np.arange(count).reshape(picture[0].shape), (3, 3)).reshape(-1, 9)
    centered = colors - colors.mean(1, keepdims=True)
    covariance = centered.transpose(0, 2, 1) @ centered / 9 + epsilon / 9 * np.eye(3)
    affinity = (1 + centered @ np.linalg.inv(covariance) @ centered.transpose(0, 2, 1)) / 9
    places = (np.repeat(place, 9, axis=1).ravel(), np.tile(place, (1, 9)).ravel())
    total = scipy.sparse.coo_matrix((affinity.ravel(), places), shape=(count, count)).tocsr()
    degree = np.bincount(place.ravel(), minlength=count).astype(float)
    return scipy.sparse.diags(degree) - total, degree


def times(matrix, x):
    """The product with every channel of ``[1, C, H, W]``, in float64."""
    return (matrix @ x[0].double().flatten(1).numpy().T).T.reshape(x.shape)


class DirectSolve:
    """``((1 - alpha) D + alpha L) u = (1 - alpha) D^(1/2) y`` with ``r = D^(1/2) u``, by factorization."""

    def __init__(self, guide, alpha=0.9999):
        laplacian, degree = laplacian_by_windows(guide)
        self.root, self.alpha = np.sqrt(degree), alpha
        self.matrix = (alpha * laplacian + (1 - alpha) * scipy.sparse.diags(degree)).tocsc()

    def right(self, y):
        """The right-hand side for ``[1, C, H, W]``: ``[H W, C]``."""
        return (1 - self.alpha) * self.root[:, None] * y[0].double().flatten(1).numpy().T

    def __call__(self, y):
        """The smoothed ``[1, C, H, W]``."""
        return (self.root[:, None] * self._factors.solve(self.right(y))).T.reshape(y.shape)

    @functools.cached_property
    def _factors(self):
        return splu(
            self.matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
        )

    def residual(self, y, smoothed):
        """``|b - A u| / |b|`` of a picture that claims to be the solution."""
        u = smoothed[0].double().flatten(1).numpy().T / self.root[:, None]
        right = self.right(y)
        return np.linalg.norm(right - self.matrix @ u) / np.linalg.norm(right)
