"""Fitting and slicing a look, on pictures whose recoloring is known."""

import math

import numpy as np
import pytest
import torch

from style_core import images
from style_core.images import HIGHEST, as_floats, as_samples
from style_core.look import CALM, FAITHFUL, Prior, fit_look
from style_core.look import grid as grid_module
from style_core.look.grid import Grid, equations, node_places, sliced_by_tensors
from style_core.look.look import Look, Shares
from style_core.regions import Labels

from ..conftest import photo

MATRIX = torch.tensor([[0.8, 0.1, 0.0, 0.05], [0.0, 0.7, 0.2, 0.02], [0.1, 0.0, 0.6, 0.1]])


def recolored(picture, matrix=MATRIX):
    return (torch.einsum("dc,nchw->ndhw", matrix[:, :3], picture) + matrix[:, 3, None, None]).clamp(0, 1)


def scene(height=96, width=128, seed=1):
    """A photo that has all luminances."""
    return torch.nn.functional.interpolate(photo(24, 32, seed=seed), (height, width), mode="bicubic").clamp(
        0, 1
    )


def test_an_affine_recoloring_is_reproduced_to_rounding():
    content = scene()
    found = fit_look(content, recolored(content), prior=FAITHFUL)
    assert (found.apply(content) - recolored(content)).abs().max() < 1e-3


def test_and_so_it_is_at_any_other_size_and_on_another_photo():
    content = scene()
    found = fit_look(content, recolored(content), prior=FAITHFUL)
    large, other = scene(230, 301), scene(70, 90, seed=5)
    assert (found.apply(large) - recolored(large)).abs().max() < 2e-3
    assert (found.for_other_photos().apply(other) - recolored(other)).abs().mean() < 2e-3


def test_what_depends_on_luminance_is_kept_apart():
    """A dark pole before a bright sky: each gets its own recoloring, right up to the edge between them."""
    content = 0.85 + 0.05 * scene()
    content[..., 60:66] = 0.1 + 0.05 * scene()[..., 60:66]
    styled = recolored(content)
    styled[..., 60:66] = content[..., 60:66] * 0.5
    error = (fit_look(content, styled, prior=FAITHFUL).apply(content) - styled).abs().amax((0, 1, 2))
    assert error.max() < 0.01


def test_a_glow_around_an_edge_is_not_carried_over():
    content = torch.full((1, 3, 96, 160), 0.8) + 0.02 * scene(96, 160)
    content[..., 78:84] = 0.1
    styled = recolored(content)
    for reach in range(1, 8):  # lighter the nearer to the pole
        for x in (77 - reach, 84 + reach):
            styled[..., x] += 0.1 * (1 - reach / 8)
    looked = fit_look(content, styled, prior=FAITHFUL).apply(content)

    def rise(x):
        """How much lighter the sky is beside the pole than away from it."""
        return float(x[..., 70:77].mean() - x[..., 40:50].mean())

    assert rise(styled) > 0.04
    assert rise(looked) < 0.5 * rise(styled)  # the rest is spread over the cells around


def test_what_depends_on_the_side_is_kept_away_from_the_middle():
    content = scene(96, 256)
    styled = recolored(content)
    styled[..., 128:] = content[..., 128:] * 0.6 + 0.1
    error = (fit_look(content, styled, prior=FAITHFUL).apply(content) - styled).abs().amax((0, 1, 2))
    assert torch.cat([error[:80], error[176:]]).max() < 0.02


def test_regions_of_equal_luminance_do_not_share_cells():
    """Gray meets a gray that is hardly another; only labels tell where one recoloring ends."""
    content = torch.full((1, 3, 96, 128), 0.5) + 0.05 * scene()
    content[..., 64:] += 0.02
    styled = torch.cat([content[..., :64] * 0.5, content[..., 64:] * 0.5 + 0.45], 3)
    labels = torch.ones(96, 128, dtype=torch.uint8)
    labels[:, 64:] = 2
    errors = [
        (fit_look(content, styled, given, prior=FAITHFUL).apply(content) - styled).abs()[..., 36:92].mean()
        for given in (None, Labels(labels))
    ]
    assert errors[1] < 0.7 * errors[0]


def test_strength_leads_from_the_photo_to_the_look():
    content = scene()
    found = fit_look(content, recolored(content), prior=FAITHFUL)
    assert (found.strengthened(0).apply(content) - content).abs().max() < 1e-5
    half = found.strengthened(0.5).apply(content)
    torch.testing.assert_close(half, (content + found.apply(content)) / 2, atol=1e-3, rtol=0)


def test_a_calm_look_does_not_enlarge_noise_but_keeps_the_contrast_between_places():
    """Twice the contrast everywhere: sky and ground are twice as far apart, the sky's grain is as it was."""
    noise = torch.randn(1, 3, 192, 256, generator=torch.Generator().manual_seed(6)) * 0.01
    content = torch.full((1, 3, 192, 256), 0.6) + noise
    content[..., 96:, :] -= 0.2
    styled = 0.5 + 2 * (content - 0.5)
    for prior, least, most in ((FAITHFUL, 1.8, 2.1), (CALM, CALM.gain, 1.1)):
        looked = fit_look(content, styled, prior=prior).apply(content)
        sky, ground = looked[..., 8:80, 8:-8], looked[..., 112:-8, 8:-8]
        assert least < sky.std() / noise.std() < most
        assert sky.mean() - ground.mean() == pytest.approx(0.4, abs=0.02)


def test_pixels_beside_strong_edges_hardly_count():
    content = torch.full((1, 3, 64, 64), 0.8)
    content[..., 32:] = 0.2
    counts = equations(content, content).second[..., 3, 3]
    assert counts.sum() == pytest.approx(64 * (64 - 8), rel=0.02)  # four pixels on either side are out


def drawn_grid(bins=5, ny=4, nx=6):
    return Grid(torch.rand(bins, ny, nx, 3, 4, generator=torch.Generator().manual_seed(4)), torch.eye(3, 4))


@pytest.mark.parametrize(("height", "width"), [(37, 53), (16, 200)])
def test_slicing_is_trilinear_interpolation(height, width):
    """By hand, in float64, at some pixels; compiled and in tensor expressions."""
    picture, grid = photo(height, width, seed=2), drawn_grid()
    compiled = Look((grid,), grid).apply(picture)
    tensors = sliced_by_tensors(picture, grid, slice(0, height), height).clamp(0, 1)
    maps = grid.maps.double().numpy()
    for y, x in [(0, 0), (height - 1, width - 1), (5, 9), (height // 2, width // 3), (3, width - 2)]:
        rgb = picture[0, :, y, x].double().numpy()
        places = [
            float(np.clip(rgb @ [0.299, 0.587, 0.114], 0, 1) * 4),
            (y + 0.5) * 3 / height,
            (x + 0.5) * 5 / width,
        ]
        matrix = np.zeros((3, 4))
        for corner in np.ndindex(2, 2, 2):
            index, weight = [], 1.0
            for place, bit, count in zip(places, corner, maps.shape, strict=False):
                low = min(int(place), count - 2)
                index.append(low + bit)
                weight *= place - low if bit else 1 - (place - low)
            matrix += weight * maps[tuple(index)]
        wanted = np.clip(matrix @ [*rgb, 1], 0, 1)
        np.testing.assert_allclose(compiled[0, :, y, x], wanted, atol=1e-5)
        np.testing.assert_allclose(tensors[0, :, y, x], wanted, atol=1e-5)


def test_strips_are_the_whole(monkeypatch):
    picture, grid = photo(100, 40, seed=3), drawn_grid()
    whole = Look((grid,), grid).apply(picture)
    monkeypatch.setattr(images, "STRIP", 17 * 40)
    assert torch.equal(Look((grid,), grid).apply(picture), whole)


@pytest.mark.parametrize("depth", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("target", [torch.uint8, torch.uint16])
@pytest.mark.parametrize("shape", [(5, 4, 6), (2, 2, 2), (7, 9, 3)])
def test_whole_samples_are_those_of_floats_to_the_nearest(shape, depth, target):
    grid = drawn_grid(*shape)
    samples = as_samples(photo(61, 47, seed=7), depth).contiguous(memory_format=torch.channels_last)
    found = Look((grid,), grid).restyled(samples, target)
    wanted = sliced_by_tensors(as_floats(samples), grid, slice(0, 61), 61).clamp(0, 1)
    assert found.dtype == target
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found.double() - wanted.double() * HIGHEST[target]).abs().max() < 0.5 + 1e-5 * HIGHEST[target]


def test_shares_of_a_strip_are_those_of_the_whole():
    content = scene()
    labels = torch.ones(96, 128, dtype=torch.uint8)
    labels[40:] = 2
    shares = Shares.fit(Labels(labels), content)
    whole = shares.at(content, slice(0, 96), 96)
    torch.testing.assert_close(whole.sum(0), torch.ones(96, 128))
    part = shares.at(content[:, :, 30:50], slice(30, 50), 96)
    torch.testing.assert_close(part, whole[:, 30:50])
    assert whole[0, :30].mean() > 0.9
    assert whole[1, 60:].mean() > 0.9


def test_equations_are_weighted_sums_over_all_pixels():
    content, styled = scene(), recolored(scene())
    found = equations(content, styled, prior=Prior(cell=16, bins=6, edge=math.inf))
    p = torch.cat([content[0], torch.ones(1, 96, 128)]).flatten(1).double()
    torch.testing.assert_close(found.second.sum((0, 1, 2)), p @ p.T, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(
        found.cross.sum((0, 1, 2)), p @ styled[0].flatten(1).double().T, rtol=1e-4, atol=1e-2
    )


@pytest.mark.parametrize("is_compiled", [True, False])
@pytest.mark.parametrize("bins", [2, 5])
def test_a_pixel_counts_at_the_eight_nodes_around_it(monkeypatch, is_compiled, bins):
    """By hand, in float64; compiled and in tensor expressions."""
    monkeypatch.setattr(grid_module, "is_usable", lambda device: is_compiled)
    height, width = 34, 53
    content, styled = photo(height, width, seed=3), photo(height, width, seed=4)
    weights = torch.rand(height, width, generator=torch.Generator().manual_seed(5))
    weights[:, :20] = 0
    found = equations(content, styled, weights, prior=Prior(cell=13, bins=bins, edge=math.inf))
    ny, nx = found.second.shape[1:3]
    second, cross = (np.zeros(each.shape) for each in (found.second, found.cross))
    for y, x in np.ndindex(height, width):
        p = np.array([*content[0, :, y, x].double().numpy(), 1.0])
        q = styled[0, :, y, x].double().numpy()
        light = p[:3] @ [0.299, 0.587, 0.114]
        places = light * (bins - 1), (y + 0.5) * (ny - 1) / height, (x + 0.5) * (nx - 1) / width
        for corner in np.ndindex(2, 2, 2):
            index, share = [], float(weights[y, x])
            for place, bit, count in zip(places, corner, (bins, ny, nx), strict=True):
                low = min(int(place), count - 2)
                index.append(low + bit)
                share *= place - low if bit else 1 - (place - low)
            second[tuple(index)] += share * np.outer(p, p)
            cross[tuple(index)] += share * np.outer(p, q)
    np.testing.assert_allclose(found.second, second, atol=1e-4, rtol=1e-5)
    np.testing.assert_allclose(found.cross, cross, atol=1e-4, rtol=1e-5)


def test_equations_of_two_frames_add_up():
    frames = scene(seed=1), scene(seed=7)
    both = [equations(f, recolored(f), prior=FAITHFUL) for f in frames]
    found = both[0].merged(both[1]).solved(FAITHFUL)
    looked = Look((found,), found).apply(frames[1])
    assert (looked - recolored(frames[1])).abs().max() < 1e-3


def test_nodes_lie_from_border_to_border():
    places = node_places(100, 5, torch.device("cpu"))
    assert places[0] == pytest.approx(0.02)
    assert places[-1] == pytest.approx(3.98)
