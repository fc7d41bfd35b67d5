"""Published checkpoints -> our safetensors files and manifest.

    python hub_upload.py convert wct2 wave_encoder_cat5_l4.pth wave_decoder_cat5_l4.pth … -o DIR
    python hub_upload.py convert photo_wct photo_wct.pth -o DIR
    python hub_upload.py convert wct vgg_normalised_conv5_1.pth feature_invertor_conv5_1.pth … -o DIR
    python hub_upload.py convert wct_16x 5SE.pth 5SD.pth 4SE.pth 4SD.pth … -o DIR_16X

The folder can then be named as ``--weights-dir`` (or ``STYLE_CORE_WEIGHTS``) with ``--family vgg19``
(``vgg19_16x`` for the last). The order and the names of the checkpoints do not matter: what a file holds
is recognized from its tensors. Several methods can share one folder where their encoders are the same.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from style_core.nets.decoder import OWN_ENCODER, UPSAMPLE_BEFORE, Decoder, mirrored_layers
from style_core.nets.encoder import LAYERS, POOL_BEFORE, Encoder
from style_core.nets.wavelet import UNPOOL_BEFORE, WaveletDecoder
from style_core.training.export import enter, sha256

ENCODER_FILE = "encoder"
LEVELS = (1, 2, 3, 4, 5)
CONSTANT_PREFIXES = ("pool", "recon_block")  # Haar kernels, rebuilt exactly by ops/haar.py
PHOTO_WCT_PART = re.compile(r"[ed][1-4]\.")

UNREADABLE = (  # what torch.load raises on files that are no checkpoints
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, IndexError, ValueError, TypeError,
    AttributeError, SafetensorError,
)  # fmt: skip


class ConversionError(Exception):
    """A checkpoint is not what it should be; the text says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A file's tensors under the names they were released with."""

    path: Path
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class Network:
    """One network in canonical names, float32.

    Attributes:
        name: of the file it becomes: "encoder", "wct2_sum", "wct_3", …
        level: 1 … 5; an encoder ends at relu ``level``_1, a decoder starts there.
        state: canonical tensors.
        source: the file it was found in.
    """

    name: str
    level: int
    state: dict[str, Tensor]
    source: Path

    def __str__(self) -> str:
        kind = ENCODER_FILE if self.is_encoder else "decoder"
        return f"the level {self.level} {kind} of {self.source.name}"

    @property
    def is_encoder(self) -> bool:
        """Whether it is an encoder."""
        return self.name == ENCODER_FILE

    def width(self, level: int) -> int:
        """Channels of relu ``level``_1, which the encoder gives and the decoder takes."""
        outputs, inputs = self.state[f"conv{level}_1.weight"].shape[:2]
        return outputs if self.is_encoder else inputs


# Layouts: what the released files call the convolutions of an encoder (conv0, conv1_1, …) or a decoder.

Layout = Callable[[Sequence[str]], Iterable[str]]


def canonical(layers: Sequence[str]) -> Iterable[str]:
    """``conv0``, ``conv1_1`` …: FastPhotoStyle, wct2_trainer, our own files."""
    return layers


def joined_digits(layers: Sequence[str]) -> Iterable[str]:
    """``conv0``, ``conv11`` …: Collaborative Distillation."""
    return (layer.replace("_", "") for layer in layers)


def torch_places(layers: Sequence[str]) -> Iterable[str]:
    """``0``, ``2``, ``5`` …: places in the Torch sequence, the layout of deep-transfer.

    Every 3x3 convolution has a padding before and a ReLU after it; these and the resizings count too.
    """
    resized = POOL_BEFORE if layers[0] == "conv0" else UPSAMPLE_BEFORE.keys()
    place = 0
    for layer in layers:
        is_padded = layer != "conv0"
        place += is_padded + (layer in resized)
        yield str(place)
        place += 1 + is_padded


def continued_numbers(layers: Sequence[str]) -> Iterable[str]:
    """``conv1``, ``conv2`` …: PytorchWCT, whose decoder goes on where the encoder of its level ends."""
    first = 1 if layers[0] == "conv0" else len(layers) + 2  # the encoder has conv0 besides
    return (f"conv{number}" for number in range(first, first + len(layers)))


def encoder_layers(level: int) -> tuple[str, ...]:
    """The convolutions of a released encoder that ends at relu ``level``_1, in order."""
    return ("conv0", *LAYERS[: LAYERS.index(f"conv{level}_1") + 1])


def recognize(checkpoint: Checkpoint, layouts: Sequence[Layout], decoder_name: str) -> Network:
    """The encoder or decoder of the level whose layers the file's names are, in one of the layouts.

    Raises:
        ValueError: there is no such level and layout, or a shape does not fit.
    """
    given = {key.rpartition(".")[0] for key in checkpoint.tensors}
    for layout, level, layers_of in product(layouts, LEVELS, (encoder_layers, mirrored_layers)):
        layers = layers_of(level)
        names = dict(zip(layout(layers), layers, strict=True))
        if names.keys() == given:
            return _build(_renamed(checkpoint, names), level, decoder_name)
    raise ValueError(f"its layers ({_sample(given)}) are those of none of its encoders and decoders")


def _renamed(checkpoint: Checkpoint, names: Mapping[str, str]) -> Checkpoint:
    state = {}
    for key, value in checkpoint.tensors.items():
        layer, _, kind = key.rpartition(".")
        state[f"{names[layer]}.{kind}"] = value.float()
    return replace(checkpoint, tensors=state)


def _build(checkpoint: Checkpoint, level: int, decoder_name: str) -> Network:
    state = checkpoint.tensors
    if "conv0.weight" in state:
        Encoder.from_state(state)
        return Network(ENCODER_FILE, level, state, checkpoint.path)
    Decoder.from_state(state, level=level, upsampling="nearest")  # shapes are those of unpooling too
    return Network(f"{decoder_name}_{level}", level, state, checkpoint.path)


def _sample(names: Iterable[str]) -> str:
    first, *rest = sorted(names) or ["none"]
    return f"{first}, …" if rest else first


# Methods: which networks a checkpoint holds.


def find_wct2(checkpoint: Checkpoint) -> list[Network]:
    """A released WCT2 encoder or decoder, ``sum`` or ``cat5``.

    Raises:
        ValueError: the tensors are not those of a WCT2 network.
    """
    state = {k: v.float() for k, v in checkpoint.tensors.items() if not k.startswith(CONSTANT_PREFIXES)}
    if "conv0.weight" in state:
        return [recognize(replace(checkpoint, tensors=state), (canonical,), ENCODER_FILE)]
    is_cat5 = any(f"{layer}_2.weight" in state for layer in UNPOOL_BEFORE)
    if is_cat5:
        state = {_without_suffix(key): value for key, value in state.items()}
    variant = "cat5" if is_cat5 else "sum"
    WaveletDecoder.from_state(state, variant=variant)
    return [Network(f"wct2_{variant}", 4, state, checkpoint.path)]


def _without_suffix(key: str) -> str:
    layer, _, kind = key.rpartition(".")
    return f"{layer.removesuffix('_2') if layer.count('_') == 2 else layer}.{kind}"


def find_photo_wct(checkpoint: Checkpoint) -> list[Network]:
    """FastPhotoStyle's eight networks in one file (``e1.`` … ``d4.``), or one of them in its own.

    Raises:
        ValueError: the tensors are not those of encoders and decoders.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in checkpoint.tensors.items():
        prefix = key[:3] if PHOTO_WCT_PART.match(key) else ""
        parts.setdefault(prefix, {})[key.removeprefix(prefix)] = value
    files = (replace(checkpoint, tensors=part) for part in parts.values())
    return [recognize(file, (canonical,), "photo_wct") for file in files]


def find_wct(checkpoint: Checkpoint) -> list[Network]:
    """An encoder or decoder of WCT as one of the PyTorch ports has it.

    Raises:
        ValueError: the tensors are not those of an encoder or decoder.
    """
    return [recognize(checkpoint, (canonical, torch_places, continued_numbers), "wct")]


def find_wct_16x(checkpoint: Checkpoint) -> list[Network]:
    """A compressed encoder or decoder of Collaborative Distillation.

    The decoders' last ReLU is not stored: a picture is clamped to [0, 1] after every level anyway. The
    1x1 convolutions to the original widths served training alone.

    Raises:
        ValueError: the tensors are not those of an encoder or decoder.
    """
    kept = {key: value for key, value in checkpoint.tensors.items() if "_aux." not in key}
    return [recognize(replace(checkpoint, tensors=kept), (joined_digits,), "wct")]


@dataclass(frozen=True)
class Method:
    """A published set of weights.

    Attributes:
        title: what a refusal calls it.
        find: gives the networks of a checkpoint, ``ValueError`` where there are none.
        family: what our manifest calls it.
        has_own_encoders: every decoder was trained on an encoder of its own, not on one of them all.
    """

    title: str
    find: Callable[[Checkpoint], list[Network]]
    licence: str
    origin: str
    family: str = "vgg19"
    has_own_encoders: bool = False


METHODS = {
    "wct2": Method(
        "WCT2", find_wct2, "MIT (licence file of the repository)",
        "github.com/clovaai/WCT2, model_checkpoints",
    ),
    "photo_wct": Method(
        "PhotoWCT", find_photo_wct, "CC BY-NC-SA 4.0", "github.com/NVIDIA/FastPhotoStyle, PhotoWCTModels"
    ),
    "wct": Method(
        "WCT", find_wct, "MIT or Apache-2.0, that of the port the files come from",
        "github.com/Yijunmaverick/UniversalStyleTransfer, through a PyTorch port",
    ),
    "wct_16x": Method(
        "16x WCT", find_wct_16x, "MIT", "github.com/mingsun-tse/collaborative-distillation",
        family="vgg19_16x", has_own_encoders=True,
    ),
}  # fmt: skip


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
        ConversionError: a file cannot be read or does not fit, an encoder is missing, encoders differ
            that should be one, the folder is of another family, or decoders in it would lose their encoder.
    """
    published = METHODS[method]
    _refuse_other_family(folder, published.family)
    networks = [network for path in checkpoints for network in find_networks(published, path)]
    kept = find_kept_encoder(folder)
    if kept and not published.has_own_encoders:
        networks.append(kept)
    encoders, decoders = group(networks)
    outputs = arrange(encoders if published.has_own_encoders else share(encoders), decoders)
    if not kept:
        return write(outputs, folder, published)
    if not _is_part(kept.state, outputs[0].state):
        _refuse_orphans(folder, outputs)
    before = sha256(kept.source)
    return [*write(outputs, folder, published), *retie(folder, before, published.family)]


def find_networks(method: Method, path: Path) -> list[Network]:
    """All networks of a checkpoint.

    Raises:
        ConversionError: it cannot be read or does not hold the method's networks.
    """
    checkpoint = Checkpoint(path, read(path))
    try:
        _check(checkpoint.tensors)
        return method.find(checkpoint)
    except ValueError as error:
        raise ConversionError(f"{path.name} is not a {method.title} checkpoint: {error}.") from error


def _check(tensors: Mapping[str, Tensor]) -> None:
    for key, value in tensors.items():
        if key.endswith(".weight") and value.ndim != 4:
            raise ValueError(f"{key} is not the kernel of a convolution")
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{key} holds values that are not finite")


def _refuse_other_family(folder: Path, family: str) -> None:
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return
    try:
        named = json.loads(manifest.read_text("utf-8"))["family"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConversionError(f"{manifest} is damaged; convert into another folder.") from error
    if named and named != family:
        raise ConversionError(f"{folder} holds the {named} family; convert {family} into another folder.")


def find_kept_encoder(folder: Path) -> Network | None:
    """The encoder that an earlier conversion left in the folder.

    Raises:
        ConversionError: there is one of something else.
    """
    path = folder / f"{ENCODER_FILE}.safetensors"
    if not path.exists():
        return None
    try:
        checkpoint = Checkpoint(path, read(path))
        _check(checkpoint.tensors)
        return recognize(checkpoint, (canonical,), ENCODER_FILE)
    except ValueError as error:
        raise ConversionError(f"{path} is not from a conversion; convert into another folder.") from error


def group(networks: Iterable[Network]) -> tuple[dict[int, Network], list[Network]]:
    """Encoders by level, and decoders by name; equal copies count once.

    Raises:
        ConversionError: two networks of one role differ, or no encoder is among them.
    """
    found: dict[tuple[str, int], Network] = {}
    for network in networks:
        known = found.setdefault((network.name, network.level), network)
        if not _equal(known.state, network.state):
            raise ConversionError(f"{network} differs from {known}, which has the same role.")
    encoders = {network.level: network for network in found.values() if network.is_encoder}
    if not encoders:
        raise ConversionError("the encoder is missing; name it together with its decoders.")
    decoders = [network for network in found.values() if not network.is_encoder]
    return encoders, sorted(decoders, key=lambda decoder: decoder.name)


def share(encoders: Mapping[int, Network]) -> dict[int, Network]:
    """The deepest encoder for each of its levels.

    Raises:
        ConversionError: another encoder is not its beginning.
    """
    deepest = encoders[max(encoders)]
    for encoder in encoders.values():
        if not _is_part(encoder.state, deepest.state):
            raise ConversionError(
                f"{encoder} is not the beginning of {deepest}; name files of one network, or another folder."
            )
    return {level: deepest for level in LEVELS if level <= deepest.level}


def arrange(encoders: Mapping[int, Network], decoders: Iterable[Network]) -> list[Output]:
    """The files to write, the encoder first.

    Args:
        encoders: by the level of the decoder they were trained with.
        decoders: any.

    Raises:
        ConversionError: the encoder of a decoder's level is missing or of another width.
    """
    deepest = encoders[max(encoders)]
    outputs = [Output(ENCODER_FILE, deepest.state, (deepest.source,))]
    for decoder in decoders:
        encoder = encoders.get(decoder.level)
        if encoder is None:
            raise ConversionError(f"{decoder} has no encoder here; name the encoder of that level too.")
        if encoder.width(decoder.level) != decoder.width(decoder.level):
            raise ConversionError(f"{decoder} is of another width than {encoder}; name files of one set.")
        outputs.append(_with_encoder(decoder, encoder, deepest))
    return outputs


def _with_encoder(decoder: Network, encoder: Network, deepest: Network) -> Output:
    if encoder is deepest or _is_part(encoder.state, deepest.state):
        return Output(decoder.name, decoder.state, (decoder.source,))
    own = {f"{OWN_ENCODER}{key}": value for key, value in encoder.state.items()}
    return Output(decoder.name, decoder.state | own, (decoder.source, encoder.source))


def _refuse_orphans(folder: Path, outputs: Iterable[Output]) -> None:
    others = {path.stem for path in folder.glob("*.safetensors")} - {output.name for output in outputs}
    if others:
        raise ConversionError(
            f"{folder} holds {', '.join(sorted(others))}, which would lose the encoder they belong to; "
            "convert into another folder, or all together."
        )


def write(outputs: Sequence[Output], folder: Path, method: Method) -> list[Path]:
    """Write all but an encoder that is there already; returns the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder = folder / f"{ENCODER_FILE}.safetensors"
    written = []
    for output in outputs:
        path = folder / f"{output.name}.safetensors"
        if path in output.sources:
            continue
        metadata = {} if path == encoder else {"encoder_sha256": sha256(encoder)}
        save_file({k: v.contiguous() for k, v in output.state.items()}, path, metadata=metadata)
        enter(folder, path.name, _entry(path, output, method), family=method.family)
        written.append(path)
    return written


def retie(folder: Path, before: str, family: str) -> list[Path]:
    """Tie the decoders of an encoder that has been replaced by a deeper one, equal so far, to that.

    Args:
        before: sha256 of the encoder that was in the folder.
    """
    digest = sha256(folder / f"{ENCODER_FILE}.safetensors")
    entries = json.loads((folder / "manifest.json").read_text("utf-8"))["files"]
    tied = []
    for path in (folder / name for name in entries):
        if digest == before or not path.exists() or _partner(path) != before:
            continue
        state = {key: value.clone() for key, value in read(path).items()}  # not of the file replaced
        save_file(state, path, metadata={"encoder_sha256": digest})
        entry = entries[path.name] | {"sha256": sha256(path), "bytes": path.stat().st_size}
        enter(folder, path.name, entry, family=family)
        tied.append(path)
    return tied


def _partner(path: Path) -> str:
    with safe_open(path, framework="pt") as file:
        return (file.metadata() or {}).get("encoder_sha256", "")


def _entry(path: Path, output: Output, method: Method) -> dict[str, Any]:
    return {
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "licence": method.licence,
        "origin": method.origin,
        "converted_from": [{"file": source.name, "sha256": sha256(source)} for source in output.sources],
    }


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.pth`` or ``.safetensors`` file; nothing in it is executed.

    Raises:
        ConversionError: it is not there, damaged, of Torch 7, or holds something else.
    """
    if path.suffix.lower() == ".t7":
        raise ConversionError(
            f"{path.name} is a Torch 7 file, which nothing maintained reads; name the .pth files of a port."
        )
    try:
        loaded = _load(path)
    except FileNotFoundError as error:
        raise ConversionError(f"{path}: there is no such file.") from error
    except UNREADABLE as error:
        raise ConversionError(f"{path}: cannot be read as a checkpoint ({type(error).__name__}).") from error
    is_state = isinstance(loaded, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    )
    if not is_state:
        raise ConversionError(f"{path}: is not a dictionary of tensors.")
    return loaded


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    is_wrapped = isinstance(loaded, dict) and isinstance(loaded.get("model"), dict)
    return loaded["model"] if is_wrapped else loaded  # Collaborative Distillation notes the epoch beside


def _equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and _is_part(a, b)


def _is_part(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return all(key in b and torch.equal(value, b[key]) for key, value in a.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python hub_upload.py", description="Prepare weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("convert", help="released checkpoints to our files")
    command.add_argument("method", choices=sorted(METHODS))
    command.add_argument("checkpoints", nargs="+", type=Path)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    args = parser.parse_args(arguments)
    try:
        for path in convert(args.method, args.checkpoints, args.output):
            print(path)
    except ConversionError as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Refused: cannot write to {args.output}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
