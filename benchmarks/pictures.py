"""The pictures that benchmarks measure with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from style_core import load_image

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
STYLES = {"wct": "art_style/starry_night.jpg", "photo_wct": "photo_style/sunset.jpg"}


@dataclass(frozen=True, kw_only=True)
class PhotoPair:
    """The files of one pair: its folder's name, two photos and their masks."""

    name: str
    content: Path
    style: Path
    content_mask: Path
    style_mask: Path


def photo_pairs(folder: Path) -> Iterator[PhotoPair]:
    """The pairs in a folder, one subfolder each, sorted by name."""
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield PhotoPair(
            name=place.name,
            content=place / "content.jpg",
            style=place / "style.jpg",
            content_mask=place / "content_mask.png",
            style_mask=place / "style_mask.png",
        )


def photo(width: int, height: int, name: str = "content/castle.jpg") -> Tensor:
    """An example photo, mirrored until it fills the size: real pixels, not enlarged ones."""
    image = load_image(EXAMPLES / name).pixels
    while image.shape[2] < height or image.shape[3] < width:
        image = torch.cat([image, image.flip(2)], 2)
        image = torch.cat([image, image.flip(3)], 3)
    return image[..., :height, :width].contiguous()
