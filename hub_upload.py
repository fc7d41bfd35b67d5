"""Published checkpoints -> our safetensors files and manifest.

    python hub_upload.py convert wct2 wave_encoder_cat5_l4.pth wave_decoder_cat5_l4.pth … -o DIR

The folder can then be named as ``--weights-dir`` (or ``STYLE_CORE_WEIGHTS``) with ``--family vgg19``.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.wavelet import UNPOOL_BEFORE, WaveletDecoder
from style_core.training.export import enter, sha256

ENCODER_FILE = "encoder"
CONSTANT_PREFIXES = ("pool", "recon_block")  # Haar kernels, rebuilt exactly by ops/haar.py


UNREADABLE = (  # what torch.load raises on files that are no checkpoints
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, IndexError, ValueError, TypeError,
    AttributeError,
)  # fmt: skip


class ConversionError(Exception):
    """A checkpoint is not what it should be; the text says why."""


@dataclass(frozen=True)
class Converted:
    """One network in canonical names, and the file name it gets."""

    name: str
    state: dict[str, Tensor]


def convert_wct2(checkpoint: Mapping[str, Tensor]) -> Converted:
    """A released WCT2 encoder or decoder, ``sum`` or ``cat5``, in canonical names.

    Raises:
        ConversionError: the tensors are not those of a WCT2 network.
    """
    state = {k: v.float() for k, v in checkpoint.items() if not k.startswith(CONSTANT_PREFIXES)}
    is_cat5 = any(f"{layer}_2.weight" in state for layer in UNPOOL_BEFORE)
    if is_cat5:
        state = {_without_suffix(key): value for key, value in state.items()}
    try:
        if "conv0.weight" in state:
            Encoder.from_state(state, last=LAYERS[LAYERS.index("conv4_1")])
            return Converted(ENCODER_FILE, state)
        variant = "cat5" if is_cat5 else "sum"
        WaveletDecoder.from_state(state, variant=variant)
        return Converted(f"wct2_{variant}", state)
    except ValueError as error:
        raise ConversionError(f"not a WCT2 checkpoint: {error}") from error


def _without_suffix(key: str) -> str:
    layer, _, kind = key.rpartition(".")
    return f"{layer.removesuffix('_2') if layer.count('_') == 2 else layer}.{kind}"


CONVERTERS: Mapping[str, Callable[[Mapping[str, Tensor]], Converted]] = {"wct2": convert_wct2}
ORIGINS = {"wct2": ("MIT (licence file of the repository)", "github.com/clovaai/WCT2, model_checkpoints")}


def convert(method: str, checkpoints: Sequence[Path], folder: Path) -> list[Path]:
    """Write every checkpoint as ``folder/<name>.safetensors`` (float32) and the manifest.

    Several encoders are allowed if they are equal. Decoders are tied to the encoder's sha256.

    Raises:
        ConversionError: a file cannot be read or does not fit, or no encoder is among them.
    """
    found: dict[str, tuple[Converted, Path]] = {}
    for path in checkpoints:
        converted = CONVERTERS[method](_read(path))
        known = found.get(converted.name)
        if known and not _equal(known[0].state, converted.state):
            raise ConversionError(f"{path.name} differs from {known[1].name}, which has the same role.")
        found[converted.name] = (converted, path)
    if ENCODER_FILE not in found:
        raise ConversionError(
            "the encoder is missing; name the encoder checkpoint together with its decoder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    licence, origin = ORIGINS[method]
    encoder_digest = ""
    written = []
    for name in sorted(found, key=lambda n: n != ENCODER_FILE):  # the encoder first
        converted, source = found[name]
        path = folder / f"{name}.safetensors"
        metadata = {} if name == ENCODER_FILE else {"encoder_sha256": encoder_digest}
        save_file({k: v.contiguous() for k, v in converted.state.items()}, path, metadata=metadata)
        digest = sha256(path)
        encoder_digest = encoder_digest or digest
        entry = {"sha256": digest, "bytes": path.stat().st_size, "licence": licence, "origin": origin}
        enter(
            folder,
            path.name,
            {**entry, "converted_from": {"file": source.name, "sha256": sha256(source)}},
            family="vgg19",
        )
        written.append(path)
    return written


def _read(path: Path) -> dict[str, Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ConversionError(f"{path}: there is no such file.") from error
    except UNREADABLE as error:
        raise ConversionError(f"{path}: cannot be read as a checkpoint ({type(error).__name__}).") from error
    if not isinstance(loaded, dict) or not all(isinstance(v, Tensor) for v in loaded.values()):
        raise ConversionError(f"{path}: is not a dictionary of tensors.")
    return loaded


def _equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python hub_upload.py", description="Prepare weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("convert", help="released checkpoints to our files")
    command.add_argument("method", choices=sorted(CONVERTERS))
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
