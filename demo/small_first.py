"""A small result first, which the whole replaces: a preview of a large photo, a quick painting.

Where a photo's network sees a small copy of it, the preview is that copy, restyled, on the way to the whole.
A quick painting has a fifth of the steps and 512 px; on two cores that is six seconds instead of a minute
and already reads as a painting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from style_core import get_method
from style_core.fronts import ImageTensor, image_size

from .pace import about
from .texts import say
from .work import Done, Request, is_iterative, seen_side

PREVIEW_MEGAPIXELS = 1.0
PAINTING_SIDE, PAINTING_STEPS = 512, 40


@dataclass(frozen=True)
class Small:
    """What is on the stage while the whole is made.

    Attributes:
        done: the small result, or ``None`` until there is one.
        is_painting: rather than a photo's preview.
        size: width and height of the whole in px.
    """

    done: Done
    is_painting: bool
    size: tuple[int, int]

    @property
    def side(self) -> int:
        """Px of its longer side."""
        return max(self.done.result.picture.size)

    def is_below(self, preview: ImageTensor | None) -> bool:
        """Whether a picture of the whole on its way is large enough to take its place."""
        return preview is not None and max(preview.shape[-2:]) >= self.side

    def says(self, seconds: float | None, language: str) -> str:
        """The words while the whole follows.

        Args:
            seconds: that it still takes, if that is known.
        """
        follows = painting_follows if self.is_painting else photo_follows
        sentence = follows(self.size, None if seconds is None else say(about(seconds), language))
        return say(sentence, language)

    def instead(self, reason: str) -> Done:
        """The small result in place of the whole, with the reason as a note."""
        return replace(self.done, notes=(*self.done.notes, reason))

    def stopped(self) -> Done:
        """The small result when Stop was pressed before there was anything better."""
        width, height = self.done.result.picture.size
        return self.instead(
            f"Stopped before the whole was there; this is the small one of {width} x {height} px."
        )


def smaller(asked: Request) -> Request | None:
    """What gives the small result, or ``None`` where the whole is as quick or a size was asked for."""
    method, size = get_method(asked.method), image_size(asked.content)
    if size is None or asked.options.get("size"):
        return None
    if is_iterative(method):
        if method.photorealistic:  # with few steps it has hardly begun
            return None
        quick = {"size": min(PAINTING_SIDE, max(size)), "steps": PAINTING_STEPS}
        return replace(asked, options={**asked.options, **quick})
    if size[0] * size[1] < 2e6 * PREVIEW_MEGAPIXELS:
        return None
    side = seen_side(asked) if comes_on_the_way(asked) else side_of(size, PREVIEW_MEGAPIXELS)
    return replace(asked, options={**asked.options, "size": side})


def comes_on_the_way(asked: Request) -> bool:
    """Whether the small result needs no job of its own: the whole's has it on its way."""
    size, seen = image_size(asked.content), seen_side(asked)
    is_photo = get_method(asked.method).photorealistic and not is_iterative(get_method(asked.method))
    return is_photo and size is not None and seen is not None and seen < max(size)


def side_of(size: tuple[int, int], megapixels: float) -> int:
    """The longer side of a picture of that shape with so many pixels."""
    return round(max(size) * math.sqrt(megapixels * 1e6 / (size[0] * size[1])))


def photo_follows(size: tuple[int, int], time: str | None) -> str:
    """What is said under a photo's preview."""
    megapixels = f"{size[0] * size[1] / 1e6:.0f}"
    if time is None:
        return f"A preview; all {megapixels} megapixels follow"
    return f"A preview; all {megapixels} megapixels follow in {time}"


def painting_follows(size: tuple[int, int], time: str | None) -> str:
    """What is said under a quick painting."""
    refining = f"Quick painting done; now refining to {size[0]} x {size[1]} px"
    return refining if time is None else f"{refining}, {time} more"
