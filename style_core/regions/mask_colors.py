"""The colors that fill regions of one mask, and which of them every pixel has.

An exact mask keeps every color that some pixel and its eight neighbors have: the blends along
anti-aliased borders never do. Lossy compression leaves near-duplicates of a color around every strong
border; there the colors of even areas are kept, and near ones are one. Which of the two a mask is, its
file's format says, or what is around its borders: a JPEG saved again as PNG has the damage all the same.
Blends and damage get the most similar of the colors beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.ndimage import label, maximum_filter, minimum_filter

from .labels import Color

TRANSPARENT: Color = (1, 2, 3)  # stands for what a mask leaves transparent
COLOR_NAMES: dict[Color, str] = {
    (0, 0, 255): "blue", (0, 255, 0): "green", (0, 0, 0): "black", (255, 255, 255): "white",
    (255, 0, 0): "red", (255, 255, 0): "yellow", (128, 128, 128): "gray",
    (0, 255, 255): "light blue", (255, 0, 255): "purple",
}  # fmt: skip
NAME_DISTANCE = 26.0  # 8-bit RGB distance from a named color that still has its name

STRONG_EDGES = (64, 16)  # 8-bit differences within 3 x 3 pixels that leave damage in a lossy file
DAMAGE_REACH = 8  # px from a strong edge; the blocks of JPEG
DAMAGE_SHARE = 0.03  # of the pixels that close to one; none of a label map, 0.06 and more of a JPEG
BLEND_SHARE = 0.001  # of the pixels: where no more fill no region, every color that does is meant
UNSEEN_DISTANCE = 8.0  # 8-bit RGB distance of colors that look the same
RARER = 0.5  # of the pixels of a color: a near one with fewer is its shade
FLAT_RANGE = 24  # 8-bit difference within 3 x 3 pixels of a lossy mask that still counts as flat
SOLID_RANGE = 4  # the same where nothing but a region's own color can be, ...
SOLID_SIDE = 5  # ... at all pixels of such a square
SOLID_DISTANCE = 16.0  # 8-bit RGB distance within which the colors of solid squares are one
MERGE_DISTANCE = 48.0  # the same of colors that are only flat
MIN_SHARE = 0.0005  # of a lossy mask's pixels; smaller specks that are not solid are damage
MIN_FLAT = 16  # flat pixels of a region of the smallest lossy mask
MOST_CANDIDATES = 256  # colors of a lossy mask that are looked at; far more than labels are possible
BLOCK = 8  # px; beside a pixel are the colors of its block and of the eight around it, ...
MIN_IN_BLOCK = 4  # ... those that so many pixels of a block surely have
AROUND = 5  # px; the square around a lost pixel that must be of one region for it to have been painted
FAINT_DISTANCE = (
    128.0  # 8-bit RGB distance from all regions that makes a dot of a lossy mask more than damage
)
BLEND_SLACK = 0.15  # of the contrast of two regions: how far resampling overshoots their blends
AT_ONCE = 1 << 16  # pixels or colors compared with all regions in one go
MANY_PIXELS = 1 << 18  # from here on a table of all colors is quicker than sorting


@dataclass(frozen=True)
class Mask:
    """One mask's values.

    Attributes:
        array: ``[H, W, 3]`` uint8.
        transparent: ``[H, W]`` bool, or ``None`` where all is opaque.
        is_lossy: the file's format changes values.
    """

    array: np.ndarray
    transparent: np.ndarray | None = None
    is_lossy: bool = False

    @cached_property
    def is_exact(self) -> bool:
        """Whether the colors are as they were painted."""
        return not (self.is_lossy or _is_damaged(self) or _has_near_duplicates(self))

    @cached_property
    def spread(self) -> np.ndarray:
        """The largest difference of any channel within 3 x 3 pixels, ``[H, W]`` uint8."""
        spread = np.zeros(self.array.shape[:2], np.uint8)
        for channel in range(3):
            np.maximum(spread, _range_of_window(self.array[..., channel]), out=spread)
        if self.transparent is not None:  # nothing is flat across the border of what is transparent
            spread[_range_of_window(self.transparent.astype(np.uint8)) > 0] = 255
        return spread

    @cached_property
    def codes(self) -> np.ndarray:
        """A number for every pixel's color, ``[H, W]`` int32."""
        red, green, blue = (self.array[..., channel].astype(np.int32) for channel in range(3))
        return np.asarray(red << 16 | green << 8 | blue)

    @cached_property
    def opaque(self) -> np.ndarray:
        """Where something is painted, ``[H, W]`` bool."""
        return np.ones(self.codes.shape, bool) if self.transparent is None else ~self.transparent


def region_colors(mask: Mask) -> list[Color]:
    """The colors that fill regions, most frequent first; TRANSPARENT, where something is, last."""
    colors = _exact_colors(mask) if mask.is_exact else _lossy_colors(mask)
    found: list[Color] = [(int(r), int(g), int(b)) for r, g, b in colors]
    return found if mask.opaque.all() else [*found, TRANSPARENT]


def label_pixels(
    mask: Mask, colors: Sequence[Color], *, partners: Sequence[Color] = ()
) -> tuple[np.ndarray, list[Color]]:
    """Which color every pixel has, and the colors that are lost because they fill no region.

    Args:
        mask: the mask.
        colors: its :func:`region_colors`.
        partners: those of the other mask of a pair, which are regions here too, however thin.

    Returns:
        indices ``[H, W]`` int16 into colors and partners, one after the other; and the color of
        every patch too small for a region that is no blend of those around it, most frequent first.
    """
    own = len(colors) - (not mask.opaque.all())  # how many are painted
    if own == 0:
        return np.zeros(mask.codes.shape, np.int16), []
    palette = np.array(colors[:own], np.float32)
    labels, is_near = _nearest_of_pixels(mask, palette)
    is_sure = is_near if mask.is_exact else is_near & (mask.spread <= FLAT_RANGE)
    labels[~mask.opaque] = own
    rows, columns = np.nonzero(~is_sure & mask.opaque)
    beside = _colors_beside(labels, is_sure & mask.opaque, own)
    afar = maximum_filter(beside.view(np.uint8), (3, 3, 1)).view(bool)
    is_lost = np.zeros(len(rows), bool)
    for first in range(0, len(rows), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        places = rows[part], columns[part]
        pixels, around = mask.array[places].astype(np.float32), beside[places[0] // BLOCK, places[1] // BLOCK]
        labels[places] = _nearest_allowed(pixels, palette, around)
        if mask.is_exact:
            is_lost[part] = ~_is_blend(pixels, palette, around)
        else:  # near a border anything may be damage
            is_lost[part] = ~is_near[places] & (afar[places[0] // BLOCK, places[1] // BLOCK].sum(1) == 1)
    if mask.is_exact:
        for k, color in enumerate(partners, start=len(colors)):
            is_partner = is_lost & (mask.codes[rows, columns] == _code(color)) & (color != TRANSPARENT)
            labels[rows[is_partner], columns[is_partner]] = k
            is_lost &= ~is_partner
    return labels, _lost_colors(mask, labels, palette, (rows[is_lost], columns[is_lost]))


def color_name(color: Color) -> str:
    """A word for one of the nine known colors and for what is transparent, else #rrggbb."""
    if color == TRANSPARENT:
        return "transparent"
    nearest = min(COLOR_NAMES, key=lambda known: _distance(known, color))
    is_near = _distance(nearest, color) < NAME_DISTANCE
    return COLOR_NAMES[nearest] if is_near else _hex(color)


def color_names(colors: Sequence[Color]) -> list[str]:
    """What to call each of several colors; those that share a word have their code besides."""
    words = {color: color_name(color) for color in colors}
    times = Counter(words.values())
    return [
        words[color] if times[words[color]] == 1 else f"{words[color]} ({_hex(color)})" for color in colors
    ]


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _distance(a: Color, b: Color) -> float:
    return float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)


def _is_damaged(mask: Mask) -> bool:
    """Whether around strong edges, where no blend is, there are many colors that fill no region."""
    fills_a_region = np.zeros(1 << 24, bool)
    fills_a_region[mask.codes[mask.spread == 0]] = True
    for edge in STRONG_EDGES:
        strong = mask.spread >= edge
        around = maximum_filter(strong.view(np.uint8), 2 * DAMAGE_REACH + 1).view(bool)
        here = mask.codes[around & ~strong & mask.opaque]
        if np.count_nonzero(~fills_a_region[here]) > DAMAGE_SHARE * len(here):
            return True
    return False


def _has_near_duplicates(mask: Mask) -> bool:
    """Whether regions' colors come with rarer ones beside them that no eye tells apart, and with blends.

    So hand-drawn masks are that went through paint programs and resampling: "black" is half a dozen blacks.
    A label map has such colors too, but hardly a pixel that fills no region.
    """
    values, counts = _counted(mask.codes[(mask.spread == 0) & mask.opaque])
    fills_a_region = np.zeros(1 << 24, bool)
    fills_a_region[values] = True
    if np.count_nonzero(~fills_a_region[mask.codes] & mask.opaque) <= BLEND_SHARE * mask.codes.size:
        return False
    colors = _colors(values[np.argsort(-counts, kind="stable")])[:MOST_CANDIDATES]
    counts = np.sort(counts)[::-1][:MOST_CANDIDATES]
    distances = np.linalg.norm(colors[:, None] - colors, axis=2)
    is_rarer = counts[:, None] < RARER * counts
    return bool((is_rarer & (distances <= UNSEEN_DISTANCE)).any())


def _exact_colors(mask: Mask) -> np.ndarray:
    inside = mask.codes[(mask.spread == 0) & mask.opaque]
    if not len(inside):  # nothing but borders: every color is a region's
        inside = mask.codes[mask.opaque]
    values, counts = _counted(inside)
    return _colors(values[np.argsort(-counts, kind="stable")])


def _lossy_colors(mask: Mask) -> np.ndarray:
    """Colors of solid squares, then those of other flat areas that are like none of them."""
    least = max(MIN_SHARE * mask.codes.size, MIN_FLAT)
    few = min(least, BLOCK * BLOCK)
    is_solid = (maximum_filter(mask.spread, SOLID_SIDE) <= SOLID_RANGE) & mask.opaque
    values, counts = _counted(mask.codes[is_solid])
    solid = _merged(_colors(values), counts, SOLID_DISTANCE, least=few)
    values, counts = _counted(mask.codes[(mask.spread <= FLAT_RANGE) & mask.opaque])
    if not len(values):  # nothing but borders
        values, counts = _counted(mask.codes[mask.opaque])
    flat = _colors(values)
    if len(solid):
        is_new = _nearest(flat, solid)[1] > MERGE_DISTANCE
        flat, counts = flat[is_new], counts[is_new]
    kept = np.concatenate([solid, _merged(flat, counts, MERGE_DISTANCE, least=least)])
    return kept if len(kept) else flat[counts.argmax()][None]


def _merged(colors: np.ndarray, counts: np.ndarray, radius: float, *, least: float) -> np.ndarray:
    """The most frequent color of every group within ``radius`` that has ``least`` pixels."""
    order = np.argsort(-counts, kind="stable")
    left = colors[order][counts[order] >= least / 32]  # the most frequent color of a region is that frequent
    centers: list[np.ndarray] = []
    while len(left) and len(centers) < MOST_CANDIDATES:
        centers.append(left[0])
        left = left[np.linalg.norm(left - left[0], axis=1) > radius]
    if not centers:
        return np.empty((0, 3), np.float32)
    found = np.array(centers)
    nearest, distance = _nearest(colors, found)
    within = distance <= radius
    total = np.bincount(nearest[within], counts[within], len(found))
    return found[total >= least]


def _colors_beside(labels: np.ndarray, is_sure: np.ndarray, count: int) -> np.ndarray:
    """Which colors a block or one of the eight around it has for sure: ``[H / 8, W / 8, count]`` bool."""
    height, width = (-(-side // BLOCK) for side in labels.shape)
    rows, columns = (np.arange(side) // BLOCK for side in labels.shape)
    places = (rows[:, None] * width + columns) * count + labels
    held = np.bincount(places[is_sure], minlength=height * width * count).reshape(height, width, count)
    return np.asarray(maximum_filter((held >= MIN_IN_BLOCK).view(np.uint8), (3, 3, 1)).view(bool))


def _nearest_allowed(pixels: np.ndarray, palette: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Index of the most similar color that is allowed, or of any where none is."""
    found = np.empty(len(pixels), np.int64)
    for first in range(0, len(pixels), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        distance = _squared_distances(pixels[part], palette)
        barred = ~allowed[part] & allowed[part].any(1, keepdims=True)
        found[part] = np.where(barred, np.inf, distance).argmin(1)
    return found


def _is_blend(pixels: np.ndarray, palette: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Whether pixels may be blends of the colors beside them: between two, or in the box of more."""
    low = np.where(beside[..., None], palette, np.inf).min(1)
    high = np.where(beside[..., None], palette, -np.inf).max(1)
    low[~beside.any(1)], high[~beside.any(1)] = 0, 0
    slack = BLEND_SLACK * np.linalg.norm(high - low, axis=1)
    is_blend = ((pixels >= low - slack[:, None]) & (pixels <= high + slack[:, None])).all(1)
    two = np.flatnonzero(beside.sum(1) == 2)
    first, last = palette[beside[two].argmax(1)], palette[-1 - beside[two, ::-1].argmax(1)]
    along = last - first
    share = ((pixels[two] - first) * along).sum(1) / (along**2).sum(1)
    foot = first + share.clip(0, 1)[:, None] * along
    is_blend[two] = np.linalg.norm(pixels[two] - foot, axis=1) <= slack[two]
    is_blend[~beside.any(1)] = False
    return is_blend


def _lost_colors(
    mask: Mask, labels: np.ndarray, palette: np.ndarray, places: tuple[np.ndarray, np.ndarray]
) -> list[Color]:
    """Of every patch of lost pixels the color that is least like the region it was given to.

    A patch inside one region was painted; between two it is what brushes and resampling leave along borders.
    """
    if not len(places[0]):
        return []
    where = np.zeros(labels.shape, bool)
    where[places] = True
    patches = label(where, np.ones((3, 3)))[0][places]
    lowest, highest = minimum_filter(labels, AROUND)[places], maximum_filter(labels, AROUND)[places]
    count = patches.max() + 1
    low, high = np.full(count, labels.max()), np.full(count, labels.min())
    np.minimum.at(low, patches, lowest)
    np.maximum.at(high, patches, highest)
    is_inside = (low == high)[patches]
    places, patches = (places[0][is_inside], places[1][is_inside]), patches[is_inside]
    pixels = mask.array[places]
    strangeness = np.linalg.norm(pixels - palette[labels[places]], axis=1)
    order = np.lexsort((-strangeness, patches))
    strangest = order[np.unique(patches[order], return_index=True)[1]]
    # A shade of a region that is there is no lost one; in a damaged mask neither is a faint mark.
    strange_enough = MERGE_DISTANCE if mask.is_exact else FAINT_DISTANCE
    strangest = strangest[_nearest(pixels[strangest].astype(np.float32), palette)[1] > strange_enough]
    colors, counts = np.unique(pixels[strangest], axis=0, return_counts=True)
    return [(int(r), int(g), int(b)) for r, g, b in colors[np.argsort(-counts, kind="stable")]]


def _range_of_window(plane: np.ndarray) -> np.ndarray:
    """Largest minus smallest value within 3 x 3 pixels."""
    plane = np.ascontiguousarray(plane)
    return np.asarray(_over_window(plane, np.maximum) - _over_window(plane, np.minimum))


def _over_window(plane: np.ndarray, combine: Callable[..., Any]) -> np.ndarray:
    for axis in (0, 1):
        inner = np.moveaxis(plane, axis, 0)
        combined = plane.copy()
        view = np.moveaxis(combined, axis, 0)
        combine(view[1:], inner[:-1], out=view[1:])
        combine(view[:-1], inner[1:], out=view[:-1])
        plane = combined
    return plane


def _counted(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct color codes, ascending, and how often each is there."""
    if codes.size < MANY_PIXELS:
        return np.unique(codes, return_counts=True)
    counts = np.bincount(codes.ravel())
    values = np.flatnonzero(counts)
    return values, counts[values]


def _nearest_of_pixels(mask: Mask, palette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the nearest color for every pixel, int16, and whether it is as near as it must be."""
    values, _ = _counted(mask.codes)
    nearest, distance = _nearest(_colors(values), palette)
    labels, is_near = np.zeros(1 << 24, np.int16), np.zeros(1 << 24, bool)
    labels[values], is_near[values] = nearest, distance <= (0 if mask.is_exact else MERGE_DISTANCE)
    return labels[mask.codes], is_near[mask.codes]


def _code(color: Color) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _colors(codes: np.ndarray) -> np.ndarray:
    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.float32)


def _nearest(colors: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of and distance to the nearest color of the palette, for every color."""
    index, distance = np.empty(len(colors), np.int64), np.empty(len(colors), np.float32)
    for first in range(0, len(colors), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        squares = _squared_distances(colors[part], palette)
        index[part] = squares.argmin(1)
        distance[part] = np.sqrt(squares.min(1))
    return index, distance


def _squared_distances(colors: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """``[n, m]``; of whole numbers in float32, so that equal colors are exactly 0 apart."""
    squares = (colors**2).sum(1)[:, None] - 2 * colors @ palette.T + (palette**2).sum(1)
    return np.asarray(squares)
