"""Distil the compact VGG-19-shaped encoder from larger networks.

Every tapped level of the student is led by a free 1x1 map to the teacher's features; the loss is
the mean square error over the target's variance, weighed by the inverse of the level's aim.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.encoder import LAYERS, Encoder, layer_of
from .initialization import fit_map, set_convolution, start_from_teachers
from .loop import CPU, Schedule, autocast, train
from .photos import Photos
from .teachers import AIMS, Teachers

WIDTHS = (32, 32, 64, 64, 128, 96, 96, 96, 160, 160, 160, 160, 160)
INITIAL_CROPS = 48  # pictures for the least-squares start
MAPS_CROPS = 24


class Distillation(nn.Module):
    """The student, its 1x1 maps to the teachers' widths, and the loss between them."""

    def __init__(self, teachers: Teachers, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.student = Encoder(dict(zip(LAYERS, widths, strict=True)))
        self._teachers = [teachers]  # in a list: not a submodule, so neither trained nor saved
        probe = teachers.targets(torch.rand(1, 3, 64, 64))
        self.maps = nn.ModuleDict(
            {
                level: nn.Conv2d(getattr(self.student, layer_of(level)).out_channels, t.shape[1], 1)
                for level, t in probe.items()
            }
        )
        self.variances = nn.ParameterDict(
            {level: nn.Parameter(torch.ones(()), requires_grad=False) for level in AIMS}
        )

    @property
    def teachers(self) -> Teachers:
        """The frozen networks that are imitated."""
        return self._teachers[0]

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        """Least-squares start of student and maps, and each level's variance, from ``images``."""
        start_from_teachers(self.student, self.teachers, images)
        few = images[:MAPS_CROPS]
        features, targets = self.student(few, AIMS), self.teachers.targets(few)
        for level, conv in self.maps.items():
            assert isinstance(conv, nn.Conv2d)
            set_convolution(conv, *fit_map(features[level], targets[level]))
            self.variances[level].copy_(variance(targets[level]))

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Relative error by level, of the maps' linear output."""
        targets = self.teachers.targets(images)
        features = self.student(images, AIMS)
        return {
            level: (self.maps[level](features[level]).float() - targets[level].float()).square().mean()
            / self.variances[level]
            for level in AIMS
        }


def variance(features: Tensor) -> Tensor:
    """Mean over channels of the variance over images and positions of ``[N, C, h, w]``."""
    return features.var(dim=(0, 2, 3), unbiased=False).mean()


def train_encoder(
    data: Path,
    teacher: Path,
    folder: Path,
    schedule: Schedule,
    *,
    seed: int = 0,
    crops: int = 10,
    size: int = 160,
    widths: tuple[int, ...] = WIDTHS,
    held_out: int = 36,
    device: torch.device = CPU,
) -> Distillation:
    """Run or resume the distillation; the checkpoint and the loss curve are in ``folder``."""
    torch.manual_seed(seed)
    photos = Photos(data, held_out=held_out)
    model = Distillation(Teachers(teacher), widths).to(device)
    model.teachers.to(device)
    model = model.to(memory_format=torch.channels_last)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        images = photos.crops(crops, size, seed=step_seed(seed, step)).to(device)
        with autocast(device):
            errors = model(images.contiguous(memory_format=torch.channels_last))
        total = torch.stack([errors[level] / aim for level, aim in AIMS.items()]).sum()
        return total, {level: float(error.detach()) for level, error in errors.items()}

    def initialize() -> None:
        model.initialize(photos.crops(INITIAL_CROPS, 96, seed=step_seed(seed, -1)).to(device))

    train(model, loss, schedule, folder, initialize=initialize)
    return model


def step_seed(seed: int, step: int) -> int:
    """The seed of a step's crops: the same after a resume."""
    return seed * 10_000_000 + step + 1


@torch.no_grad()
def held_out_errors(model: Distillation, images: Tensor) -> dict[str, dict[str, float]]:
    """Relative errors on ``images`` by level: of the linear map, and with the negatives cut off.

    The targets are rectified, so cutting off what the linear map puts below zero is fair and is
    how the papers' own ``aux`` maps were measured.
    """
    squares = {level: torch.zeros(3, dtype=torch.float64) for level in AIMS}
    moments: dict[str, list[Tensor]] = {level: [] for level in AIMS}
    for batch in images.split(4):
        targets, features = model.teachers.targets(batch), model.student(batch, AIMS)
        for level, target in targets.items():
            predicted = model.maps[level](features[level])
            squares[level] += torch.tensor(
                [(p - target).square().sum().item() for p in (predicted, F.relu(predicted))]
                + [float(target.numel())]
            )
            moments[level].append(
                torch.stack([target.mean((0, 2, 3)), target.square().mean((0, 2, 3))]) * len(batch)
            )
    errors = {}
    for level, (linear, rectified, count) in squares.items():
        mean, square = torch.stack(moments[level]).sum(0) / len(images)
        total = (square - mean.square()).mean().item()
        errors[level] = {
            "linear": float(linear / count) / total,
            "rectified": float(rectified / count) / total,
        }
    return errors
