"""Regions by a tap: the automatic region under the finger gets a color, in the photo and in the style.

Regions of the same color are matched; what has no color is a region too. The taps are kept by the page, as
text, and applied anew each time, so that the server keeps nothing of a visitor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from .masks import COLORS, palette, photo_below
from .service import Service
from .work import AUTO_MASKS, Request

SIDES = ("content", "style")
MOST = 64  # taps
VEIL, EDGE = 0.55, 0.6  # opacity of a color, and of the white line around an automatic region
WHITE = 255.0
LINES = 250  # as many of them side by side would fill the picture


@dataclass(frozen=True)
class Tap:
    """Where somebody tapped: the picture, the place in shares of its sides, and the number of the color."""

    side: str
    x: float
    y: float
    color: int


def parsed(text: Any) -> list[Tap]:
    """The taps that the page has kept; what is none is left out, for a program may send anything."""
    try:
        listed = json.loads(text or "[]")
    except (TypeError, ValueError):
        return []
    found = [_tap(each) for each in listed] if isinstance(listed, list) else []
    return [tap for tap in found if tap is not None][-MOST:]


def with_tap(text: Any, side: str, path: str, place: Any, color: Any) -> list[Tap]:
    """The taps so far and one more.

    Args:
        text: those so far.
        path: the photo that was tapped.
        place: in px from the left and from the top of what :func:`veiled` shows of it.
    """
    width, height = photo_below(path).size
    x, y = place
    return parsed(json.dumps([*json.loads(as_text(parsed(text))), [side, x / width, y / height, color]]))


def as_text(taps: Sequence[Tap]) -> str:
    """What the page keeps."""
    return json.dumps([[tap.side, tap.x, tap.y, tap.color] for tap in taps])


def automatic_regions(service: Service, asked: Request) -> dict[str, np.ndarray]:
    """The label maps ``[H, W]`` of the photo and the first style, uint8, found without masks.

    Raises:
        StyleCoreError: a sentence for the visitor.
    """
    found = service.regions(replace(asked, masks=AUTO_MASKS, styles=asked.styles[:1], style_weights=None))
    return {"content": found.content.numpy(), "style": found.style.numpy()}


def colored(labels: np.ndarray, taps: Sequence[Tap]) -> np.ndarray:
    """The number of the color of each pixel from 1 on, 0 for none, like ``labels``.

    Args:
        labels: ``[H, W]``, the automatic regions.
        taps: of this picture, in order: a region tapped again in its own color loses it.
    """
    colors = np.zeros(256, np.uint8)
    height, width = labels.shape
    for tap in taps:
        label = labels[min(height - 1, int(tap.y * height)), min(width - 1, int(tap.x * width))]
        colors[label] = 0 if colors[label] == tap.color + 1 else tap.color + 1
    return colors[labels]


def mask_picture(numbers: np.ndarray) -> Image.Image | None:
    """The mask in flat colors, black where there is none; ``None`` if nothing has a color."""
    if not numbers.any():
        return None
    return Image.fromarray(_flat_colors()[numbers].astype(np.uint8))


def veiled(path: str, labels: np.ndarray, numbers: np.ndarray) -> Image.Image:
    """The photo with its automatic regions outlined, and those that have a color half covered by it."""
    photo = photo_below(path)
    width, height = photo.size
    picture = np.asarray(photo, np.float32)
    here, number = (_at_size(each, height, width) for each in (labels, numbers))
    picture = np.where((number > 0)[..., None], picture * (1 - VEIL) + _flat_colors()[number] * VEIL, picture)
    edge = _edges(here)[..., None]
    return Image.fromarray(np.where(edge, picture * (1 - EDGE) + WHITE * EDGE, picture).astype(np.uint8))


def _tap(given: Any) -> Tap | None:
    if not isinstance(given, list) or len(given) != 4:
        return None
    side, x, y, color = given
    are_shares = all(
        isinstance(each, (int, float)) and math.isfinite(each) and 0 <= each <= 1 for each in (x, y)
    )
    is_color = isinstance(color, int) and 0 <= color < len(COLORS)
    return Tap(side, x, y, color) if side in SIDES and are_shares and is_color else None


def _flat_colors() -> np.ndarray:
    """The colors by number, as float32 rows; 0 is black."""
    return np.concatenate([np.zeros((1, 3)), palette()]).astype(np.float32)


def _at_size(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map ``[H, W]`` at another size, each pixel the nearest."""
    rows = np.arange(height) * values.shape[0] // height
    columns = np.arange(width) * values.shape[1] // width
    return values[rows[:, None], columns[None]]


def _edges(labels: np.ndarray) -> np.ndarray:
    """Where a pixel a little to the right or below has another label: lines that are seen on a phone."""
    edge = np.zeros(labels.shape, bool)
    for far in range(1, 1 + max(1, max(labels.shape) // LINES)):
        edge[:, :-far] |= labels[:, far:] != labels[:, :-far]
        edge[:-far] |= labels[far:] != labels[:-far]
    return edge
