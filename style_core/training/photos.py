"""A folder of photos as a source of random training crops and fixed held-out pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from ..files import load_image
from ..images import to_pil

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
SHORTER_SIDE = 512  # photos are kept in memory no larger than this
HELD_OUT_SIZE = 256


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a crop departs from its photo. Teachers are asked about the same pixels, so all is fair."""

    smallest_scale: float = 0.5
    color_jitter: float = 0.5  # share of the crops given other gains, gamma and offset per channel
    permute: float = 0.1  # share of the crops with shuffled channels


class Photos:
    """Photos under a folder (searched recursively), decoded once and kept as 8-bit arrays.

    Args:
        folder: any folder of pictures.
        held_out: how many, spread evenly over the sorted names, never appear in a crop.
    """

    def __init__(self, folder: Path, *, held_out: int = 36) -> None:
        paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)
        if len(paths) < 2 * held_out or not paths:
            raise ValueError(f"{folder} holds {len(paths)} pictures; at least {2 * held_out} are needed")
        chosen = {paths[round(i * (len(paths) - 1) / max(held_out - 1, 1))] for i in range(held_out)}
        self.held_out_paths = sorted(chosen)
        self.paths = [p for p in paths if p not in chosen]
        self._decoded: dict[Path, np.ndarray] = {}

    def crops(self, count: int, size: int, *, seed: int, augment: Augmentation | None = None) -> Tensor:
        """``[count, 3, size, size]``, RGB in [0, 1]; the same seed gives the same crops."""
        rng = np.random.default_rng(seed)
        augment = augment or Augmentation()
        return torch.cat([self._crop(size, rng, augment) for _ in range(count)])

    def held_out(self, size: int = HELD_OUT_SIZE) -> Tensor:
        """Centre squares of the held-out photos, ``[held_out, 3, size, size]``, RGB in [0, 1]."""
        pictures = []
        for path in self.held_out_paths:
            photo = to_pil(load_image(path, name="photo").pixels)
            square = ImageOps.fit(photo, (size, size), Image.Resampling.LANCZOS)
            pictures.append(_to_tensor(np.asarray(square)))
        return torch.cat(pictures)

    def _crop(self, size: int, rng: np.random.Generator, augment: Augmentation) -> Tensor:
        photo = self._photo(self.paths[rng.integers(len(self.paths))])
        h, w, _ = photo.shape
        scale = rng.uniform(augment.smallest_scale, 1)
        side = min(h, w, round(size / scale))
        top, left = rng.integers(h - side + 1), rng.integers(w - side + 1)
        crop = _to_tensor(photo[top : top + side, left : left + side])
        if side != size:
            crop = F.interpolate(crop, (size, size), mode="bilinear", antialias=side > size)
        if rng.random() < 0.5:
            crop = crop.flip(3)
        return _jitter(crop, rng, augment).clamp(0, 1)

    def _photo(self, path: Path) -> np.ndarray:
        if path not in self._decoded:
            image = to_pil(load_image(path, name="photo").pixels)
            if min(image.size) > SHORTER_SIDE:
                factor = SHORTER_SIDE / min(image.size)
                image = image.resize(
                    (round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS
                )
            self._decoded[path] = np.asarray(image)
        return self._decoded[path]


def _jitter(crop: Tensor, rng: np.random.Generator, augment: Augmentation) -> Tensor:
    if rng.random() < augment.color_jitter:
        gamma = torch.from_numpy(rng.uniform(0.6, 1.6, 3)).float().view(1, 3, 1, 1)
        gain = torch.from_numpy(rng.uniform(0.6, 1.3, 3)).float().view(1, 3, 1, 1)
        offset = torch.from_numpy(rng.uniform(-0.1, 0.1, 3)).float().view(1, 3, 1, 1)
        crop = crop.clamp(0, 1).pow(gamma) * gain + offset
    if rng.random() < augment.permute:
        crop = crop[:, rng.permutation(3)]
    return crop


def _to_tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float() / 255
