"""Options of the methods, each declared once.

A field made by :func:`slider`, :func:`choice`, :func:`several`, :func:`weighted`, :func:`switch` or
:func:`whole` is, without another line, a control on the page, a command-line flag, an API parameter, a
validation sentence and an entry of the reference.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..errors import InvalidOption, shortened

KEY = "style_core"
PRECISIONS = ("fast", "exact")


@dataclass(frozen=True, kw_only=True)
class OptionField:
    """What is known of an option besides its default."""

    kind: str  # "slider", "choice", "several", "weighted", "switch" or "whole"
    help: str
    label: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    advanced: bool = False
    whole: bool = False

    @property
    def values(self) -> str:
        """The permitted values in words, for messages and the reference."""
        unit = f" {self.unit}" if self.unit else ""
        if self.kind == "switch":
            return "on or off"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "several":
            return "one or more of " + ", ".join(self.choices)
        if self.kind == "weighted":
            first = self.choices[0]
            return f"one or more of {', '.join(self.choices)}, each alone or with a weight like {first}=0.5"
        number = "a whole number" if self.whole else "a number"
        low, high = (None if v is None else int(v) if self.whole else v for v in (self.low, self.high))
        if high is None:
            return f"{number} from {low}{unit} up, or none"
        return f"{number} from {low} to {high}{unit}"

    def said(self, value: Any) -> str:
        """A value as one would type it."""
        if self.kind == "switch":
            return "on" if value else "off"
        if isinstance(value, tuple):
            return ",".join(value)
        return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    def problem(self, value: Any) -> bool:
        """Whether ``value`` is not permitted."""
        if self.kind == "switch":
            return not isinstance(value, bool)
        if self.kind == "choice":
            return not isinstance(value, str) or value not in self.choices
        if self.kind == "several":
            return (
                not isinstance(value, tuple)
                or not value
                or any(v not in self.choices for v in value)
                or len(set(value)) < len(value)
            )
        if self.kind == "weighted":
            return not isinstance(value, tuple) or not value or not self._is_weighted(value)
        if value is None:
            return self.high is not None
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return True
        number = value if isinstance(value, int) else float(value)  # whole numbers of any size compare
        if isinstance(number, float) and (not math.isfinite(number) or (self.whole and number % 1)):
            return True
        too_low = self.low is not None and number < self.low
        return too_low or (self.high is not None and number > self.high)

    def _is_weighted(self, value: tuple[Any, ...]) -> bool:
        try:
            weights = weights_of(value)
        except (ValueError, AttributeError):
            return False
        numbers_fit = all(0 <= w < math.inf for w in weights.values()) and sum(weights.values()) > 0
        return numbers_fit and len(weights) == len(value) and set(weights) <= set(self.choices)


def slider(
    default: float, low: float, high: float, *, help: str, step: float = 0.01, unit: str = "",
    label: str = "", advanced: bool = False,
) -> Any:  # fmt: skip
    """A number in a range; whole if ``step`` and ``default`` are."""
    whole = isinstance(default, int) and float(step).is_integer()
    return _field(default, OptionField(
        kind="slider", help=help, label=label, low=low, high=high, step=step, unit=unit,
        advanced=advanced, whole=whole,
    ))  # fmt: skip


def choice(
    default: str, choices: Sequence[str], *, help: str, label: str = "", advanced: bool = False
) -> Any:
    """One of a few names."""
    return _field(default, OptionField(
        kind="choice", help=help, label=label, choices=tuple(choices), advanced=advanced,
    ))  # fmt: skip


def several(
    default: tuple[str, ...], choices: Sequence[str], *, help: str, label: str = "", advanced: bool = False
) -> Any:
    """One or more of a few names, as a tuple."""
    return _field(default, OptionField(
        kind="several", help=help, label=label, choices=tuple(choices), advanced=advanced,
    ))  # fmt: skip


def weighted(
    default: tuple[str, ...], choices: Sequence[str], *, help: str, label: str = "", advanced: bool = False
) -> Any:
    """One or more of a few names, each with a weight: ``("conv1_1", "conv2_1=0.5")``; see weights_of."""
    return _field(default, OptionField(
        kind="weighted", help=help, label=label, choices=tuple(choices), advanced=advanced,
    ))  # fmt: skip


def switch(default: bool, *, help: str, label: str = "", advanced: bool = False) -> Any:
    """On or off."""
    return _field(default, OptionField(kind="switch", help=help, label=label, advanced=advanced))


def whole(
    default: int | None, low: int, *, help: str, unit: str = "", label: str = "", advanced: bool = True
) -> Any:
    """A whole number without an upper limit; may be ``None`` for "not set"."""
    return _field(default, OptionField(
        kind="whole", help=help, label=label, low=low, unit=unit, advanced=advanced, whole=True,
    ))  # fmt: skip


def _field(default: Any, option: OptionField) -> Any:
    if not option.help:
        raise TypeError("an option needs a help text")
    return field(default=default, metadata={KEY: option})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What every method understands.

    ``group`` is the heading over the options a class adds; ``only_if`` says what they need to have an
    effect, see conditions.py.
    """

    group: ClassVar[str] = "Result"
    only_if: ClassVar[Mapping[str, Any]] = {}
    size: int | None = whole(
        None, 16, unit="px",
        help="Longer side of the result; not set keeps the content's own size exactly.",
    )  # fmt: skip
    content_strength: float = slider(
        0.5, 0, 1, help="How closely the result keeps the content's fine structure.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1, help="How much style: 0 leaves the content as it is, 1 is the paper's setting.",
    )  # fmt: skip
    seed: int = slider(0, 0, 2**31 - 1, step=1, advanced=True, help="Number that fixes all randomness.")

    def __post_init__(self) -> None:
        for name, option in option_fields(type(self)).items():
            value = getattr(self, name)
            if option.kind in {"several", "weighted"} and isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, name, value)
            if option.problem(value):
                raise InvalidOption(f"{name} must be {option.values}, not {shortened(value)}.")
            if option.kind in {"slider", "whole"} and value is not None:
                object.__setattr__(self, name, int(value) if option.whole else float(value))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values by name."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self).items()}


def color_match_slider(default: float) -> Any:
    """Declare how far a finished picture goes to the style's distribution of colors."""
    return slider(
        default, 0, 1, advanced=True,
        help="How far the picture's colors are moved to those of the style, as often as they occur in it, at "
        "full style strength; 0 is the paper.",
    )  # fmt: skip


def contrast_match_slider(*, most: str = "three tenths", but_for: str = "") -> Any:
    """Declare how far the detail of a finished picture goes to the style's strength.

    Args:
        most: in words, by how much at most.
        but_for: a clause on what is left as it is.
    """
    return slider(
        1.0, 0, 1, advanced=True,
        help="How far the strength of fine and coarse detail is moved to that of the style, by "
        f"{most} at most, at full style strength; {but_for}0 is the paper.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Options):
    """What every method understands that runs a network."""

    group: ClassVar[str] = "Networks"
    precision: str = choice(
        "fast", PRECISIONS, advanced=True,
        help="fast computes in bfloat16 where the processor does so natively, exact in float32 (a GPU's TF32 "
        "off).",
    )  # fmt: skip

    @property
    def is_fast(self) -> bool:
        """Whether reduced precision is wanted."""
        return self.precision == "fast"


@dataclass(frozen=True, kw_only=True)
class PhotoOptions(NetworkOptions):
    """What every method understands that recolors photos."""

    group: ClassVar[str] = "Networks"
    working_size: int | None = whole(
        1024, 256, unit="px",
        help="Longer side of the picture the network works at; what it does to the colors there is carried "
        "to a larger photo's own pixels, and by WCT2 and Deep Photo to the calm places of a smaller one. Not "
        "set, it works at the photo's own size and its picture is the result, as in the papers.",
    )  # fmt: skip
    color_match: float = color_match_slider(0.25)
    contrast_match: float = contrast_match_slider(but_for="calm places are left as they are; ")


@dataclass(frozen=True, kw_only=True)
class PaintingOptions(NetworkOptions):
    """What a method understands that paints large photos at a small size first."""

    group: ClassVar[str] = "Networks"
    working_size: int | None = whole(
        1024, 256, unit="px",
        help="Longer side at which a larger photo is painted first; the painting is then enlarged and "
        "painted over with fine strokes. A smaller one gives larger strokes; not set, all is painted at "
        "once.",
    )  # fmt: skip


def option_fields(options: type[Options]) -> dict[str, OptionField]:
    """The declared options of a class by name, base options first.

    Raises:
        TypeError: a field was not made by one of this module's functions.
    """
    found = {}
    for f in dataclasses.fields(options):
        if KEY not in f.metadata:
            raise TypeError(f"{options.__name__}.{f.name} is not declared by slider, choice, several, …")
        found[f.name] = f.metadata[KEY]
    return found


def option_default(options: type[Options], name: str) -> Any:
    """The default value of an option."""
    return next(f.default for f in dataclasses.fields(options) if f.name == name)


def option_group(options: type[Options], name: str) -> str:
    """The heading of the class that first declared an option."""
    owner = next(
        c for c in reversed(options.__mro__)
        if issubclass(c, Options) and name in {f.name for f in dataclasses.fields(c)}
    )  # fmt: skip
    return owner.group


def make_options(options: type[Options], values: Mapping[str, Any]) -> Options:
    """Build options from values by name.

    Raises:
        InvalidOption: an unknown name, or a value that is not permitted.
    """
    known = option_fields(options)
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InvalidOption(f"There is no option {shortened(unknown[0])} here; there are {', '.join(known)}.")
    return options(**values)


def weights_of(value: Sequence[str]) -> dict[str, float]:
    """The value of a :func:`weighted` option as weights by name; a bare name has weight 1.

    Raises:
        ValueError: a weight is no number.
    """
    pairs = (part.partition("=") for part in value)
    return {name.strip(): float(number) if equals else 1.0 for name, equals, number in pairs}


def parse_numbers(text: str) -> list[float]:
    """The numbers of a text like ``2,1`` or ``2 1``.

    Raises:
        ValueError: a part is no number.
    """
    return [float(part) for part in text.replace(",", " ").split()]


def parse_value(option: OptionField, text: str) -> Any:
    """The value a command-line ``text`` means.

    Raises:
        ValueError: the text is not of the option's kind.
    """
    if option.kind == "switch":
        if text.lower() not in {"on", "off", "true", "false", "yes", "no"}:
            raise ValueError(text)
        return text.lower() in {"on", "true", "yes"}
    if option.kind == "choice":
        return text
    if option.kind in {"several", "weighted"}:
        return tuple(part.strip() for part in text.split(",") if part.strip() or option.kind == "several")
    if option.kind == "whole" and text.lower() == "none":
        return None
    return int(text) if option.whole else float(text)
