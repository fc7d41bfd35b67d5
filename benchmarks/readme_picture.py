"""Make ``assets/readme.jpg``: content, style and result of three example pairs, side by side."""

from __future__ import annotations

from PIL import Image, ImageOps

from style_core import load_image, stylize
from style_core.fronts import to_pil

from .pictures import EXAMPLES

ROWS = (
    ("wct2", "content/cathedral.jpg", "photo_style/dusk.jpg"),
    ("photo_wct", "content/mountains.jpg", "photo_style/snow.jpg"),
    ("wct", "content/castle.jpg", "art_style/starry_night.jpg"),
)
WIDTH, HEIGHT, GAP = 400, 266, 6


def main() -> None:
    """Run one method a row and write the picture."""
    sheet = Image.new("RGB", (3 * WIDTH + 2 * GAP, len(ROWS) * (HEIGHT + GAP) - GAP), "white")
    for row, (method, *names) in enumerate(ROWS):
        files = [EXAMPLES / name for name in names]
        pictures = [to_pil(load_image(f).pixels) for f in files] + [stylize(method, *files).to_pil()]
        for column, picture in enumerate(pictures):
            tile = ImageOps.fit(picture, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            sheet.paste(tile, (column * (WIDTH + GAP), row * (HEIGHT + GAP)))
    sheet.save(EXAMPLES.parent / "readme.jpg", quality=88)


if __name__ == "__main__":
    main()
