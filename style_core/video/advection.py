"""Strokes that stay on what they were painted on: paintings carried along by optical flow.

A network that paints every frame by itself paints other strokes on the same wall, and the clip boils. Here a
frame now and then is painted; the frames between are looked up in what was painted, where the flow says that
they show the same. What comes into view is taken from the painting of a frame to come, in which all of it is
seen, and stays where it is from then on. Where nothing fits (something passes by, a flash), a frame is
painted after all.

The flow is that of dense inverse search (Kroeger et al., ECCV 2016) in OpenCV, at a reduced size. Every
painting is looked up by one map from the frame to it, so that nothing is sampled twice and grows soft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from typing import Any, TypeVar

import numpy as np

EVERY = 12  # frames from one painted frame to the next
FLOW_SIDE = 640  # px, at most, of the frames that flow is found between
# Of the frames that flow is found between, px, and of their sides to each other: OpenCV's crashes on strips.
SMALLEST, MOST_STRETCHED = 64, 2
MOST_PAINTINGS = 5  # that are looked up; then what they show together is one
SAME = 14.0  # of 255: brightness less its surroundings may differ by so much where the same is shown
NEAR, AROUND = 5, 41  # px of the means whose difference that is
MOST_TORN = 0.4  # px between the places of neighbors, less the one that is between them
MOST_GAIN = 4.0  # by which contrast may differ
DARK = 4.0  # of 255, added to brightness before it is compared: black is only as black as its noise
SAME_LIGHT = 0.01  # of a gain that is none
SPOT = 9  # px of the window in which it is judged
FLAT = 3.0  # of 255: texture below which flow is not certain
CAMERA_STEP, FEWEST_POINTS = 8, 24  # px between the points that tell how the camera moves; of them
CAMERA_ERROR = 1.5  # px from its motion, within which a point goes with the camera
CAMERA_SHARE, CAMERA_REACH = 0.6, 0.75  # of all points; of a side of the frame
INTERRUPTED = 0.1  # share of a frame that must be found again for it to lead on
WORTH_PAINTING = 0.03  # share of a frame that fits nothing, from which on it is painted by itself
KEPT_COVER = 0.002  # share of a frame below which a painting is not looked up any more
Array = np.ndarray
Item = TypeVar("Item")
Paint = Callable[[Item], Array]


def has_opencv() -> bool:
    """Whether OpenCV is there to find flow with."""
    return find_spec("cv2") is not None


def _opencv() -> Any:
    import cv2

    return cv2


def advected(
    items: Iterable[Item], pixels: Callable[[Item], Array], paint: Paint[Item], *, every: int = EVERY
) -> Iterator[tuple[Array, Item]]:
    """Paintings of the frames of a shot whose strokes move with what they show.

    Args:
        items: the frames, in order.
        pixels: the frame as uint8 ``[H, W, 3]`` RGB, of one size.
        paint: its painting, ``[H, W, 3]`` uint8 or uint16.
        every: frames from one painted frame to the next.

    Yields:
        the painting of each frame, as ``paint`` gives them, and the frame. At most ``every`` frames are held.
    """
    frames = iter(items)
    first = next(frames, None)
    if first is None:
        return
    canvas = _Canvas(_Seen.of(pixels(first)), paint(first))
    yield canvas.shown(), first
    while chunk := list(islice(frames, every)):
        yield from zip(canvas.advance([_Seen.of(pixels(x)) for x in chunk], chunk, paint), chunk, strict=True)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame as flow sees it.

    Attributes:
        gray: uint8 ``[h, w]``, reduced.
        relief: float32 ``[h, w]``, brightness less its surroundings, which a drift of exposure leaves alone.
    """

    gray: Array
    relief: Array

    @classmethod
    def of(cls, frame: Array) -> _Seen:
        cv2 = _opencv()
        height, width = frame.shape[:2]
        factor = min(1.0, FLOW_SIDE / max(height, width))
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        least = max(SMALLEST, round(max(height, width) * factor) // MOST_STRETCHED)
        size = max(least, round(width * factor)), max(least, round(height * factor))
        if size != (width, height):
            gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        values = gray.astype(np.float32)
        return cls(gray, cv2.blur(values, (NEAR, NEAR)) - cv2.blur(values, (AROUND, AROUND)))


@dataclass(frozen=True, eq=False)
class _Painting:
    """What was painted of one frame, and where the present frame finds itself in it.

    Attributes:
        pixels: ``[H, W, 3]``.
        seen: the frame it was painted of.
        places: float32 ``[h, w, 2]``, for each position of the present frame the x and y in ``seen``.
        share: float32 ``[h, w]``, 0 to 1, how far the present frame shows this painting there.
        gain: how bright what both show is in the present frame, by how bright it was.
    """

    pixels: Array
    seen: _Seen
    places: Array
    share: Array
    gain: float = 1.0

    def found_in(self, frame: _Seen, places: Array, share: Array | float = 1.0) -> _Painting:
        """The painting as a frame finds it at ``places``, of which it may show ``share``."""
        cv2 = _opencv()
        seen = self.fits(frame, places) * share
        there = cv2.remap(self.seen.gray, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        now, then = (float((gray * seen).sum()) + DARK * float(seen.sum()) for gray in (frame.gray, there))
        return replace(self, places=places, share=seen, gain=now / then if then else 1.0)

    def looked_up(self) -> Array:
        """What the present frame shows of it, ``[H, W, 3]``; beyond the share, what the flow leads to."""
        cv2 = _opencv()
        height, width = self.pixels.shape[:2]
        places = self.places
        scale = np.array([width / places.shape[1], height / places.shape[0]], np.float32)
        if (height, width) != places.shape[:2]:
            places = cv2.resize(places, (width, height), interpolation=cv2.INTER_LINEAR)
            places = (places + 0.5) * scale - 0.5
        found: Array = cv2.remap(
            self.pixels, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        if abs(self.gain - 1) < SAME_LIGHT:
            return found
        highest = np.iinfo(found.dtype).max
        return np.clip(np.rint(found * np.float32(self.gain)), 0, highest).astype(found.dtype)

    def fits(self, frame: _Seen, places: Array) -> Array:
        """0 or 1, float32 ``[h, w]``: where a frame shows what the painted one shows at ``places``."""
        cv2 = _opencv()
        height, width = frame.gray.shape
        x, y = places[..., 0], places[..., 1]
        inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
        there = cv2.remap(self.seen.relief, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        gain = np.abs(frame.relief).mean() / max(float(np.abs(there).mean()), 1e-3)
        there *= np.clip(gain, 1 / MOST_GAIN, MOST_GAIN)  # of an exposure that drifts
        difference = cv2.GaussianBlur(np.abs(frame.relief - there), (SPOT, SPOT), 0)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPOT, SPOT))
        same = cv2.morphologyEx((difference < SAME).astype(np.uint8), cv2.MORPH_CLOSE, disc)
        return (same.astype(bool) & inside & ~_is_torn(places)).astype(np.float32)


class _Canvas:
    """The paintings that the present frame is looked up in, the oldest first."""

    def __init__(self, seen: _Seen, painting: Array) -> None:
        self.present = seen
        self.paintings = [self._new(seen, painting, np.ones(seen.gray.shape, np.float32))]

    def shown(self) -> Array:
        """The present frame, where it has just been painted."""
        return self.paintings[-1].pixels

    def advance(self, seen: list[_Seen], items: list[Any], paint: Paint[Any]) -> Iterator[Array]:
        """The next frames. The last of them is painted first, as far as it shows something new."""
        coming = []  # the old paintings as every frame finds them, and how much of it they are
        for frame in seen:
            found = self._found_in(frame)
            coming.append(found)
            if float(_covered(found).mean()) > INTERRUPTED:  # else what comes next is followed from before it
                self.paintings, self.present = found, frame
        covered = _covered(coming[-1])
        fresh: _Painting | None = None
        if float((1 - covered).mean()) > KEPT_COVER:
            fresh = self._new(seen[-1], paint(items[-1]), 1 - covered)
            # What it shows is what all paintings together show then, for the frames before it, too.
            together = _blended(coming[-1], fresh.pixels)
            fresh = replace(fresh, pixels=together)
        for frame, item, old, places in zip(seen, items, coming, _places_in_last(seen), strict=True):
            missing = 1 - _covered(old)
            rest, unlike = old[-1], missing
            if fresh is not None and float(missing.mean()) > KEPT_COVER:
                rest = fresh.found_in(frame, places)
                unlike = missing * (1 - rest.share)
            is_new = float(unlike.mean()) > WORTH_PAINTING
            yield _blended(old, paint(item) if is_new else rest.looked_up())
        self.paintings, self.present = [*coming[-1], *([fresh] if fresh else [])], seen[-1]
        self._tidy()

    def _new(self, seen: _Seen, painting: Array, share: Array) -> _Painting:
        return _Painting(painting, seen, _grid(seen), share)

    def _found_in(self, frame: _Seen) -> list[_Painting]:
        """The paintings as the next frame finds them."""
        cv2 = _opencv()
        grid = _grid(frame)
        back = grid + _flow(frame, self.present)
        found = []
        for painting in self.paintings:
            places = cv2.remap(painting.places, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            share = cv2.remap(painting.share, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            # From the painted frame itself, begun where following has led: errors do not add up.
            places = grid + _flow(frame, painting.seen, places - grid)
            found.append(painting.found_in(frame, places, share))
        return found

    def _tidy(self) -> None:
        """Let go of what is not seen any more; make one of many."""
        kept = [p for p in self.paintings if float(p.share.mean()) > KEPT_COVER] or self.paintings[-1:]
        if len(kept) > MOST_PAINTINGS:
            shown = _blended(kept[:-1], kept[-1].looked_up())
            kept = [self._new(self.present, shown, np.ones(self.present.gray.shape, np.float32))]
        self.paintings = kept


def _is_torn(places: Array) -> Array:
    """Where neighbors find themselves far apart or in one place, ``[h, w]``: where one thing passes another.

    Flow is smooth, and there it draws along what stands still.
    """
    torn = np.zeros(places.shape[:2], np.uint8)
    for axis in (0, 1):
        slope = np.gradient(places, axis=axis)
        slope[..., 1 - axis] -= 1  # x along columns, y along rows
        torn |= (np.abs(slope) > MOST_TORN).any(2)
    found: Array = _opencv().dilate(torn, np.ones((NEAR, NEAR), np.uint8)).astype(bool)
    return found


def _grid(seen: _Seen) -> Array:
    height, width = seen.gray.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], 2)


def _flow(frame: _Seen, other: _Seen, begun: Array | None = None) -> Array:
    """Where every position of a frame is in another one, less where it is: float32 ``[h, w, 2]``."""
    cv2 = _opencv()
    # Anew each time: one that was begun somewhere before crashes when it is to begin from nothing.
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    found: Array = search.calc(frame.gray, other.gray, None if begun is None else begun.copy())
    grid = _grid(frame)
    texture = cv2.blur(frame.relief**2, (AROUND, AROUND))
    certain = texture / (texture + FLAT**2)
    camera = _camera(grid, grid + found, certain)
    if camera is None:
        return found
    return found + (1 - certain)[..., None] * (cv2.transform(grid, camera) - grid - found)


def _camera(grid: Array, places: Array, certain: Array) -> Array | None:
    """The turn, zoom and shift, ``[2, 3]``, of most of what has texture, if that reaches across the frame.

    A clear sky does not show how it moves; it goes with the camera.
    """
    seen = certain[::CAMERA_STEP, ::CAMERA_STEP] > 0.5
    here, there = (x[::CAMERA_STEP, ::CAMERA_STEP][seen] for x in (grid, places))
    if len(here) < FEWEST_POINTS:
        return None
    camera, agree = _opencv().estimateAffinePartial2D(here, there, ransacReprojThreshold=CAMERA_ERROR)
    if camera is None or agree.mean() < CAMERA_SHARE:
        return None
    height, width = certain.shape
    reach = np.ptp(here[agree[:, 0] > 0], axis=0) / (width, height)
    return camera.astype(np.float32) if float(reach.max()) > CAMERA_REACH else None


def _places_in_last(seen: list[_Seen]) -> list[Array]:
    """Where every frame finds itself in the last one."""
    cv2 = _opencv()
    places = [_grid(seen[-1])]
    for frame, following in zip(seen[-2::-1], seen[:0:-1], strict=True):
        ahead = _grid(frame) + _flow(frame, following)
        places.append(cv2.remap(places[-1], ahead, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return places[::-1]


def _shares(paintings: list[_Painting]) -> list[Array]:
    """How much of the frame each shows, ``[h, w]``: the older one first, softly at its borders."""
    cv2 = _opencv()
    left = np.ones(paintings[0].share.shape, np.float32)
    found = []
    for painting in paintings:
        soft = cv2.GaussianBlur(painting.share, (SPOT, SPOT), 0) * (painting.share > 0)
        share = np.minimum(soft, left)
        left = left - share
        found.append(share)
    return found


def _covered(paintings: list[_Painting]) -> Array:
    """How much of the frame they show together, ``[h, w]``."""
    return np.sum(_shares(paintings), 0)


def _blended(paintings: list[_Painting], rest: Array) -> Array:
    """What paintings show of a frame, and ``rest`` where they show nothing."""
    cv2 = _opencv()
    height, width = rest.shape[:2]
    total = rest.astype(np.float32)
    for painting, share in zip(paintings, _shares(paintings), strict=True):
        if not share.any():
            continue
        share = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
        total += share * (painting.looked_up().astype(np.float32) - rest)
    return np.clip(np.rint(total), 0, np.iinfo(rest.dtype).max).astype(rest.dtype)
