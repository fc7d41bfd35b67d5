"""What can be asked without restyling: where weights are, which regions match, how good a result is."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

import torch

from . import device as devices
from . import measures, weights
from .files import load_image
from .images import Source
from .options import Options
from .pipeline import get_method
from .progress import Progress, ignore_progress
from .reading import AUTO, matched_regions, read_pictures
from .runtime import RequestRuntime, out_of_memory_as_a_sentence
from .segments import Segments


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
    content: Source, style: Source, *, content_mask: Source = AUTO, style_mask: Source = AUTO,
    size: int | None = None, family: str = "compact", weights_dir: str | PathLike[str] | None = None,
    device: str = "auto", progress: Progress | None = None,
) -> Segments:  # fmt: skip
    """The matched regions that :func:`stylize` would use, to look at before the work.

    Args:
        content, style, content_mask, style_mask, size, family, weights_dir, device, progress: as there.

    Returns:
        label maps at the sizes the pictures are read at, and notes.

    Raises:
        StyleCoreError: as there.
    """
    target = devices.choose_device(device)
    place = Path(fspath(weights_dir)) if weights_dir is not None else None
    runtime = RequestRuntime(family, place, target, torch.Generator(), progress or ignore_progress)
    with out_of_memory_as_a_sentence(target), torch.no_grad():
        pictures = read_pictures(content, [style], Options(size=size), None, runtime)
        return matched_regions(pictures, content_mask, style_mask, None, runtime)


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
    pictures = [load_image(source, name=name).pixels.to(target) for name, source in read.items()]
    encoder = weights.load_encoder(
        weights.FAMILIES[0], None, target, last=measures.LAYERS[-1], pool="max", fast=False
    )
    with out_of_memory_as_a_sentence(target), torch.no_grad():
        return measures.measure(pictures[0], pictures[1], pictures[2], encoder)
