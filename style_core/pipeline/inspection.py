"""What can be asked without restyling: where weights are, which regions match, how good a result is."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch

from .. import device as devices
from .. import measures, weights
from ..errors import InvalidSegments
from ..files import load_image
from ..images import Source, resized
from ..options import make_options
from ..progress import Progress, ignore_progress
from ..regions import AUTO, Segments
from .reading import read_pictures, regions_of, style_shares
from .runtime import RequestRuntime, out_of_memory_as_a_sentence
from .stylizing import get_method


def describe_weights(method: str, family: str) -> str:
    """Where the networks of a method are, or what using them would fetch from where, in a sentence.

    Raises:
        StyleCoreError: an unknown method or family, or a repository that cannot be asked.
    """
    return weights.whereabouts(family, method, get_method(method).encoder)


def identify_weights(method: str, family: str) -> dict[str, str]:
    """The sha256, by name, of every network here that a method may use: what its results depend on.

    Raises:
        StyleCoreError: an unknown method, or a file that cannot be read.
    """
    return weights.identity(method, family, get_method(method).encoder)


def find_regions(
    method: str,
    content: Source,
    style: Source | Sequence[Source],
    *,
    style_weights: Sequence[float] | None = None,
    content_mask: Source | None = AUTO,
    style_mask: Source | None = AUTO,
    size: int | None = None,
    family: str = "compact",
    weights_dir: str | PathLike[str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Segments:
    """The matched regions that :func:`stylize` would use, to look at before the work.

    Args:
        method, content, style, style_weights, content_mask, style_mask, size, family, weights_dir,
            device, progress: as there.

    Returns:
        exactly the ``segments`` of that result: label maps at the sizes the pictures are worked at, and
        notes. Of several styles, the style's map is the first one's, all of it label 1; style k is
        used in label k of the content.

    Raises:
        StyleCoreError: as there.
        InvalidSegments: there are no masks, or the method does not use any.
    """
    chosen = get_method(method)
    values = make_options(chosen.options, {"size": size})
    sources: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
    style_shares(chosen, content, sources, style_weights)
    target = devices.choose_device(device)
    place = Path(fspath(weights_dir)) if weights_dir is not None else None
    runtime = RequestRuntime(
        family=family, weights_dir=place, device=target, generator=torch.Generator(),
        report=progress or ignore_progress, encoder_kind=chosen.encoder, method=method,
    )  # fmt: skip
    with out_of_memory_as_a_sentence(target), torch.no_grad():
        pictures = read_pictures(content, sources, values, runtime)
        segments = regions_of(
            chosen, pictures, runtime,
            content_mask=content_mask, style_mask=style_mask, style_weights=style_weights,
        )  # fmt: skip
    if segments is None:
        raise InvalidSegments(
            f"{chosen.title} does not use masks."
            if not chosen.uses_segments
            else "There are no masks; give both, or 'auto' for both."
        )
    return segments


def measure_result(
    content: Source, style: Source, result: Source, *, device: str = "auto"
) -> measures.Measures:
    """How well a result keeps the content's structure and reaches the style; see measures.py.

    Always in the compact encoder's features, so that figures of all families compare.

    Args:
        content, style, result: pictures as :func:`stylize` takes them.

    Raises:
        StyleCoreError: one of them cannot be read, or the shipped weights are damaged.
    """
    target = devices.choose_device(device)
    read = {"content": content, "style": style, "result": result}
    content, style, made = (load_image(source, name=name).samples for name, source in read.items())
    encoder = weights.load_encoder(
        weights.FAMILIES[0], None, target, last=measures.LAYERS[-1], pool="max", fast=False
    )
    with out_of_memory_as_a_sentence(target), torch.no_grad():
        small = measures.reduced(content)
        made = resized(made, *small.shape[-2:])
        return measures.measure(
            small.to(target), measures.reduced(style).to(target), made.to(target), encoder
        )
