"""After warming up, nothing is left to be compiled."""

from style_core import warm_up
from style_core.compiled import grid, incomplete_cholesky, matting, vectors
from style_core.smoothing.propagation import propagate

from ..conftest import photo

INNER = ("whiten_row", "add_later", "add_earlier", "forward", "backward")  # called by other kernels only


def compiled():
    """How many variants there are of every kernel that Python calls."""
    modules = (grid, incomplete_cholesky, matting, vectors)
    found = {f"{m.__name__}.{k}": v for m in modules for k, v in vars(m).items() if hasattr(v, "signatures")}
    found = {k: v for k, v in found.items() if k.rpartition(".")[2] not in INNER}
    return {name: len(kernel.signatures) for name, kernel in found.items()}


def test_every_kernel_is_ready_and_a_smoothing_compiles_no_more():
    warm_up()
    ready = compiled()
    assert len(ready) > 10
    assert all(ready.values())
    propagate(photo(160, 150), photo(160, 150, seed=1), normalization="rows")
    assert compiled() == ready
