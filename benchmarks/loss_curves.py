"""Gatys: loss against time, coarse to fine and at full size alone: ``python -m benchmarks.loss_curves``.

Losses are those of the full size; "-" where coarse to fine is still at a smaller one.
"""

from __future__ import annotations

from typing import Any

from style_core import Result, stylize

from .arguments import described
from .pictures import photo

SIZE = 512
TIMES = (2, 5, 10, 15, 20, 30, 45, 60)  # s
PAIRS = (("castle", "starry_night"), ("kitten", "seashore"))


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("--seconds", type=int, default=max(TIMES))
    seconds = parser.parse_args().seconds
    times = [t for t in TIMES if t <= seconds]
    print(f"| pair | way | steps | {' | '.join(f'{t} s' for t in times)} |\n|{'---|' * (3 + len(times))}")
    for content, style in PAIRS:
        pictures = photo(SIZE, SIZE, f"content/{content}.jpg"), photo(SIZE, SIZE, f"art_style/{style}.jpg")
        for way, options in _ways(seconds).items():
            result = stylize("gatys", *pictures, **options)
            cells = " | ".join(_reached(result, t) for t in times)
            print(f"| {content}, {style} | {way} | {options['steps']} | {cells} |", flush=True)


def _ways(seconds: int) -> dict[str, dict[str, Any]]:
    return {
        "coarse to fine, default": {"steps": 200},
        "coarse to fine": {"steps": 400, "max_seconds": seconds},
        "full size alone": {"steps": 400, "coarse_to_fine": False, "max_seconds": seconds},
    }


def _reached(result: Result, seconds: float) -> str:
    seen = [p.loss for p in result.losses if p.width == SIZE and p.seconds <= seconds]
    return f"{min(seen):.4f}" if seen else "-"


if __name__ == "__main__":
    main()
