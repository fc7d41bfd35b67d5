"""The command line of training: what can be asked for, and what of it does not go together."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from ..nets.encoder import LAYERS
from ..nets.wavelet import VARIANTS
from ..weights import FAMILIES
from .decoder import FEATURE_WEIGHT
from .encoder import WIDTHS
from .photos import MEMORY
from .styled import LossWeights

DECODERS = {"wct2": VARIANTS, "wct": ("5", "4", "3", "2", "1"), "photo_wct": ("4", "3", "2", "1")}
MEGABYTE = 1_000_000


def read_arguments(description: str | None, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The checked arguments; ends the program with a sentence where something does not fit."""
    parser = training_parser(description)
    args = parser.parse_args(arguments)
    problem = _problem(args)
    if problem:
        parser.error(problem)
    return args


def training_parser(description: str | None = None) -> argparse.ArgumentParser:
    """The parser of all three commands."""
    parser = argparse.ArgumentParser(
        prog="python -m style_core.training",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=description,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    encoder = commands.add_parser("encoder", help="distil the VGG-shaped encoder")
    decoder = commands.add_parser("decoder", help="train a decoder on the exported encoder")
    styled = commands.add_parser("styled", help="train decoders further, on features after the transform")
    _add_encoder(encoder)
    _add_decoder(decoder)
    _add_styled(styled)
    _add_common(encoder, steps=3000, learning_rate=1e-3, crops=10)
    _add_common(decoder, steps=1500, learning_rate=2e-4, crops=8)
    _add_common(styled, steps=1000, learning_rate=0.03, crops=1)
    styled.set_defaults(average=0.98)
    return parser


def _problem(args: argparse.Namespace) -> str | None:
    """What does not fit. Sets the variant where only one is meant."""
    if args.size % 16 or args.held_out < 1:
        return "--size must be a multiple of 16 and --held-out at least 1"
    if not 0 <= args.average < 1:
        return "--average must be at least 0 and below 1"
    if args.workers < 0 or args.photo_memory < 0:
        return "--workers and --photo-memory must be at least 0"
    problem = None if args.command == "encoder" else _decoder_problem(args)
    if problem is None and not args.data.is_dir():
        return f"--data {args.data} is not a folder"
    return problem


def _decoder_problem(args: argparse.Namespace) -> str | None:
    if args.command == "styled" and args.method != "wct2":
        is_one = args.variant is not None
        return (
            "--variant is for wct2: the decoders of the other methods are trained together"
            if is_one
            else None
        )
    variants = DECODERS[args.method]
    args.variant = args.variant or variants[0]
    if args.variant not in variants:
        return f"--variant of {args.method} must be one of {', '.join(variants)}"
    if args.command == "decoder" and args.teacher and args.method != "wct":
        return "--teacher is for wct: the compressed decoders enlarge by nearest up-sampling"
    if args.command == "decoder" and args.start_from and args.method == "wct2":
        return "--start-from is for wct and photo_wct"
    return None


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(family=FAMILIES[0])
    parser.add_argument("--teacher", type=Path, required=True, help="folder of the teacher networks")
    parser.add_argument("--widths", type=int, nargs=len(LAYERS), default=WIDTHS, help="channels per layer")


def _add_decoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", choices=sorted(DECODERS))
    parser.add_argument(
        "--variant", help="cat5 or sum for wct2, the level for wct (1 to 5) and photo_wct (1 to 4)"
    )
    parser.add_argument(
        "--family",
        choices=FAMILIES,
        default=FAMILIES[0],
        help="of the encoder in DIR; for vgg19 without one there, VGG-19 is fetched",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="DIR",
        help="folder of the 16x-compressed networks, whose decoder's maps a wct decoder starts with",
    )
    parser.add_argument(
        "--start-from", type=Path, metavar="FILE", help="exported weights of the same decoder to go on from"
    )
    parser.add_argument("--feature-weight", type=float, default=FEATURE_WEIGHT, help="lambda of the loss")


def _add_styled(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(family=FAMILIES[0])
    parser.add_argument("method", choices=sorted(DECODERS))
    parser.add_argument("--variant", help="cat5 or sum for wct2; the others' decoders are trained together")
    parser.add_argument("--teacher", type=Path, required=True, help="folder of the teacher networks")
    parser.add_argument(
        "--styles",
        type=Path,
        nargs="+",
        default=(),
        metavar="DIR",
        help="folders of further style pictures; without, the photos are each other's styles",
    )
    parser.add_argument(
        "--held-out-styles", type=int, default=0, metavar="N", help="of each such folder, kept for measuring"
    )
    parser.add_argument(
        "--upsampling",
        choices=("nearest", "bilinear"),
        default="nearest",
        help="bilinear: wct's decoders go on with a blur after their up-sampling",
    )
    for part in fields(LossWeights):
        parser.add_argument(f"--{part.name}-weight", type=float, help=f"of the {part.name} part of the loss")


def _add_common(parser: argparse.ArgumentParser, *, steps: int, learning_rate: float, crops: int) -> None:
    parser.add_argument("--data", type=Path, required=True, help="any folder of photos")
    parser.add_argument(  # torchrun takes "--run" for an abbreviation of its own, hence the second name
        "--run",
        "--checkpoints",
        dest="run",
        type=Path,
        required=True,
        help="folder of checkpoint and loss curve",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the exported weights; for a decoder also where its encoder is",
    )
    parser.add_argument("--steps", type=int, default=steps, help="may be changed when resuming")
    parser.add_argument(
        "--learning-rate",
        type=float,
        default=learning_rate,
        help="of styled: the share of what each tensor bears in one step",
    )
    parser.add_argument(
        "--average", type=float, default=0.0, metavar="DECAY", help="of the weights' running mean, 0 to 1"
    )
    parser.add_argument("--crops", type=int, default=crops, help="pictures per step")
    parser.add_argument("--size", type=int, default=160, help="side of a crop, a multiple of 16")
    parser.add_argument("--held-out", type=int, default=36, help="photos kept for measuring")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=0, help="processes that read photos ahead (default 0)")
    parser.add_argument(
        "--photo-memory",
        type=int,
        default=MEMORY // MEGABYTE,
        metavar="MB",
        help="of decoded photos kept, shared out among the workers (default %(default)s)",
    )
