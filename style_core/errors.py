"""What can go wrong for a user: each text is one sentence with the value that came and the way out."""

import reprlib
from typing import Any

_SHORT = reprlib.Repr()
_SHORT.maxlong, _SHORT.maxstring, _SHORT.maxother = 24, 80, 80  # characters


def shortened(value: Any) -> str:
    """A value that came, as Python writes it, in one line and short enough for a sentence."""
    try:
        return " ".join(_SHORT.repr(value).split())
    except ValueError:  # Python does not write numbers of thousands of digits
        return "a number of thousands of digits"


class StyleCoreError(Exception):
    """Base of every refusal; its text can be shown to a user as it is."""


class InvalidOption(StyleCoreError):
    """An option is unknown, of the wrong type or out of range."""


class InvalidImage(StyleCoreError):
    """A picture cannot be read or used."""


class InvalidClip(StyleCoreError):
    """A clip cannot be read, used or written."""


class InvalidSegments(StyleCoreError):
    """A mask cannot be read or used."""


class WeightsUnavailable(StyleCoreError):
    """Weights are not there, not permitted or not what they should be."""


class OutOfMemory(StyleCoreError):
    """The device has too little memory for this picture."""


class TakesLong(UserWarning):
    """What was begun will take a while; its text says what and how long."""


class Cancelled(StyleCoreError):
    """The caller asked to stop."""


class EnoughDone(Cancelled):
    """Raised by a progress callback to stop with what there is: optimizers return their best picture."""
