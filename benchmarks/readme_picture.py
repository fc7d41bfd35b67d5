"""Make ``assets/readme.jpg``: content, style and result of three example pairs, side by side."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from style_core import load_image, stylize
from style_core.images import to_pil

EXAMPLES = Path(__file__).resolve().parent.parent / "assets" / "examples"
PAIRS = (("cathedral", "dusk"), ("summer_palace", "desert_light"), ("castle", "autumn"))
WIDTH, HEIGHT, GAP = 400, 266, 6


def main() -> None:
    """Run WCT2 on the pairs and write the picture."""
    sheet = Image.new("RGB", (3 * WIDTH + 2 * GAP, len(PAIRS) * (HEIGHT + GAP) - GAP), "white")
    for row, (content, style) in enumerate(PAIRS):
        files = [EXAMPLES / "content" / f"{content}.jpg", EXAMPLES / "photo_style" / f"{style}.jpg"]
        pictures = [to_pil(load_image(f).pixels) for f in files] + [stylize("wct2", *files).to_pil()]
        for column, picture in enumerate(pictures):
            tile = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            sheet.paste(tile, (column * (WIDTH + GAP), row * (HEIGHT + GAP)))
    sheet.save(EXAMPLES.parent / "readme.jpg", quality=88)


if __name__ == "__main__":
    main()
