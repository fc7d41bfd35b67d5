"""The manifest beside weights: what each file is, its sha256, licence and origin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "manifest.json"
FORMAT = 1


def enter(folder: Path, file_name: str, entry: Mapping[str, Any], *, family: str | None = None) -> None:
    """Add or replace a file's entry in ``folder/manifest.json``, and name the folder's family."""
    path = folder / FILE
    files = json.loads(path.read_text("utf-8"))["files"] if path.exists() else {}
    files[file_name] = dict(entry)
    manifest = {"format": FORMAT, "family": family, "files": dict(sorted(files.items()))}
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
