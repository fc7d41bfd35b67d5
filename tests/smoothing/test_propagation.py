"""The photorealistic smoothing against a direct solve of the paper's equation in float64."""

import numpy as np
import pytest
import torch

from style_core.compiled import kernel
from style_core.smoothing import propagation as module
from style_core.smoothing.matting_laplacian import window_count
from style_core.smoothing.propagation import Propagation, propagate

from ..conftest import photo
from .matting_by_windows import DirectSolve

LEVEL = 1 / 255


def recolored(guide, noise=0.05):
    """Other colors along the same edges, and noise that the guide does not have."""
    generator = torch.Generator().manual_seed(3)
    return 0.8 * (1 - guide).flip(1) + 0.1 + noise * torch.randn(guide.shape, generator=generator)


def gray(image):
    return image.mean(1, keepdim=True).expand(1, 3, -1, -1).contiguous()


def flat(value, height=40, width=48):
    return torch.full((1, 3, height, width), value)


def lonely_pixel():
    picture = flat(0.5)
    picture[..., 20, 21] = 1
    return picture


def lines(height, width, step):
    """White vertical lines one pixel thin on black, every so many pixels."""
    is_line = torch.arange(width) % step == step // 2
    return is_line.float().expand(1, 3, height, width).contiguous()


def noise(height=40, width=48):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def largest_difference(actual, desired):
    return float(np.abs(np.asarray(actual, dtype=float) - np.asarray(desired, dtype=float)).max())


@pytest.fixture(params=["compiled", "tensors"], autouse=True)
def way(request, monkeypatch):
    """Each test twice: with compiled kernels and, as on other devices, with tensor expressions."""
    if request.param == "tensors":
        monkeypatch.setattr(kernel, "numba", None)
    return request.param


@pytest.fixture(scope="module")
def direct():
    """A photo's equation, solved directly."""
    return DirectSolve(photo(192, 256))


@pytest.fixture
def solved(way, direct):
    """A photo's recoloring, smoothed and solved directly: ``(y, Propagation, DirectSolve)``."""
    guide = photo(192, 256)
    y = recolored(guide)
    return y, propagate(y, guide), direct


def test_a_photo_is_within_one_level_of_the_direct_solve(solved):
    y, smoothed, direct = solved
    assert smoothed.is_converged
    assert largest_difference(smoothed.image, direct(y)) < LEVEL


def test_the_residual_is_that_of_the_equation(solved):
    y, smoothed, direct = solved
    assert smoothed.residual == pytest.approx(direct.residual(y, smoothed.image), rel=0.02)


@pytest.mark.parametrize("max_steps", [0, 1, 3])
def test_the_residual_of_an_unfinished_solve_is_true_as_well(max_steps):
    guide = photo(40, 48)
    y = recolored(guide)
    smoothed = propagate(y, guide, tolerance=1e-9, max_steps=max_steps)
    desired = DirectSolve(guide).residual(y, smoothed.image)
    assert smoothed.residual == pytest.approx(desired, rel=0.01)


@pytest.mark.parametrize(
    "guide",
    [
        photo(40, 48),
        photo(33, 57, seed=2),
        gray(photo(40, 48)),
        gray(noise()),
        noise(),
        flat(0.5),
        flat(0.0),
        lonely_pixel(),
        photo(16, 16),
        photo(16, 600),
        photo(600, 16),
        lines(160, 176, 10),
    ],
    ids=[
        "photo", "odd", "gray", "gray noise", "noise", "flat", "black", "lonely",
        "16x16", "16x600", "600x16", "lines",
    ],
)  # fmt: skip
def test_any_guide_is_solved_near_the_direct_solve(guide):
    y = recolored(guide)
    smoothed = propagate(y, guide)
    assert smoothed.is_converged
    assert largest_difference(smoothed.image, DirectSolve(guide)(y)) < 2 * LEVEL


@pytest.mark.parametrize(("height", "width"), [(3, 3), (3, 50), (4, 7)])
def test_the_smallest_pictures_are_solved(height, width):
    guide = photo(height, width)
    y = recolored(guide)
    smoothed = propagate(y, guide, tolerance=1e-4)
    assert smoothed.is_converged
    assert largest_difference(smoothed.image, DirectSolve(guide)(y)) < 2 * LEVEL


@pytest.mark.parametrize("alpha", [0.9, 0.99, 0.999])
def test_other_alphas_agree_with_the_direct_solve(alpha):
    guide = photo(24, 28)
    y = recolored(guide)
    smoothed = propagate(y, guide, alpha=alpha)
    assert largest_difference(smoothed.image, DirectSolve(guide, alpha)(y)) < LEVEL


def test_alpha_0_gives_the_picture_back():
    y = recolored(photo(24, 28))
    torch.testing.assert_close(propagate(y, photo(24, 28), alpha=0.0).image, y, atol=1e-3, rtol=0)


@pytest.mark.parametrize("guide", [photo(40, 48), noise(), flat(0.5)], ids=["photo", "noise", "flat"])
def test_the_root_of_the_degree_comes_back_unchanged(guide):
    y = window_count(40, 48, guide.device).sqrt() * torch.tensor([0.3, 0.1, 0.2])[:, None, None]
    torch.testing.assert_close(propagate(y[None], guide).image[0], y, atol=LEVEL, rtol=0)


def test_noise_goes_and_the_edges_of_the_guide_stay():
    guide = torch.zeros(1, 3, 40, 48)
    guide[..., 24:] = 1
    clean = 0.2 + 0.5 * guide
    noisy = clean + 0.05 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    smoothed = propagate(noisy, guide).image
    inside = (..., slice(2, -2), slice(2, -2))  # along the border the paper's S darkens
    assert (smoothed - clean)[inside].std() < 0.01
    assert (smoothed[0, :, 20, 24] - smoothed[0, :, 20, 23]).min() > 0.45


def test_the_result_is_linear_in_the_picture():
    guide = photo(40, 48)
    a, b = recolored(guide), photo(40, 48, seed=6)
    parts = 2 * propagate(a, guide, tolerance=1e-4).image + propagate(b, guide, tolerance=1e-4).image
    torch.testing.assert_close(propagate(2 * a + b, guide, tolerance=1e-4).image, parts, atol=LEVEL, rtol=0)


def test_channels_are_smoothed_by_themselves():
    guide = photo(40, 48)
    y = torch.cat([recolored(guide), 5 * noise()[:, :1]], 1)  # four, one of them far larger
    together = propagate(y, guide, tolerance=1e-4).image
    for channel in range(4):
        alone = propagate(y[:, channel : channel + 1], guide, tolerance=1e-4).image
        assert largest_difference(together[:, channel : channel + 1], alone) < LEVEL


def test_running_out_of_steps_is_said_and_leaves_a_finite_picture():
    guide = photo(40, 48)
    smoothed = propagate(recolored(guide), guide, max_steps=2)
    assert not smoothed.is_converged
    assert smoothed.steps == 2
    assert smoothed.error > max(module.TensorSystem.TOLERANCE, module.CompiledSystem.TOLERANCE)
    assert torch.isfinite(smoothed.image).all()


@pytest.mark.parametrize("sound_solves", [2, 3, 6, 9])
def test_a_breakdown_leaves_what_was_reached_before(monkeypatch, sound_solves):
    calls = []
    for system in (module.TensorSystem, module.CompiledSystem):

        def breaking(self, residual, genuine=system.precondition):
            calls.append(1)
            z, energy = genuine(self, residual)
            return z, energy * (1 if len(calls) <= sound_solves else torch.nan)

        monkeypatch.setattr(system, "precondition", breaking)
    guide = photo(40, 48)
    smoothed = propagate(recolored(guide), guide, tolerance=1e-9)
    assert torch.isfinite(smoothed.image).all()
    assert not smoothed.is_converged


def test_a_tighter_tolerance_comes_nearer():
    guide = photo(40, 48)
    y = recolored(guide)
    desired = DirectSolve(guide)(y)
    found = [propagate(y, guide, tolerance=tolerance) for tolerance in (1e-2, 1e-3, 1e-4)]
    errors = [largest_difference(smoothed.image, desired) for smoothed in found]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < LEVEL / 3
    steps = [smoothed.steps for smoothed in found]
    assert steps == sorted(steps)


def test_nothing_that_was_handed_in_is_changed():
    guide = photo(24, 28)
    y = recolored(guide)
    before = (y.clone(), guide.clone())
    assert isinstance(propagate(y, guide), Propagation)
    assert torch.equal(y, before[0])
    assert torch.equal(guide, before[1])


def test_progress_rises_from_0_to_1():
    guide, shares = photo(40, 48), []
    propagate(recolored(guide), guide, report=shares.append)
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == 1


def test_what_the_report_raises_ends_the_solve():
    calls = []

    def stop(share):
        calls.append(share)
        raise KeyboardInterrupt

    guide = photo(40, 48)
    with pytest.raises(KeyboardInterrupt):
        propagate(recolored(guide), guide, report=stop)
    assert len(calls) == 1


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"sizes differ: \(20, 24\) and \(24, 20\)"):
        propagate(photo(20, 24), photo(24, 20))
