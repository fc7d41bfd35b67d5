"""The folder of a training's weights: what it starts from there, and what it leaves."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import WeightsUnavailable
from ..weights import ENCODER, IMAGENET_ENCODERS, WeightFile, licence_of, locate, manifest, read_weights
from .export import export, thin_curve

LICENCE = "MIT"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A trained network and what its files say.

    Attributes:
        name: of its file.
        state: canonical tensors.
        metrics: for the manifest.
        metadata: kept inside the file.
        curve: name of its loss curve's file, where that is not its own.
    """

    name: str
    state: Mapping[str, Tensor]
    metrics: Mapping[str, object]
    metadata: Mapping[str, str]
    curve: str = ""


def finish(args: argparse.Namespace, command: str, finished: Finished) -> None:
    """Export a network and its loss curve."""
    entry = {
        "licence": LICENCE,
        "origin": f"trained by style_core.training, seed {args.seed}",
        "command": command,
        "metrics": finished.metrics,
    }
    export(
        finished.state, args.output, finished.name,
        entry=entry, metadata=finished.metadata, family=args.family,
    )  # fmt: skip
    curve = args.output / "curves" / f"{finished.curve or finished.name}.csv"
    thin_curve(args.run / "curve.csv", curve)
    print(f"{args.output / finished.name}.safetensors  {finished.metrics}")


def refuse_converted(folder: Path, name: str) -> None:
    """A published decoder that was converted into the folder is not overwritten by one of ours.

    Raises:
        WeightsUnavailable: it is there.
    """
    path = folder / manifest.FILE
    files = manifest.Manifest.read(path).files if path.exists() else {}
    known = files.get(f"{name}.safetensors")
    if known is not None and "converted_from" in known.values:
        raise WeightsUnavailable(f"{folder} holds the published {name}; train into another folder.")


def read_decoder(path: Path, encoder: WeightFile) -> WeightFile:
    """A decoder's file.

    Raises:
        WeightsUnavailable: it is not there, damaged, or was trained for another encoder.
    """
    file = read_weights(path)
    if file.metadata.get("encoder_sha256") != encoder.sha256:
        raise WeightsUnavailable(
            f"{path} was trained for another encoder than that of {encoder.path.parent}."
        )
    return file


def shallower_decoder(folder: Path, method: str, level: int, encoder: WeightFile) -> WeightFile | None:
    """The trained decoder of the level above, if it is in the folder and of the same encoder."""
    path = folder / f"{method}_{level - 1}.safetensors"
    file = read_weights(path) if path.is_file() else None
    return file if file and file.metadata.get("encoder_sha256") == encoder.sha256 else None


def copy_imagenet_encoder(folder: Path, family: str) -> None:
    """Make a folder without an encoder a set of its own, on a copy of the family's ImageNet network.

    So its decoders cannot be mixed with those of the papers' rescaled network. Families without such a
    network are left alone.
    """
    path = folder / f"{ENCODER}.safetensors"
    if path.exists() or family not in IMAGENET_ENCODERS:
        return
    given = folder if folder.is_dir() else None
    source = locate(family, IMAGENET_ENCODERS[family], given, report=print)
    read_weights(source, family)  # refuses what is not the file it should be
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, path)
    origin = "VGG-19 as trained on ImageNet, the encoder of the decoders here"
    entry = manifest.new_entry(path, licence=licence_of(source), origin=origin)
    manifest.set_entry(folder, path.name, entry, family=family)
