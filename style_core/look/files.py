"""Looks in files: tensors by name and the settings they were made with, as safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from ..errors import InvalidImage
from ..files import write_whole

SUFFIX = ".look"
FORMAT = "style_core look 1"
LARGEST = 256 * 1024 * 1024  # bytes of a file that is read


def write_tensors(
    path: str | PathLike[str], tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
) -> None:
    """Write a look's tensors, all of them or nothing.

    Raises:
        InvalidImage: the name does not end in ``.look``, or the place cannot be written.
    """
    place = Path(fspath(path))
    if place.suffix.lower() != SUFFIX:
        raise InvalidImage(f"A look is saved as NAME{SUFFIX}, not {place.name!r}.")
    told = {"format": FORMAT, "settings": json.dumps(dict(settings))}
    content = to_bytes({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, metadata=told)
    write_whole(place, content)


def read_tensors(path: str | PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The float32 tensors and the settings of a file; nothing in it is executed.

    Raises:
        InvalidImage: it is not there, or not of this format.
    """
    place = Path(fspath(path))
    try:
        if place.stat().st_size > LARGEST:
            raise not_a_look(place)
        with safe_open(place, framework="pt") as file:
            told = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        settings = json.loads(told["settings"])
    except FileNotFoundError as error:
        raise InvalidImage(f"There is no file {str(place)!r}.") from error
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise not_a_look(place) from error
    is_finite = all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    if told.get("format") != FORMAT or not isinstance(settings, dict) or not is_finite:
        raise not_a_look(place)
    return tensors, settings


def not_a_look(path: Path) -> InvalidImage:
    """The refusal of a file."""
    return InvalidImage(f"{path.name!r} is not a look that this program saved.")
