"""Mask pictures -> label maps that mean the same on both sides.

A mask is a picture in which every region has one color; which colors those are is found for each mask in
mask_colors.py. Here they are matched between the content's and the style's mask: equal colors, and where
a mask was saved with loss, near ones. The nine colors of the Deep Photo Style Transfer examples have
names, any other set works as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..errors import InvalidImage, InvalidSegments
from ..files import StoredValues, load_values
from ..images import Picture, Source
from .labels import EVERYTHING, MAX_LABELS, Color, LabelMap, Segments, resize_labels
from .mask_colors import MERGE_DISTANCE, TRANSPARENT, Mask, color_names, label_pixels, region_colors

MIN_PIXELS = 11  # Li et al. 2018, released code: more than 10 pixels on both sides ...
MAX_RATIO = 100  # ... and, here, shares of the pictures that differ by less than a factor of 100
JPEG_SHIFT = 6.0  # 8-bit RGB distance by which JPEG moves a flat color, ...
BLOCK_SHIFT = 64.0  # ... and at low quality a block that a border cuts
OPAQUE = 128  # alpha from which a mask's pixel is painted
HIGHEST_NUMBER = 65535  # of a label map
MOST_NAMED = 3  # lost colors of one mask; more are counted


def read_masks(content_mask: Source, style_mask: Source, content: Picture, style: Picture) -> Segments:
    """Two mask pictures as label maps of the content's and the style's size.

    Args:
        content_mask, style_mask: pictures of any size; they are stretched to their photo's
            (nearest neighbor), with a note when the shape differs. Their stored values count, whatever
            a color profile says about them; equal values are one region, after lossy compression
            near ones.
        content, style: the photos the masks belong to.

    Raises:
        InvalidSegments: a mask cannot be read, or has more than 64 labels.
    """
    masks, notes = _opened({"content mask": content_mask, "style mask": style_mask})
    own = [region_colors(mask) for mask in masks]
    palette, places = _matched_colors(own[0], own[1], is_exact=all(mask.is_exact for mask in masks))
    places = [
        _without_shifted(own[k], places[k], places[1 - k]) if not masks[k].is_exact else places[k]
        for k in range(2)
    ]
    if len(palette) > MAX_LABELS:
        raise InvalidSegments(
            f"The masks have {len(palette)} colors that fill regions; at most {MAX_LABELS} labels are "
            "possible. Paint every region in one flat color."
        )
    maps = []
    for k, (side, photo) in enumerate((("content", content), ("style", style))):
        labels, lost = label_pixels(masks[k], own[k], partners=own[1 - k])
        notes += _too_small(lost, own[k], side)
        joint = np.array([*places[k], *places[1 - k]], np.uint8)[labels]
        maps.append(_stretched(joint, photo, side, notes))
        notes += _lost_in_stretching(joint, maps[-1], palette, side)
    matched = match_labels(*(torch.from_numpy(m) + 1 for m in maps), names=color_names(palette))
    return Segments(matched.content, matched.style, (*notes, *matched.notes), tuple(palette))


def read_style_regions(mask: Source, content: Picture, styles: Sequence[Picture]) -> Segments:
    """A content mask whose regions get one style picture each, in reading order.

    Args:
        mask: picture of any size, stretched to the content's.
        content: the photo it belongs to.
        styles: the pictures, as many as the mask has regions.

    Returns:
        the content's labels 1, 2, …, of which the region that begins first, row by row, is 1 and gets the
        first style; and the first style's map, all of it 1.

    Raises:
        InvalidSegments: the mask cannot be read, or has another number of regions.
    """
    count = len(styles)
    (opened,), notes = _opened({"content mask": mask})
    palette = region_colors(opened)
    if len(palette) != count:
        raise InvalidSegments(
            f"The content mask has {len(palette)} regions and there are {count} style pictures; give one "
            "style picture for each color of the mask."
        )
    labels, lost = label_pixels(opened, palette)
    notes += _too_small(lost, palette, "content")
    labels = _stretched(labels, content, "content", notes)
    words = color_names(palette)
    for label, word in enumerate(words):
        if not (labels == label).any():
            raise InvalidSegments(f"Region {word} is lost at the content's size; paint it larger.")
    order = np.argsort([int((labels == label).argmax()) for label in range(count)])
    names = [f"style picture {k} is used in region {words[n]}" for k, n in enumerate(order, 1)]
    notes.append(f"In reading order, {', '.join(names)}.")
    ranks = (np.argsort(order) + 1).astype(np.uint8)
    width, height = styles[0].size
    return Segments(
        torch.from_numpy(ranks[labels]),
        torch.ones(height, width, dtype=torch.uint8),
        tuple(notes),
        tuple(palette[n] for n in order),
    )


def _without_shifted(colors: list[Color], places: list[int], partners: list[int]) -> list[int]:
    """The places of a lossy mask's colors; one without partner is taken for a near one that has one.

    Coarse quantization moves whole blocks beside a border that far.
    """
    distances = _distances(colors, colors)
    found = list(places)
    for k, place in enumerate(places):
        near = [
            j for j in np.argsort(distances[k]) if distances[k, j] <= BLOCK_SHIFT and places[j] in partners
        ]
        if place not in partners and near and colors[k] != TRANSPARENT:
            found[k] = places[near[0]]
    return found


def _too_small(lost: list[Color], colors: list[Color], side: str) -> list[str]:
    """Notes on the colors of a mask that fill no region, named apart from those that do."""
    notes = [
        f"Region {word} of the {side} mask is too small and went to what is around it."
        for word in color_names([*lost, *colors])[: min(len(lost), MOST_NAMED)]
    ]
    if len(lost) > MOST_NAMED:
        notes.append(f"{len(lost) - MOST_NAMED} more colors of the {side} mask fill no region either.")
    return list(dict.fromkeys(notes))


def _lost_in_stretching(before: np.ndarray, after: np.ndarray, palette: list[Color], side: str) -> list[str]:
    """Notes on the regions that have no pixel left at the photo's size."""
    drawn, left = (np.bincount(labels.ravel(), minlength=len(palette)) > 0 for labels in (before, after))
    lost, words = np.flatnonzero(drawn & ~left), color_names(palette)
    return [f"Region {words[k]} is lost at the {side}'s size; paint it larger." for k in lost]


def _matched_colors(
    content: list[Color], style: list[Color], *, is_exact: bool
) -> tuple[list[Color], list[list[int]]]:
    """The colors of both masks, each once, and where in that list the colors of either mask are.

    Nearest colors are matched first. A flat (255, 0, 0) is (254, 0, 0) in a JPEG, even where nothing else
    in it tells of damage; but grays of exact masks may be numbers, which must stay distinct.
    """
    distances = _distances(content, style)
    for i, j in np.ndindex(*distances.shape):
        a, b = content[i], style[j]
        is_fixed = TRANSPARENT in (a, b) or (is_exact and (_is_gray(a) or _is_gray(b)))
        if a != b and (is_fixed or distances[i, j] > (JPEG_SHIFT if is_exact else MERGE_DISTANCE)):
            distances[i, j] = np.inf
    partners: dict[int, int] = {}
    while np.isfinite(distances).any():
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        partners[int(j)] = int(i)
        distances[i], distances[:, j] = np.inf, np.inf
    alone = [j for j in range(len(style)) if j not in partners]
    places = {**partners, **{j: len(content) + k for k, j in enumerate(alone)}}
    palette = [*content, *(style[j] for j in alone)]
    return palette, [list(range(len(content))), [places[j] for j in range(len(style))]]


def _stretched(labels: np.ndarray, photo: Picture, side: str, notes: list[str]) -> np.ndarray:
    """The map at its photo's size, with a note if its shape is another."""
    width, height = photo.size
    if abs(labels.shape[1] / labels.shape[0] * height / width - 1) > 0.02:
        notes.append(
            f"The {side} mask is {labels.shape[1]} x {labels.shape[0]} px and was stretched to the "
            f"{side}'s {width} x {height}."
        )
    return np.asarray(resize_labels(torch.from_numpy(labels), height, width).numpy())


def match_labels(content: LabelMap, style: LabelMap, *, names: list[str]) -> Segments:
    """Merge labels that cannot be matched into 0, "everything", and say so.

    A label is kept if both sides have more than 10 pixels of it and their shares of the picture
    differ by less than a factor of 100 (Li et al. 2018, released code).

    Args:
        content, style: ``[H, W]`` uint8, labels 1, 2, …
        names: what to call label 1, 2, … in the notes.
    """
    content, style, notes = content.clone(), style.clone(), []
    n, m = content.numel(), style.numel()
    counts = [torch.bincount(side.flatten(), minlength=len(names) + 1).tolist() for side in (content, style)]
    for label, name in enumerate(names, start=1):
        a, b = counts[0][label], counts[1][label]
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
    return Segments(content, style, tuple(dict.fromkeys(notes)))


def _opened(sources: Mapping[str, Source]) -> tuple[list[Mask], list[str]]:
    """The masks' stored values by what to call them, and the notes of reading."""
    values = [_stored(source, name) for name, source in sources.items()]
    masks = []
    for found, array in zip(values, _as_bytes([found.array for found in values]), strict=True):
        transparent = None if found.alpha is None else found.alpha < OPAQUE
        masks.append(Mask(array, transparent, found.is_lossy))
    return masks, [note for found in values for note in found.notes]


def _stored(source: Source, name: str) -> StoredValues:
    if isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype.kind in "bui":
        if source.size and (int(source.min()) < 0 or int(source.max()) > HIGHEST_NUMBER):
            raise InvalidSegments(f"The {name} array must hold labels from 0 to {HIGHEST_NUMBER}.")
        source = source.astype(np.uint16 if source.size and source.max() > 255 else np.uint8)
    try:
        return load_values(source, name=name)
    except InvalidImage as error:
        raise InvalidSegments(str(error)) from error


def _as_bytes(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The masks' values as ``[H, W, 3]`` uint8, equal ones equal and others, where they fill regions, not.

    A 16-bit file holds light as a rule, and is brought to 8 bits. It holds numbers if all are below 256,
    or if 8 bits would make one region of two: then a number up to 255 is that gray, and a larger one
    the color whose code it is.
    """
    deep = [array for array in arrays if array.dtype == np.uint16]
    is_numbers = any(_holds_numbers(array) for array in deep)
    return [_eight_bits(array, is_numbers) if array.dtype == np.uint16 else _rgb(array) for array in arrays]


def _eight_bits(array: np.ndarray, is_numbers: bool) -> np.ndarray:
    if array.max() < 256:
        return _rgb(array.astype(np.uint8))
    if not is_numbers or array.shape[2] != 1:
        return _rgb(((array.astype(np.uint32) + 128) // 257).astype(np.uint8))
    small = array < 256
    codes = np.concatenate([np.zeros_like(array), array >> 8, array & 255], axis=2)
    return np.where(small, array, codes).astype(np.uint8)


def _holds_numbers(array: np.ndarray) -> bool:
    """Whether two of the few values that fill regions of a 16-bit gray mask would be one in 8 bits."""
    if array.shape[2] != 1 or array.max() < 256:
        return False
    plane = array[..., 0]
    inside = plane[1:-1, 1:-1]
    is_flat = np.ones(inside.shape, bool)
    for rows, columns in np.ndindex(3, 3):
        is_flat &= plane[rows : rows + inside.shape[0], columns : columns + inside.shape[1]] == inside
    values = np.unique(inside[is_flat])
    return len(np.unique((values.astype(np.uint32) + 128) // 257)) < len(values) <= MAX_LABELS


def _rgb(array: np.ndarray) -> np.ndarray:
    return array if array.shape[2] == 3 else array.repeat(3, axis=2)


def _distances(first: Sequence[Color], second: Sequence[Color]) -> np.ndarray:
    """8-bit RGB distances, ``[n, m]``."""
    a, b = (np.array(colors, np.float64).reshape(-1, 3) for colors in (first, second))
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=2))


def _is_gray(color: Color) -> bool:
    return max(color) - min(color) <= JPEG_SHIFT
