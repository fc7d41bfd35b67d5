"""The example pictures that ship with the demo, which pairs each gallery shows, and their kept results.

A result is computed when somebody first asks for it and kept on disk under everything it depends on:
both files, the method, its options, the networks it may use and the program itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import style_core
from style_core.fronts import identify_weights

# Inside the package in a wheel, at the root in a checkout.
INSTALLED = Path(__file__).resolve().parent / "assets" / "examples"
FOLDER = INSTALLED if INSTALLED.is_dir() else INSTALLED.parents[2] / "assets" / "examples"
CACHE = "STYLE_DEMO_EXAMPLES"  # folder of kept results


@dataclass(frozen=True)
class ExamplePair:
    """A content and a style file."""

    content: Path
    style: Path


@dataclass(frozen=True)
class KeptResult:
    """A result that was computed before."""

    image: Path
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    seconds: float


def gallery(*, photorealistic: bool) -> list[ExamplePair]:
    """The pairs of ``assets/examples/examples.json`` for photo or painting methods."""
    listed = json.loads((FOLDER / "examples.json").read_text("utf-8"))
    chosen = listed["photo" if photorealistic else "art"]
    return [ExamplePair(FOLDER / content, FOLDER / style) for content, style in chosen]


def example_key(request: Mapping[str, Any], content: str | None, style: str | None) -> str | None:
    """The key of a run on a pair of the galleries, or ``None`` if it is not one.

    Args:
        request: everything but the files; at least "method" and "family".
        content, style: the files.

    Raises:
        StyleCoreError: a file of weights cannot be read.
    """
    if content is None or style is None:
        return None
    digests = (digest_of(Path(content)), digest_of(Path(style)))
    if digests not in _shipped():
        return None
    networks = identify_weights(request["method"], request["family"])
    text = json.dumps([request, digests, networks, PROGRAM], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def kept_result(key: str) -> KeptResult | None:
    """The result kept under a key."""
    image, record = _files(key)
    try:
        known = json.loads(record.read_text("utf-8"))
        return KeptResult(image, known["settings"], tuple(known["notes"]), float(known["seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not computed yet, or not completely written


def keep_result(
    key: str, image: Path, settings: Mapping[str, Any], notes: tuple[str, ...], seconds: float
) -> None:
    """Keep a finished picture file; the record last, so that what is half written is not found."""
    kept, record = _files(key)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, kept)
        draft = record.with_suffix(f".{os.getpid()}.part")
        draft.write_text(json.dumps({"settings": settings, "notes": notes, "seconds": seconds}), "utf-8")
        draft.replace(record)
    except OSError:
        return  # a full or read-only disk: the next visitor computes it again


def _files(key: str) -> tuple[Path, Path]:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "style_demo" / "examples"
    folder = Path(os.environ.get(CACHE) or default)
    return folder / f"{key}.png", folder / f"{key}.json"


@cache
def _shipped() -> frozenset[tuple[str, str]]:
    pairs = [*gallery(photorealistic=True), *gallery(photorealistic=False)]
    return frozenset((digest_of(pair.content), digest_of(pair.style)) for pair in pairs)


def _program() -> str:
    """A digest of the package's source."""
    digest = hashlib.sha256()
    for path in sorted(Path(style_core.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


PROGRAM = _program()  # at once, so that it is the source that runs, not one that replaced it meanwhile
