"""The example pictures that ship with the demo, and which pairs each gallery shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "examples"


@dataclass(frozen=True)
class Pair:
    """A content and a style file."""

    content: Path
    style: Path


def gallery(*, photorealistic: bool) -> list[Pair]:
    """The pairs of ``assets/examples/examples.json`` for photo or painting methods."""
    listed = json.loads((FOLDER / "examples.json").read_text("utf-8"))
    chosen = listed["photo" if photorealistic else "art"]
    return [Pair(FOLDER / content, FOLDER / style) for content, style in chosen]
