"""``python -m style_core.training encoder|decoder …``: train the networks of the compact family."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .encoder import train_encoder
from .loop import Schedule


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m style_core.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    encoder = commands.add_parser("encoder", help="distil the compact encoder")
    encoder.add_argument("--teacher", type=Path, required=True)
    for command in (encoder,):
        command.add_argument("--data", type=Path, required=True)
        command.add_argument("--run", type=Path, required=True)
        command.add_argument("--steps", type=int, default=8000)
        command.add_argument("--learning-rate", type=float, default=1e-3)
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--device", default="cpu")
    args = parser.parse_args()
    schedule = Schedule(steps=args.steps, learning_rate=args.learning_rate)
    train_encoder(
        args.data, args.teacher, args.run, schedule, seed=args.seed, device=torch.device(args.device)
    )


if __name__ == "__main__":
    main()
