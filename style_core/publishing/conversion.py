"""Published checkpoints -> our safetensors files and their manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..digest import file_sha256
from ..nets.decoder import OWN_ENCODER
from ..weights import ENCODER, manifest
from ..weights.vgg19 import IMAGENET_FILE
from .checkpoints import (
    LEVELS,
    PUBLISHED,
    Checkpoint,
    CheckpointError,
    Published,
    PublishedNetwork,
    canonical,
    check_tensors,
    find_networks,
    read,
    recognize,
)


@dataclass(frozen=True)
class Output:
    """A file to write: its name, its tensors, the checkpoints it comes from."""

    name: str
    state: dict[str, Tensor]
    sources: tuple[Path, ...]


def convert(method: str, checkpoints: Sequence[Path], folder: Path) -> list[Path]:
    """Write the networks as ``folder/<name>.safetensors`` (float32) and the manifest.

    The deepest encoder becomes ``encoder``, and every decoder is tied to its sha256. Where a method has
    one encoder, that of the folder counts as given; where each level has its own, the decoders' files
    hold them.

    Returns:
        the paths written, with those of decoders in the folder that were tied to a deeper encoder.

    Raises:
        CheckpointError: a file cannot be read or does not fit, an encoder is missing, encoders differ
            that should be one, the folder is of another family, or decoders in it would lose their encoder.
    """
    published = PUBLISHED[method]
    _refuse_other_family(folder, published.family)
    networks = [network for path in checkpoints for network in find_networks(published, path)]
    if networks and all(network.name == IMAGENET_FILE for network in networks):
        if len(networks) > 1:
            raise CheckpointError(f"{networks[1]} is one VGG-19 too many; name one file.")
        return write([Output(IMAGENET_FILE, networks[0].state, (networks[0].source,))], folder, published)
    kept = find_kept_encoder(folder)
    if kept and not published.has_own_encoders:
        networks.append(kept)
    encoders, decoders = group(networks)
    outputs = arrange(encoders if published.has_own_encoders else share(encoders), decoders)
    if not kept:
        return write(outputs, folder, published)
    if not _is_part(kept.state, outputs[0].state):
        _refuse_orphans(folder, outputs)
    before = file_sha256(kept.source)
    return [*write(outputs, folder, published), *retie(folder, before, published.family)]


def _refuse_other_family(folder: Path, family: str) -> None:
    place = folder / manifest.FILE
    if not place.exists():
        return
    try:
        named = manifest.Manifest.read(place).family
    except ValueError as error:
        raise CheckpointError(f"{place} is damaged; convert into another folder.") from error
    if named and named != family:
        raise CheckpointError(f"{folder} holds the {named} family; convert {family} into another folder.")


def find_kept_encoder(folder: Path) -> PublishedNetwork | None:
    """The encoder that an earlier conversion left in the folder.

    Raises:
        CheckpointError: there is one of something else.
    """
    path = folder / f"{ENCODER}.safetensors"
    if not path.exists():
        return None
    try:
        checkpoint = Checkpoint(path, read(path))
        check_tensors(checkpoint.tensors)
        return recognize(checkpoint, (canonical,), ENCODER)
    except ValueError as error:
        raise CheckpointError(f"{path} is not from a conversion; convert into another folder.") from error


def group(networks: Iterable[PublishedNetwork]) -> tuple[dict[int, PublishedNetwork], list[PublishedNetwork]]:
    """Encoders by level, and decoders by name; equal copies count once.

    Raises:
        CheckpointError: two networks of one role differ, or no encoder is among them.
    """
    found: dict[tuple[str, int], PublishedNetwork] = {}
    for network in networks:
        known = found.setdefault((network.name, network.level), network)
        if not _equal(known.state, network.state):
            raise CheckpointError(f"{network} differs from {known}, which has the same role.")
    encoders = {network.level: network for network in found.values() if network.is_encoder}
    if not encoders:
        raise CheckpointError("the encoder is missing; name it together with its decoders.")
    decoders = [network for network in found.values() if not network.is_encoder]
    return encoders, sorted(decoders, key=lambda decoder: decoder.name)


def share(encoders: Mapping[int, PublishedNetwork]) -> dict[int, PublishedNetwork]:
    """The deepest encoder for each of its levels.

    Raises:
        CheckpointError: another encoder is not its beginning.
    """
    deepest = encoders[max(encoders)]
    for encoder in encoders.values():
        if not _is_part(encoder.state, deepest.state):
            raise CheckpointError(
                f"{encoder} is not the beginning of {deepest}; name files of one network, or another folder."
            )
    return {level: deepest for level in LEVELS if level <= deepest.level}


def arrange(encoders: Mapping[int, PublishedNetwork], decoders: Iterable[PublishedNetwork]) -> list[Output]:
    """The files to write, the encoder first.

    Args:
        encoders: by the level of the decoder they were trained with.
        decoders: any.

    Raises:
        CheckpointError: the encoder of a decoder's level is missing or of another width.
    """
    deepest = encoders[max(encoders)]
    outputs = [Output(ENCODER, deepest.state, (deepest.source,))]
    for decoder in decoders:
        encoder = encoders.get(decoder.level)
        if encoder is None:
            raise CheckpointError(f"{decoder} has no encoder here; name the encoder of that level too.")
        if encoder.width(decoder.level) != decoder.width(decoder.level):
            raise CheckpointError(f"{decoder} is of another width than {encoder}; name files of one set.")
        outputs.append(_with_encoder(decoder, encoder, deepest))
    return outputs


def _with_encoder(decoder: PublishedNetwork, encoder: PublishedNetwork, deepest: PublishedNetwork) -> Output:
    if encoder is deepest or _is_part(encoder.state, deepest.state):
        return Output(decoder.name, decoder.state, (decoder.source,))
    own = {f"{OWN_ENCODER}{key}": value for key, value in encoder.state.items()}
    return Output(decoder.name, decoder.state | own, (decoder.source, encoder.source))


def _refuse_orphans(folder: Path, outputs: Iterable[Output]) -> None:
    known = {output.name for output in outputs} | {IMAGENET_FILE}  # which belongs to no decoder
    others = {path.stem for path in folder.glob("*.safetensors")} - known
    if others:
        raise CheckpointError(
            f"{folder} holds {', '.join(sorted(others))}, which would lose the encoder they belong to; "
            "convert into another folder, or all together."
        )


def write(outputs: Sequence[Output], folder: Path, published: Published) -> list[Path]:
    """Write all but an encoder that is there already; returns the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = folder / f"{ENCODER}.safetensors"
    written = []
    for output in outputs:
        path = folder / f"{output.name}.safetensors"
        if path in output.sources:
            continue
        if output.name == IMAGENET_FILE:
            metadata = {"padding": "zeros"}
        else:
            metadata = {} if path == encoder else {"encoder_sha256": file_sha256(encoder)}
        save_file({k: v.contiguous() for k, v in output.state.items()}, path, metadata=metadata)
        manifest.set_entry(folder, path.name, _entry(path, output, published), family=published.family)
        written.append(path)
    return written


def retie(folder: Path, before: str, family: str) -> list[Path]:
    """Tie the decoders of an encoder that has been replaced by a deeper one, equal so far, to that.

    Args:
        before: sha256 of the encoder that was in the folder.
    """
    digest = file_sha256(folder / f"{ENCODER}.safetensors")
    entries = manifest.Manifest.read(folder / manifest.FILE).files
    tied = []
    for path in (folder / name for name in entries):
        if digest == before or not path.exists() or _partner(path) != before:
            continue
        state = {key: value.clone() for key, value in read(path).items()}  # not of the file replaced
        save_file(state, path, metadata={"encoder_sha256": digest})
        entry = dict(entries[path.name].values) | manifest.new_entry(path)
        manifest.set_entry(folder, path.name, entry, family=family)
        tied.append(path)
    return tied


def _partner(path: Path) -> str:
    with safe_open(path, framework="pt") as file:
        return (file.metadata() or {}).get("encoder_sha256", "")


def _entry(path: Path, output: Output, published: Published) -> dict[str, Any]:
    sources = [{"file": source.name, "sha256": file_sha256(source)} for source in output.sources]
    return manifest.new_entry(
        path, licence=published.licence, origin=published.origin, converted_from=sources
    )


def _equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and _is_part(a, b)


def _is_part(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return all(key in b and torch.equal(value, b[key]) for key, value in a.items())
