"""Results on a folder of photo pairs, for scoring and for eyes.

    python -m benchmarks.photo_pairs PAIRS OUT [--method wct2] [--masks own|auto|none] [--OPTION VALUE …]

PAIRS holds one folder per pair with ``content.jpg``, ``style.jpg`` and the masks ``content_mask.png``
and ``style_mask.png``. OUT gets ``NN.png`` per pair and ``sheet.jpg``: content, style, result.
"""

from __future__ import annotations

import time
from pathlib import Path

from PIL import Image
from torch import Tensor

from style_core import load_image, stylize
from style_core.fronts import to_pil

from .arguments import described, parse_with_options
from .pictures import PhotoPair, photo_pairs

TILE = 360


def main() -> None:
    """Stylize every pair and lay out the contact sheet."""
    parser = described(__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--masks", choices=["own", "auto", "none"], default="own")
    args, options = parse_with_options(parser, method="wct2")
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for pair in photo_pairs(args.pairs):
        content_mask, style_mask = _masks(pair, args.masks)
        began = time.perf_counter()
        result = stylize(
            args.method, pair.content, pair.style, content_mask=content_mask, style_mask=style_mask, **options
        )  # fmt: skip
        result.save(args.out / f"{pair.name}.png")
        print(f"{pair.name}  {time.perf_counter() - began:.2f} s  {' '.join(result.notes)}", flush=True)
        rows.append(_row([load_image(pair.content).pixels, load_image(pair.style).pixels, result.image]))
    sheet = Image.new("RGB", (3 * TILE, sum(r.height for r in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    sheet.save(args.out / "sheet.jpg", quality=90)


def _masks(pair: PhotoPair, kind: str) -> tuple[Path | str | None, Path | str | None]:
    if kind == "own":
        return pair.content_mask, pair.style_mask
    return ("auto", "auto") if kind == "auto" else (None, None)


def _row(pictures: list[Tensor]) -> Image.Image:
    images = [to_pil(p) for p in pictures]
    height = TILE * images[0].height // images[0].width
    row = Image.new("RGB", (3 * TILE, height))
    for k, image in enumerate(images):
        row.paste(image.resize((TILE, height), Image.Resampling.LANCZOS), (k * TILE, 0))
    return row


if __name__ == "__main__":
    main()
