"""How far each tensor of a decoder may go in one step, found by trying.

Adam moves every number of a network by about the same amount. The decoders' tensors bear very different
amounts: conv1_1 of the cat5 decoder doubles the reconstruction's error at a step of 1e-4, conv4_1 at 5e-3. At
one rate for all, either the first diverges or the last does not move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor

SMALLEST, LARGEST = 1e-5, 0.3
HALVINGS = 7  # of the logarithm of the range: the last step is 8 %
WORSE = 2.0  # times the error


def typical_signs(losses: Iterable[Tensor], parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The sign of the mean gradient by parameter; every loss counts alike, however steep it is."""
    total = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for loss in losses:
        found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        norm = torch.stack([g.square().sum() for g in found if g is not None]).sum().sqrt()
        for name, gradient in zip(parameters, found, strict=True):
            if gradient is not None and norm > 0:
                total[name] += gradient / norm
    return {name: x.sign() for name, x in total.items()}


@torch.no_grad()
def bearable_step(parameter: Tensor, sign: Tensor, error: Callable[[], float]) -> float:
    """The step against ``sign`` at which ``error()`` is :data:`WORSE` times what it was; within the range.

    The smallest where nothing is known of the gradient.
    """
    if not bool(sign.any()):
        return SMALLEST
    before, limit = parameter.clone(), WORSE * error()
    low, high = torch.tensor([SMALLEST, LARGEST]).log().tolist()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        parameter.copy_(before - sign * torch.tensor(middle).exp())
        low, high = (low, middle) if error() > limit else (middle, high)
    parameter.copy_(before)
    return float(torch.tensor(low).exp())


def bearable_steps(
    parameters: Mapping[str, Tensor], losses: Iterable[Tensor], errors: Mapping[str, Callable[[], float]]
) -> list[float]:
    """:func:`bearable_step` of every parameter, in order.

    Args:
        parameters: by name; trained.
        losses: a few, each a differentiable scalar; taken one at a time.
        errors: prefix of a parameter's name -> the error that it must not double.
    """
    signs = typical_signs(losses, parameters)
    return [bearable_step(p, signs[name], _of(name, errors)) for name, p in parameters.items()]


def _of(name: str, errors: Mapping[str, Callable[[], float]]) -> Callable[[], float]:
    return next(error for prefix, error in errors.items() if name.startswith(prefix))
