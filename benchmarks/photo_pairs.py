"""Results on a folder of photo pairs, for scoring and for eyes.

    python -m benchmarks.photo_pairs PAIRS OUT [--method wct2] [--masks own|auto|none] [--OPTION VALUE …]

PAIRS holds one folder per pair with ``content.jpg``, ``style.jpg`` and the masks ``content_mask.png``
and ``style_mask.png``. OUT gets ``NN.png`` per pair and ``sheet.jpg``: content, style, result.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from PIL import Image
from torch import Tensor

from style_core import get_method, load_image, stylize
from style_core.fronts import option_fields, parse_value, to_pil

TILE = 360


def main() -> None:
    """Stylize every pair and lay out the contact sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--method", default="wct2")
    parser.add_argument("--masks", choices=["own", "auto", "none"], default="own")
    args, rest = parser.parse_known_args()
    fields = option_fields(get_method(args.method).options)
    names = [text.removeprefix("--").replace("-", "_") for text in rest[::2]]
    options = {n: parse_value(fields[n], value) for n, value in zip(names, rest[1::2], strict=True)}
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for pair in sorted(p for p in args.pairs.iterdir() if p.is_dir()):
        content, style = pair / "content.jpg", pair / "style.jpg"
        masks = {
            "own": (pair / "content_mask.png", pair / "style_mask.png"),
            "auto": ("auto", "auto"),
            "none": (None, None),
        }[args.masks]
        began = time.perf_counter()
        result = stylize(
            args.method, content, style, content_mask=masks[0], style_mask=masks[1], **options
        )  # fmt: skip
        result.save(args.out / f"{pair.name}.png")
        print(f"{pair.name}  {time.perf_counter() - began:.2f} s  {' '.join(result.notes)}", flush=True)
        rows.append(_row([load_image(content).pixels, load_image(style).pixels, result.image]))
    sheet = Image.new("RGB", (3 * TILE, sum(r.height for r in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(args.out / "sheet.jpg", quality=90)


def _row(pictures: list[Tensor]) -> Image.Image:
    images = [to_pil(p) for p in pictures]
    height = TILE * images[0].height // images[0].width
    row = Image.new("RGB", (3 * TILE, height))
    for k, image in enumerate(images):
        row.paste(image.resize((TILE, height), Image.Resampling.LANCZOS), (k * TILE, 0))
    return row


if __name__ == "__main__":
    main()
