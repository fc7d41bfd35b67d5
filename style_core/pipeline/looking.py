"""A look on other photos, without any network."""

from __future__ import annotations

from os import PathLike

from ..files import load_image
from ..images import Picture, Source, resize_longer_side
from ..look import ColorTable, Look, fit_table, save_table

LUT_SIDE = 1024  # px of the photo from which a table is made


def apply_look(picture: Source, look: Look, *, strength: float = 1.0, in_place: bool = False) -> Picture:
    """A photo in another photo's new colors.

    Args:
        picture: a photo of the same light, of any size.
        look: from :attr:`Result.look` or :func:`load_look`.
        strength: 0 leaves the photo as it is, 1 is the look.
        in_place: the photo is the one the look was made of, or of the same view (a burst, another size): what
            was done in a place is done there. Otherwise colors change by their luminance alone.

    Raises:
        InvalidImage: the picture cannot be read or used.

    Returns:
        the photo in its own depth: 8 bits of a JPEG, floats of a tensor.
    """
    photo = load_image(picture, name="picture")
    chosen = (look if in_place else look.for_other_photos()).strengthened(strength)
    return Picture(chosen.apply(photo.samples), photo.coverage, photo.notes)


def write_lut(path: str | PathLike[str], look: Look, picture: Source) -> ColorTable:
    """A look as a 3D lookup table in a ``.cube`` file, for Lightroom, Resolve, Premiere or OBS.

    Args:
        path: ``NAME.cube``.
        look: from :attr:`Result.look` or :func:`load_look`.
        picture: the photo it was made of, whose colors say where the table has to be right.

    Returns:
        the table, which knows how far it is from the look itself on that photo.

    Raises:
        InvalidImage: the picture cannot be read, or the file not written.
    """
    pixels = resize_longer_side(load_image(picture, name="picture").samples, LUT_SIDE, shrink_only=True)
    table = fit_table(pixels, look.apply(pixels))
    save_table(table, path, title=str(look.settings.get("method", "style_core")))
    return table
