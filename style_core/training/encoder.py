"""Distil the compact VGG-19-shaped encoder from larger networks.

Every tapped layer of the student is led by a free 1x1 map to the teacher's features; the loss is
the mean square error over the target's variance, weighed by the inverse of the layer's aim.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.encoder import LAYERS, Encoder, layer_of
from .crops import CropTask
from .initialization import fit_map, set_convolution, start_from_teachers
from .loop import autocast
from .teachers import AIMS, Teachers

WIDTHS = (32, 32, 64, 64, 128, 96, 96, 96, 160, 160, 160, 160, 160)
MAPS_CROPS = 24


class Distillation(CropTask):
    """The student, its 1x1 maps to the teachers' widths, and the loss between them.

    Args:
        teachers: frozen, and moved to the device of the training by the caller: neither trained nor saved.
        widths: channels of the student's layers.
    """

    initial_crops = 48, 96

    def __init__(self, teachers: Teachers, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.student = Encoder(dict(zip(LAYERS, widths, strict=True)))
        self._teachers = [teachers]  # in a list: not a submodule
        probe = teachers.targets(torch.rand(1, 3, 64, 64))
        self.maps = nn.ModuleDict(
            {
                layer: nn.Conv2d(getattr(self.student, layer_of(layer)).out_channels, t.shape[1], 1)
                for layer, t in probe.items()
            }
        )
        self.variances = nn.ParameterDict(
            {layer: nn.Parameter(torch.ones(()), requires_grad=False) for layer in AIMS}
        )

    @property
    def teachers(self) -> Teachers:
        """The frozen networks that are imitated."""
        return self._teachers[0]

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        """Least-squares start of student and maps, and each layer's variance, from ``images``."""
        start_from_teachers(self.student, self.teachers, images)
        few = images[:MAPS_CROPS]
        features, targets = self.student(few, AIMS), self.teachers.targets(few)
        for layer, conv in self.maps.items():
            assert isinstance(conv, nn.Conv2d)
            set_convolution(conv, *fit_map(features[layer], targets[layer]))
            self.variances[layer].copy_(variance(targets[layer]))

    @property
    def trained(self) -> Distillation:
        return self

    def forward(self, drawn: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of ``[N, 3, H, W]``, and the relative error of every layer's map, linear."""
        with autocast(drawn.device):
            images = drawn.contiguous(memory_format=torch.channels_last)
            targets, features = self.teachers.targets(images), self.student(images, AIMS)
            errors = {
                layer: (self.maps[layer](features[layer]).float() - targets[layer].float()).square().mean()
                / self.variances[layer]
                for layer in AIMS
            }
        loss = torch.stack([errors[layer] / aim for layer, aim in AIMS.items()]).sum()
        return loss, {layer: error.detach() for layer, error in errors.items()}


def variance(features: Tensor) -> Tensor:
    """Mean over channels of the variance over images and positions of ``[N, C, h, w]``."""
    return features.var(dim=(0, 2, 3), unbiased=False).mean()


@torch.no_grad()
def held_out_errors(model: Distillation, images: Tensor) -> dict[str, dict[str, float]]:
    """Relative errors on ``images`` by layer: of the linear map, and with the negatives cut off.

    The targets are rectified, so cutting off what the linear map puts below zero is fair and is
    how the papers' own ``aux`` maps were measured.
    """
    squares = {layer: torch.zeros(3, dtype=torch.float64) for layer in AIMS}
    moments: dict[str, list[Tensor]] = {layer: [] for layer in AIMS}
    for batch in images.split(4):
        targets, features = model.teachers.targets(batch), model.student(batch, AIMS)
        for layer, target in targets.items():
            predicted = model.maps[layer](features[layer])
            squares[layer] += torch.tensor(
                [(p - target).square().sum().item() for p in (predicted, F.relu(predicted))]
                + [float(target.numel())]
            )
            moments[layer].append(
                torch.stack([target.mean((0, 2, 3)), target.square().mean((0, 2, 3))]) * len(batch)
            )
    errors = {}
    for layer, (linear, rectified, count) in squares.items():
        mean, square = torch.stack(moments[layer]).sum(0) / len(images)
        total = (square - mean.square()).mean().item()
        errors[layer] = {
            "linear": float(linear / count) / total,
            "rectified": float(rectified / count) / total,
        }
    return errors
