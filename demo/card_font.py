"""The letters on the card of a link: Chinese ones where the machine has a font for them."""

from __future__ import annotations

from functools import cache
from typing import Any

from PIL import ImageFont

SIZE = 24  # px
CHINESE_FONTS = (  # as Linux, macOS and Windows call theirs
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf",
    "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf",
    "PingFang.ttc", "STHeiti Light.ttc", "msyh.ttc", "simhei.ttf",
)  # fmt: skip


def can_write(text: str) -> bool:
    """Whether a text can be written here without boxes in place of letters."""
    return text.isascii() or chinese_font() is not None


def font_of(text: str) -> Any:
    """The font of a text: Pillow's own for Latin letters."""
    chosen = None if text.isascii() else chinese_font()
    return chosen or ImageFont.load_default(SIZE)


@cache
def chinese_font() -> Any:
    """The first of the fonts that is installed, or ``None``."""
    for name in CHINESE_FONTS:
        try:
            return ImageFont.truetype(name, SIZE)
        except OSError:  # it is not installed
            continue
    return None
