"""A folder of photos, one after another or shared out among processes, each on its own GPU."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import Cancelled, InvalidImage, InvalidOption, StyleCoreError, WeightsUnavailable
from ..files import check_output
from ..images import Source
from ..pipeline import Result, stylize
from .folder import find_pictures, targets

log = logging.getLogger(__name__)
CONCERNS_ALL = (Cancelled, InvalidOption, WeightsUnavailable)  # all pictures would be refused alike


@dataclass(frozen=True)
class Outcome:
    """What became of one picture: a result, a refusal, or nothing because it was there already.

    Attributes:
        notes: of the result and of its writing.
    """

    source: Path
    target: Path
    result: Result | None = None
    refusal: StyleCoreError | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_skipped(self) -> bool:
        """Whether its result was there already."""
        return self.result is None and self.refusal is None


def stylize_folder(
    method: str,
    folder: Path,
    output: Path,
    style: Source | Sequence[Source],
    *,
    suffix: str = ".png",
    bits: int = 8,
    quality: int | None = None,
    keep_metadata: bool = False,
    keep_gps: bool = False,
    tell: Callable[[str], None] | None = None,
    **options: Any,
) -> Iterator[Outcome]:
    """Restyle every picture under ``folder`` into ``output``, under the same names.

    Results that are there are left alone, so a second run goes on where the first ended. A picture
    that is refused, or with which something unforeseen happens, does not stop the others. Where a
    launcher (``accelerate launch``, torchrun) has started several processes, each takes its share, on
    the GPU of its local rank.

    Args:
        suffix: of the results, which chooses their format.
        bits, quality, keep_gps: as for :meth:`Result.save`.
        keep_metadata: keep each photo's camera data, exposure, time, author and copyright.
        tell: told in a sentence each what is in the folder and not taken.
        **options: as for :func:`stylize`.

    Raises:
        InvalidImage: the folder does not exist, holds no pictures, or is the output; or the output cannot
            be made, or the format cannot hold such results.
        InvalidOption, WeightsUnavailable: as :func:`stylize`.
        Cancelled: by the progress callback.
    """
    found = find_pictures(folder, output)
    pairs = targets(found.pictures, folder, output, suffix)
    _make_folder(output)
    check_output(output / f"result{suffix}", bits=bits, quality=quality)
    rank, size = (
        int(os.environ.get(name, default)) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"))
    )
    if "LOCAL_RANK" in os.environ and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    if tell is not None and rank == 0:
        for sentence in found.left_out:
            tell(sentence)

    def finish(source: Path, target: Path) -> Outcome:
        def check(width: int, height: int) -> None:
            _make_folder(target.parent)
            check_output(target, size=(width, height), bits=bits, quality=quality)

        result = stylize(method, source, style, on_size=check, bits=bits, **options)
        photo = source if keep_metadata or keep_gps else None
        notes = result.save(target, bits=bits, quality=quality, metadata_from=photo, keep_gps=keep_gps)
        return Outcome(source, target, result, notes=(*result.notes, *notes))

    for source, target in pairs[rank::size]:
        yield _outcome(source, target, finish)


def _outcome(source: Path, target: Path, finish: Callable[[Path, Path], Outcome]) -> Outcome:
    """What becomes of one picture, whatever happens with it."""
    try:
        if target.is_file() and target.stat().st_size:  # an empty one is what a killed program left
            return Outcome(source, target)
        return finish(source, target)
    except CONCERNS_ALL:
        raise
    except StyleCoreError as error:
        return Outcome(source, target, refusal=error)
    except Exception as error:  # a fault of ours, to be found in the log; the others are not to blame
        log.exception("%s failed", source)
        sentence = f"Something unforeseen went wrong ({type(error).__name__}: {error})."
        return Outcome(source, target, refusal=StyleCoreError(sentence))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidImage(f"The folder {str(folder)!r} cannot be made: {error.strerror}.") from error
