"""Which regions a request asks for: masks of both pictures, automatic ones, or one style for each region."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import InvalidOption, InvalidSegments
from ..images import Picture, Source
from .labels import Segments
from .masks import read_masks, read_style_regions

AUTO = "auto"


def is_auto(mask: Source | None) -> bool:
    """Whether regions are to be found by clustering."""
    return isinstance(mask, str) and mask == AUTO


def requested_segments(
    content: Picture,
    styles: Sequence[Picture],
    *,
    content_mask: Source | None,
    style_mask: Source | None,
    is_weighted: bool,
    find: Callable[[], Segments],
) -> Segments:
    """The matched regions that the masks of a request mean.

    Args:
        content, styles: at the sizes they are worked at.
        content_mask, style_mask: at least one of them; pictures, or "auto".
        is_weighted: the styles have weights.
        find: finds automatic regions of the content and the first style.

    Raises:
        InvalidSegments: a mask cannot be read, is missing, or goes with something else.
        InvalidOption: weights and a style for each region.
    """
    if len(styles) > 1:
        if content_mask is None or style_mask is not None or is_auto(content_mask):
            raise InvalidSegments(
                "With several style pictures, give a content mask alone; each of its regions gets one of "
                "them."
            )
        if is_weighted:
            raise InvalidOption(
                "style_weights cannot go with a mask that gives each region a style of its own."
            )
        return read_style_regions(content_mask, content, styles)
    if is_auto(content_mask) and (style_mask is None or is_auto(style_mask)):
        return find()
    if is_auto(content_mask) or is_auto(style_mask):
        automatic, other = ("content", "style") if is_auto(content_mask) else ("style", "content")
        raise InvalidSegments(
            f"The {automatic} mask is 'auto', which finds the regions of both pictures together, and the "
            f"{other} mask is not; give 'auto' for both, or a picture for both."
        )
    if content_mask is None or style_mask is None:
        missing = "content" if content_mask is None else "style"
        raise InvalidSegments(f"Masks come in pairs; the {missing} mask is missing.")
    return read_masks(content_mask, style_mask, content, styles[0])
