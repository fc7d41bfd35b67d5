"""A folder of photos, one after another or shared out among processes, each on its own GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .errors import Cancelled, InvalidImage, StyleCoreError
from .images import Source
from .pipeline import Result, stylize

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: a result, a refusal, or nothing because it was there already."""

    source: Path
    target: Path
    result: Result | None = None
    refusal: StyleCoreError | None = None

    @property
    def is_skipped(self) -> bool:
        """Whether its result was there already."""
        return self.result is None and self.refusal is None


def stylize_folder(
    method: str, folder: Path, output: Path, style: Source | Sequence[Source], **options: Any
) -> Iterator[Outcome]:
    """Restyle every picture under ``folder`` into ``output``, as PNG under the same names.

    Results that are there are left alone, so a second run goes on where the first ended. A picture
    that is refused does not stop the others. Where a launcher (``accelerate launch``, torchrun) has
    started several processes, each takes its share, on the GPU of its local rank.

    Args:
        **options: as for :func:`stylize`.

    Raises:
        InvalidImage: the folder does not exist, or holds no pictures, or the output cannot be made.
        Cancelled: by the progress callback.
    """
    pairs = _pairs(folder, output)
    rank, size = (
        int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"))
    )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidImage(f"The folder {str(output)!r} cannot be made: {error.strerror}.") from error
    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    for source, target in pairs[rank::size]:
        if target.exists():
            yield Outcome(source, target)
            continue
        try:
            result = stylize(method, source, style, **options)
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial.png")  # never half a picture under its name
            result.save(partial)
            partial.replace(target)
            yield Outcome(source, target, result)
        except Cancelled:
            raise
        except StyleCoreError as error:
            yield Outcome(source, target, refusal=error)


def _pairs(folder: Path, output: Path) -> list[tuple[Path, Path]]:
    """Pictures and where they go; names that differ in their suffix alone keep it."""
    if not folder.is_dir():
        raise InvalidImage(f"The folder {str(folder)!r} does not exist.")
    own, inside = output.resolve(), folder.resolve() in output.resolve().parents
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file()
        if not (inside and path.resolve().is_relative_to(own))  # results of an earlier run
    )
    if not found:
        raise InvalidImage(f"The folder {str(folder)!r} holds no pictures ({', '.join(SUFFIXES)}).")
    stems = [path.relative_to(folder).with_suffix("") for path in found]
    pairs = []
    for path, stem in zip(found, stems, strict=True):
        name = path.relative_to(folder) if stems.count(stem) > 1 else stem
        pairs.append((path, output / name.with_name(f"{name.name}.png")))
    return pairs
