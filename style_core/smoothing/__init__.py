"""Photorealistic smoothing: the closed-form solve on the matting affinity, and its energy as a loss.

What depends on what: the kernels of ``compiled/`` on nothing here, the Laplacian on them, the
color-affine grid on both; the two forms of the linear system on these; ``propagate`` on all.
"""

from .matting_laplacian import matting_energy
from .propagation import Propagation, propagate, warm_up

__all__ = ["Propagation", "matting_energy", "propagate", "warm_up"]
