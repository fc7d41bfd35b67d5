"""Compiled kernels against the tensor expressions they stand for."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from style_core.compiled import grid as grid_kernels
from style_core.compiled import kernel as module
from style_core.compiled import matting, vectors
from style_core.compiled.threads import Threads
from style_core.smoothing import color_affine_grid as grids
from style_core.smoothing import matting_laplacian as laplacians
from style_core.smoothing.color_affine_grid import ColorAffineGrid
from style_core.smoothing.compiled_system import CompiledSystem, compiled_gradient_cost
from style_core.smoothing.matting_laplacian import matting_laplacian
from style_core.smoothing.propagation import TensorSystem

from ..conftest import photo

SIZES = [(16, 16), (75, 45), (3, 50), (20, 133)]


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def threads(request):
    with Threads(request.param) as opened:
        yield opened


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def in_planes(x):
    """``[rows, columns, 4, C]`` of the tensor expressions to the kernels' ``[C, 4, rows, columns]``."""
    return x.permute(3, 2, 0, 1).contiguous()


def assert_near(actual, desired, share=1e-5):
    """Within a share of the largest entry, as sums in another order are."""
    actual, desired = torch.as_tensor(actual), torch.as_tensor(desired)
    torch.testing.assert_close(actual, desired, rtol=0, atol=share * float(desired.abs().max()))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_laplacian_is_that_of_the_tensor_expressions(monkeypatch, height, width):
    compiled = matting_laplacian(photo(height, width))
    monkeypatch.setattr(module, "numba", None)
    assert_near(compiled.coefficients, matting_laplacian(photo(height, width)).coefficients, 1e-6)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_products_and_their_energies(threads, height, width):
    laplacian, x = matting_laplacian(photo(height, width)), random(2, height, width)
    desired, out = torch.empty_like(x), np.empty(x.shape, np.float32)
    padded = F.pad(x, (2, 2, 2, 2))
    laplacian.product(padded, desired)
    energy = sum(threads.run(matting.multiply, height, laplacian.coefficients.numpy(), padded.numpy(), out))
    assert_near(out, desired)
    assert_near(energy, (x.double() * desired).sum((1, 2)))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_cost_of_gradients(threads, height, width):
    grid = ColorAffineGrid(photo(height, width), alpha=0.9999, epsilon=1e-7)
    for rows in (slice(0, 8), slice(0, grid.basis.shape[1])):
        desired = grids.gradient_cost(grid.basis, rows, grid.size, 1e-7)
        assert_near(compiled_gradient_cost(grid.basis, rows, grid.size, 1e-7, threads=threads), desired)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_way_to_the_grid_and_back(threads, height, width):
    grid = ColorAffineGrid(photo(height, width), alpha=0.9999, epsilon=1e-7)
    values, local, (ny, nx) = random(2, height, width), random(2, height, width, seed=1), grid.cells
    nodes, out = np.empty((2, 4, ny + 1, nx + 1), np.float32), np.empty((2, height, width), np.float32)
    threads.run(grid_kernels.restrict, ny + 1, grid.basis.numpy(), values.numpy(), nodes)
    assert_near(nodes, grid.restrict(values))
    padded = F.pad(local, (2, 2, 2, 2)).numpy()
    energy = sum(
        threads.run(grid_kernels.prolong, ny, grid.basis.numpy(), nodes, padded, values.numpy(), out)
    )
    desired = grid.prolong(grid.restrict(values)) + local
    assert_near(out, desired)
    assert_near(energy, (values.double() * desired).sum((1, 2)))


@pytest.mark.parametrize(("height", "width"), [(75, 45), (20, 133), (16, 200)])
def test_the_parts_of_a_cycle(monkeypatch, threads, height, width):
    monkeypatch.setattr(grids, "DENSE_NODES", 12)
    grid = ColorAffineGrid(photo(height, width), alpha=0.9999, epsilon=1e-7)
    level = grid.levels[0]
    rows, columns = level.inverse.shape[:2]
    x, right = random(rows, columns, 4, 2), random(rows, columns, 4, 2, seed=1)
    elements = level.elements.permute(0, 2, 3, 1).contiguous().numpy()
    inverse = level.inverse.permute(0, 2, 3, 1).contiguous().numpy()
    out = np.empty((2, 4, rows, columns), np.float32)
    threads.run(
        grid_kernels.cell_residual, rows, elements, in_planes(x).numpy(), in_planes(right).numpy(), out
    )
    assert_near(out, in_planes(right - grids._product(level.elements, x)))
    threads.run(grid_kernels.smooth, rows, inverse, in_planes(right).numpy(), 0.4, True, out)
    assert_near(out, in_planes(0.4 * (level.inverse @ right)))
    threads.run(grid_kernels.smooth, rows, inverse, in_planes(x).numpy(), 0.4, False, out)
    assert_near(out, in_planes(0.4 * (level.inverse @ (right + x))))
    coarse = grids._to_coarse(x)
    small = np.empty(in_planes(coarse).shape, np.float32)
    threads.run(grid_kernels.to_coarse, small.shape[2], in_planes(x).numpy(), small)
    assert_near(small, in_planes(coarse))
    sums = in_planes(right).numpy().copy()
    threads.run(grid_kernels.add_fine, rows, small, sums)
    assert_near(sums, in_planes(right + grids._to_fine(coarse, rows, columns)))


def test_the_dense_solve(threads):
    matrix, right = random(30, 30).double(), random(2, 30, seed=1)
    out = np.empty((2, 30), np.float32)
    threads.run(grid_kernels.dense, 30, matrix.numpy(), right.numpy(), out)
    assert_near(out, (right.double() @ matrix.T).float())


def test_steps_of_vectors(threads):
    x, residual, product = random(2, 9, 11), random(2, 9, 11, seed=1), random(2, 9, 11, seed=2)
    direction, rate = random(2, 9, 11, seed=3), torch.tensor([0.5, -2.0])
    padded = F.pad(direction, (2, 2, 2, 2))
    found, rest = x.clone(), residual.clone()
    threads.run(
        vectors.advance, 9, found.numpy(), rest.numpy(), padded.numpy(), product.numpy(), rate.numpy()
    )
    assert_near(found, x + rate[:, None, None] * direction)
    assert_near(rest, residual - rate[:, None, None] * product)
    threads.run(vectors.turn, 9, x.numpy(), rate.numpy(), padded.numpy())
    assert_near(padded, F.pad(x + rate[:, None, None] * direction, (2, 2, 2, 2)))


@pytest.mark.parametrize("dense_nodes", [300, 12])
@pytest.mark.parametrize(("height", "width"), [(75, 45), (20, 133)])
def test_both_systems_have_the_same_matrix_and_start(monkeypatch, threads, dense_nodes, height, width):
    monkeypatch.setattr(grids, "DENSE_NODES", dense_nodes)
    image, right = photo(height, width), random(3, height, width)
    grid, laplacian = ColorAffineGrid(image, alpha=0.9999, epsilon=1e-7), matting_laplacian(image)
    compiled = CompiledSystem(laplacian, grid, 0.9999, 3, threads)
    tensors = TensorSystem(laplacian, grid, 0.9999)
    for actual, desired in zip(compiled.start(right), tensors.start(right), strict=True):
        assert_near(actual, desired, 1e-3)  # the grid's matrix is ill-conditioned
    assert_near(compiled.residual(right, right), tensors.residual(right, right))
    product, curvature = compiled.product(compiled.first_direction(right))
    desired, wanted = tensors.product(right)
    assert_near(product, desired)
    assert_near(curvature, wanted)


@pytest.mark.parametrize("strip", [1, 7, 96])
def test_rows_are_shared_out_without_gap_or_overlap(threads, strip):
    bounds = threads.run(lambda start, stop: (start, stop), 50, least=strip)
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(50))
    assert len(bounds) == max(1, min(threads.count, 50 // strip))


def test_what_a_kernel_raises_comes_through(threads):
    def broken(start, stop):
        raise ZeroDivisionError(f"{start} {stop}")

    with pytest.raises(ZeroDivisionError):
        threads.run(broken, 50)


def test_without_numba_functions_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(module, "numba", None)
    assert module.kernel(len) is len
    assert not module.is_usable(torch.device("cpu"))


def test_kernels_that_cannot_be_kept_are_compiled_all_the_same(monkeypatch):
    class Numba:
        @staticmethod
        def njit(cache=False, **options):
            return lambda function: ("kept" if cache else "compiled", function)

    monkeypatch.setattr(module, "numba", Numba)
    monkeypatch.setattr(module, "KEPT", None)
    assert module.kernel(len) == ("compiled", len)


def test_other_devices_use_tensor_expressions():
    assert not module.is_usable(torch.device("cuda"))
    assert module.is_usable(torch.device("cpu"))


def test_offsets_are_those_the_kernels_reckon_with():
    for plane, (dy, dx) in enumerate(laplacians._OFFSETS, start=1):
        assert plane == (dx if dy == 0 else 5 * dy + dx)
