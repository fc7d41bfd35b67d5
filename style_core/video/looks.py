"""Looks over time: fitted at key frames, merged over their neighbors, and interpolated in between.

The normal equations of a bilateral grid add up over frames, so what a few frames say together is solved
once; a look so made cannot flicker faster than its window is long. Between two key frames their solved grids
are interpolated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ..images import ImageTensor
from ..look import Equations, Grid, Look, equations

KEY_EVERY = 12  # frames
SHARES = (1.0, 0.7, 0.3)  # of key frames by their distance from the one whose look it is
REACH = len(SHARES) - 1
F = TypeVar("F")


def with_looks(
    frames: Iterable[F], count: int, small: Callable[[F], ImageTensor],
    restyle: Callable[[ImageTensor], ImageTensor],
) -> Iterator[tuple[F, Look]]:  # fmt: skip
    """Every frame of a shot with its look, at most ``(REACH + 1) * KEY_EVERY`` frames late.

    Args:
        frames: of the shot, in order.
        count: how many there are.
        small: gives a frame's picture ``[1, 3, h, w]`` that the look is fitted to.
        restyle: what the method makes of such a picture.
    """
    keys: dict[int, Equations] = {}
    grids: dict[int, Grid] = {}
    last = (count - 1) // KEY_EVERY  # the number of the last key frame
    waiting: deque[tuple[int, F]] = deque()
    seen = -1

    def ready(number: int) -> bool:
        return seen >= min(number // KEY_EVERY + 1 + REACH, last) or seen == last

    def grid(key: int) -> Grid:
        if key not in grids:
            grids[key] = _merged(keys, key).solved()
        return grids[key]

    def look(number: int) -> Look:
        key, part = divmod(number, KEY_EVERY)
        here = grid(key)
        if part and key < last:
            there, share = grid(key + 1), part / KEY_EVERY
            here = Grid(here.maps.lerp(there.maps, share), here.whole.lerp(there.whole, share))
        for old in [k for k in grids if k < key]:
            del grids[old]
        for old in [k for k in keys if k < key - REACH]:
            del keys[old]
        return Look((here,), here)

    for number, frame in enumerate(frames):
        waiting.append((number, frame))
        if number % KEY_EVERY == 0:
            picture = small(frame)
            keys[number // KEY_EVERY] = equations(picture, restyle(picture))
            seen = number // KEY_EVERY
        while waiting and ready(waiting[0][0]):
            at, due = waiting.popleft()
            yield due, look(at)
    for at, due in waiting:  # fewer came than there were said to be
        last = seen
        yield due, look(at)


def _merged(keys: dict[int, Equations], key: int) -> Equations:
    """The equations of a key frame and its neighbors, the nearer the heavier."""
    found: Equations | None = None
    for other, own in keys.items():
        distance = abs(other - key)
        if distance <= REACH:
            part = own.weighted(SHARES[distance])
            found = part if found is None else found.merged(part)
    assert found is not None
    return found
