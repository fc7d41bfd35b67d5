"""The pictures, masks and shares of a request: read, brought to size, matched; what was changed is noted."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .. import memory
from ..digest import file_sha256, settled_identity
from ..errors import InvalidImage, InvalidOption, InvalidSegments, shortened
from ..exactness import exact_float32
from ..files import load_image
from ..images import Picture, Source, resized, scaled_size
from ..method import Method
from ..options import Options
from ..regions import Segments, cluster_segments, requested_segments
from .runtime import RequestRuntime

MAX_STYLES = 8
MOST_FLOATS = 4_000_000  # px of a resized picture that is not rounded; a larger one keeps its depth
MAX_STYLE_SIDE = 1024  # px; statistics gain nothing from more, and the note says so


@dataclass(frozen=True)
class Pictures:
    """What was read.

    Attributes:
        is_noise: there was no content, and this is seeded noise instead.
        begun: a picture of the content's shape to go on from, or ``None``.
    """

    content: Picture
    styles: list[Picture]
    is_noise: bool = False
    begun: Picture | None = None


def style_shares(
    method: Method, content: Source | None, styles: list[Source], weights: Sequence[float] | None
) -> list[float]:
    """The styles' weights as shares that sum to one, once the method is known to take such pictures."""
    if content is None and not method.makes_textures:
        raise InvalidImage(f"{method.title} needs a content picture.")
    if len(styles) > MAX_STYLES or not styles:
        raise InvalidImage(f"There must be 1 to {MAX_STYLES} style pictures, not {len(styles)}.")
    if len(styles) > 1 and not method.mixes_styles:
        raise InvalidImage(f"{method.title} takes one style picture, not {len(styles)}.")
    try:
        given = [1.0] * len(styles) if weights is None else [float(w) for w in weights]
    except (TypeError, ValueError, OverflowError):
        given = []
    if len(given) != len(styles) or not all(w >= 0 for w in given) or not 0 < sum(given) < math.inf:
        raise InvalidOption(
            f"style_weights must be {len(styles)} numbers from 0 up, one for each style picture and not "
            f"all 0, not {shortened(weights)}."
        )
    return [w / sum(given) for w in given]


def read_pictures(
    content: Source | None,
    styles: list[Source],
    options: Options,
    runtime: RequestRuntime,
) -> Pictures:
    """Content and styles at the size they are worked at.

    Args:
        content: ``None`` for seeded noise of the first style's size.
        runtime: gets a note for everything that was changed.

    Raises:
        InvalidImage: a picture cannot be read or used.
    """
    picture = None
    if content is not None:
        picture = _loaded(content, "content")
        for note in picture.notes:
            runtime.note(note)
        if options.size is not None:
            picture = _resized(picture, options.size)
    names = ["style"] if len(styles) == 1 else [f"style picture {k}" for k in range(1, len(styles) + 1)]
    read = [_read_style(source, name, runtime) for source, name in zip(styles, names, strict=True)]
    if picture is not None:
        return Pictures(picture, read)
    width, height = read[0].size
    size = (height, width) if options.size is None else scaled_size(height, width, options.size)
    return Pictures(Picture(torch.rand(1, 3, *size, generator=runtime.generator)), read, is_noise=True)


def read_beginning(source: Source, method: Method, pictures: Pictures, runtime: RequestRuntime) -> Picture:
    """The picture to go on from, at the content's size.

    Raises:
        InvalidImage: it cannot be read, is of another shape, or the method does not go on from one.
    """
    if not method.optimizes:
        raise InvalidImage(f"{method.title} makes its picture in one go and does not start from init_image.")
    if pictures.is_noise:
        raise InvalidImage("A texture starts from noise; init_image needs a content picture.")
    picture = _loaded(source, "picture to start from")
    for note in picture.notes:
        runtime.note(note)
    (w, h), (width, height) = picture.size, pictures.content.size
    if (w, h) == (width, height):
        return picture
    if abs(w * height - h * width) > max(w, h, width, height):  # not by rounding alone
        raise InvalidImage(
            f"The picture to start from is {w} x {h} px, the content {width} x {height} px; they must be of "
            "one shape."
        )
    runtime.note(f"The picture to start from was brought from {w} x {h} to {width} x {height} px.")
    return Picture(resized(picture.samples, height, width, depth=picture.samples.dtype), None, picture.notes)


def _loaded(source: Source, name: str) -> Picture:
    """A picture, decoded once: where only a strength has moved, the same file comes again."""
    before = _identity(source)
    if before is None:
        return load_image(source, name=name)
    key = memory.fingerprint(("decoded", before, name))
    picture: Picture | None = memory.recall(key)
    if picture is None:
        picture = load_image(source, name=name)
        if _identity(source) == before:  # not written to meanwhile
            memory.keep(key, picture)
    return picture


def _identity(source: Source) -> tuple[int, ...] | None:
    return settled_identity(Path(source)) if isinstance(source, (str, os.PathLike)) else None


def _read_style(source: Source, name: str, runtime: RequestRuntime) -> Picture:
    picture = _loaded(source, name)
    for note in picture.notes:
        runtime.note(note)
    if max(picture.size) > MAX_STYLE_SIDE:
        w, h = picture.size
        picture = _resized(picture, MAX_STYLE_SIDE, keep_thin=True)
        if picture.size != (w, h):
            what = "style picture" if name == "style" else name
            runtime.note(
                f"The {what} was read at {picture.size[0]} x {picture.size[1]} px instead of {w} x {h}."
            )
    return picture


def _resized(picture: Picture, size: int, *, keep_thin: bool = False) -> Picture:
    if keep_thin and min(picture.size) * size < 16 * max(picture.size):
        return picture
    width, height = picture.size
    if max(width, height) == size:
        return picture
    height, width = scaled_size(height, width, size)
    depth = torch.float32 if height * width <= MOST_FLOATS else picture.samples.dtype
    samples = resized(picture.samples, height, width, depth=depth)
    coverage = picture.coverage
    if coverage is not None:
        coverage = resized(coverage, height, width, mode="bilinear", depth=depth)
    return Picture(samples, coverage, picture.notes)


def regions_of(
    method: Method,
    pictures: Pictures,
    runtime: RequestRuntime,
    *,
    content_mask: Source | None,
    style_mask: Source | None,
    style_weights: Sequence[float] | None,
) -> Segments | None:
    """The matched regions a request asks for, or ``None``.

    Raises:
        InvalidSegments: a mask cannot be read, is missing, or goes with a texture.
    """
    if content_mask is None and style_mask is None:
        return None
    if not method.uses_segments:
        runtime.note(f"{method.title} does not use masks; they were left aside.")
        return None
    if pictures.is_noise:
        raise InvalidSegments("Masks need a content picture.")

    def find() -> Segments:
        runtime.progress(0.0, "Finding regions")
        content, style = pictures.content.samples, pictures.styles[0].samples

        def cluster() -> Segments:
            with exact_float32():  # the same regions, however a request is to be computed
                encoder = runtime.encoder(last="relu4_1")
                return cluster_segments(content.to(runtime.device), style.to(runtime.device), encoder)

        # Of any method: only its encoder counts.
        return runtime.remember(content, style, owner="regions", compute=cluster)

    segments = requested_segments(
        pictures.content, pictures.styles, content_mask=content_mask, style_mask=style_mask,
        is_weighted=style_weights is not None, find=find,
    )  # fmt: skip
    for note in segments.notes:
        runtime.note(note)
    return segments


def input_digests(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sha256 of the inputs that are files, by their parts; names, which may be private, are left out.

    Args:
        given: sources by part, or lists of them. Those that are no files are ``None`` in lists and else
            left out.
    """
    found = {
        part: [_digest(one) for one in source] if isinstance(source, list) else _digest(source)
        for part, source in given.items()
    }
    return {part: digest for part, digest in found.items() if digest is not None}


def _digest(source: Source | None) -> str | None:
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        return file_sha256(Path(source))
    except OSError:
        return None  # gone since it was read
