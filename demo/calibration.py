"""Small jobs that tell how fast this machine is: of the method of each door, before anybody waits for it."""

from __future__ import annotations

from typing import Any

from style_core import get_method

from .examples import ExamplePair, gallery
from .work import Request

JOBS: dict[str, tuple[dict[str, Any], ...]] = {
    # From two sizes a line over megapixels is drawn. The first of a size pays for its memory, too.
    "wct2": ({"size": 768}, {"size": 256}, {"size": 768}),
    "gatys": ({"size": 128, "steps": 2}, {"size": 256, "steps": 20}),
}


def calibrations() -> list[Request]:
    """The requests by method; the first of each loads networks and is not to be counted.

    Each has a pair of its own, for what was measured of a picture is remembered.
    """
    return [
        Request(method, str(pair.content), (str(pair.style),), options=options)
        for method, jobs in JOBS.items()
        for pair, options in zip(_pairs(photorealistic=get_method(method).photorealistic), jobs, strict=False)
    ]


def _pairs(*, photorealistic: bool) -> list[ExamplePair]:
    """Examples with a content each."""
    return list({pair.content: pair for pair in gallery(photorealistic=photorealistic)}.values())
