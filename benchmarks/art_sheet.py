"""A contact sheet of every content in every style.

    python -m benchmarks.art_sheet CONTENTS STYLES OUT.png [--method wct] [--size 384] [--OPTION VALUE …]

CONTENTS and STYLES are folders of pictures. The first row shows the styles, the first column the contents.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageOps

from style_core import load_image, stylize
from style_core.fronts import to_pil

from .arguments import described, parse_with_options

TILE = (288, 216)
SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """Stylize and lay out."""
    parser = described(__doc__)
    parser.add_argument("contents", type=Path)
    parser.add_argument("styles", type=Path)
    parser.add_argument("out", type=Path)
    args, options = parse_with_options(parser, method="wct")
    contents, styles = (_pictures(folder) for folder in (args.contents, args.styles))
    sheet = Image.new("RGB", (TILE[0] * (1 + len(styles)), TILE[1] * (1 + len(contents))), "white")
    for column, style in enumerate(styles, 1):
        _place(sheet, to_pil(load_image(style).pixels), column, 0)
    for row, content in enumerate(contents, 1):
        _place(sheet, to_pil(load_image(content).pixels), 0, row)
        for column, style in enumerate(styles, 1):
            result = stylize(args.method, content, style, **options)
            _place(sheet, result.to_pil(), column, row)
            print(content.stem, style.stem, f"{result.seconds['total']:.2f} s", *result.notes, flush=True)
    sheet.save(args.out)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _place(sheet: Image.Image, picture: Image.Image, column: int, row: int) -> None:
    sheet.paste(ImageOps.contain(picture, TILE), (column * TILE[0], row * TILE[1]))


if __name__ == "__main__":
    main()
