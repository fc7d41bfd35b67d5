"""Masks on the page: strokes of the editor as mask pictures, and regions laid over the photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from style_core import Segments

# The first are the named ones of the Deep Photo examples; what is not painted is black.
COLORS = ("#0000ff", "#00ff00", "#ff0000", "#ffff00", "#ff00ff", "#00ffff", "#ffffff")
EDITOR_SIDE = 768  # px; painting needs no more, and every stroke sends the picture
OPAQUE = 128  # alpha from which a stroke covers a pixel
OVERLAY = 0.55  # opacity of a region's color
REGION_COLORS = np.array(
    [(70, 110, 255), (60, 200, 90), (240, 70, 70), (250, 210, 50), (220, 90, 230), (70, 215, 225),
     (250, 150, 60), (150, 110, 80)], np.float32,
)  # fmt: skip


def editor_value(path: str | None) -> dict[str, Any] | None:
    """What puts a photo under the brush."""
    if path is None:
        return None
    try:
        with Image.open(path) as opened:
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # Run says what is wrong with the file
    photo.thumbnail((EDITOR_SIDE, EDITOR_SIDE))
    return {"background": photo, "layers": [], "composite": None}


def painted_mask(value: dict[str, Any] | None) -> Image.Image | None:
    """The editor's strokes as a mask in flat colors, black where nothing is painted; None without strokes."""
    given = [layer.convert("RGBA") for layer in (value or {}).get("layers", [])]
    for layer in given:  # the page sends no larger ones; a program may
        layer.thumbnail((EDITOR_SIDE, EDITOR_SIDE), Image.Resampling.NEAREST)
    layers = [np.asarray(layer) for layer in given if layer.size == given[0].size]
    if not any((layer[..., 3] >= OPAQUE).any() for layer in layers):
        return None
    mask = np.zeros((*layers[0].shape[:2], 3), np.uint8)
    palette = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in COLORS], np.uint8)
    for layer in layers:
        covered = layer[..., 3] >= OPAQUE
        strokes = layer[covered][:, :3].astype(np.int32)
        nearest = ((strokes[:, None] - palette[None].astype(np.int32)) ** 2).sum(2).argmin(1)
        mask[covered] = palette[nearest]
    return Image.fromarray(mask)


def overlays(content: str, style: str, segments: Segments, mask: str | None = None) -> list[Image.Image]:
    """Both photos with their regions in color: the same color is matched with the same.

    Args:
        mask: the content's mask, whose own colors are used, or ``None`` for colors of ours.
    """
    colors = _own_colors(mask, segments.content.numpy()) if mask else {}
    return [
        _overlay(path, labels.numpy(), colors)
        for path, labels in ((content, segments.content), (style, segments.style))
    ]


def _own_colors(mask: str, labels: np.ndarray) -> dict[int, np.ndarray]:
    """The most frequent mask color of every region."""
    with Image.open(mask) as opened:
        painted = np.asarray(opened.convert("RGB"))
    rows = np.arange(labels.shape[0]) * painted.shape[0] // labels.shape[0]
    columns = np.arange(labels.shape[1]) * painted.shape[1] // labels.shape[1]
    painted = painted[rows[:, None], columns[None]]
    found = {}
    for label in np.unique(labels):
        colors, counts = np.unique(painted[labels == label], axis=0, return_counts=True)
        found[int(label)] = colors[counts.argmax()].astype(np.float32)
    return found


def _overlay(path: str, labels: np.ndarray, own: dict[int, np.ndarray]) -> Image.Image:
    with Image.open(path) as opened:
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    photo.thumbnail((EDITOR_SIDE, EDITOR_SIDE))
    width, height = photo.size
    rows = np.arange(height) * labels.shape[0] // height
    columns = np.arange(width) * labels.shape[1] // width
    here = labels[rows[:, None], columns[None]]
    count = int(labels.max()) + 1
    palette = np.stack([own.get(k, REGION_COLORS[(k - 1) % len(REGION_COLORS)]) for k in range(count)])
    gray = np.asarray(photo.convert("L"), np.float32)[..., None].repeat(3, 2)
    mixed = gray * (1 - OVERLAY) + palette[here] * OVERLAY
    mixed = np.where((here > 0)[..., None], mixed, np.asarray(photo))  # label 0 is no region: everything
    return Image.fromarray(mixed.round().astype(np.uint8))


def save_mask(mask: Image.Image | None, folder: Path, name: str) -> str | None:
    """The mask as a file, for the mask input."""
    if mask is None:
        return None
    path = folder / f"{name}.png"
    mask.save(path)
    return str(path)
