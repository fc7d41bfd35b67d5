"""What Run will do, and how long that takes here, in words before anybody has pressed it."""

from __future__ import annotations

from style_core import get_method

from .pace import about
from .service import Service
from .small_first import smaller
from .texts import say
from .work import Request, is_iterative

IN_MEGAPIXELS = 2e6  # pixels from which a size is said in megapixels


def plan(service: Service, asked: Request, language: str) -> str:
    """Like "Preview (1 MP) · Full (12 MP, about 4 s)"; nothing without a content of known size."""
    size = service.size_of(asked)
    if not all(size):
        return ""
    full, first = _part(service, asked, "Full", language), smaller(asked)
    if first is None:
        return full
    is_painting = is_iterative(get_method(asked.method))
    word = "Quick painting" if is_painting else "Preview"
    return f"{_part(service, first, word, language)} · {full}"


def _part(service: Service, request: Request, word: str, language: str) -> str:
    """One of the pictures that will be made: its name, size and time."""
    width, height = service.size_of(request)
    is_large = width * height >= IN_MEGAPIXELS or word == "Preview"
    size = f"{width * height / 1e6:.0f} MP" if is_large else f"{width} x {height} px"
    seconds = service.expected(request)
    time = "" if seconds is None else f", {say(about(seconds), language)}"
    return say(f"{word} ({say(size, language)}{time})", language)
