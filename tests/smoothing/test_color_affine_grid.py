"""The grid of local color maps: transposes, energies against the true Laplacian, and the multigrid cycle."""

import pytest
import torch

from style_core.smoothing import color_affine_grid as module
from style_core.smoothing.color_affine_grid import CELL, ColorAffineGrid
from style_core.smoothing.matting_laplacian import matting_laplacian

from ..conftest import photo

SIZES = [(16, 16), (75, 45), (3, 50), (20, 133)]


def grid_of(image, alpha=0.9999, epsilon=1e-7):
    return ColorAffineGrid(image, alpha=alpha, epsilon=epsilon)


def random_coefficients(grid, channels=2, seed=0):
    ny, nx = grid.cells
    return torch.randn(channels, 4, ny + 1, nx + 1, generator=torch.Generator().manual_seed(seed))


def basis(image):
    """The functions that are weighed: one and the colors relative to mid-gray, ``[4, H, W]``."""
    return torch.cat([torch.ones_like(image[0, :1]), image[0] - 0.5])


def linear_fields(height, width, seed):
    """Four coefficients that are linear in position: a function of y and x in pixels."""
    offset, down, right = torch.randn(3, 4, 1, 1, generator=torch.Generator().manual_seed(seed))
    return lambda y, x: offset + down * y / height + right * x / width


def at_nodes(fields, grid):
    ny, nx = grid.cells
    return fields(CELL * torch.arange(ny + 1)[:, None], CELL * torch.arange(nx + 1))


def at_pixels(fields, height, width):
    return fields(torch.arange(height)[:, None], torch.arange(width))


def grid_energy(image, alpha, epsilon, nodes):
    """``c' A c`` with the assembled matrix, for coefficients ``[4, ny + 1, nx + 1]``."""
    grid = grid_of(image, alpha, epsilon)
    elements = module._as_matrices(
        module._energies(grid.basis, grid.size, alpha, epsilon, module.gradient_cost)
    )
    x = nodes.permute(1, 2, 0)[..., None].double()
    return float((x * module._product(elements.double(), x)).sum())


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_constant_coefficients_give_that_function_of_the_color(height, width):
    image = photo(height, width)
    grid = grid_of(image)
    constants = torch.tensor([[0.3, 1.0, -2.0, 0.5], [0, 0, 1, 0]])
    coefficients = constants[:, :, None, None].expand_as(random_coefficients(grid))
    desired = torch.einsum("ck,kyx->cyx", constants, basis(image))
    torch.testing.assert_close(grid.prolong(coefficients), desired)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_linear_coefficients_are_met_between_the_nodes(height, width):
    image, fields = photo(height, width), linear_fields(height, width, seed=1)
    grid = grid_of(image)
    desired = (at_pixels(fields, height, width) * basis(image)).sum(0)
    torch.testing.assert_close(grid.prolong(at_nodes(fields, grid)[None])[0], desired, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_restricting_is_the_transpose_of_prolonging(height, width):
    grid = grid_of(photo(height, width))
    x, y = random_coefficients(grid), torch.randn(2, height, width)
    there = (grid.prolong(x).double() * y).sum()
    back = (x.double() * grid.restrict(y)).sum()
    torch.testing.assert_close(there, back, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("rows", "columns"), [(5, 7), (6, 8), (5, 4), (2, 3)])
def test_going_coarser_is_the_transpose_of_going_finer(rows, columns):
    coarse_rows, coarse_columns = -(-(rows - 1) // 2) + 1, -(-(columns - 1) // 2) + 1
    x = torch.randn(coarse_rows, coarse_columns, 4, 3).double()
    y = torch.randn(rows, columns, 4, 3).double()
    coarse, fine = module._to_coarse(y), module._to_fine(x, rows, columns)
    assert coarse.shape == x.shape
    assert fine.shape == y.shape
    torch.testing.assert_close((fine * y).sum(), (x * coarse).sum())


def test_finer_nodes_lie_on_the_line_between_coarse_ones():
    line = torch.tensor([0.0, 2.0, 8.0])
    fine = module._to_fine(line[:, None, None, None].expand(3, 2, 1, 1), 5, 3)
    assert fine[:, 1, 0, 0].tolist() == [0, 1, 2, 5, 8]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("epsilon", [1e-7, 1e-5])
@pytest.mark.parametrize(("height", "width"), [(75, 45), (40, 48)])
def test_the_energy_of_a_linear_field_is_that_of_the_laplacian(height, width, epsilon, seed):
    image, fields = photo(height, width, seed=seed), linear_fields(height, width, seed)
    c = at_pixels(fields, height, width)
    u = (c * basis(image)).sum(0)[None, None]
    desired = float((u.double() * matting_laplacian(image, epsilon=epsilon)(u)).sum())
    actual = grid_energy(image, 1.0, epsilon, at_nodes(fields, grid_of(image)))
    # The grid leaves out what a window's own affine map costs: epsilon times its squared slopes. Float32
    # products add some 1e-6 of u'u.
    neglected = 2 * epsilon * float(c[1:].square().sum())
    assert actual == pytest.approx(desired, abs=neglected + 1e-6 * float(u.square().sum()))
    assert neglected < 0.1 * desired or epsilon > 1e-7  # the comparison says something


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9999])
def test_the_energy_weighs_laplacian_and_mass_by_alpha(alpha):
    image, fields = photo(75, 45), linear_fields(75, 45, seed=0)
    u = (at_pixels(fields, 75, 45) * basis(image)).sum(0)[None, None]
    laplacian = matting_laplacian(image)
    cost = float((u.double() * laplacian(u)).sum())
    actual = grid_energy(image, alpha, 1e-7, at_nodes(fields, grid_of(image)))
    # Every pixel counts with the 9 windows of the interior; the border has fewer, a few percent of all.
    assert actual == pytest.approx(alpha * cost + (1 - alpha) * 9 * float(u.square().sum()), rel=1e-3)
    true_mass = float((laplacian.degree * u.square()).sum())
    assert actual == pytest.approx(alpha * cost + (1 - alpha) * true_mass, rel=0.15)


@pytest.mark.parametrize(("height", "width"), [(75, 45), (64, 96), (16, 200)])
def test_a_coarser_grid_has_the_same_energy_for_what_both_contain(height, width):
    grid = grid_of(photo(height, width))
    energies = module._energies(grid.basis, grid.size, 0.9999, 1e-7, module.gradient_cost).double()
    ny, nx = grid.cells
    for _ in range(3):
        coarser = module._coarser(energies)
        x = torch.randn(coarser.shape[0] + 1, coarser.shape[1] + 1, 4, 2).double()
        desired, actual = (
            (vector * module._product(module._as_matrices(e), vector)).sum()
            for e, vector in ((energies, module._to_fine(x, ny + 1, nx + 1)), (coarser, x))
        )
        torch.testing.assert_close(actual, desired)
        energies, (ny, nx) = coarser, coarser.shape[:2]


def test_the_assembled_matrix_is_the_one_that_is_multiplied_by():
    grid = grid_of(photo(20, 30))
    elements = module._as_matrices(
        module._energies(grid.basis, grid.size, 0.9999, 1e-7, module.gradient_cost)
    )
    ny, nx = grid.cells
    count = 4 * (ny + 1) * (nx + 1)
    matrix = module._product(elements, torch.eye(count).reshape(ny + 1, nx + 1, 4, count)).reshape(count, -1)
    torch.testing.assert_close(module._dense(elements), matrix)
    blocks = torch.stack([matrix[k : k + 4, k : k + 4] for k in range(0, count, 4)])
    torch.testing.assert_close(module._node_blocks(elements).flatten(0, 1), blocks)


def lines(height, width, step, axis):
    """White lines one pixel thin on black, every so many pixels."""
    places = torch.arange((height, width)[axis]) % step == step // 2
    plane = places[:, None].expand(height, width) if axis == 0 else places.expand(height, width)
    return plane.float().expand(1, 3, height, width)


def ramp(height, width):
    """A gray gradient from left to right."""
    return (torch.arange(width) / width).expand(1, 3, height, width)


def lonely_pixel(height, width):
    picture = torch.full((1, 3, height, width), 0.5)
    picture[..., 20, 21] = 1
    return picture


@pytest.mark.parametrize(
    "image",
    [
        photo(48, 56),
        photo(48, 56).mean(1, keepdim=True).expand(1, 3, -1, -1),
        torch.full((1, 3, 48, 56), 0.5),
        torch.zeros(1, 3, 48, 56),
        torch.rand(1, 3, 48, 56, generator=torch.Generator().manual_seed(0)),
        lonely_pixel(48, 56),
        ramp(48, 56),
        lines(48, 56, 8, axis=1),
        lines(48, 56, 8, axis=0),
        lines(48, 56, 11, axis=1),
    ],
    ids=["photo", "gray", "flat", "black", "noise", "lonely", "ramp", "lines", "rows", "lines 11"],
)
def test_the_cycle_is_symmetric_and_positive_definite(monkeypatch, image):
    monkeypatch.setattr(module, "DENSE_NODES", 12)  # grids of 7 x 8, 4 x 5 and 3 x 3 nodes
    grid = grid_of(image)
    assert len(grid.levels) == 2
    grid.factor = grid.factor.double()  # else a small eigenvalue drowns in rounding
    grid.levels = [module.GridLevel(k.elements.double(), k.inverse.double()) for k in grid.levels]
    ny, nx = grid.cells
    count = 4 * (ny + 1) * (nx + 1)
    columns = torch.eye(count, dtype=torch.float64).reshape(ny + 1, nx + 1, 4, count)
    matrix = grid._cycle(columns, 0).reshape(count, count)
    torch.testing.assert_close(matrix, matrix.T, rtol=0, atol=1e-4 * float(matrix.abs().max()))
    assert torch.linalg.eigvalsh((matrix + matrix.T) / 2)[0] > 0


@pytest.mark.parametrize("dense_nodes", [300, 12])
def test_the_solve_is_symmetric_and_positive_definite_on_pictures(monkeypatch, dense_nodes):
    monkeypatch.setattr(module, "DENSE_NODES", dense_nodes)
    grid = grid_of(photo(75, 45))
    x, y = torch.randn(2, 3, 75, 45, generator=torch.Generator().manual_seed(1))
    there, back = ((a.double() * grid.solve(b)).sum((1, 2)) for a, b in ((x, y), (y, x)))
    energy = (x.double() * grid.solve(x)).sum((1, 2))
    assert (energy > 0).all()
    torch.testing.assert_close(there, back, rtol=0, atol=1e-3 * float(energy.max()))


def test_channels_are_solved_by_themselves():
    grid = grid_of(photo(40, 30))
    right = torch.randn(3, 40, 30)
    torch.testing.assert_close(grid.solve(right)[1:2], grid.solve(right[1:2]), rtol=1e-3, atol=1e-3)


def test_strips_of_cells_do_not_matter(monkeypatch):
    image = photo(75, 45)
    whole = grid_of(image)
    x, values = random_coefficients(whole), torch.randn(2, 75, 45)
    desired = (whole.prolong(x), whole.restrict(values), whole.factor)
    monkeypatch.setattr(module, "STRIP", 3)
    cut = grid_of(image)
    for actual, wanted in zip((cut.prolong(x), cut.restrict(values), cut.factor), desired, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-4, atol=1e-4)
