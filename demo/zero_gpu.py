"""The decorator that lends a function a GPU on Hugging Face's ZeroGPU Spaces; elsewhere it does nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_LOAN = 120.0  # seconds; asking for more puts a visitor behind all who ask for less


def on_gpu(seconds: float) -> Callable[[F], F]:
    """Run the decorated function, or generator, on a GPU for at most ``seconds``, where they are lent."""

    def decorate(function: F) -> F:
        try:
            import spaces
        except ImportError:  # not on Spaces
            return function
        lent: F = spaces.GPU(duration=int(min(seconds, LONGEST_LOAN)))(function)
        return lent

    return decorate
