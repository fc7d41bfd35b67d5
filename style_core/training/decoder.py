"""Train decoders to invert the frozen encoder (Li et al., NIPS 2017, section 3.1).

Loss: mean square error of the pixels + lambda times the relative error of the encoder's features
of the result. No style picture is seen in training.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..nets.decoder import Decoder, encode_with_maxima
from ..nets.encoder import LAYERS, Encoder, StateDict
from ..nets.wavelet import WaveletDecoder, wavelet_decode, wavelet_encode
from .crops import CropTask
from .encoder import variance
from .initialization import start_decoder, start_from_decoder, start_wavelet_decoder
from .loop import autocast

FEATURE_WEIGHT = 0.01  # lambda, on features measured relative to their variance
DEEP_CROPS = 400, 160  # a teacher's deepest maps have few places to fit a layer to


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a decoder of WCT or PhotoWCT starts from: the first that is given, else least squares alone.

    Attributes:
        trained: the state of a decoder of the same level, to go on from.
        teacher: another encoder and its decoder of this level ("nearest" only), whose maps this one is
            fitted to; layers narrower than the teacher's are widened to them.
        shallower: the state of the trained decoder of the level above, whose layers are taken over.
    """

    trained: StateDict | None = None
    teacher: tuple[Encoder, Decoder] | None = None
    shallower: StateDict | None = None


class DecoderTask(CropTask):
    """A decoder being trained, the frozen encoder, and the loss.

    Args:
        encoder_state: canonical tensors, at least to the decoder's level.
        decoder: what is trained.
        level: the encoder level it inverts.
        feature_weight: lambda of the loss.
        padding: of the encoder.
    """

    initial_crops = 24, 96

    def __init__(
        self,
        encoder_state: StateDict,
        decoder: nn.Module,
        *,
        level: int,
        feature_weight: float = FEATURE_WEIGHT,
        padding: str = "reflect",
    ) -> None:
        super().__init__()
        self.encoder = Encoder.from_state(encoder_state, last=f"relu{level}_1", padding=padding)
        self.decoder = decoder
        self.feature_layers = tuple(f"relu{k}_1" for k in range(1, level + 1))
        self.feature_weight = feature_weight

    @property
    def trained(self) -> nn.Module:
        return self.decoder

    @abstractmethod
    def reconstruct(self, images: Tensor) -> Tensor:
        """Encode and decode ``[N, 3, H, W]``, sides multiples of 16; not clamped."""

    def forward(self, drawn: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of ``[N, 3, H, W]``; decibels and mean relative feature error of the reconstruction."""
        with autocast(drawn.device):
            pixels, features = self._errors(drawn.contiguous(memory_format=torch.channels_last))
        parts = {"psnr": -10 * pixels.detach().log10(), "features": features.detach()}
        return pixels + self.feature_weight * features, parts

    def _errors(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean square error of the pixels and mean relative error of the features."""
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
        start: what the decoder starts from.
        feature_weight: lambda of the loss.
        padding: of the encoder.
    """

    def __init__(
        self,
        encoder_state: StateDict,
        *,
        level: int,
        upsampling: str,
        start: Start | None = None,
        feature_weight: float = FEATURE_WEIGHT,
        padding: str = "reflect",
    ) -> None:
        start = start or Start()
        if start.trained:
            decoder = Decoder.from_state(start.trained, level=level, upsampling=upsampling)
        else:
            decoder = Decoder(_widths(encoder_state, level, start), level=level, upsampling=upsampling)
        super().__init__(
            encoder_state, decoder.requires_grad_(True), level=level, feature_weight=feature_weight,
            padding=padding,
        )  # fmt: skip
        self.start, self.level, self.upsampling = start, level, upsampling
        if start.teacher and not start.trained:
            self.initial_crops = DEEP_CROPS

    @torch.no_grad()
    def initialize(self, images: Tensor) -> None:
        assert isinstance(self.decoder, Decoder)
        start, device = self.start, images.device
        if start.trained:
            return
        if start.teacher:
            encoder, decoder = start.teacher
            teacher = encoder.to(device), decoder.to(device)
            start_from_decoder(self.decoder, self.encoder, images, teacher)
            return
        shallower = None
        if start.shallower:
            shallower = Decoder.from_state(
                start.shallower, level=self.level - 1, upsampling=self.upsampling
            ).to(device)
        start_decoder(self.decoder, self.encoder, images, shallower)

    def reconstruct(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            if self.upsampling == "unpool":
                features, maxima = encode_with_maxima(self.encoder, images, level=self.level)
            else:
                name = f"relu{self.level}_1"
                features, maxima = self.encoder(images, (name,))[name], None
        return self.decoder(features, maxima)


class WaveletTask(DecoderTask):
    """WCT2's decoder.

    Args:
        encoder_state: canonical tensors, at least to conv4_1.
        variant: "cat5" or "sum".
        feature_weight: lambda of the loss.
        padding: of the encoder.
    """

    def __init__(
        self,
        encoder_state: StateDict,
        *,
        variant: str,
        feature_weight: float = FEATURE_WEIGHT,
        padding: str = "reflect",
    ) -> None:
        decoder = WaveletDecoder(_widths(encoder_state, 4), variant=variant)
        super().__init__(encoder_state, decoder, level=4, feature_weight=feature_weight, padding=padding)
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


def _widths(state: StateDict, level: int, start: Start | None = None) -> dict[str, int]:
    """The encoder's, by layer; inner ones no smaller than a teacher's, what the encoder hands over stays."""
    layers = LAYERS[: LAYERS.index(f"conv{level}_1") + 1]
    widths = {name: state[f"{name}.weight"].shape[0] for name in layers}
    if start is None or start.teacher is None:
        return widths
    _, teacher = start.teacher
    wider = {name: max(width, getattr(teacher, name).in_channels) for name, width in widths.items()}
    return wider | {teacher.layers[0]: widths[teacher.layers[0]]}


@torch.no_grad()
def held_out_psnr(reconstruct: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of every clamped reconstruction of ``[N, 3, H, W]``: ``[N]``."""
    outputs = torch.cat([reconstruct(batch).clamp(0, 1) for batch in images.split(4)])
    return -10 * (outputs - images).square().mean((1, 2, 3)).log10()
