"""Train decoders to invert the frozen encoder (Li et al., NIPS 2017, section 3.1).

Loss: mean square error of the pixels + lambda times the relative error of the encoder's features
of the result. No style picture is seen in training.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from ..nets.encoder import LAYERS, Encoder, StateDict
from ..nets.wavelet import WaveletDecoder, wavelet_decode, wavelet_encode
from .encoder import step_seed, variance
from .initialization import start_wavelet_decoder
from .loop import CPU, Schedule, autocast, train
from .photos import Photos

FEATURE_WEIGHT = 0.01  # lambda, on features measured relative to their variance
FEATURE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
INITIAL_CROPS = 24


class WaveletTask(nn.Module):
    """The wavelet decoder being trained, the frozen encoder, and the loss."""

    def __init__(self, encoder_state: StateDict, variant: str) -> None:
        super().__init__()
        self.wavelet_encoder = Encoder.from_state(encoder_state, last="relu4_1", pool="haar")
        self.encoder = Encoder.from_state(encoder_state, last="relu4_1", pool="max")
        widths = {n: encoder_state[f"{n}.weight"].shape[0] for n in LAYERS[: LAYERS.index("conv4_1") + 1]}
        self.decoder = WaveletDecoder(widths, variant=variant)

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        """Least-squares start."""
        start_wavelet_decoder(self.decoder, self.wavelet_encoder, images)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode ``[N, 3, H, W]``, sides multiples of 8; not clamped."""
        with torch.no_grad():
            features, skips = wavelet_encode(self.wavelet_encoder, images, variant=self.decoder.variant)
        return wavelet_decode(self.decoder, features, skips)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pixel error and mean relative feature error of the reconstruction."""
        output = self.reconstruct(images).float()
        found = self.encoder(output, FEATURE_LAYERS)
        with torch.no_grad():
            wanted = self.encoder(images, FEATURE_LAYERS)
        errors = [
            (found[k].float() - wanted[k].float()).square().mean() / variance(wanted[k].float())
            for k in FEATURE_LAYERS
        ]
        return (output - images).square().mean(), torch.stack(errors).mean()


def train_wavelet_decoder(
    data: Path,
    encoder_state: StateDict,
    variant: str,
    folder: Path,
    schedule: Schedule,
    *,
    seed: int = 0,
    crops: int = 8,
    size: int = 160,
    held_out: int = 36,
    device: torch.device = CPU,
) -> WaveletTask:
    """Run or resume; the checkpoint and the loss curve are in ``folder``."""
    torch.manual_seed(seed)
    photos = Photos(data, held_out=held_out)
    task = WaveletTask(encoder_state, variant).to(device)
    task = task.to(memory_format=torch.channels_last)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        images = photos.crops(crops, size, seed=step_seed(seed, step)).to(device)
        images = images.contiguous(memory_format=torch.channels_last)
        with autocast(device):
            pixels, features = task(images)
        parts = {"psnr": float(-10 * pixels.detach().log10()), "features": float(features.detach())}
        return pixels + FEATURE_WEIGHT * features, parts

    def initialize() -> None:
        task.initialize(photos.crops(INITIAL_CROPS, 96, seed=step_seed(seed, -1)).to(device))

    train(task.decoder, loss, schedule, folder, initialize=initialize)
    return task


@torch.no_grad()
def held_out_psnr(task: WaveletTask, images: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of every reconstruction, clamped: ``[N]``."""
    outputs = torch.cat([task.reconstruct(batch).clamp(0, 1) for batch in images.split(4)])
    return -10 * (outputs - images).square().mean((1, 2, 3)).log10()
