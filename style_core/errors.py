"""What can go wrong for a user: each text is one sentence with the value that came and the way out."""


class StyleCoreError(Exception):
    """Base of every refusal; its text can be shown to a user as it is."""


class InvalidOption(StyleCoreError):
    """An option is unknown, of the wrong type or out of range."""


class InvalidImage(StyleCoreError):
    """A picture cannot be read or used."""


class InvalidSegments(StyleCoreError):
    """A mask cannot be read or used."""


class WeightsUnavailable(StyleCoreError):
    """Weights are not there, not permitted or not what they should be."""


class OutOfMemory(StyleCoreError):
    """The device has too little memory for this picture."""


class Cancelled(StyleCoreError):
    """The caller asked to stop."""


class EnoughDone(Cancelled):
    """Raised by a progress callback to stop with what there is: optimizers return their best picture."""
