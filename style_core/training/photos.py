"""A folder of photos as a source of random training crops and fixed held-out pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from cachetools import LRUCache
from PIL import Image, ImageOps
from torch import Tensor

from ..errors import InvalidOption
from ..files import load_image
from ..images import to_pil

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
SHORTER_SIDE = 512  # photos are kept in memory no larger than this
HELD_OUT_SIZE = 256
MEMORY = 2_000_000_000  # bytes of decoded photos that are kept
DecodedPhotos = LRUCache[Path, np.ndarray]


def decoded_photos(memory: int = MEMORY) -> DecodedPhotos:
    """An empty cache of uint8 photos ``[H, W, 3]``; beyond ``memory`` bytes it forgets the longest unused."""
    return LRUCache(memory, getsizeof=_bytes)


def _bytes(photo: np.ndarray) -> int:
    return photo.nbytes


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How a crop departs from its photo. Teachers are asked about the same pixels, so all is fair."""

    smallest_scale: float = 0.5
    color_jitter: float = 0.5  # share of the crops given other gains, gamma and offset per channel
    permute: float = 0.1  # share of the crops with shuffled channels


class Photos:
    """Photos under a folder (searched recursively), kept decoded as far as a cache has room.

    Args:
        folder: any folder of pictures.
        held_out: how many, spread evenly over the sorted names, never appear in a crop.
        decoded: where decoded photos are kept; several folders may share it. By default one of their own.

    Raises:
        InvalidOption: the folder holds fewer than twice the pictures that are held out.
    """

    def __init__(self, folder: Path, *, held_out: int = 36, decoded: DecodedPhotos | None = None) -> None:
        paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)
        if len(paths) < 2 * held_out or not paths:
            least = max(2 * held_out, 1)
            raise InvalidOption(f"{folder} holds {len(paths)} pictures; at least {least} are needed.")
        chosen = {paths[round(i * (len(paths) - 1) / max(held_out - 1, 1))] for i in range(held_out)}
        self.held_out_paths = sorted(chosen)
        self.paths = [p for p in paths if p not in chosen]
        self.decoded = decoded_photos() if decoded is None else decoded

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
        photo = self.decoded.get(path)
        if photo is None:
            photo = _decode(path)
            if photo.nbytes <= self.decoded.maxsize:
                self.decoded[path] = photo
        return photo


def draw_seed(seed: int, number: int) -> int:
    """The seed of a run's draw, counted from 0: the same after a resume. -1: what a task starts from."""
    return seed * 10_000_000 + number + 1


def _decode(path: Path) -> np.ndarray:
    """A photo ``[H, W, 3]`` uint8, its shorter side at most 512 px."""
    image = to_pil(load_image(path, name="photo").pixels)
    factor = SHORTER_SIDE / min(image.size)
    if factor < 1:
        size = round(image.width * factor), round(image.height * factor)
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image)


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
