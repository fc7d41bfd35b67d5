"""Train decoders to invert the frozen encoder (Li et al., NIPS 2017, section 3.1).

Loss: mean square error of the pixels + lambda times the relative error of the encoder's features
of the result. No style picture is seen in training.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import torch
from torch import Tensor, nn

from ..nets.decoder import Decoder, encode_with_maxima
from ..nets.encoder import LAYERS, Encoder, StateDict
from ..nets.wavelet import WaveletDecoder, wavelet_decode, wavelet_encode
from .encoder import step_seed, variance
from .initialization import start_decoder, start_from_decoder, start_wavelet_decoder
from .loop import CPU, Schedule, autocast, train
from .photos import Photos
from .team import Team

FEATURE_WEIGHT = 0.01  # lambda, on features measured relative to their variance
INITIAL_CROPS, INITIAL_SIZE = 24, 96
DEEP_CROPS, DEEP_SIZE = 400, 160  # a teacher's deepest maps have few places to fit a layer to


class DecoderTask(nn.Module, ABC):
    """A decoder being trained, the frozen encoder, and the loss.

    Args:
        encoder_state: canonical tensors, at least to the decoder's level.
        decoder: what is trained.
        level: the encoder level it inverts.
        feature_weight: lambda of the loss.
        padding: of the encoder.
    """

    def __init__(
        self, encoder_state: StateDict, decoder: nn.Module, level: int, feature_weight: float, padding: str
    ) -> None:
        super().__init__()
        self.encoder = Encoder.from_state(encoder_state, last=f"relu{level}_1", padding=padding)
        self.decoder = decoder
        self.feature_layers = tuple(f"relu{k}_1" for k in range(1, level + 1))
        self.feature_weight = feature_weight

    @property
    def has_teacher(self) -> bool:
        """Whether another decoder's maps are what it starts with."""
        return False

    @abstractmethod
    def initialize(self, images: Tensor) -> None:
        """Least-squares start."""

    @abstractmethod
    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode ``[N, 3, H, W]``, sides multiples of 16; not clamped."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Pixel error and mean relative feature error of the reconstruction."""
        output = self.reconstruct(images).float()
        found = self.encoder(output, self.feature_layers)
        with torch.no_grad():
            wanted = self.encoder(images, self.feature_layers)
        errors = [
            (found[k].float() - wanted[k].float()).square().mean() / variance(wanted[k].float())
            for k in self.feature_layers
        ]
        return (output - images).square().mean(), torch.stack(errors).mean()


class MirroredTask(DecoderTask):
    """WCT's ("nearest") or PhotoWCT's ("unpool") decoder of one level.

    Args:
        encoder_state: canonical tensors, at least to the level.
        level: 1 … 5.
        upsampling: see :class:`Decoder`.
        feature_weight: lambda of the loss.
        shallower: the state of the trained decoder of ``level - 1``, whose layers this one starts with.
        teacher: another encoder and its decoder of this level ("nearest" only), whose maps this one
            starts with instead; layers narrower than the teacher's are widened to them.
        trained: the state of a decoder of this level to go on from instead.
    """

    def __init__(
        self, encoder_state: StateDict, level: int, upsampling: str,
        feature_weight: float = FEATURE_WEIGHT, shallower: StateDict | None = None,
        padding: str = "reflect", teacher: tuple[Encoder, Decoder] | None = None,
        trained: StateDict | None = None,
    ) -> None:  # fmt: skip
        if trained:
            decoder = Decoder.from_state(trained, level=level, upsampling=upsampling).requires_grad_(True)
        else:
            widths = _widths(encoder_state, level)
            if teacher:
                widths = _at_least(widths, teacher[1])
            decoder = Decoder(widths, level=level, upsampling=upsampling)
        super().__init__(encoder_state, decoder, level, feature_weight, padding)
        self.teacher, self.is_trained = teacher, bool(trained)
        self.level, self.is_unpooling = level, upsampling == "unpool"
        self.shallower = shallower and Decoder.from_state(shallower, level=level - 1, upsampling=upsampling)

    @property
    def has_teacher(self) -> bool:
        return self.teacher is not None and not self.is_trained

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        assert isinstance(self.decoder, Decoder)
        if self.is_trained:
            return
        if self.teacher:
            start_from_decoder(self.decoder, self.encoder, images, self.teacher)
            return
        start_decoder(self.decoder, self.encoder, images, self.shallower or None)

    def reconstruct(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            if self.is_unpooling:
                features, maxima = encode_with_maxima(self.encoder, images, level=self.level)
            else:
                name = f"relu{self.level}_1"
                features, maxima = self.encoder(images, (name,))[name], None
        return self.decoder(features, maxima)


class WaveletTask(DecoderTask):
    """WCT2's decoder."""

    def __init__(
        self, encoder_state: StateDict, variant: str, feature_weight: float = FEATURE_WEIGHT,
        padding: str = "reflect",
    ) -> None:  # fmt: skip
        decoder = WaveletDecoder(_widths(encoder_state, 4), variant=variant)
        super().__init__(encoder_state, decoder, 4, feature_weight, padding)
        self.wavelet_encoder = Encoder.from_state(encoder_state, last="relu4_1", pool="haar", padding=padding)
        self.variant = variant

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        assert isinstance(self.decoder, WaveletDecoder)
        start_wavelet_decoder(self.decoder, self.wavelet_encoder, images)

    def reconstruct(self, images: Tensor) -> Tensor:
        assert isinstance(self.decoder, WaveletDecoder)
        with torch.no_grad():
            features, skips = wavelet_encode(self.wavelet_encoder, images, variant=self.variant)
        return wavelet_decode(self.decoder, features, skips)


def _widths(state: StateDict, level: int) -> dict[str, int]:
    layers = LAYERS[: LAYERS.index(f"conv{level}_1") + 1]
    return {name: state[f"{name}.weight"].shape[0] for name in layers}


def _at_least(widths: dict[str, int], teacher: Decoder) -> dict[str, int]:
    """Inner widths no smaller than the teacher's; what the encoder hands over stays."""
    wider = {name: max(width, getattr(teacher, name).in_channels) for name, width in widths.items()}
    return wider | {teacher.layers[0]: widths[teacher.layers[0]]}


def train_decoder(
    task: DecoderTask,
    data: Path,
    folder: Path,
    schedule: Schedule,
    *,
    seed: int = 0,
    crops: int = 8,
    size: int = 160,
    held_out: int = 36,
    team: Team | None = None,
) -> DecoderTask:
    """Run or resume; the checkpoint and the loss curve are in ``folder``.

    With several processes each has crops of its own: ``crops`` is per process.
    """
    team = team or Team(CPU)
    device = team.device
    photos = Photos(data, held_out=held_out)
    task = task.to(device).to(memory_format=torch.channels_last)

    def loss(step: int) -> tuple[Tensor, dict[str, float]]:
        images = photos.crops(crops, size, seed=step_seed(seed, step * team.size + team.rank)).to(device)
        images = images.contiguous(memory_format=torch.channels_last)
        with autocast(device):
            pixels, features = task(images)
        parts = {"psnr": float(-10 * pixels.detach().log10()), "features": float(features.detach())}
        return pixels + task.feature_weight * features, parts

    def initialize() -> None:
        count, side = (DEEP_CROPS, DEEP_SIZE) if task.has_teacher else (INITIAL_CROPS, INITIAL_SIZE)
        task.initialize(photos.crops(count, side, seed=step_seed(seed, -1)).to(device))

    train(task.decoder, loss, schedule, folder, initialize=initialize, team=team)
    return task


@torch.no_grad()
def held_out_psnr(task: DecoderTask, images: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of every reconstruction, clamped: ``[N]``."""
    outputs = torch.cat([task.reconstruct(batch).clamp(0, 1) for batch in images.split(4)])
    return -10 * (outputs - images).square().mean((1, 2, 3)).log10()
