"""How far a tensor may go in one step, on functions whose answer is known."""

import pytest
import torch

from style_core.training.step_sizes import LARGEST, SMALLEST, bearable_step, bearable_steps, typical_signs


def test_the_step_doubles_the_error():
    """The error of x against 1 is (x - 1)^2: from 0 it doubles at -(sqrt(2) - 1)."""
    x = torch.zeros(1)
    found = bearable_step(x, torch.ones(1), lambda: float((x - 1).square()) / 100)
    assert x == 0
    assert found == pytest.approx(LARGEST, rel=0.1)  # 0.41 would be, beyond the range
    x = torch.zeros(1)
    found = bearable_step(x, torch.ones(1), lambda: float((10 * x - 1).square()))
    assert found == pytest.approx((2**0.5 - 1) / 10, rel=0.1)


def test_where_no_gradient_was_met_the_step_is_the_smallest():
    x = torch.zeros(3)
    assert bearable_step(x, torch.zeros(3), lambda: 1.0) == SMALLEST


def test_steep_and_shallow_losses_count_alike():
    a = torch.zeros(2, requires_grad=True)
    losses = [1e6 * a[0] + 2e6 * a[1], a[0] - a[1], 3 * a[0] - 3 * a[1]]
    assert typical_signs(losses, {"a": a})["a"].tolist() == [1, -1]


def test_a_sensitive_tensor_takes_smaller_steps_and_nothing_is_changed():
    """Downhill first, the error (1 - 50 a)^2 comes to 2 at a = (1 + sqrt(2)) / 50."""
    a, b = (torch.zeros(4, requires_grad=True) for _ in range(2))

    def error():
        return float((1 - 50 * a - b).square().mean().detach())

    losses = [(1 - 50 * a - b).square().sum() for _ in range(2)]
    parameters = {"net.a": a, "net.b": b}
    first, second = bearable_steps(parameters, losses, {"net.": error})
    assert second / first == pytest.approx(LARGEST / ((1 + 2**0.5) / 50), rel=0.2)
    assert not a.any()
    assert not b.any()
