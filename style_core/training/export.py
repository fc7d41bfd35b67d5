"""Trained modules -> float16 safetensors and a manifest that says what each file is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..weights import manifest


def export(
    state: Mapping[str, Tensor],
    folder: Path,
    name: str,
    *,
    entry: Mapping[str, Any],
    metadata: Mapping[str, str],
    family: str | None = None,
) -> str:
    """Write ``folder/name.safetensors`` in float16 and set its entry in the folder's manifest.

    Args:
        state: canonical tensors.
        entry: what the manifest says besides size and sha256: licence, origin, metrics, command.
        family: named in the manifest, so that the files are used as nothing else.
        metadata: strings kept inside the file; a decoder's ``encoder_sha256`` ties it to its encoder.

    Returns:
        the file's sha256.

    Raises:
        ValueError: a value is not finite or does not fit float16.
    """
    folder.mkdir(parents=True, exist_ok=True)
    half = {key: value.detach().cpu().contiguous().half() for key, value in state.items()}
    broken = [key for key, value in half.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise ValueError(f"not finite in float16: {', '.join(broken)}")
    path = folder / f"{name}.safetensors"
    save_file(half, path, metadata=dict(metadata))
    written = manifest.new_entry(path, **entry)
    manifest.set_entry(folder, path.name, written, family=family)
    return str(written["sha256"])


def thin_curve(source: Path, target: Path, *, rows: int = 100) -> None:
    """Copy a loss curve, keeping about ``rows`` evenly spaced lines after the header."""
    header, *lines = source.read_text("utf-8").splitlines()
    kept = lines[:: max(1, len(lines) // rows)]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join([header, *kept]) + "\n", "utf-8")
