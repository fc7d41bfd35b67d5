"""``python -m style_core.training encoder|decoder|styled …``: train the networks of the compact family.

A run resumes from its folder's checkpoint when the same command is given again. When the last step
is done, the network is measured on held-out photos and exported as float16 safetensors. Decoders can be
trained by several processes: ``accelerate launch -m style_core.training decoder …``. ``styled`` goes on from
the decoders in the output folder, on features after the transform, and writes them anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import StyleCoreError
from ..weights import ENCODER, WeightFile, read_weights
from .arguments import DECODERS, MEGABYTE, read_arguments
from .critic import Critic
from .crops import Crops, train_on_crops
from .decoder import DecoderTask, MirroredTask, Start, WaveletTask, held_out_psnr
from .encoder import Distillation, held_out_errors
from .loop import Schedule, train
from .normalization import normalize_activations, prune_dead_channels
from .output import (
    Finished,
    copy_imagenet_encoder,
    finish,
    read_decoder,
    refuse_converted,
    shallower_decoder,
)
from .pairs import Pairs
from .photos import Photos, decoded_photos, draw_seed
from .processes import join_processes
from .styled import (
    LOSS_WEIGHTS,
    LossWeights,
    StyledChain,
    StyledDraws,
    StyledTask,
    StyledWavelet,
    held_out_decibels,
)
from .teachers import Teachers, teacher_decoder

if TYPE_CHECKING:
    from accelerate import Accelerator

NORMALIZATION_DRAW = 9_999_000  # a number no run reaches: its crops are seen by nothing else
NORMALIZATION_CROPS = 48, 128  # how many, and their side in px


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    args = read_arguments(__doc__, arguments)
    command = "python -m style_core.training " + " ".join(arguments or sys.argv[1:])
    run = {"encoder": _encoder, "decoder": _decoder, "styled": _styled}[args.command]
    try:
        accelerator = join_processes(args.device)
        torch.manual_seed(args.seed)
        for finished in run(args, accelerator):
            finish(args, command, finished)
    except StyleCoreError as error:
        raise SystemExit(f"Refused: {error}") from error


def _encoder(args: argparse.Namespace, accelerator: Accelerator) -> list[Finished]:
    model = Distillation(Teachers(args.teacher), tuple(args.widths))
    crops = _crops(args)
    model.teachers.to(accelerator.device)
    train_on_crops(model, crops, _schedule(args), args.run, accelerator=accelerator, workers=args.workers)
    if not accelerator.is_main_process:
        return []
    model.cpu()
    model.teachers.cpu()
    errors = held_out_errors(model, crops.photos.held_out())
    images = crops.photos.crops(*NORMALIZATION_CROPS, seed=draw_seed(args.seed, NORMALIZATION_DRAW))
    normalize_activations(model.student, images)
    encoder = prune_dead_channels(model.student, images)
    metrics = {
        "relative_error_rectified": {k: round(v["rectified"], 4) for k, v in errors.items()},
        "relative_error_linear": {k: round(v["linear"], 4) for k, v in errors.items()},
        "widths": {name: getattr(encoder, name).out_channels for name in encoder.layers},
    }
    return [Finished(name=ENCODER, state=encoder.state_dict(), metrics=metrics, metadata={})]


def _decoder(args: argparse.Namespace, accelerator: Accelerator) -> list[Finished]:
    name = f"{args.method}_{args.variant}"
    refuse_converted(args.output, name)
    if accelerator.is_main_process:
        copy_imagenet_encoder(args.output, args.family)
    accelerator.wait_for_everyone()
    encoder = read_weights(args.output / f"{ENCODER}.safetensors")
    start, described = _start(args, encoder)
    task, crops = _decoder_task(args, encoder, start), _crops(args)
    train_on_crops(task, crops, _schedule(args), args.run, accelerator=accelerator, workers=args.workers)
    if not accelerator.is_main_process:
        return []
    decibels = held_out_psnr(task.cpu().reconstruct, crops.photos.held_out())
    metrics = {
        "started_from": described,
        "reconstruction_db": {
            "median": round(float(decibels.median()), 2),
            "lowest": round(float(decibels.min()), 2),
            "highest": round(float(decibels.max()), 2),
        },
    }
    metadata = {"encoder_sha256": encoder.sha256}
    return [Finished(name=name, state=task.decoder.state_dict(), metrics=metrics, metadata=metadata)]


def _styled(args: argparse.Namespace, accelerator: Accelerator) -> list[Finished]:
    encoder = read_weights(args.output / f"{ENCODER}.safetensors")
    variants = (args.variant,) if args.variant else DECODERS[args.method]
    names = {variant: f"{args.method}_{variant}" for variant in variants}
    for name in names.values():
        refuse_converted(args.output, name)
    files = {v: read_decoder(args.output / f"{name}.safetensors", encoder) for v, name in names.items()}
    task = _styled_task(args, encoder, files)
    photos = _photos(args)
    draws = StyledDraws(
        pairs=_pairs(args, photos), draw_setting=task.draw_setting, count=args.crops, size=args.size,
        seed=args.seed,
    )  # fmt: skip
    train(
        task, draws, _schedule(args), args.run, initialize=lambda: task.initialize(draws),
        accelerator=accelerator, workers=args.workers,
    )  # fmt: skip
    if not accelerator.is_main_process:
        return []
    images = photos.held_out()
    before, after = (held_out_decibels(task.cpu(), d, images) for d in (task.originals, task.decoders))
    return [
        Finished(
            name=names[variant],
            state=task.decoders[names[variant]].state_dict(),
            metrics={
                "started_from": f"{file.path.name}, sha256 {file.sha256}",
                "reconstruction_db": {
                    "median": after[names[variant]],
                    "median_before": before[names[variant]],
                },
            },
            metadata={"encoder_sha256": encoder.sha256},
            curve=f"{names[variant] if args.variant else args.method}_styled",
        )
        for variant, file in files.items()
    ]


def _start(args: argparse.Namespace, encoder: WeightFile) -> tuple[Start, str]:
    """What a decoder starts from, and how the manifest says it."""
    if args.start_from:
        file = read_decoder(args.start_from, encoder)
        return Start(trained=_floats(file)), f"{file.path.name}, sha256 {file.sha256}"
    if args.teacher:
        teacher = teacher_decoder(args.teacher, int(args.variant))
        return Start(teacher=teacher), "least squares on a 16x-compressed decoder's maps"
    if args.method != "wct2":
        shallower = shallower_decoder(args.output, args.method, int(args.variant), encoder)
        if shallower:
            return Start(shallower=_floats(shallower)), shallower.path.name
    return Start(), "least squares"


def _decoder_task(args: argparse.Namespace, encoder: WeightFile, start: Start) -> DecoderTask:
    state, padding = _floats(encoder), encoder.metadata.get("padding", "reflect")
    if args.method == "wct2":
        return WaveletTask(state, variant=args.variant, feature_weight=args.feature_weight, padding=padding)
    return MirroredTask(
        state,
        level=int(args.variant),
        upsampling="nearest" if args.method == "wct" else "unpool",
        start=start,
        feature_weight=args.feature_weight,
        padding=padding,
    )


def _styled_task(
    args: argparse.Namespace, encoder: WeightFile, files: Mapping[str, WeightFile]
) -> StyledTask:
    """The decoders of ``files`` (by variant) before training."""
    teachers = Teachers(args.teacher)
    critic = Critic(teachers.true, teachers.small5)
    given = {f.name: getattr(args, f"{f.name}_weight") for f in fields(LossWeights)}
    chosen = replace(LOSS_WEIGHTS[args.method], **{k: v for k, v in given.items() if v is not None})
    state = _floats(encoder)
    if args.method == "wct2":
        decoder = files[args.variant].state
        return StyledWavelet(state, decoder, variant=args.variant, critic=critic, loss_weights=chosen)
    decoders = {int(v): file.state for v, file in files.items()}
    return StyledChain(
        state, decoders, method=args.method, critic=critic, loss_weights=chosen,
        is_blurred=args.upsampling == "bilinear",
    )  # fmt: skip


def _photos(args: argparse.Namespace) -> Photos:
    memory = args.photo_memory * MEGABYTE // max(args.workers, 1)
    return Photos(args.data, held_out=args.held_out, decoded=decoded_photos(memory))


def _pairs(args: argparse.Namespace, photos: Photos) -> Pairs:
    styles = [Photos(folder, held_out=args.held_out_styles, decoded=photos.decoded) for folder in args.styles]
    return Pairs(photos, styles)


def _crops(args: argparse.Namespace) -> Crops:
    return Crops(photos=_photos(args), count=args.crops, size=args.size, seed=args.seed)


def _schedule(args: argparse.Namespace) -> Schedule:
    return Schedule(steps=args.steps, learning_rate=args.learning_rate, average=args.average)


def _floats(file: WeightFile) -> dict[str, Tensor]:
    return {name: value.float() for name, value in file.state.items()}


if __name__ == "__main__":
    main()
