"""Processes that train together: one alone, or those ``accelerate launch`` (or torchrun) has started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..device import choose_device


@dataclass(frozen=True)
class Team:
    """This process's place among ``size``, and its device."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes checkpoints, curves and weights."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """The mean of all processes' gradients, in place."""
        if self.size > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    dist.all_reduce(parameter.grad)
                    parameter.grad /= self.size

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Everybody takes the first process's values."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            dist.barrier()


def join_team(device: str) -> Team:
    """The team of this process: alone unless a launcher says otherwise.

    Args:
        device: as in :func:`choose_device`; with several processes "cpu", or one GPU each.

    Raises:
        SystemExit: several processes without the accelerate package.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Team(choose_device(device))
    try:
        from accelerate import PartialState
    except ImportError:
        raise SystemExit("Several processes need the accelerate package: pip install accelerate") from None
    state = PartialState(cpu=choose_device(device).type == "cpu")
    return Team(state.device, state.process_index, state.num_processes)
