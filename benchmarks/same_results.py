"""Whether a change of the code changed pictures: every method on known pictures, against an earlier run.

    python -m benchmarks.same_results PAIRS ART CONTENTS OUT [--against OUT_OF_BEFORE]

PAIRS holds one folder per pair (``content.jpg``, ``style.jpg`` and their masks), ART paintings and
CONTENTS photos to paint. OUT gets one float32 array per result; against another such folder the largest
difference of every method is printed, in 255ths. Run it in a checkout of the commit before first. With
``--exact`` networks compute in float32: bfloat16 rounds differently wherever two steps become one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from style_core import list_methods, stylize

from .arguments import described
from .pictures import photo_pairs

LONGER = {"gatys": 256, "deep_photo": 256}  # px; the others are quick
USUAL = 512
PAINTINGS = 4


def main() -> None:
    """Stylize, keep, compare."""
    parser = described(__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("art", type=Path)
    parser.add_argument("contents", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--methods", nargs="+", default=list_methods())
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"precision": "exact"} if args.exact else {}
    for method in args.methods:
        largest, worst = 0.0, ""
        for name, given in _cases(args.pairs, args.art, args.contents):
            result = stylize(method, size=LONGER.get(method, USUAL), **given, **options)
            image = result.image.numpy()
            np.save(args.out / f"{method}_{name}.npy", image)
            if args.against is not None:
                before = np.load(args.against / f"{method}_{name}.npy")
                difference = 255 * float(np.abs(image - before).max())
                largest, worst = max((largest, worst), (difference, name))
        compared = f"largest difference {largest:.4f} of 255 ({worst})" if args.against else "kept"
        print(f"{method}: {compared}", flush=True)


def _cases(pairs: Path, art: Path, contents: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A name and the pictures of :func:`stylize`: pairs with their masks, paintings without."""
    for pair in photo_pairs(pairs):
        given = {key: value for key, value in vars(pair).items() if key != "name"}
        yield pair.name, given
    photos = sorted(contents.glob("*.jpg"))
    for k, painting in enumerate(sorted(art.glob("*.jpg"))[-PAINTINGS:]):
        photo = photos[k % len(photos)]
        yield f"{photo.stem}_{painting.stem}", {"content": photo, "style": painting}


if __name__ == "__main__":
    main()
