"""The matting Laplacian against PyMatting and against a float64 sum over windows."""

import numpy as np
import pytest
import torch

from style_core.compiled import kernel
from style_core.smoothing import matting_laplacian as module
from style_core.smoothing.matting_laplacian import laplacian_energy, matting_laplacian

from ..conftest import photo
from .matting_by_windows import laplacian_by_windows, times


@pytest.fixture(params=["compiled", "tensors"], autouse=True)
def way(request, monkeypatch):
    """Each test twice: with compiled kernels and, as on other devices, with tensor expressions."""
    if request.param == "tensors":
        monkeypatch.setattr(kernel, "numba", None)


@pytest.fixture(scope="module")
def pymatting_laplacian():
    """PyMatting's float64 matrix of a picture, by its loops as Python runs them.

    Compiled, which takes a minute of a processor in a new environment, they give the same numbers.
    """
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        if kernel.numba is not None:
            patch.setattr(kernel.numba.config, "DISABLE_JIT", True)  # for what is imported meanwhile
        pymatting = pytest.importorskip("pymatting")
    torch.set_num_threads(threads)  # which the import makes as many as there are cores
    return lambda image: pymatting.cf_laplacian(
        image[0].permute(1, 2, 0).double().numpy(), epsilon=1e-7, radius=1
    )


def noise(height, width, channels=3):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(5))


def gray(image):
    return image.mean(1, keepdim=True).expand(1, 3, -1, -1)


def lonely_pixel():
    picture = torch.full((1, 3, 14, 15), 0.5)
    picture[..., 6, 7] = 1
    return picture


def dense(laplacian):
    """The matrix ``[H W, H W]``, one column a product."""
    h, w = laplacian.degree.shape
    columns = laplacian(torch.eye(h * w).reshape(1, h * w, h, w))
    return columns[0].flatten(1).T.double()


@pytest.mark.parametrize("image", [photo(20, 24), photo(24, 17, seed=3), noise(15, 18)])
def test_products_agree_with_pymatting_on_color_pictures(pymatting_laplacian, image):
    matrix = pymatting_laplacian(image)
    x = noise(*image.shape[-2:], channels=2)
    desired = times(matrix, x)
    np.testing.assert_allclose(times(laplacian_by_windows(image)[0], x), desired, atol=1e-6)
    np.testing.assert_allclose(matting_laplacian(image)(x), desired, atol=2e-5)


def test_the_energy_and_its_gradient_are_those_of_pymattings_matrix(pymatting_laplacian):
    image, x = photo(20, 24), noise(20, 24)
    matrix = pymatting_laplacian(image)
    columns = x[0].flatten(1).double().numpy()  # [3, H*W]
    variable = x.clone().requires_grad_()
    energy = laplacian_energy(variable, matting_laplacian(image))
    (gradient,) = torch.autograd.grad(energy, variable)
    expected = sum(column @ (matrix @ column) for column in columns)
    np.testing.assert_allclose(energy.item(), expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, 2 * times(matrix, x), atol=5e-5)


@pytest.mark.parametrize(
    "image",
    [
        photo(20, 24),
        photo(3, 3),
        photo(3, 50),
        photo(50, 3),
        gray(photo(20, 24)),
        gray(noise(15, 18)),
        torch.full((1, 3, 12, 13), 0.5),
        torch.zeros(1, 3, 12, 13),
        lonely_pixel(),
        (photo(20, 24) * 4).round() / 4,
    ],
    ids=["photo", "3x3", "3x50", "50x3", "gray", "gray noise", "flat", "black", "lonely", "posterized"],
)
def test_products_agree_with_a_sum_over_windows(image):
    x = noise(*image.shape[-2:], channels=2)
    np.testing.assert_allclose(
        matting_laplacian(image)(x), times(laplacian_by_windows(image)[0], x), atol=2e-5
    )


@pytest.mark.parametrize("epsilon", [1e-9, 1e-4, 1e-2])
def test_epsilon_is_that_of_the_formula(epsilon):
    image, x = photo(14, 15), noise(14, 15)
    desired = times(laplacian_by_windows(image, epsilon)[0], x)
    np.testing.assert_allclose(matting_laplacian(image, epsilon=epsilon)(x), desired, atol=2e-5)


@pytest.mark.parametrize("image", [photo(11, 13), gray(photo(11, 13)), lonely_pixel(), photo(3, 3)])
def test_the_matrix_is_symmetric_and_positive_semidefinite_with_rows_that_sum_to_zero(image):
    matrix = dense(matting_laplacian(image))
    assert torch.equal(matrix, matrix.T)
    assert matrix.sum(1).abs().max() < 1e-5
    eigenvalues = torch.linalg.eigvalsh(matrix)
    assert eigenvalues[0] > -1e-5
    assert eigenvalues[-1] > 1


def test_two_pictures_see_the_matrix_alike():
    laplacian = matting_laplacian(photo(20, 24))
    x, y = noise(20, 24), photo(20, 24, seed=8)
    there, back = ((a.double() * laplacian(b)).sum() for a, b in ((x, y), (y, x)))
    torch.testing.assert_close(there, back, rtol=1e-5, atol=1e-5)


def test_a_constant_and_the_images_own_channels_cost_next_to_nothing():
    image, (h, w) = photo(40, 48), (40, 48)
    x = torch.cat([torch.ones(1, 1, h, w), image, 0.3 * image[:, :1] - 2 * image[:, 2:] + 0.1], 1)
    energies = (x.double() * matting_laplacian(image)(x)).sum((2, 3))[0]
    # The affine map of slopes a is one of those among which a window looks for its cheapest: epsilon |a|².
    limits = 1e-7 * (h - 2) * (w - 2) * torch.tensor([0, 1, 1, 1, 0.3**2 + 2**2]).double()
    rounding = 2e-6 * x.square().sum((2, 3))[0]
    assert (energies.abs() <= limits + rounding).all()
    stranger = photo(40, 48, seed=9)
    assert (stranger * matting_laplacian(image)(stranger)).sum() > 100 * (limits + rounding).max()


@pytest.mark.parametrize(("height", "width"), [(3, 3), (3, 50), (4, 3), (5, 4), (8, 9)])
def test_the_degree_counts_the_windows_over_a_pixel(height, width):
    image = photo(height, width)
    degree = matting_laplacian(image).degree
    np.testing.assert_array_equal(degree.flatten(), laplacian_by_windows(image)[1])


def test_the_degree_is_1_in_corners_3_along_edges_and_9_inside():
    degree = matting_laplacian(photo(8, 9)).degree
    assert degree[0].tolist() == [1, 2, 3, 3, 3, 3, 3, 2, 1]
    assert degree[:, 0].tolist() == [1, 2, 3, 3, 3, 3, 2, 1]
    assert (degree[2:-2, 2:-2] == 9).all()


def test_the_diagonal_is_that_of_the_matrix():
    laplacian = matting_laplacian(photo(9, 10))
    torch.testing.assert_close(laplacian.diagonal.flatten().double(), dense(laplacian).diagonal())


def test_a_shift_is_added_to_the_diagonal():
    laplacian, x, shift = matting_laplacian(photo(12, 13)), noise(12, 13), noise(12, 13)[0, 0]
    out = torch.empty(3, 12, 13)
    laplacian.product(torch.nn.functional.pad(x[0], (2, 2, 2, 2)), out, shift)
    torch.testing.assert_close(out, laplacian(x)[0] + shift * x[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("strip", [1, 2, 7])
def test_the_strips_that_the_work_is_cut_into_do_not_matter(monkeypatch, strip):
    image, x, shift = photo(20, 15), noise(20, 15), noise(20, 15)[0, 0]
    whole, cut = matting_laplacian(image), torch.empty(3, 20, 15)
    desired = whole(x)[0] + shift * x[0]
    monkeypatch.setattr(module, "STRIP", strip)
    laplacian = matting_laplacian(image)
    torch.testing.assert_close(laplacian.coefficients, whole.coefficients, atol=2e-6, rtol=0)
    laplacian.product(torch.nn.functional.pad(x[0], (2, 2, 2, 2)), cut, shift)
    torch.testing.assert_close(cut, desired, atol=2e-5, rtol=0)


def test_the_margin_holds_nothing():
    coefficients = matting_laplacian(photo(9, 10)).coefficients.clone()
    coefficients[:, 2:-2, 2:-2] = 0
    assert not coefficients.any()


@pytest.mark.parametrize(("height", "width"), [(2, 5), (5, 2), (1, 1)])
def test_less_than_a_window_is_refused(height, width):
    with pytest.raises(ValueError, match=f"at least 3 x 3 pixels, not {height} x {width}"):
        matting_laplacian(torch.zeros(1, 3, height, width))
