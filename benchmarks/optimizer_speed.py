"""Seconds per iteration of Gatys and Deep Photo against a textbook implementation, alternating in one run.

python -m benchmarks.optimizer_speed [--size 512]
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from style_core.method import Inputs, StyleInput
from style_core.methods.deep_photo import DeepPhotoOptions, photorealistic
from style_core.methods.gatys import GatysOptions
from style_core.methods.shared.gram_loss import picture_loss
from style_core.ops.pixel_optimization import LBFGS, Loss, value_and_gradient
from style_core.regions import Labels
from style_core.weights import load_encoder

from .arguments import described
from .full_weights import random_full_weights
from .pictures import photo
from .textbook import deep_photo_iterations, gatys_iterations

ITERATIONS, ROUNDS = 3, 4
REGIONS = 3


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("--size", type=int, default=512)
    size = parser.parse_args().size
    print("| widths | method | textbook s | ours s | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for widths in ("compact", "full"):
            place = random_full_weights(Path(folder)) if widths == "full" else None
            for method, (textbook, ours) in _methods(place, size).items():
                times = [_best(run) for run in (textbook, ours)]
                ratio = times[0] / times[1]
                print(f"| {widths} | {method} | {times[0]:.3f} | {times[1]:.3f} | {ratio:.1f} |", flush=True)


def _methods(place: Path | None, size: int) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    content, style = photo(size, size), photo(size, size, "photo_style/autumn.jpg")
    exact, fast = (
        load_encoder("compact", place, torch.device("cpu"), last="conv5_1", pool="max", fast=is_fast)
        for is_fast in (False, True)
    )
    bands = torch.arange(size).mul(REGIONS).floor_divide(size)[:, None].expand(size, size) + 1
    labels = Labels(bands.to(torch.uint8))
    masks = list(labels.masks(labels.present).split(1, dim=1))
    plain = Inputs(content, (StyleInput(style),))
    masked = Inputs(content, (StyleInput(style, labels),), labels)
    gatys, deep_photo = GatysOptions(), DeepPhotoOptions()
    photo_loss = photorealistic(picture_loss(masked, deep_photo, fast, _ignored), content, deep_photo)
    return {
        "gatys": (
            gatys_iterations(exact, content, style),
            _ours(picture_loss(plain, gatys, fast, _ignored), content),
        ),
        f"deep_photo, {REGIONS} regions": (
            deep_photo_iterations(exact, content, style, masks, masks),
            _ours(photo_loss, content),
        ),
    }


def _ours(loss: Loss, start: torch.Tensor) -> Callable[[], object]:
    state, step = [start], LBFGS()

    def iteration() -> None:
        _, gradient = value_and_gradient(loss, state[0])
        state[0] = step(state[0], gradient)

    return iteration


def _best(run: Callable[[], object]) -> float:
    best = float("inf")
    run()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(ITERATIONS):
            run()
        best = min(best, (time.perf_counter() - began) / ITERATIONS)
    return best


def _ignored(sentence: str) -> None:
    """Where notes go here."""


if __name__ == "__main__":
    main()
