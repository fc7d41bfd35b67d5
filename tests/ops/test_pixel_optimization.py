"""The minimizer: the same steps as PyTorch's, and what it does when things go wrong."""

import time

import pytest
import torch

from style_core.ops import pixel_optimization
from style_core.ops.pixel_optimization import (
    LARGEST_CHANGE,
    LARGEST_STEP,
    LBFGS,
    OPTIMIZERS,
    RESTARTS,
    EndEarly,
    History,
    history_that_fits,
    minimize,
    value_and_gradient,
)

WANTED = torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(0))
START = torch.full((1, 3, 8, 9), 0.5)


def distance(x):
    return (x - WANTED).square().mean()


@pytest.mark.parametrize("history", [3, 12])
def test_lbfgs_takes_the_steps_of_pytorchs(history):
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(40, 40, generator=generator, dtype=torch.float64)
    matrix = factor @ factor.T / 40 + 0.1 * torch.eye(40, dtype=torch.float64)
    linear = torch.randn(40, generator=generator, dtype=torch.float64)

    def loss(x):
        return x @ matrix @ x / 2 - linear @ x

    variable = torch.zeros(40, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [variable], max_iter=25, history_size=history, tolerance_grad=-1, tolerance_change=-1
    )

    def closure():
        optimizer.zero_grad()
        value = loss(variable)
        value.backward()
        return value

    optimizer.step(closure)
    x = torch.zeros(40, dtype=torch.float64)
    _, gradient = value_and_gradient(loss, x)
    first = float(gradient.square().mean().sqrt() * min(1, 1 / gradient.abs().sum()))  # PyTorch's first step
    step = LBFGS(history=History(history), first=first, largest=1e9, farthest=1e9)
    for _ in range(25):
        x = step(x, value_and_gradient(loss, x)[1])
    torch.testing.assert_close(x, variable.detach(), rtol=1e-9, atol=1e-9)


def test_adam_takes_the_steps_of_pytorchs():
    variable = START.clone().requires_grad_()
    optimizer = torch.optim.Adam([variable], lr=0.02, betas=(0.9, 0.99))
    for _ in range(20):
        optimizer.zero_grad()
        distance(variable).backward()
        optimizer.step()
    found = minimize(START, distance, steps=20, optimizer="adam")
    torch.testing.assert_close(found.losses[-1], float(distance(variable.detach())))
    torch.testing.assert_close(found.image, variable.detach())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_it_finds_the_minimum(optimizer):
    found = minimize(START, distance, steps=150, optimizer=optimizer)
    torch.testing.assert_close(found.image, WANTED, atol=2e-3, rtol=0)
    assert not found.is_ended_early
    assert found.restarts == 0


def test_the_scale_of_the_loss_does_not_matter():
    images = [minimize(START, lambda x, k=k: k * distance(x), steps=6).image for k in (1e-6, 1.0, 1e6)]
    torch.testing.assert_close(images[0], images[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(images[2], images[1], atol=1e-4, rtol=0)


def test_losses_are_those_of_every_step_and_of_the_last_picture():
    found = minimize(START, distance, steps=7)
    assert len(found.losses) == 8
    assert found.losses[0] == pytest.approx(float(distance(START)))
    assert found.losses[-1] == pytest.approx(float(distance(found.image)))


def test_the_start_is_left_alone():
    before = START.clone()
    minimize(START, distance, steps=3)
    assert torch.equal(START, before)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_restarts_from_the_best_picture(bad):
    seen = []

    def loss(x):
        seen.append(x)
        value = distance(x)
        return value * bad if len(seen) == 6 else value

    found = minimize(START, loss, steps=30)
    assert found.restarts == 1
    assert torch.equal(seen[6], seen[4])
    torch.testing.assert_close(found.image, WANTED, atol=2e-3, rtol=0)


def test_a_loss_that_is_never_finite_gives_the_start_back():
    found = minimize(START, lambda x: distance(x) * float("nan"), steps=50)
    assert torch.equal(found.image, START)
    assert found.restarts == RESTARTS + 1


def test_a_wall_is_not_returned_as_the_result():
    """Beyond 0.6 the loss leaps: the best picture is below, and no worse than any that was seen."""
    seen = []

    def loss(x):
        value = (x - 0.7).square().mean() + 1e3 * (x - 0.6).clamp_min(0).square().sum()
        seen.append(float(value.detach()))
        return value

    found = minimize(START, loss, steps=40)
    assert float(loss(found.image)) <= min(seen) * (1 + 1e-6)


def test_no_step_is_longer_than_allowed():
    step = LBFGS(first=100.0)
    gradient = torch.zeros(1, 3, 8, 9)
    gradient[0, 0, 0, 0] = 1
    change = step(START, gradient) - START
    assert change.abs().max() <= LARGEST_CHANGE * 1.0001
    change = LBFGS(first=100.0)(START, torch.ones_like(START)) - START
    assert change.square().mean().sqrt() <= LARGEST_STEP * 1.0001


def test_a_report_may_end_it_with_the_best_so_far():
    def report(step, loss, picture):
        if step > 0:
            raise EndEarly

    def slow(x):
        time.sleep(0.1)
        return distance(x)

    found = minimize(START, slow, steps=100, report=report)
    assert found.is_ended_early
    assert 1 < len(found.losses) < 20
    assert float(distance(found.image)) == pytest.approx(min(found.losses))


@pytest.mark.parametrize("last", [0, 1, 6])
def test_the_middle_of_a_loss_may_end_it_with_the_best_so_far(last):
    losses = []

    def loss(x):
        if len(losses) == last:
            raise EndEarly
        losses.append(float(distance(x.detach())))
        return distance(x)

    found = minimize(START, loss, steps=100)
    assert found.is_ended_early
    assert found.losses == pytest.approx(losses)
    assert float(distance(found.image)) == pytest.approx(min([*losses, float(distance(START))]))


def test_what_else_a_report_raises_goes_through():
    def report(step, loss, picture):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        minimize(START, distance, steps=3, report=report)


def test_after_the_deadline_it_ends():
    found = minimize(START, distance, steps=1000, deadline=time.monotonic() - 1)
    assert found.is_ended_early
    assert len(found.losses) == 1


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="must be one of lbfgs, adam"):
        minimize(START, distance, steps=1, optimizer="sgd")


def test_the_history_takes_no_more_than_its_room_but_one_pair():
    assert history_that_fits(1000, None) == history_that_fits(1000, 12 * 8000) == History()
    for room in (12 * 8000 - 1, 40_000, 9000, 0):
        found = history_that_fits(1000, room)
        assert found.dtype == torch.bfloat16  # 4000 bytes a pair
        assert found.pairs == max(1, min(12, room // 4000))


@pytest.mark.parametrize("room", [None, 3 * 4 * START.numel()])
def test_a_short_history_of_half_the_bytes_descends_nearly_as_well(room):
    """A quadratic of condition 100, whose minimum is known."""
    stiffness = torch.logspace(0, 2, START.numel()).view(START.shape)

    def loss(x):
        return (stiffness * (x - 0.3).square()).mean()

    found = minimize(START, loss, steps=60, history_room=room)
    assert found.losses[-1] < 1e-3 * found.losses[0]


def test_strips_of_a_large_picture_are_the_same_steps(monkeypatch):
    def run():
        step, x = LBFGS(), START.double()
        for _ in range(6):
            x = step(x, value_and_gradient(lambda y: (y - WANTED.double()).pow(4).mean(), x)[1])
        return x

    whole = run()
    monkeypatch.setattr(pixel_optimization, "STRIP", 60)  # of 216 values
    torch.testing.assert_close(run(), whole, rtol=1e-9, atol=1e-9)
