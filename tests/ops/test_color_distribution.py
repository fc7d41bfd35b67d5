"""Colors distributed like another picture's, against known recolorings and SciPy's distances."""

import numpy as np
import pytest
import torch

from style_core.ops.color_distribution import distribution_table, recolored_by


def colors(n, *, seed=0):
    return torch.rand(n, 3, generator=torch.Generator().manual_seed(seed))


def as_picture(rows):
    return rows.T.reshape(1, 3, 1, -1)


def recolored(rows, wanted):
    return recolored_by(distribution_table(rows, wanted), as_picture(rows))[0, :, 0].T


def distance(a, b):
    """The mean of SciPy's Wasserstein distance over directions that are not those of the method."""
    from scipy.stats import (
        wasserstein_distance,
    )  # half a second, which every process would take that collects

    directions = np.random.default_rng(9).normal(size=(12, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.mean([wasserstein_distance(a.numpy() @ each, b.numpy() @ each) for each in directions])


def test_a_picture_of_that_distribution_is_left_alone():
    own = colors(20_000)
    assert (recolored(own, own) - own).abs().max() < 1e-3
    assert (recolored(own, own[torch.randperm(len(own))]) - own).abs().max() < 1e-3
    many = colors(300_000)
    assert (recolored(many, many) - many).abs().max() < 1e-3


def test_a_curve_of_each_channel_is_found():
    own = colors(40_000)
    wanted = torch.stack([own[:, 0] ** 2, own[:, 1].sqrt() * 0.5, 0.3 + 0.6 * own[:, 2]], 1)
    inside = ((own > 0.05) & (own < 0.95)).all(1)
    assert (recolored(own, wanted) - wanted)[inside].abs().max() < 0.02


def test_what_no_channel_shows_alone_is_found_by_turning():
    along = 0.5 + 0.15 * torch.randn(30_000, generator=torch.Generator().manual_seed(1))
    wanted = torch.stack([along, 1 - along, along], 1).clamp(0, 1) + 0.02 * (colors(30_000, seed=2) - 0.5)
    own = colors(30_000, seed=3)
    found = recolored(own, wanted)
    assert distance(found, wanted) < 0.1 * distance(own, wanted)
    assert np.corrcoef(found[:, :2].T.numpy())[0, 1] < -0.9  # red against green, which were independent


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_two_colors_occur_as_often_as_in_a_picture_of_two(share):
    own = colors(30_000)
    dark, light = torch.tensor([0.1, 0.1, 0.4]), torch.tensor([0.9, 0.8, 0.1])
    wanted = torch.where(
        torch.rand(30_000, 1, generator=torch.Generator().manual_seed(4)) < share, dark, light
    )
    found = recolored(own, wanted + 0.01 * colors(30_000, seed=5))
    is_dark = (found - dark).norm(dim=1) < (found - light).norm(dim=1)
    assert is_dark.float().mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("shade", [0.0, 1.0])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_what_many_pixels_share_gets_no_tint(shade, share):
    gray = torch.rand(20_000, 1, generator=torch.Generator().manual_seed(7))
    gray[: int(share * 20_000)] = shade
    own, wanted = gray.expand(-1, 3), colors(20_000, seed=8)[:, :1].expand(-1, 3)
    found = recolored(own, wanted)
    tint = found.amax(1) - found.amin(1)
    assert tint[0] < 0.02
    assert tint.mean() < 0.01  # colors beside the shared one are moved far, and not all alike
    # The shared color goes to the middle of the share that it is.
    middle = 1 - share / 2 if shade else share / 2
    assert found[0].tolist() == pytest.approx([middle] * 3, abs=0.03)
    flat = recolored(torch.full((500, 3), 0.5), wanted)
    assert flat[0].tolist() == pytest.approx([0.5] * 3, abs=0.03)


@pytest.mark.parametrize(("deviation", "most"), [(0.01, 1.05), (0.03, 1.05), (0.06, 1.55), (0.1, 1.75)])
def test_noise_is_not_spread_as_far_as_colors_are(deviation, most):
    own = 0.5 + deviation * torch.randn(20_000, 3, generator=torch.Generator().manual_seed(9))
    found = recolored(own, colors(20_000))  # which deviate by 0.29
    assert found.std(0).max() / deviation < most
    assert found.mean(0).tolist() == pytest.approx([0.5] * 3, abs=0.02)


def test_flat_pictures_and_colors_beyond_white_are_no_trouble():
    flat = torch.full((500, 3), 0.5)
    assert recolored(flat, torch.full((500, 3), 0.25)) == pytest.approx(0.25, abs=1e-3)
    assert torch.isfinite(distribution_table(flat, colors(1000))).all()
    table = distribution_table(colors(5000), 0.5 * colors(5000, seed=6))
    beyond = recolored_by(table, torch.full((1, 3, 2, 2), 1.25))
    at_white = recolored_by(table, torch.ones(1, 3, 2, 2))
    assert torch.allclose(beyond - 1.25, at_white - 1, atol=1e-6)
