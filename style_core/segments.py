"""Mask pictures -> label maps that mean the same on both sides.

A mask is a picture in which every region has one color. Colors are matched between the content's
and the style's mask; the nine colors of the Deep Photo Style Transfer examples have names, any
other set works as well. A color is a label if some pixel and its eight neighbors have it: the
blends along anti-aliased borders never do, and snap to the nearest label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import InvalidImage, InvalidSegments
from .images import Picture, Source, load_image

LabelMap = Tensor  # [H, W], int64; 0 = matched with everything, 1.. = regions
EVERYTHING = 0
MIN_PIXELS = 11  # Li et al. 2018, released code: more than 10 pixels on both sides ...
MAX_RATIO = 100  # ... and areas that differ by less than a factor of 100
MAX_LABELS = 64
EXACT_COLORS = 256  # masks with no more distinct colors than this are taken as lossless
MERGE_DISTANCE = 40.0  # 8-bit RGB distance within which the colors of a lossy mask are one
MIN_SHARE = 0.0005  # of both masks' pixels: a lossy mask's smaller specks are damage, not regions
COLOR_NAMES = {
    (0, 0, 255): "blue", (0, 255, 0): "green", (0, 0, 0): "black", (255, 255, 255): "white",
    (255, 0, 0): "red", (255, 255, 0): "yellow", (128, 128, 128): "gray",
    (0, 255, 255): "light blue", (255, 0, 255): "purple",
}  # fmt: skip


@dataclass(frozen=True)
class Segments:
    """Matching label maps at the sizes of the pictures, and what could not be matched."""

    content: LabelMap
    style: LabelMap
    notes: tuple[str, ...] = ()


def read_masks(content_mask: Source, style_mask: Source, content: Picture, style: Picture) -> Segments:
    """Two mask pictures as label maps of the content's and the style's size.

    Args:
        content_mask, style_mask: pictures of any size; they are stretched to their photo's
            (nearest neighbor), with a note when the shape differs.
        content, style: the photos the masks belong to.

    Raises:
        InvalidSegments: a mask cannot be read, or has more than 64 labels.
    """
    colors, notes = [], []
    for source, photo, side in ((content_mask, content, "content"), (style_mask, style, "style")):
        array = _mask_colors(source, f"{side} mask")
        width, height = photo.size
        if abs(array.shape[1] / array.shape[0] * height / width - 1) > 0.02:
            notes.append(
                f"The {side} mask is {array.shape[1]} x {array.shape[0]} px and was stretched to the "
                f"{side}'s {width} x {height}."
            )
        colors.append(_resize_nearest(array, height, width))
    palette = find_palette(colors)
    if len(palette) > MAX_LABELS:
        raise InvalidSegments(
            f"The masks have {len(palette)} colors that fill regions; at most {MAX_LABELS} labels are "
            "possible. Paint every region in one flat color."
        )
    maps = [snap_to_palette(array, palette) + 1 for array in colors]
    matched = match_labels(*maps, names=[color_name(c) for c in palette])
    return Segments(matched.content, matched.style, (*notes, *matched.notes))


def match_labels(content: LabelMap, style: LabelMap, *, names: list[str]) -> Segments:
    """Merge labels that cannot be matched into 0, "everything", and say so.

    A label is kept if both sides have more than 10 pixels of it and their areas differ by less
    than a factor of 100 (Li et al. 2018, released code).

    Args:
        content, style: ``[H, W]``, int64, labels 1, 2, …
        names: what to call label 1, 2, … in the notes.
    """
    content, style, notes = content.clone(), style.clone(), []
    for label, name in enumerate(names, start=1):
        a, b = int((content == label).sum()), int((style == label).sum())
        if a == 0 and b == 0:
            continue
        why = ""
        if a == 0 or b == 0:
            why = f"is missing in the {'content' if a == 0 else 'style'} mask"
        elif min(a, b) < MIN_PIXELS:
            why = f"has only {min(a, b)} pixels on one side"
        elif max(a, b) >= MAX_RATIO * min(a, b):
            why = "covers over 100 times more pixels on one side than on the other"
        if why:
            content[content == label] = EVERYTHING
            style[style == label] = EVERYTHING
            if a:  # a label only the style has changes nothing the user could see
                notes.append(f"Region {name} {why}; the whole style picture is used for it.")
    return Segments(content, style, tuple(notes))


def find_palette(pictures: list[np.ndarray]) -> list[tuple[int, int, int]]:
    """The colors that fill regions of the ``[H, W, 3]`` uint8 masks, most frequent first."""
    codes = [_codes(p) for p in pictures]
    counts: dict[int, int] = {}
    for code in codes:
        values, numbers = np.unique(code[_is_interior(code)], return_counts=True)
        for value, number in zip(values.tolist(), numbers.tolist(), strict=True):
            counts[value] = counts.get(value, 0) + number
    if not counts:  # nothing but borders: every color is a label
        for code in codes:
            for value in np.unique(code).tolist():
                counts[value] = 1
    ordered = [(v >> 16, v >> 8 & 255, v & 255) for v in sorted(counts, key=lambda v: (-counts[v], v))]
    if sum(len(np.unique(code)) for code in codes) <= EXACT_COLORS:
        return ordered
    merged: list[tuple[int, int, int]] = []
    least = MIN_SHARE * sum(code.size for code in codes)
    for color in ordered:
        is_region = counts[color[0] << 16 | color[1] << 8 | color[2]] >= least or not merged
        if is_region and all(_distance(color, other) > MERGE_DISTANCE for other in merged):
            merged.append(color)
    return merged


def snap_to_palette(picture: np.ndarray, palette: list[tuple[int, int, int]]) -> LabelMap:
    """Index of the nearest palette color for every pixel: ``[H, W, 3]`` uint8 to ``[H, W]`` int64."""
    colors, inverse = np.unique(_codes(picture), return_inverse=True)
    rgb = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.float32)
    distance = ((rgb[:, None] - np.asarray(palette, np.float32)[None]) ** 2).sum(2)
    labels = distance.argmin(1)[inverse].reshape(picture.shape[:2])
    return torch.from_numpy(labels.astype(np.int64))


def color_name(color: tuple[int, int, int]) -> str:
    """A word for one of the nine known colors, else #rrggbb."""
    nearest = min(COLOR_NAMES, key=lambda known: _distance(known, color))
    return COLOR_NAMES[nearest] if _distance(nearest, color) < 26 else "#{:02x}{:02x}{:02x}".format(*color)


def resize_labels(labels: LabelMap, height: int, width: int) -> LabelMap:
    """Nearest-neighbor resize of ``[H, W]`` labels, sampling pixel centers."""
    rows = ((torch.arange(height) + 0.5) * labels.shape[0] / height).long()
    columns = ((torch.arange(width) + 0.5) * labels.shape[1] / width).long()
    return labels[rows.to(labels.device)[:, None], columns.to(labels.device)[None, :]]


def pad_labels(labels: LabelMap, height: int, width: int) -> LabelMap:
    """Extend to the right and bottom by repeating the border, to ``[height, width]``."""
    rows = torch.arange(height).clamp_max(labels.shape[0] - 1)
    columns = torch.arange(width).clamp_max(labels.shape[1] - 1)
    return labels[rows[:, None], columns[None, :]]


def _mask_colors(source: Source, name: str) -> np.ndarray:
    try:
        picture = load_image(source, name=name)
    except InvalidImage as error:
        raise InvalidSegments(str(error)) from error
    return picture.pixels[0].mul(255).round().byte().permute(1, 2, 0).numpy()


def _resize_nearest(array: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = ((np.arange(height) + 0.5) * array.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * array.shape[1] / width).astype(int)
    return array[rows[:, None], columns[None, :]]


def _codes(picture: np.ndarray) -> np.ndarray:
    channels = picture.astype(np.int64)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]


def _is_interior(code: np.ndarray) -> np.ndarray:
    padded = np.pad(code, 1, mode="edge")
    inside = np.ones(code.shape, bool)
    for dy in range(3):
        for dx in range(3):
            inside &= padded[dy : dy + code.shape[0], dx : dx + code.shape[1]] == code
    return inside


def _distance(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)
