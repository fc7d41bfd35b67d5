"""What moving a strength after a run costs: ``python -m benchmarks.strength_slider``.

Per method of one pass, compact family, 512 x 512: the first run, the same with another style or content
strength (what does not depend on it is kept), and the small picture that the page shows first where the
whole takes longer.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from demo.examples import gallery
from demo.method_run import QUICK_SIDE
from demo.work import is_iterative
from style_core import get_method, list_methods, load_image, memory, stylize

SIDE = 512
MOVES = (0.9, 0.8, 0.7, 0.6, 0.5)


def main() -> None:
    """Print a Markdown table of median seconds."""
    print("| method | first run | style strength moved | content strength moved | small picture first |")
    print("|---|---|---|---|---|")
    for key in list_methods():
        if is_iterative(get_method(key)):
            continue
        pair = gallery(photorealistic=get_method(key).photorealistic)[0]
        content, style = (_square(path) for path in (pair.content, pair.style))
        stylize(key, content, style)  # loads the networks
        first = _seconds(key, content, style, [{}] * 3, fresh=True)
        moved = _seconds(key, content, style, [{"style_strength": s} for s in MOVES])
        kept = _seconds(key, content, style, [{"content_strength": s} for s in MOVES])
        small = _seconds(key, content, style, [{"style_strength": s, "size": QUICK_SIDE} for s in MOVES])
        print(f"| {key} | {first:.2f} | {moved:.2f} | {kept:.2f} | {small:.2f} |", flush=True)


def _seconds(key: str, content: Any, style: Any, runs: list[dict[str, Any]], *, fresh: bool = False) -> float:
    found = []
    for options in runs:
        if fresh:
            memory.forget()
        began = time.perf_counter()
        stylize(key, content, style, **options)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def _square(path: Any) -> torch.Tensor:
    pixels = load_image(path).pixels
    return torch.nn.functional.interpolate(pixels, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)


if __name__ == "__main__":
    main()
