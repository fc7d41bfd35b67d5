"""The comb against what it has to take out and to leave, both known beforehand."""

import pytest
import torch

from style_core.ops.lattice import GRID, PERIODS, REACH, without_lattice

HEIGHT, WIDTH = 384, 448
FAR = (..., slice(112, -112), slice(112, -112))  # from the borders, where fewer cells say what a pattern is


def weave(period, seed=0):
    """A pattern that repeats every ``period`` px and has no mean; its amplitude is 0.02."""
    cell = torch.randn(1, 3, period, period, generator=torch.Generator().manual_seed(seed))
    cell -= cell.mean((2, 3), keepdim=True)
    return 0.02 * cell.repeat(1, 1, HEIGHT // period, WIDTH // period)


def ramp():
    """Slopes that differ by color."""
    y, x = torch.linspace(0, 1, HEIGHT)[:, None], torch.linspace(0, 1, WIDTH)
    return torch.stack([0.2 + 0.6 * x + 0 * y, 0.7 - 0.4 * y + 0 * x, 0.3 + 0.2 * x + 0.2 * y])[None]


def strokes(scale=0.1, seed=1):
    """Noise with a range of sizes, none of which has to do with the grid."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [(HEIGHT // k, WIDTH // k) for k in (1, 3, 7)]
    parts = [torch.randn(1, 3, *size, generator=generator) for size in sizes]
    return scale * sum(
        torch.nn.functional.interpolate(p, (HEIGHT, WIDTH), mode="bicubic") for p in parts
    )  # fmt: skip


@pytest.mark.parametrize("period", [2, *PERIODS])
def test_a_weave_on_a_slope_is_taken_out(period):
    source = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    found = without_lattice(ramp() + weave(period), source)
    assert (found - ramp())[FAR].abs().max() < 1e-4
    # at the border, where a slope and a pattern are told apart less well, most of it
    assert (found - ramp()).square().mean() < 0.02 * weave(period).square().mean()


def test_a_weave_that_changes_slowly_is_taken_out():
    fading = torch.linspace(0.2, 1, WIDTH)
    found = without_lattice(ramp() + fading * weave(8), ramp())
    assert (found - ramp())[FAR].square().mean() < 0.01 * (fading * weave(8))[FAR].square().mean()


def test_slopes_are_left_as_they_are():
    assert (without_lattice(ramp(), torch.zeros(1, 3, HEIGHT, WIDTH)) - ramp()).abs().max() < 1e-5


def test_what_was_in_the_source_stays():
    bricks = ramp() + weave(16) + weave(8, seed=3)
    assert torch.equal(without_lattice(bricks, bricks), bricks)
    recolored = 0.7 * ramp() + weave(16)
    found = without_lattice(recolored, ramp() + weave(16))
    assert (found - recolored).abs().max() < 1e-5


def test_strokes_stay():
    """Of strokes that lie anywhere hardly any energy is on the comb."""
    source = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    drawn = strokes()
    found = without_lattice(source + drawn, source) - source
    share = (found * drawn).mean() / drawn.square().mean()
    assert share > 0.9
    assert (found - drawn).square().mean() < 0.12 * drawn.square().mean()


def test_an_edge_leaves_no_echo_beside_it():
    """A hard edge is part of a cell only; its neighbors, which are flat, take next to nothing of it."""
    source = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    edge = torch.where(torch.arange(WIDTH) < 165, 0.1, 0.9).expand(1, 3, HEIGHT, WIDTH)
    found = without_lattice(edge, source)
    assert (found - edge).abs().max() < 4 / 255
    assert (found - edge)[..., 190:].abs().max() < 2 / 255


def test_a_pixel_depends_on_no_more_than_its_reach():
    source = torch.full((1, 3, 512, 512), 0.5, dtype=torch.float64)
    drawn = torch.randn(source.shape, generator=torch.Generator().manual_seed(4), dtype=source.dtype)
    moved = drawn.clone()
    moved[..., 250:262, 256:271] += 1
    change = (without_lattice(moved, source) - without_lattice(drawn, source)).abs().amax((0, 1))
    rows, columns = (torch.nonzero(change.amax(axis) > 1e-12).flatten() for axis in (1, 0))
    assert rows.min() >= 250 - REACH
    assert rows.max() <= 261 + REACH
    assert columns.min() >= 256 - REACH
    assert columns.max() <= 270 + REACH
    assert columns.max() > 270 + REACH // 2


def test_a_tile_on_the_grid_is_the_same_as_in_the_whole():
    picture, source = strokes() + ramp() + weave(16), ramp()
    whole = without_lattice(picture, source)
    margin = -(-REACH // GRID) * GRID
    left = 2 * GRID
    found = without_lattice(picture[..., left:], source[..., left:])
    assert torch.allclose(found[..., margin:], whole[..., left + margin :], atol=1e-6)


def test_it_can_be_trained_through():
    picture, source = strokes().requires_grad_(), ramp()
    without_lattice(picture, source).square().sum().backward()
    assert picture.grad.abs().mean() > 0
