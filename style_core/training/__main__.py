"""``python -m style_core.training encoder|decoder|styled …``: train the networks of the compact family.

A run resumes from its folder's checkpoint when the same command is given again. When the last step
is done, the network is measured on held-out photos and exported as float16 safetensors. Decoders can be
trained by several processes: ``accelerate launch -m style_core.training decoder …``. ``styled`` goes on from
the decoders in the output folder, on features after the transform, and writes them anew.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import torch

from ..device import choose_device
from ..errors import StyleCoreError, WeightsUnavailable
from ..nets.encoder import LAYERS
from ..nets.wavelet import VARIANTS
from ..weights import ENCODER, FAMILIES, IMAGENET_ENCODERS, WeightFile, licence_of, locate, read_weights
from ..weights.manifest import new_entry, set_entry
from .critic import Critic
from .decoder import FEATURE_WEIGHT, DecoderTask, MirroredTask, WaveletTask, held_out_psnr, train_decoder
from .encoder import INITIAL_CROPS, WIDTHS, held_out_errors, step_seed, train_encoder
from .export import export, thin_curve
from .loop import Schedule
from .normalization import normalize_activations, prune_dead_channels
from .pairs import Pairs
from .photos import Photos
from .styled import WEIGHTS, StyledChain, StyledTask, StyledWavelet, Weights, held_out_decibels, train_styled
from .teachers import Teachers, teacher_decoder
from .team import Team, join_team

LICENCE = "MIT"
DECODERS = {"wct2": VARIANTS, "wct": ("5", "4", "3", "2", "1"), "photo_wct": ("4", "3", "2", "1")}
NORMALIZATION_STEP = 9_999_000  # a step no run reaches: its crops are seen by nothing else


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.size % 16 or args.held_out < 1:
        parser.error("--size must be a multiple of 16 and --held-out at least 1")
    if args.command == "styled" and args.variant and args.method != "wct2":
        parser.error("--variant is for wct2: the decoders of the other methods are trained together")
    if args.command == "decoder" or (args.command == "styled" and args.method == "wct2"):
        variants = DECODERS[args.method]
        args.variant = args.variant or variants[0]
        if args.variant not in variants:
            parser.error(f"--variant of {args.method} must be one of {', '.join(variants)}")
    if args.command == "decoder":
        if args.teacher and args.method != "wct":
            parser.error("--teacher is for wct: the compressed decoders enlarge by nearest up-sampling")
        if args.start_from and args.method == "wct2":
            parser.error("--start-from is for wct and photo_wct")
    if not args.data.is_dir():
        parser.error(f"--data {args.data} is not a folder")
    command = "python -m style_core.training " + " ".join(arguments or sys.argv[1:])
    try:
        if args.command == "encoder":
            _encoder(args, command)
        elif args.command == "styled":
            _styled(args, command)
        else:
            _refuse_converted(args, args.variant)
            _decoder(args, command)
    except StyleCoreError as error:
        raise SystemExit(f"Refused: {error}") from error


def _refuse_converted(args: argparse.Namespace, variant: str) -> None:
    """A published decoder that was converted into the folder is not overwritten by one of ours."""
    manifest = args.output / "manifest.json"
    files = json.loads(manifest.read_text("utf-8"))["files"] if manifest.exists() else {}
    if "converted_from" in files.get(f"{args.method}_{variant}.safetensors", {}):
        raise WeightsUnavailable(
            f"{args.output} holds the published {args.method}_{variant}; train into another folder."
        )


def _encoder(args: argparse.Namespace, command: str) -> None:
    model = train_encoder(
        args.data, args.teacher, args.run, _schedule(args), seed=args.seed, crops=args.crops, size=args.size,
        widths=tuple(args.widths), held_out=args.held_out, device=choose_device(args.device),
    ).cpu()  # fmt: skip
    model.teachers.cpu()
    photos = Photos(args.data, held_out=args.held_out)
    errors = held_out_errors(model, photos.held_out())
    crops = photos.crops(INITIAL_CROPS, 128, seed=step_seed(args.seed, NORMALIZATION_STEP))
    normalize_activations(model.student, crops)
    encoder = prune_dead_channels(model.student, crops)
    metrics = {
        "relative_error_rectified": {k: round(v["rectified"], 4) for k, v in errors.items()},
        "relative_error_linear": {k: round(v["linear"], 4) for k, v in errors.items()},
        "widths": {name: getattr(encoder, name).out_channels for name in encoder.layers},
    }
    _finish(args, dict(encoder.state_dict()), ENCODER, command, metrics, {})


def _decoder(args: argparse.Namespace, command: str) -> None:
    team = join_team(args.device)
    encoder = read_weights(_encoder_of(args, team))
    padding = encoder.metadata.get("padding", "reflect")
    torch.manual_seed(args.seed)
    state = {k: v.float() for k, v in encoder.state.items()}
    shallower, trained = _shallower(args, encoder.sha256), _trained(args, encoder.sha256)
    task = train_decoder(
        _task(args, state, padding, shallower, trained), args.data, args.run, _schedule(args),
        seed=args.seed, crops=args.crops, size=args.size, held_out=args.held_out, team=team,
    ).to("cpu")  # fmt: skip
    if not team.is_first:
        return
    decibels = held_out_psnr(task, Photos(args.data, held_out=args.held_out).held_out())
    metrics: dict[str, object] = {
        "started_from": _start(args, shallower, trained),
        "reconstruction_db": {
            "median": round(float(decibels.median()), 2),
            "lowest": round(float(decibels.min()), 2),
            "highest": round(float(decibels.max()), 2),
        },
    }
    name = f"{args.method}_{args.variant}"
    _finish(args, task.decoder.state_dict(), name, command, metrics, {"encoder_sha256": encoder.sha256})


def _styled(args: argparse.Namespace, command: str) -> None:
    team = join_team(args.device)
    encoder = read_weights(args.output / f"{ENCODER}.safetensors")
    variants = (args.variant,) if args.variant else DECODERS[args.method]
    files = {v: read_weights(args.output / f"{args.method}_{v}.safetensors") for v in variants}
    torch.manual_seed(args.seed)
    task = _styled_task(args, encoder, files)
    photos = Photos(args.data, held_out=args.held_out)
    pairs = Pairs(photos, [Photos(folder, held_out=args.held_out_styles) for folder in args.styles])
    train_styled(
        task, pairs, args.run, _schedule(args), seed=args.seed, crops=args.crops, size=args.size, team=team
    ).to("cpu")
    if not team.is_first:
        return
    images = photos.held_out()
    before, after = (held_out_decibels(task, d, images) for d in (task.originals, task.decoders))
    for variant, file in files.items():
        name = f"{args.method}_{variant}"
        metrics = {
            "started_from": f"{file.path.name}, sha256 {file.sha256}",
            "reconstruction_db": {"median": after[name], "median_before": before[name]},
        }
        state, curve = task.decoders[name].state_dict(), f"{name if args.variant else args.method}_styled"
        _finish(args, state, name, command, metrics, {"encoder_sha256": encoder.sha256}, curve)


def _styled_task(
    args: argparse.Namespace, encoder: WeightFile, files: Mapping[str, WeightFile]
) -> StyledTask:
    """The decoders of ``files`` (by variant) before training.

    Raises:
        WeightsUnavailable: one is a published one, or was trained for another encoder.
    """
    for variant, file in files.items():
        _refuse_converted(args, variant)
        if file.metadata.get("encoder_sha256") != encoder.sha256:
            raise WeightsUnavailable(
                f"{file.path} was trained for another encoder than that of {args.output}."
            )
    teachers = Teachers(args.teacher)
    critic = Critic(teachers.true, teachers.small5)
    given = {f.name: getattr(args, f"{f.name}_weight") for f in fields(Weights)}
    weights = replace(WEIGHTS[args.method], **{k: v for k, v in given.items() if v is not None})
    state = {k: v.float() for k, v in encoder.state.items()}
    if args.method == "wct2":
        return StyledWavelet(state, files[args.variant].state, args.variant, critic, weights)
    return StyledChain(state, {int(v): f.state for v, f in files.items()}, args.method, critic, weights)


def _encoder_of(args: argparse.Namespace, team: Team) -> Path:
    """The encoder in the output folder; for vgg19 without one, a copy of the ImageNet network.

    The copy makes the folder a set of its own, which cannot be mixed with the decoders of the
    papers' rescaled network.
    """
    path: Path = args.output / f"{ENCODER}.safetensors"
    if not path.exists() and args.family in IMAGENET_ENCODERS and team.is_first:
        source = locate(
            args.family,
            IMAGENET_ENCODERS[args.family],
            args.output if args.output.is_dir() else None,
            report=print,
        )
        read_weights(source, args.family)  # refuses what is not the file it should be
        args.output.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        origin = "VGG-19 as trained on ImageNet, the encoder of the decoders here"
        entry = new_entry(path, licence=licence_of(source), origin=origin)
        set_entry(args.output, path.name, entry, family=args.family)
    team.wait()
    return path


def _shallower(args: argparse.Namespace, encoder_sha256: str) -> WeightFile | None:
    """The trained decoder of the level above, if it is in the output folder and of the same encoder."""
    if args.method == "wct2":
        return None
    path = args.output / f"{args.method}_{int(args.variant) - 1}.safetensors"
    file = read_weights(path) if path.is_file() else None
    return file if file and file.metadata.get("encoder_sha256") == encoder_sha256 else None


def _trained(args: argparse.Namespace, encoder_sha256: str) -> WeightFile | None:
    """The decoder to go on from."""
    if args.start_from is None:
        return None
    file = read_weights(args.start_from)
    if file.metadata.get("encoder_sha256") != encoder_sha256:
        raise WeightsUnavailable(
            f"{args.start_from} was trained for another encoder than that of {args.output}."
        )
    return file


def _start(args: argparse.Namespace, shallower: WeightFile | None, trained: WeightFile | None) -> str:
    """What the decoder's first weights are, for the manifest."""
    if trained:
        return f"{trained.path.name}, sha256 {trained.sha256}"
    if args.teacher:
        return "least squares on a 16x-compressed decoder's maps"
    return shallower.path.name if shallower else "least squares"


def _task(
    args: argparse.Namespace, state: dict[str, torch.Tensor], padding: str,
    shallower: WeightFile | None, trained: WeightFile | None,
) -> DecoderTask:  # fmt: skip
    if args.method == "wct2":
        return WaveletTask(state, args.variant, args.feature_weight, padding)
    upsampling, level = "nearest" if args.method == "wct" else "unpool", int(args.variant)
    first, later = ({k: v.float() for k, v in f.state.items()} if f else None for f in (shallower, trained))
    teacher = teacher_decoder(args.teacher, level) if args.teacher else None
    return MirroredTask(state, level, upsampling, args.feature_weight, first, padding, teacher, later)


def _finish(
    args: argparse.Namespace,
    state: dict[str, torch.Tensor],
    name: str,
    command: str,
    metrics: Mapping[str, object],
    metadata: dict[str, str],
    curve: str = "",
) -> None:
    """Export a network, and its loss curve under the network's name or that of ``curve``."""
    entry = {
        "licence": LICENCE,
        "origin": f"trained by style_core.training, seed {args.seed}",
        "command": command,
        "metrics": metrics,
    }
    export(state, args.output, name, entry=entry, metadata=metadata, family=args.family)
    thin_curve(args.run / "curve.csv", args.output / "curves" / f"{curve or name}.csv")
    print(f"{args.output / name}.safetensors  {metrics}")


def _schedule(args: argparse.Namespace) -> Schedule:
    return Schedule(steps=args.steps, learning_rate=args.learning_rate)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m style_core.training", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=__doc__,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    encoder = commands.add_parser("encoder", help="distil the VGG-shaped encoder")
    encoder.set_defaults(family=FAMILIES[0])
    encoder.add_argument("--teacher", type=Path, required=True, help="folder of the teacher networks")
    encoder.add_argument("--widths", type=int, nargs=len(LAYERS), default=WIDTHS, help="channels per layer")
    decoder = commands.add_parser("decoder", help="train a decoder on the exported encoder")
    decoder.add_argument("method", choices=sorted(DECODERS))
    decoder.add_argument(
        "--variant", help="cat5 or sum for wct2, the level for wct (1 to 5) and photo_wct (1 to 4)"
    )
    decoder.add_argument(
        "--family", choices=FAMILIES, default=FAMILIES[0],
        help="of the encoder in DIR; for vgg19 without one there, VGG-19 is fetched",
    )  # fmt: skip
    decoder.add_argument(
        "--teacher", type=Path, metavar="DIR",
        help="folder of the 16x-compressed networks, whose decoder's maps a wct decoder starts with",
    )  # fmt: skip
    decoder.add_argument(
        "--start-from", type=Path, metavar="FILE", help="exported weights of the same decoder to go on from"
    )
    styled = commands.add_parser("styled", help="train decoders further, on features after the transform")
    styled.set_defaults(family=FAMILIES[0])
    styled.add_argument("method", choices=sorted(DECODERS))
    styled.add_argument("--variant", help="cat5 or sum for wct2; the others' decoders are trained together")
    styled.add_argument("--teacher", type=Path, required=True, help="folder of the teacher networks")
    styled.add_argument(
        "--styles", type=Path, nargs="+", default=(), metavar="DIR",
        help="folders of further style pictures; without, the photos are each other's styles",
    )  # fmt: skip
    styled.add_argument(
        "--held-out-styles", type=int, default=0, metavar="N", help="of each such folder, kept for measuring"
    )
    for part in fields(Weights):
        styled.add_argument(f"--{part.name}-weight", type=float, help=f"of the {part.name} part of the loss")
    decoder.add_argument("--feature-weight", type=float, default=FEATURE_WEIGHT, help="lambda of the loss")
    for command, steps, rate, crops in (
        (encoder, 3000, 1e-3, 10), (decoder, 1500, 2e-4, 8), (styled, 1000, 1e-4, 2),
    ):  # fmt: skip
        command.add_argument("--data", type=Path, required=True, help="any folder of photos")
        command.add_argument(  # torchrun takes "--run" for an abbreviation of its own, hence the second name
            "--run", "--checkpoints", dest="run", type=Path, required=True,
            help="folder of checkpoint and loss curve",
        )  # fmt: skip
        command.add_argument(
            "-o", "--output", type=Path, required=True, metavar="DIR",
            help="folder of the exported weights; for a decoder also where its encoder is",
        )  # fmt: skip
        command.add_argument("--steps", type=int, default=steps, help="may be changed when resuming")
        command.add_argument("--learning-rate", type=float, default=rate)
        command.add_argument("--crops", type=int, default=crops, help="pictures per step")
        command.add_argument("--size", type=int, default=160, help="side of a crop, a multiple of 16")
        command.add_argument("--held-out", type=int, default=36, help="photos kept for measuring")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--device", default="auto")
    return parser


if __name__ == "__main__":
    main()
