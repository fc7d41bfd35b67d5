"""Make ``assets/examples/results/``: what the page shows of its examples before anything was computed.

``python -m benchmarks.example_results`` makes those that are missing, with ``--again`` all of them; with
``--check`` it computes each anew and prints how far the picture that ships is from it.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from PIL import Image

from demo.shipped_results import RECORD, RESULTS, shipped_name, shipped_pairs
from style_core import Result, load_image, stylize
from style_core.fronts import to_pil

QUALITY = 90  # of 85, strokes lost 4 of 255


def main() -> None:
    """Make or check the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="make all of them anew")
    parser.add_argument("--check", action="store_true", help="compare instead")
    parser.add_argument("--method", help="of one method alone")
    asked = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for method, pair in shipped_pairs():
        path = RESULTS / f"{shipped_name(method, pair)}.jpg"
        is_wanted = asked.method in (None, method) and (asked.check or asked.again or not path.is_file())
        if not is_wanted:
            continue
        began = time.monotonic()
        result = stylize(method, pair.content, pair.style)
        seconds = time.monotonic() - began
        if asked.check:
            difference = _difference(result, to_pil(load_image(path).samples))
            print(f"{path.stem}: mean difference {difference:.2f} of 255")
            continue
        result.to_pil().save(path, quality=QUALITY, optimize=True)
        _note(path.stem, {"settings": result.settings, "notes": result.notes, "seconds": round(seconds, 1)})
        print(f"{path.stem}: {seconds:.1f} s, {path.stat().st_size / 1000:.0f} kB", flush=True)


def _difference(result: Result, shipped: Image.Image) -> float:
    return float(np.abs(np.asarray(result.to_pil(), np.float64) - np.asarray(shipped, np.float64)).mean())


def _note(name: str, known: dict[str, Any]) -> None:
    record = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
    text = json.dumps(record | {name: known}, indent=1, sort_keys=True, ensure_ascii=False)
    RECORD.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
