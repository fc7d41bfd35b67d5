"""What learns from plain crops of photos: their draws, and a run that starts with least squares on some."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils.data import Dataset

from .loop import Schedule, Task, train
from .photos import Photos, draw_seed
from .processes import join_processes

if TYPE_CHECKING:
    from accelerate import Accelerator


@dataclass(frozen=True, kw_only=True)
class Crops(Dataset[Tensor]):
    """By number, the crops ``[count, 3, size, size]`` that one step of one process is given.

    Attributes:
        size: px, side of a crop.
        seed: of the run.
    """

    photos: Photos
    count: int
    size: int
    seed: int = 0

    def __getitem__(self, number: int) -> Tensor:
        return self.photos.crops(self.count, self.size, seed=draw_seed(self.seed, number))


class CropTask(Task):
    """A task that is given ``[N, 3, H, W]``, RGB in [0, 1].

    Attributes:
        initial_crops: how many :meth:`initialize` is given, and their side in px.
    """

    initial_crops: tuple[int, int]

    @abstractmethod
    def initialize(self, images: Tensor) -> None:
        """What training starts from, of ``[N, 3, H, W]``; called once, before the first step."""


def train_on_crops(
    task: CropTask,
    crops: Crops,
    schedule: Schedule,
    folder: Path,
    *,
    accelerator: Accelerator | None = None,
    workers: int = 0,
) -> None:
    """Run or resume; the arguments are those of :func:`train`."""
    accelerator = accelerator or join_processes("cpu")

    def initialize() -> None:
        images = crops.photos.crops(*task.initial_crops, seed=draw_seed(crops.seed, -1))
        task.initialize(images.to(accelerator.device))

    train(task, crops, schedule, folder, initialize=initialize, accelerator=accelerator, workers=workers)
