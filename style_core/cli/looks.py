"""``--save-look``, ``--lut`` and ``style-core look``: keeping a look, and putting it on other photos."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from .. import InvalidImage, InvalidOption, Result, apply_look, load_look, write_lut
from ..fronts import check_output, save_picture


def check_names(save_look: str | None, lut: str | None) -> None:
    """Refuse before the work what could not be written after it.

    Raises:
        InvalidImage: a name has another ending, or its folder is not there.
    """
    for name, suffix in ((save_look, ".look"), (lut, ".cube")):
        if name is not None and Path(name).suffix.lower() != suffix:
            raise InvalidImage(f"This is saved as NAME{suffix}, not {Path(name).name!r}.")
        if name is not None and not Path(name).absolute().parent.is_dir():
            raise InvalidImage(f"Cannot write {name!r}: there is no folder {str(Path(name).parent)!r}.")


def keep(result: Result, content: Any, save_look: str | None, lut: str | None) -> None:
    """Write the files that were asked for, and say how far a table is from the look."""
    if save_look is not None:
        result.look.save(save_look)
        print(save_look)
    if lut is not None:
        table = write_lut(lut, result.look, content)
        print(
            f"{lut}  a table of colors alone: on this photo it differs from the look by "
            f"{table.mean_difference:.1f} in the mean and {table.large_difference:.1f} in 5 % of it (CIE76)"
        )


def put_on(values: dict[str, Any]) -> None:
    """A saved look on a photo.

    Raises:
        StyleCoreError: a file cannot be read or written, or the strength is none.
    """
    if not 0 <= values["strength"] <= 1:
        raise InvalidOption(f"strength must be a number from 0 to 1, not {values['strength']:g}.")
    output = values["output"]
    check_output(output)
    look = load_look(values["look"])
    found = apply_look(values["content"], look, strength=values["strength"], in_place=values["in_place"])
    settings = {**look.settings, "look_strength": values["strength"], "look_in_place": values["in_place"]}
    for note in (*found.notes, *save_picture(found.samples, found.coverage, output, settings)):
        print(f"Note: {note}", file=sys.stderr)
    print(f"{output}  {found.size[0]} x {found.size[1]}")
