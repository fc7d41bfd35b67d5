"""One resumable, seeded training loop for every network we train."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..device import has_native_bfloat16
from .team import Team

CPU = torch.device("cpu")
LossFunction = Callable[[int], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast: warm-up, a plateau, then a linear descent to zero.

    The plateau makes ``steps`` free to change when a run is resumed: only the descent, the last
    ``descent`` share of the steps, needs to know where the end is.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    descent: float = 0.3
    checkpoint_seconds: float = 60.0
    log_every: int = 20

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = (step + 1) / max(self.warmup, 1)
        falling = (self.steps - step) / max(self.descent * self.steps, 1)
        return self.learning_rate * min(1.0, rising, falling)


def train(
    module: nn.Module,
    loss: LossFunction,
    schedule: Schedule,
    folder: Path,
    *,
    initialize: Callable[[], None] | None = None,
    team: Team | None = None,
) -> Path:
    """Train ``module`` in place until ``schedule.steps``, resuming from ``folder/checkpoint.pt``.

    Args:
        module: its parameters are optimised (AdamW); its state is checkpointed.
        loss: given the step, the loss and its named parts. A step's randomness must come from the
            step number alone, so that a resumed run sees what an uninterrupted one would have.
        folder: gets ``checkpoint.pt`` and ``curve.csv``.
        initialize: called only when there is no checkpoint.
        team: the processes that train together; gradients are averaged, the first one writes.

    Returns:
        the path of the curve: step, seconds, learning rate, loss and parts.
    """
    team = team or Team(CPU)
    folder.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1.0, betas=(0.9, 0.99), weight_decay=0.0)
    checkpoint, curve = _Checkpoint(folder / "checkpoint.pt", module, optimizer), folder / "curve.csv"
    start = checkpoint.read(team)
    if start is None and initialize is not None:
        initialize()
    elif start is not None and team.is_first:
        _cut_curve(curve, start)
    team.agree(module.state_dict().values())
    team.wait()  # nobody writes before all have read
    saved = time.monotonic()
    start = start or 0
    with tqdm(total=schedule.steps, initial=start, dynamic_ncols=True, disable=not team.is_first) as bar:
        for step in range(start, schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step)
            parts = _step(module, optimizer, loss, step, team)
            bar.update()
            if step % schedule.log_every == 0 and team.is_first:
                bar.set_postfix({k: f"{v:.3f}" for k, v in parts.items()}, refresh=False)
                _log(curve, {"step": step, "seconds": round(checkpoint.seconds), **parts})
            if time.monotonic() - saved > schedule.checkpoint_seconds and team.is_first:
                checkpoint.write(step + 1)
                saved = time.monotonic()
    if team.is_first:
        checkpoint.write(schedule.steps)
    team.wait()
    return curve


def _step(
    module: nn.Module, optimizer: torch.optim.Optimizer, loss: LossFunction, step: int, team: Team
) -> dict[str, float]:
    """One update, left out where the gradient is not finite; the loss and its parts."""
    optimizer.zero_grad(set_to_none=True)
    value, parts = loss(step)
    value.backward()
    team.average_gradients(module.parameters())
    norm = nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    if bool(torch.isfinite(norm)):
        optimizer.step()
    return {"loss": float(value.detach()), **parts}


class _Checkpoint:
    """A run's state in a file that is never half written, and the time it has taken over all sittings."""

    def __init__(self, path: Path, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.path, self.module, self.optimizer = path, module, optimizer
        self.spent, self.began = 0.0, time.monotonic()

    @property
    def seconds(self) -> float:
        """Spent on the run so far."""
        return self.spent + time.monotonic() - self.began

    def read(self, team: Team) -> int | None:
        """Restore the state and give its step, ``None`` where there is none; the same for all processes.

        Raises:
            SystemExit: this process's file is not at the first one's step.
        """
        start = None
        if self.path.exists():
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            self.module.load_state_dict(state["module"])
            self.optimizer.load_state_dict(state["optimizer"])
            start, self.spent = int(state["step"]), float(state["seconds"])
        first = torch.tensor([-1 if start is None else start], device=team.device)
        own = int(first)
        team.agree([first])
        if int(first) != own:
            raise SystemExit(f"{self.path} is not at the step of the first process's file; copy that one.")
        return start

    def write(self, step: int) -> None:
        """Save the state as that of ``step`` steps done."""
        state = {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": step,
            "seconds": self.seconds,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.path)


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
