"""Results of examples that came with the demo, so that nobody waits for the first one.

Small JPEGs and what is known of them, made by ``python -m benchmarks.example_results``: of every example of
the methods that take a minute and more, of the first of the others, and of what the doors show at first
sight. What Run is asked for is computed all the same; only an example that was clicked, and the first sight,
are taken from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from style_core import get_method, list_methods
from style_core.fronts import option_fields

from .examples import FOLDER, ExamplePair, KeptResult, digest_of, gallery

RESULTS = FOLDER / "results"
RECORD = RESULTS / "results.json"
FIRST_SIGHTS = (
    ("wct2", ExamplePair(FOLDER / "content" / "castle.jpg", FOLDER / "photo_style" / "dusk.jpg")),
    ("gatys", ExamplePair(FOLDER / "content" / "castle.jpg", FOLDER / "art_style" / "starry_night.jpg")),
)


def shipped_pairs() -> list[tuple[str, ExamplePair]]:
    """Methods and pairs that have a result, each once: of the quick methods the first example."""
    found = [*FIRST_SIGHTS]
    for key in list_methods():
        is_slow = "steps" in option_fields(get_method(key).options)
        found += [(key, pair) for pair in _examples(key)[: None if is_slow else 1]]
    return list(dict.fromkeys(found))


def shipped_name(method: str, pair: ExamplePair) -> str:
    """The name of a result, without its suffix."""
    return f"{method}-{pair.content.stem}-{pair.style.stem}"


def shipped_result(method: str, content: str | None, style: str | None) -> KeptResult | None:
    """The result of a method with its defaults on two files, if it came with the demo."""
    if content is None or style is None:
        return None
    name = _by_contents().get((method, digest_of(Path(content)), digest_of(Path(style))))
    return None if name is None else _result(name)


def first_sight(method: str) -> tuple[ExamplePair, Path]:
    """The pair that a door opens with, and its result."""
    pair = dict(FIRST_SIGHTS)[method]
    return pair, RESULTS / f"{shipped_name(method, pair)}.jpg"


def typical_result(method: str) -> Path | None:
    """A method's result of its first example, to tell it from others; ``None`` for one without."""
    path = RESULTS / f"{shipped_name(method, _examples(method)[0])}.jpg"
    return path if path.is_file() else None


def _examples(method: str) -> list[ExamplePair]:
    return gallery(photorealistic=get_method(method).photorealistic)


def _result(name: str) -> KeptResult:
    known = _record()[name]
    return KeptResult(
        RESULTS / f"{name}.jpg", known["settings"], tuple(known["notes"]), float(known["seconds"])
    )


@cache
def _record() -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return found


@cache
def _by_contents() -> Mapping[tuple[str, str, str], str]:
    """Method and digests of both files to the name of a result."""
    names = {
        (method, digest_of(pair.content), digest_of(pair.style)): shipped_name(method, pair)
        for method, pair in shipped_pairs()
    }
    return {key: name for key, name in names.items() if name in _record()}
