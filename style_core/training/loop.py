"""One resumable, seeded training loop for every network we train, in one process or several."""

from __future__ import annotations

import csv
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ..device import has_native_bfloat16
from ..errors import StyleCoreError
from .processes import join_processes

if TYPE_CHECKING:
    from accelerate import Accelerator

MOST_NORM = 1.0  # of the gradient; a longer one is shortened


class Task(nn.Module, ABC):
    """What is to be learned: called with what was drawn for a step, it gives the loss."""

    @property
    @abstractmethod
    def trained(self) -> nn.Module:
        """The part that learns; a checkpoint holds its state."""

    @abstractmethod
    def forward(self, drawn: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, a differentiable scalar, and its named parts, detached scalars."""

    def step_sizes(self, draws: Dataset[Any]) -> list[float]:
        """What the learning rate is multiplied by, for every parameter of ``trained``; asked once in a run.

        Args:
            draws: of the run.
        """
        return [1.0 for _ in self.trained.parameters()]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast: warm-up, a plateau, then a linear descent to zero.

    Attributes:
        average: decay of the running mean of the weights that is the result; at 0 it is the last ones.

    The plateau makes ``steps`` free to change when a run is resumed: only the descent, the last
    ``descent`` share of the steps, needs to know where the end is.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    descent: float = 0.3
    average: float = 0.0
    checkpoint_seconds: float = 60.0
    log_every: int = 20

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = (step + 1) / max(self.warmup, 1)
        falling = (self.steps - step) / max(self.descent * self.steps, 1)
        return self.learning_rate * min(1.0, rising, falling)


def train(
    task: Task,
    draws: Dataset[Any],
    schedule: Schedule,
    folder: Path,
    *,
    initialize: Callable[[], None] | None = None,
    accelerator: Accelerator | None = None,
    workers: int = 0,
) -> Path:
    """Train a task in place until ``schedule.steps``, resuming from ``folder/checkpoint.pt``.

    Args:
        task: its ``trained`` part is optimized (AdamW). Moved to the accelerator's device.
        draws: by number, what a step of one process is given; has ``to(device)``. A draw's randomness must
            come from its number alone, so that a resumed run sees what an uninterrupted one would have.
        folder: gets ``checkpoint.pt`` and ``curve.csv``, both from the first process.
        initialize: called only when there is no checkpoint.
        accelerator: the processes that train together, by default this one on the CPU; each takes draws of
            its own, and their gradients are averaged.
        workers: processes beside this one that draw ahead; with 0 it draws itself.

    Returns:
        the path of the curve: step, seconds, learning rate, loss and parts.

    Raises:
        StyleCoreError: this process's checkpoint is not at the step of the others'.
    """
    accelerator = accelerator or join_processes("cpu")
    folder.mkdir(parents=True, exist_ok=True)
    task.to(accelerator.device).to(memory_format=torch.channels_last)
    groups = [{"params": [p], "scale": 1.0} for p in task.trained.parameters()]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.99), weight_decay=0.0)
    mean = AveragedModel(task.trained, multi_avg_fn=get_ema_multi_avg_fn(schedule.average))
    checkpoint = _Checkpoint(folder / "checkpoint.pt", task.trained, optimizer, mean)
    curve = folder / "curve.csv"
    start = checkpoint.read(accelerator)
    if start is None:
        if initialize is not None:
            initialize()
        for group, size in zip(optimizer.param_groups, task.step_sizes(draws), strict=True):
            group["scale"] = size
        mean.update_parameters(task.trained)
    elif accelerator.is_main_process:
        _cut_curve(curve, start)
    model, prepared = accelerator.prepare(task, optimizer)  # all take the first process's values
    steps = range(start or 0, schedule.steps)
    drawn = _drawn(draws, steps, accelerator, workers)
    is_silent = not accelerator.is_main_process
    bar = tqdm(drawn, total=schedule.steps, initial=steps.start, dynamic_ncols=True, disable=is_silent)
    for step, draw in zip(steps, bar, strict=True):
        _set_rate(prepared, schedule.rate(step))
        parts = _update(model, prepared, draw, accelerator)
        mean.update_parameters(task.trained)
        if accelerator.is_main_process:
            if step % schedule.log_every == 0:
                values = {name: float(part) for name, part in parts.items()}
                bar.set_postfix({k: f"{v:.3f}" for k, v in values.items()}, refresh=False)
                _log(curve, {"step": step, "seconds": round(checkpoint.seconds), **values})
            checkpoint.write_after(schedule.checkpoint_seconds, step + 1)
    if accelerator.is_main_process:
        checkpoint.write(schedule.steps)
    task.trained.load_state_dict(mean.module.state_dict())
    accelerator.wait_for_everyone()
    return curve


def _drawn(
    draws: Dataset[Any], steps: range, accelerator: Accelerator, workers: int
) -> Iterable[Any]:  # fmt: skip
    """One draw for each step; processes take turns in the numbers."""
    index, count = accelerator.process_index, accelerator.num_processes
    numbers = range(steps.start * count + index, steps.stop * count, count)
    # A generator of its own: the loader takes a number from it, and the global one stays as it is seeded.
    return DataLoader(
        draws, batch_size=None, sampler=numbers, num_workers=workers, generator=torch.Generator()
    )


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def _update(
    model: nn.Module, optimizer: torch.optim.Optimizer, draw: Any, accelerator: Accelerator
) -> dict[str, Tensor]:
    """One update, left out where the gradient is not finite; the loss and its parts."""
    optimizer.zero_grad(set_to_none=True)
    loss, parts = model(draw.to(accelerator.device))
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(model.parameters(), MOST_NORM)
    if bool(torch.isfinite(norm)):
        optimizer.step()
    return {"loss": loss.detach(), **parts}


class _Checkpoint:
    """A run's state in a file that is never half written, and the time it has taken over all sittings."""

    def __init__(
        self, path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, mean: nn.Module
    ) -> None:
        self.path, self.module, self.optimizer, self.mean = path, module, optimizer, mean
        self.spent, self.began = 0.0, time.monotonic()
        self.written = self.began

    @property
    def seconds(self) -> float:
        """Spent on the run so far."""
        return self.spent + time.monotonic() - self.began

    def read(self, accelerator: Accelerator) -> int | None:
        """Restore the state and give its step, ``None`` where there is none; the same for all processes.

        Returns only when every process has read, so that nobody writes before.

        Raises:
            StyleCoreError: the processes' files are not at the same step.
        """
        start = None
        if self.path.exists():
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self.module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.mean.load_state_dict(state["mean"])
            start, self.spent = int(state["step"]), float(state["seconds"])
        own = torch.tensor([-1 if start is None else start], device=accelerator.device)
        steps = accelerator.gather(own).tolist()
        if len(set(steps)) > 1:
            raise StyleCoreError(
                f"{self.path} is at step {int(own)} here and at step {steps[0]} for the first process; "
                "copy the first one's file."
            )
        return start

    def write_after(self, seconds: float, step: int) -> None:
        """Save the state if that was last done more than ``seconds`` ago."""
        if time.monotonic() - self.written > seconds:
            self.write(step)

    def write(self, step: int) -> None:
        """Save the state as that of ``step`` steps done."""
        state = {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mean": self.mean.state_dict(),
            "step": step,
            "seconds": self.seconds,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.path)
        self.written = time.monotonic()


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 where the hardware multiplies it natively, else plain float32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_native_bfloat16(device.type))


def _cut_curve(path: Path, step: int) -> None:
    """Drop rows from ``step`` on: they were written after the checkpoint and will be again."""
    if path.exists():
        header, *rows = path.read_text("utf-8").splitlines()
        kept = [row for row in rows if int(row.split(",")[0]) < step]
        path.write_text("\n".join([header, *kept]) + "\n", "utf-8")


def _log(path: Path, row: Mapping[str, float]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if is_new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" for k, v in row.items()})
