"""Strokes that stay on what they were painted on: paintings carried along by optical flow.

A network that paints every frame by itself paints other strokes on the same wall, and the clip boils. Here a
frame now and then is painted; the frames between are looked up in what was painted, where the flow says that
they show the same. What comes into view is taken from the painting of a frame to come, in which all of it is
seen, and stays where it is from then on. Where nothing fits (something passes by, a flash), a frame is
painted after all.

Every painting is looked up by one map from the frame to it, so that nothing is sampled twice and grows soft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from .motion import Array, Seen, flow, followed, is_inside, is_torn, opencv, refined, relief

EVERY = 12  # frames from one painted frame to the next
MOST_PAINTINGS = 5  # that are looked up; then what they show together is one
SAME = 14.0  # of 255: brightness less its surroundings may differ by so much where the same is shown
MOST_GAIN = 4.0  # by which contrast may differ
DARK = 4.0  # of 255, added to brightness before it is compared: black is only as black as its noise
SAME_LIGHT = 0.01  # of a gain that is none
SPOT = 9  # px of the window in which it is judged
INTERRUPTED = 0.1  # share of a frame that must be found again for it to lead on
WORTH_PAINTING = 0.03  # share of a frame that fits nothing, from which on it is painted by itself
JOINT = 0.08  # of the longer side: so far beyond a seam a painting takes on the tone of the one before
LEAST_NEAR = 0.05
KEPT_COVER = 0.002  # share of a frame below which a painting is not looked up any more
Item = TypeVar("Item")
Paint = Callable[[Item, "Carried | None"], Array]


def advected(
    items: Iterable[Item], pixels: Callable[[Item], Array], paint: Paint[Item], *, every: int = EVERY
) -> Iterator[tuple[Array, Item]]:
    """Paintings of the frames of a shot whose strokes move with what they show.

    Args:
        items: the frames, in order.
        pixels: the frame as uint8 ``[H, W, 3]`` RGB, of one size.
        paint: its painting, ``[H, W, 3]`` uint8 or uint16; is told what paintings before it show of it, or
            ``None`` where that is next to nothing.
        every: frames from one painted frame to the next.

    Yields:
        the painting of each frame, as ``paint`` gives them, and the frame. At most ``every`` frames are held.
    """
    frames = iter(items)
    first = next(frames, None)
    if first is None:
        return
    canvas = _Canvas(Seen.of(pixels(first)), paint(first, None))
    yield canvas.shown(), first
    while chunk := list(islice(frames, every)):
        yield from zip(canvas.advance([Seen.of(pixels(x)) for x in chunk], chunk, paint), chunk, strict=True)


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
    seen: Seen
    places: Array
    share: Array
    gain: float = 1.0

    def found_in(self, frame: Seen, places: Array, share: Array | float = 1.0) -> _Painting:
        """The painting as a frame finds it at ``places``, of which it may show ``share``."""
        cv2 = opencv()
        there = cv2.remap(
            self.seen.gray.astype(np.float32),
            places,
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        seen = _fits(frame, there, places) * share
        return replace(self, places=places, share=seen, gain=_light(frame, there, seen))

    def looked_up(self) -> Array:
        """What the present frame shows of it, ``[H, W, 3]``; beyond the share, what the flow leads to."""
        cv2 = opencv()
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


def _light(frame: Seen, there: Array, where: Array) -> float:
    """How bright what both show is in the frame, by how bright it is there."""
    now, then = (float((gray * where).sum()) + DARK * float(where.sum()) for gray in (frame.gray, there))
    return now / then if then else 1.0


def _fits(frame: Seen, there: Array, places: Array) -> Array:
    """0 or 1, float32 ``[h, w]``: where a frame shows what is ``there``, at ``places`` in another one."""
    cv2 = opencv()
    inside = is_inside(places)
    # What is not seen there is as here, or its border would be a difference of what is beside it.
    around = frame.gray / max(_light(frame, there, inside), 1 / MOST_GAIN)
    other = relief(np.where(inside, there, around).astype(np.float32))
    gain = np.abs(frame.relief).mean() / max(float(np.abs(other).mean()), 1e-3)
    other *= np.clip(gain, 1 / MOST_GAIN, MOST_GAIN)  # of an exposure that drifts
    difference = cv2.GaussianBlur(np.abs(frame.relief - other), (SPOT, SPOT), 0)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (SPOT, SPOT))
    same = cv2.morphologyEx((difference < SAME).astype(np.uint8), cv2.MORPH_CLOSE, disc)
    return (same.astype(bool) & inside & ~is_torn(places)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Carried:
    """What older paintings show of a frame that is to be painted."""

    _paintings: list[_Painting]

    @classmethod
    def of(cls, paintings: list[_Painting]) -> Carried | None:
        return cls(paintings) if float(_covered(paintings).mean()) > INTERRUPTED else None

    def shown(self) -> Array:
        """The frame as they show it, ``[H, W, 3]`` as they are; what none covers is led to by the flow."""
        return _blended(self._paintings, self._paintings[-1].looked_up())

    def covered(self) -> Array:
        """Which share of it they show, float32 ``[h, w]`` in [0, 1], of the size that flow is found at."""
        return _covered(self._paintings)


class _Canvas:
    """The paintings that the present frame is looked up in, the oldest first."""

    def __init__(self, seen: Seen, painting: Array) -> None:
        self.present = seen
        self.paintings = [self._new(seen, painting, np.ones(seen.gray.shape, np.float32))]

    def shown(self) -> Array:
        """The present frame, where it has just been painted."""
        return self.paintings[-1].pixels

    def advance(self, seen: list[Seen], items: list[Any], paint: Paint[Any]) -> Iterator[Array]:
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
            # What it shows is what all paintings together show then, for the frames before it, too.
            painting = paint(items[-1], Carried.of(coming[-1]))
            fresh = self._new(seen[-1], _joined(coming[-1], painting, covered), 1 - covered)
        for frame, item, old, places in zip(seen, items, coming, _places_in_last(seen), strict=True):
            missing = 1 - _covered(old)
            rest, unlike = old[-1], missing
            if fresh is not None and float(missing.mean()) > KEPT_COVER:
                rest = fresh.found_in(frame, places)
                unlike = missing * (1 - rest.share)
            is_new = float(unlike.mean()) > WORTH_PAINTING
            yield _blended(old, paint(item, Carried.of(old)) if is_new else rest.looked_up())
        self.paintings, self.present = [*coming[-1], *([fresh] if fresh else [])], seen[-1]
        self._tidy()

    def _new(self, seen: Seen, painting: Array, share: Array) -> _Painting:
        return _Painting(painting, seen, seen.grid, share)

    def _found_in(self, frame: Seen) -> list[_Painting]:
        """The paintings as the next frame finds them."""
        cv2 = opencv()
        back = flow(frame, self.present)
        found = []
        for painting in self.paintings:
            share = cv2.remap(painting.share, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            # From the painted frame itself, begun where following has led: errors do not add up.
            places = refined(frame, painting.seen, followed(painting.places, back))
            found.append(painting.found_in(frame, places, share))
        return found

    def _tidy(self) -> None:
        """Let go of what is not seen any more; make one of many."""
        kept = [p for p in self.paintings if float(p.share.mean()) > KEPT_COVER] or self.paintings[-1:]
        if len(kept) > MOST_PAINTINGS:
            shown = _blended(kept[:-1], kept[-1].looked_up())
            kept = [self._new(self.present, shown, np.ones(self.present.gray.shape, np.float32))]
        self.paintings = kept


def _places_in_last(seen: list[Seen]) -> list[Array]:
    """Where every frame finds itself in the last one."""
    places = [seen[-1].grid]
    for frame, following in zip(seen[-2::-1], seen[:0:-1], strict=True):
        places.append(refined(frame, seen[-1], followed(places[-1], flow(frame, following))))
    return places[::-1]


def _shares(paintings: list[_Painting]) -> list[Array]:
    """How much of the frame each shows, ``[h, w]``: the older one first, softly at its borders."""
    cv2 = opencv()
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


def _joined(paintings: list[_Painting], fresh: Array, covered: Array) -> Array:
    """What paintings show, gone on with by a fresh one whose tone is theirs where they end.

    Their difference, smooth, is added beyond the seam and fades away from it: two paintings of one clear sky
    are not of one blue. What was shown before stays as it was.
    """
    cv2 = opencv()
    height, width = fresh.shape[:2]
    together = _blended(paintings, fresh)
    difference = cv2.resize(
        together.astype(np.float32) - fresh, covered.shape[::-1], interpolation=cv2.INTER_AREA
    )
    reach = JOINT * max(covered.shape)
    near = cv2.GaussianBlur(covered, (0, 0), reach)
    change = cv2.GaussianBlur(difference, (0, 0), reach) / np.maximum(near, LEAST_NEAR)[..., None]
    change *= ((1 - covered) * np.clip(2 * near, 0, 1))[..., None]  # half of what is around a seam is covered
    change = cv2.resize(change, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(together + change), 0, np.iinfo(fresh.dtype).max).astype(fresh.dtype)


def _blended(paintings: list[_Painting], rest: Array) -> Array:
    """What paintings show of a frame, and ``rest`` where they show nothing."""
    cv2 = opencv()
    height, width = rest.shape[:2]
    total = rest.astype(np.float32)
    for painting, share in zip(paintings, _shares(paintings), strict=True):
        if not share.any():
            continue
        share = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
        total += share * (painting.looked_up().astype(np.float32) - rest)
    return np.clip(np.rint(total), 0, np.iinfo(rest.dtype).max).astype(rest.dtype)
