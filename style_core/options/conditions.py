"""When an option has an effect, declared beside the options; a value set in vain becomes a note.

A class of options says so in its ``only_if``: the name of an option, or of an option and one of its
values as ``"refinement=none"``, and what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .fields import Options, option_default, option_fields

# Of the options and whether a texture is made.
Test = Callable[[Any, bool], bool]


@dataclass(frozen=True)
class Condition:
    """What an option needs, in words, and whether it is so."""

    words: str
    holds: Test

    def __and__(self, other: Condition) -> Condition:
        return Condition(
            f"{self.words} and {other.words}",
            lambda o, texture: self.holds(o, texture) and other.holds(o, texture),
        )

    def __or__(self, other: Condition) -> Condition:
        return Condition(
            f"{self.words} or {other.words}",
            lambda o, texture: self.holds(o, texture) or other.holds(o, texture),
        )


NEVER = Condition("a method that draws at random", lambda o, texture: False)
TEXTURE = Condition("a texture, made without content", lambda o, texture: texture)
CONTENT = Condition("a content picture", lambda o, texture: not texture)


def needs(option: str, value: str) -> Condition:
    """That another option is of a value, or has it among its values."""

    def holds(options: Any, texture: bool) -> bool:
        given = getattr(options, option)
        return value in given if isinstance(given, tuple) else bool(given == value)

    return Condition(f"{option} {value}", holds)


def needs_above_zero(option: str) -> Condition:
    """That another option is not 0."""
    return Condition(f"{option} above 0", lambda options, texture: getattr(options, option) > 0)


def conditions(kind: type[Options]) -> dict[str, Condition]:
    """What is declared for a class of options, its own before those of the classes it extends."""
    found: dict[str, Condition] = {}
    for owner in reversed(kind.__mro__):
        found |= vars(owner).get("only_if", {})
    return found


def idle_notes(options: Options, *, is_texture: bool) -> Iterator[str]:
    """A sentence for every option that was set to something else than its default and has no effect."""
    for key, condition in conditions(type(options)).items():
        name, _, part = key.partition("=")
        value = getattr(options, name)
        is_set = part in value if part else value != option_default(type(options), name)
        if is_set and not condition.holds(options, is_texture):
            shown = part or option_fields(type(options))[name].said(value)
            yield f"{name} {shown} has no effect: it needs {condition.words}."
