"""Mask pictures -> label maps that mean the same on both sides.

A mask is a picture in which every region has one color. Colors are matched between the content's
and the style's mask; the nine colors of the Deep Photo Style Transfer examples have names, any
other set works as well. A color is a label if some pixel and its eight neighbors have it: the
blends along anti-aliased borders never do, and snap to the nearest label.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from .errors import InvalidImage, InvalidSegments
from .files import load_image
from .images import Picture, Source, mirrored

LabelMap = Tensor  # [H, W], int64; 0 = matched with everything, 1.. = regions
EVERYTHING = 0
MIN_PIXELS = 11  # Li et al. 2018, released code: more than 10 pixels on both sides ...
MAX_RATIO = 100  # ... and, here, shares of the pictures that differ by less than a factor of 100
MAX_LABELS = 64
EXACT_COLORS = 256  # masks with no more distinct colors than this are taken as lossless
MERGE_DISTANCE = 40.0  # 8-bit RGB distance within which the colors of a lossy mask are one
FLAT_RANGE = 24  # 8-bit difference within 3 x 3 pixels of a lossy mask that still counts as flat
JPEG_SHIFT = 6.0  # 8-bit RGB distance by which JPEG moves a flat color
MIN_SHARE = 0.0005  # of both masks' pixels: a lossy mask's smaller specks are damage, not regions
TRANSPARENT = (1, 2, 3)  # the label of what a mask leaves transparent
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
    originals, colors = [], []
    notes: list[str] = []
    for source, photo, side in ((content_mask, content, "content"), (style_mask, style, "style")):
        array = _mask_colors(source, f"{side} mask")
        originals.append(array)
        colors.append(_stretched(array, photo, side, notes))
    palette = find_palette(originals)  # before stretching, which would make regions of blended pixels
    if len(palette) > MAX_LABELS:
        raise InvalidSegments(
            f"The masks have {len(palette)} colors that fill regions; at most {MAX_LABELS} labels are "
            "possible. Paint every region in one flat color."
        )
    maps = [snap_to_palette(array, palette) + 1 for array in colors]
    matched = match_labels(*maps, names=[color_name(c) for c in palette])
    return Segments(matched.content, matched.style, (*notes, *matched.notes))


def read_style_regions(mask: Source, content: Picture, count: int) -> tuple[LabelMap, tuple[str, ...]]:
    """A content mask whose regions get one style picture each, in reading order.

    Args:
        mask: picture of any size, stretched to the content's.
        content: the photo it belongs to.
        count: how many style pictures there are.

    Returns:
        labels 1 … count, ``[H, W]``; the region that begins first, row by row, is 1. And the notes.

    Raises:
        InvalidSegments: the mask cannot be read, or does not have ``count`` regions.
    """
    original = _mask_colors(mask, "content mask")
    palette = find_palette([original, original])  # the same mask for both sides
    if len(palette) != count:
        raise InvalidSegments(
            f"The content mask has {len(palette)} regions and there are {count} style pictures; give one "
            "style picture for each color of the mask."
        )
    notes: list[str] = []
    labels = snap_to_palette(_stretched(original, content, "content", notes), palette)
    for label, color in enumerate(palette):
        if not bool((labels == label).any()):
            raise InvalidSegments(
                f"Region {color_name(color)} is lost at the content's size; paint it larger."
            )
    order = sorted(range(count), key=lambda label: _first_place(labels == label))
    ranks = torch.empty(count, dtype=torch.int64)
    ranks[order] = torch.arange(1, count + 1)
    names = [f"style picture {k} is used in region {color_name(palette[n])}" for k, n in enumerate(order, 1)]
    return ranks[labels], (*notes, f"In reading order, {', '.join(names)}.")


def _first_place(where: Tensor) -> int:
    return int(where.flatten().to(torch.uint8).argmax())


def _stretched(array: np.ndarray, photo: Picture, side: str, notes: list[str]) -> np.ndarray:
    """The mask at its photo's size, with a note if its shape is another."""
    width, height = photo.size
    if abs(array.shape[1] / array.shape[0] * height / width - 1) > 0.02:
        notes.append(
            f"The {side} mask is {array.shape[1]} x {array.shape[0]} px and was stretched to the "
            f"{side}'s {width} x {height}."
        )
    return _resize_nearest(array, height, width)


def match_labels(content: LabelMap, style: LabelMap, *, names: list[str]) -> Segments:
    """Merge labels that cannot be matched into 0, "everything", and say so.

    A label is kept if both sides have more than 10 pixels of it and their shares of the picture
    differ by less than a factor of 100 (Li et al. 2018, released code).

    Args:
        content, style: ``[H, W]``, int64, labels 1, 2, …
        names: what to call label 1, 2, … in the notes.
    """
    content, style, notes = content.clone(), style.clone(), []
    n, m = content.numel(), style.numel()
    for label, name in enumerate(names, start=1):
        a, b = int((content == label).sum()), int((style == label).sum())
        if a == 0 and b == 0:
            continue
        why = ""
        if a == 0 or b == 0:
            why = f"is missing in the {'content' if a == 0 else 'style'} mask"
        elif min(a, b) < MIN_PIXELS:
            why = f"has only {min(a, b)} pixels on one side"
        elif max(a * m, b * n) >= MAX_RATIO * min(a * m, b * n):
            why = "covers an over 100 times larger share of one picture than of the other"
        if why:
            content[content == label] = EVERYTHING
            style[style == label] = EVERYTHING
            if a:  # a label only the style has changes nothing the user could see
                notes.append(f"Region {name} {why}; the whole style picture is used for it.")
    return Segments(content, style, tuple(notes))


def find_palette(pictures: list[np.ndarray]) -> list[tuple[int, int, int]]:
    """The colors that fill regions of the ``[H, W, 3]`` uint8 masks, most frequent first."""
    codes = [_codes(p) for p in pictures]
    is_exact = sum(len(np.unique(code)) for code in codes) <= EXACT_COLORS
    inside = [_is_interior(p, 0 if is_exact else FLAT_RANGE) for p in pictures]
    every = np.concatenate([code[where] for code, where in zip(codes, inside, strict=True)])
    if not len(every):  # nothing but borders: every color is a label
        every = np.concatenate([code.ravel() for code in codes])
    values, counts = np.unique(every, return_counts=True)
    order = np.lexsort((values, -counts))
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)[order]
    if is_exact:
        kept = colors[~_is_pale_copy(colors, [np.isin(values[order], code) for code in codes])]
    else:
        kept = _merge_near(colors, counts[order], least=MIN_SHARE * sum(code.size for code in codes))
    return [(int(r), int(g), int(b)) for r, g, b in kept]


def _merge_near(colors: np.ndarray, counts: np.ndarray, *, least: float) -> np.ndarray:
    """The most frequent color of every group within MERGE_DISTANCE that has ``least`` pixels."""
    kept: list[int] = []
    left = np.ones(len(colors), bool)
    while left.any():
        first = int(left.argmax())
        group = left & (np.linalg.norm(colors - colors[first], axis=1) <= MERGE_DISTANCE)
        if counts[group].sum() >= least or not kept:
            kept.append(first)
        left &= ~group
    return colors[kept]


def _is_pale_copy(colors: np.ndarray, present: list[np.ndarray]) -> np.ndarray:
    """Which colors are another one's copy by JPEG: nearly equal, each on one side only, not gray.

    A flat (255, 0, 0) is (254, 0, 0) in a JPEG. Grays may be numbers, which must stay distinct.
    """
    only_content, only_style = present[0] & ~present[1], present[1] & ~present[0]
    is_colored = np.ptp(colors, axis=1) > JPEG_SHIFT
    copies = np.zeros(len(colors), bool)
    for k in np.flatnonzero(is_colored & (only_content | only_style)):
        partners = is_colored & (only_style if only_content[k] else only_content) & ~copies
        near = np.linalg.norm(colors - colors[k], axis=1) <= JPEG_SHIFT
        copies[k] = bool((partners & near)[:k].any())  # the more frequent of the two stays
    return copies


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


def pad_labels(labels: LabelMap, height: int, width: int) -> LabelMap:
    """Mirror to the right and bottom, as :class:`SizeRule` does with the picture, to ``[height, width]``."""
    rows, columns = mirrored(labels.shape[0], height), mirrored(labels.shape[1], width)
    return labels[rows[:, None], columns[None, :]]


def _mask_colors(source: Source, name: str) -> np.ndarray:
    if isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype.kind in "bui":
        if source.size and (int(source.min()) < 0 or int(source.max()) > 255):
            raise InvalidSegments(f"The {name} array must hold labels from 0 to 255.")
        source = source.astype(np.uint8)  # a label map as it is
    try:
        picture = load_image(source, name=name)
    except InvalidImage as error:
        raise InvalidSegments(str(error)) from error
    pixels = picture.pixels
    if float(pixels.max()) < 256 / 65535:  # a 16-bit label map: its numbers are labels, not light
        pixels = pixels * 65535 / 255
    array = pixels[0].mul(255).round().byte().permute(1, 2, 0).numpy().copy()
    if picture.alpha is not None:
        array[picture.alpha[0, 0].numpy() < 0.5] = TRANSPARENT
    return array


def _resize_nearest(array: np.ndarray, height: int, width: int) -> np.ndarray:
    rows = ((np.arange(height) + 0.5) * array.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * array.shape[1] / width).astype(int)
    return array[rows[:, None], columns[None, :]]


def _codes(picture: np.ndarray) -> np.ndarray:
    channels = picture.astype(np.int64)
    return channels[..., 0] << 16 | channels[..., 1] << 8 | channels[..., 2]


def _is_interior(picture: np.ndarray, tolerance: int) -> np.ndarray:
    """Where a pixel and its eight neighbors differ by at most ``tolerance`` in every channel."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    windows = [padded[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
    spread = reduce(np.maximum, windows) - reduce(np.minimum, windows)
    return (spread <= tolerance).all(2)


def _distance(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)
