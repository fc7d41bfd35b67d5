"""Train decoders on features after the transform, which reconstructions alone never show them.

Pairs, strengths, regions and whitenings are drawn at random; the picture is judged by :mod:`.critic`. Beside
it, a plain reconstruction holds the decoder to what it could do before. The encoder stays as it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..images import ImageTensor
from ..methods.shared.flat_places import with_noise_for_level
from ..nets.decoder import Decoder, encode_with_maxima
from ..nets.encoder import Encoder, StateDict
from ..nets.unpool import Maxima
from ..nets.wavelet import Hook, WaveletDecoder, unchanged, wavelet_decode, wavelet_encode
from ..ops.guided_filter import guided_filter, put_back_detail
from ..ops.lattice import without_lattice
from ..transfer import Statistics
from .critic import Critic, color_loss, feature_loss, lattice_loss, structure_loss, style_share
from .decoder import held_out_psnr
from .initialization import MOST_PATCHES, refit_blurred
from .loop import Task, autocast
from .pairs import Pair, Pairs, exactly
from .photos import draw_seed
from .settings import DEEPEST, DrawSetting, Setting, photo_wct_setting, wavelet_setting, wct_setting
from .step_sizes import bearable_steps

MOST_REFITTED = 120  # draws that a blurred decoder is fitted to
REFIT_DRAW = 1_000_000  # the first of them, which no run reaches
TRIED = 4  # draws for each decoder that say how far its tensors may go in a step
REFINE_RADIUS, REFINE_EPS = 4, 1e-4  # of WCT2's, see methods/wct2.py
SMOOTHING_RADIUS, SMOOTHING_EPS = 35, 1e-4  # of PhotoWCT's guided filter, see methods/photo_wct.py


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """What each part of the loss counts."""

    style: float
    structure: float
    color: float
    lattice: float
    feature: float
    reconstruction: float


LOSS_WEIGHTS = {
    "wct2": LossWeights(style=2.0, structure=2.0, color=1.0, lattice=0.0, feature=0.0, reconstruction=0.02),
    "photo_wct": LossWeights(
        style=1.0, structure=2.0, color=20.0, lattice=0.0, feature=0.0, reconstruction=0.1
    ),
    "wct": LossWeights(style=1.0, structure=0.5, color=5.0, lattice=0.0, feature=1.0, reconstruction=0.3),
}


@dataclass(frozen=True, kw_only=True)
class Styled:
    """What a decoder makes of a pair.

    Attributes:
        picture: as the method would hand it over, ``[1, 3, H, W]``.
        before: what the decoder would have made of it originally.
        decoded: the picture before the method's steps after the network.
        wanted: the deepest features that were decoded, ``[1, C, h, w]``: what ``decoded`` should have, too.
    """

    picture: ImageTensor
    before: ImageTensor
    decoded: ImageTensor
    wanted: Tensor


@dataclass(frozen=True, kw_only=True)
class StyledDraw:
    """What one step of one process is given: pairs, and an image ``[1, 3, H, W]`` to reconstruct."""

    pairs: tuple[Pair, ...]
    image: ImageTensor

    def to(self, device: torch.device) -> StyledDraw:
        """The same on another device."""
        return StyledDraw(pairs=tuple(pair.to(device) for pair in self.pairs), image=self.image.to(device))


@dataclass(frozen=True, kw_only=True)
class StyledDraws(Dataset[StyledDraw]):
    """By number, what one step of one process is given.

    Attributes:
        draw_setting: of the task.
        count: pairs.
        size: px, side of a crop.
        seed: of the run.
    """

    pairs: Pairs
    draw_setting: DrawSetting
    count: int
    size: int
    seed: int = 0

    def __getitem__(self, number: int) -> StyledDraw:
        first = number * self.count
        return StyledDraw(
            pairs=tuple(
                self.pairs.draw(self.size, self.draw_setting, seed=draw_seed(self.seed, first + k))
                for k in range(self.count)
            ),
            image=self.pairs.contents.crops(1, self.size, seed=draw_seed(self.seed + 1, first)),
        )


class StyledTask(Task):
    """Decoders being trained and as they were, the frozen encoder, the critic and the loss.

    Args:
        encoder: frozen.
        decoders: by name of their files; trained in place.
        critic: judges the pictures.
        loss_weights: of the parts.

    Attributes:
        draw_setting: gives a random setting of the method. No method of the task, so that it reaches
            loading processes without the networks.
    """

    draw_setting: DrawSetting

    def __init__(
        self, encoder: Encoder, decoders: Mapping[str, nn.Module], *, critic: Critic,
        loss_weights: LossWeights,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder = encoder
        self.originals = nn.ModuleDict(
            {name: deepcopy(d).requires_grad_(False) for name, d in decoders.items()}
        )
        self.decoders = nn.ModuleDict({name: d.requires_grad_(True) for name, d in decoders.items()})
        self.critic, self.loss_weights = critic, loss_weights

    @property
    def trained(self) -> nn.Module:
        return self.decoders

    def initialize(self, draws: StyledDraws) -> None:
        """What is done before the first step of a run."""

    def step_sizes(self, draws: Dataset[StyledDraw]) -> list[float]:
        """What each tensor bears (see :mod:`.step_sizes`), on a few of the run's first draws."""
        device = next(self.decoders.parameters()).device
        given = [draws[number].to(device) for number in range(TRIED * len(self.decoders))]
        sides = given[0].image.shape[-2:]
        image = torch.cat([d.image for d in given[:TRIED]])[..., : min(96, sides[0]), : min(96, sides[1])]
        return bearable_steps(
            dict(self.decoders.named_parameters()),
            (self.total(self.judge(d.pairs[0])) for d in given),
            {f"{name}.": self._error_of(image, name) for name in self.decoders},
        )

    @abstractmethod
    def learner(self, setting: Setting) -> tuple[str, float]:
        """Which decoder learns from a pair, and the strength that its picture is to have."""

    @abstractmethod
    def stylize(self, pair: Pair) -> Styled:
        """What the learner makes of a pair."""

    @abstractmethod
    def encode(self, image: ImageTensor, name: str) -> Any:
        """What the decoder ``name`` reads, of ``[N, 3, H, W]``, sides multiples of 16."""

    @abstractmethod
    def decode(self, decoder: nn.Module, encoded: Any) -> ImageTensor:
        """A decoder's picture, float32, not clamped."""

    def forward(self, drawn: StyledDraw) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and its unweighted parts: means over the pairs."""
        judged = [self.judge(pair) for pair in drawn.pairs]
        parts = {name: torch.stack([found[name] for found in judged]).mean() for name in judged[0]}
        learner, _ = self.learner(drawn.pairs[0].setting)
        parts["reconstruction"] = self.relative_error(drawn.image, learner)
        return self.total(parts), {name: part.detach() for name, part in parts.items()}

    def judge(self, pair: Pair) -> dict[str, Tensor]:
        """The unweighted parts of the loss that judge a pair's picture."""
        learner, strength = self.learner(pair.setting)
        styled = self.stylize(pair)
        picture = styled.picture
        with torch.no_grad():
            content = self.critic.grams(pair.content)
            style = self.critic.target(pair.style, pair.style_labels, pair.shares)
        found = self.critic.grams(picture)
        return {
            "style": style_share(found, content, style, strength),
            "structure": structure_loss(picture, pair.content),
            "color": color_loss(picture, styled.before),
            "lattice": lattice_loss(picture - pair.content),
            "feature": feature_loss(self.encode(styled.decoded, learner)[0], styled.wanted),
        }

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([getattr(self.loss_weights, name) * part for name, part in parts.items()]).sum()

    def _error_of(self, image: ImageTensor, name: str) -> Callable[[], float]:
        """What tells a reconstruction's mean square error again and again; the image is encoded once."""
        with torch.no_grad():
            encoded = self.encode(image, name)

        @torch.no_grad()
        def error() -> float:
            return float((self.decode(self.decoders[name], encoded) - image).square().mean())

        return error

    def relative_error(self, image: ImageTensor, name: str) -> Tensor:
        """A reconstruction's mean square error as a share of the original decoder's."""
        with torch.no_grad():
            encoded = self.encode(image, name)
            before = (self.decode(self.originals[name], encoded) - image).square().mean()
        return (self.decode(self.decoders[name], encoded) - image).square().mean() / before


class StyledWavelet(StyledTask):
    """WCT2 with a decoder of one variant.

    Args:
        encoder_state: canonical tensors, at least to conv4_1.
        decoder_state: of the trained decoder.
        variant: "cat5" or "sum".
    """

    def __init__(
        self, encoder_state: StateDict, decoder_state: StateDict, *, variant: str, critic: Critic,
        loss_weights: LossWeights,
    ) -> None:  # fmt: skip
        decoder = WaveletDecoder.from_state(decoder_state, variant=variant)
        encoder = Encoder.from_state(encoder_state, last="relu4_1", pool="haar")
        super().__init__(encoder, {f"wct2_{variant}": decoder}, critic=critic, loss_weights=loss_weights)
        self.name, self.variant = f"wct2_{variant}", variant
        self.draw_setting = wavelet_setting

    def learner(self, setting: Setting) -> tuple[str, float]:
        return self.name, setting.strength

    def stylize(self, pair: Pair) -> Styled:
        with torch.no_grad():
            encoded = self._encode_styled(pair)
            before = self.decode(self.originals[self.name], encoded).clamp(0, 1)
        decoded = self.decode(self.decoders[self.name], encoded).clamp(0, 1)
        picture, before = (
            _redrawn(x, pair.content, pair.setting.content_strength) for x in (decoded, before)
        )
        return Styled(picture=picture, before=before, decoded=decoded, wanted=encoded[0])

    def encode(self, image: ImageTensor, name: str) -> Any:
        return self._encode(image, unchanged)

    def decode(self, decoder: nn.Module, encoded: Any) -> ImageTensor:
        assert isinstance(decoder, WaveletDecoder)
        features, skips = encoded
        with autocast(features.device):
            return wavelet_decode(decoder, features, skips).float()

    def _encode(self, image: ImageTensor, hook: Hook) -> Any:
        with autocast(image.device):
            return wavelet_encode(self.encoder, image, variant=self.variant, hook=hook)

    def _encode_styled(self, pair: Pair) -> Any:
        targets: dict[int, Statistics] = {}

        def measure(level: int, features: Tensor) -> Tensor:
            targets[level] = pair.measure_style(features)
            return features

        self._encode(pair.style, measure)
        strength = pair.setting.strength
        return self._encode(pair.content, lambda level, x: pair.move(x, targets[level], strength))


@dataclass(frozen=True, kw_only=True)
class _Transferred:
    """What a level has to render: features before and after the transform, of the image it was given."""

    name: str
    image: ImageTensor
    features: Tensor
    moved: Tensor
    maxima: Mapping[int, Maxima] | None
    detail: float


class StyledChain(StyledTask):
    """WCT's or PhotoWCT's decoders, deep to shallow, each on what the one before has made; none corrected.

    The last of the levels drawn learns from its own picture; those before it only run. Charging them with the
    last picture as well would need the derivative of the whitening, which is not defined where
    eigenvalues meet; without it they would be told to move colors that the next level moves back.

    Args:
        encoder_state: canonical tensors.
        decoder_states: by level.
        method: "wct" or "photo_wct".
        is_blurred: whether WCT's decoders, if they are not yet, are given the blur that makes their
            up-sampling bilinear.
    """

    def __init__(
        self, encoder_state: StateDict, decoder_states: Mapping[int, StateDict], *, method: str,
        critic: Critic, loss_weights: LossWeights, is_blurred: bool = False,
    ) -> None:  # fmt: skip
        levels = tuple(sorted(decoder_states, reverse=True))
        is_photo = method == "photo_wct"
        upsampling = "unpool" if is_photo else "nearest"
        decoders = {
            f"{method}_{k}": Decoder.from_state(decoder_states[k], level=k, upsampling=upsampling)
            for k in levels
        }
        encoder = Encoder.from_state(encoder_state, last=f"relu{levels[0]}_1")
        super().__init__(encoder, decoders, critic=critic, loss_weights=loss_weights)
        if is_blurred and not is_photo:
            for decoder in decoders.values():
                decoder.blur_upsampling()
        self.method, self.levels = method, levels
        self.draw_setting = partial(photo_wct_setting if is_photo else wct_setting, levels)

    @torch.no_grad()
    def initialize(self, draws: StyledDraws) -> None:
        """Fit decoders whose up-sampling was just blurred to what they were, on half transformed features."""
        for level in self.levels:
            name = f"{self.method}_{level}"
            decoder, before = self.decoders[name], self.originals[name]
            assert isinstance(decoder, Decoder)
            assert isinstance(before, Decoder)
            if decoder.upsampling == before.upsampling or level == 1:
                continue
            positions = (draws.size // 2 ** (level - 1)) ** 2
            count = min(MOST_REFITTED, -(-MOST_PATCHES // positions))
            found = [self._sample(draws, number, level) for number in range(REFIT_DRAW, REFIT_DRAW + count)]
            refit_blurred(decoder, before, torch.cat(found))

    def _sample(self, draws: StyledDraws, number: int, level: int) -> Tensor:
        """A level's features of a drawn content; those of every second one after the transform."""
        pair = draws[number].pairs[0].to(next(self.encoder.parameters()).device)
        layer = f"relu{level}_1"
        features = self.encoder(pair.content, (layer,))[layer]
        if number % 2:
            return features
        target = pair.measure_style(self.encoder(pair.style, (layer,))[layer])
        return pair.move(features, target, pair.setting.strength)

    def learner(self, setting: Setting) -> tuple[str, float]:
        return f"{self.method}_{setting.levels[-1]}", self._strength_of(setting.levels[-1], setting)[0]

    def stylize(self, pair: Pair) -> Styled:
        with torch.no_grad(), autocast(pair.style.device):
            style = self.encoder(pair.style, [f"relu{k}_1" for k in pair.setting.levels])
        *before_it, last = pair.setting.levels
        image = pair.content
        with torch.no_grad():
            for level in before_it:
                image = self._render(self.decoders, self._transfer(level, image, pair, style))
            transferred = self._transfer(last, image, pair, style)
            before = self._render(self.originals, transferred)
        decoded = picture = self._render(self.decoders, transferred)
        if pair.setting.is_smoothed:
            picture, before = (_smoothed(x, pair.content) for x in (decoded, before))
        return Styled(picture=picture, before=before, decoded=decoded, wanted=transferred.moved)

    def encode(self, image: ImageTensor, name: str) -> Any:
        level = int(name[-1])
        with autocast(image.device):
            if self.method == "photo_wct":
                return encode_with_maxima(self.encoder, image, level=level)
            return self.encoder(image, (f"relu{level}_1",))[f"relu{level}_1"], None

    def decode(self, decoder: nn.Module, encoded: Any) -> ImageTensor:
        with autocast(encoded[0].device):
            return decoder(*encoded).float()

    def _transfer(
        self, level: int, image: ImageTensor, pair: Pair, style: Mapping[str, Tensor]
    ) -> _Transferred:
        name, (strength, detail) = f"{self.method}_{level}", self._strength_of(level, pair.setting)
        noise, seed = strength * pair.setting.flat_noise, pair.setting.seed
        image = with_noise_for_level(image, level, deviation=noise, seed=seed)
        features, maxima = self.encode(image, name)
        moved = pair.move(features, pair.measure_style(style[f"relu{level}_1"]), strength)
        return _Transferred(
            name=name, image=image, features=features, moved=moved, maxima=maxima, detail=detail
        )

    def _render(self, decoders: nn.ModuleDict, x: _Transferred) -> ImageTensor:
        """As :meth:`MirroredStage.walk`."""
        picture = self.decode(decoders[x.name], (x.moved, x.maxima))
        if x.detail > 0:
            picture = picture + x.detail * (x.image - self.decode(decoders[x.name], (x.features, x.maxima)))
        picture = picture.clamp(0, 1)
        return picture if self.method == "photo_wct" else without_lattice(picture, x.image).clamp(0, 1)

    def _strength_of(self, level: int, setting: Setting) -> tuple[float, float]:
        """A level's strength and detail, as the methods have them."""
        if self.method == "photo_wct":
            return setting.strength, 1 - setting.strength * (1 - setting.detail)
        strength = setting.strength * (1 - setting.hold_back * (level - 1) / (DEEPEST - 1))
        return strength, 1 - strength


def _redrawn(image: ImageTensor, content: ImageTensor, share: float) -> ImageTensor:
    """WCT2's last step."""
    if share == 0:
        return image
    with exactly(image.device):
        redrawn = guided_filter(content, image, radius=REFINE_RADIUS, eps=REFINE_EPS, subsample=2)
        return image.lerp(redrawn, share)


def _smoothed(image: ImageTensor, content: ImageTensor) -> ImageTensor:
    """PhotoWCT's steps after the network, with the guided filter in place of the closed form."""
    with exactly(image.device):
        smooth = guided_filter(content, image, radius=SMOOTHING_RADIUS, eps=SMOOTHING_EPS, subsample=4)
        return put_back_detail(smooth, content).clamp(0, 1)


def held_out_decibels(task: StyledTask, decoders: nn.ModuleDict, images: Tensor) -> dict[str, float]:
    """Median dB of the clamped reconstructions of ``[N, 3, H, W]``, by decoder."""
    medians = {}
    for name, decoder in decoders.items():
        found = held_out_psnr(partial(_reconstructed, task, name, decoder), images)
        medians[name] = round(float(found.median()), 2)
    return medians


def _reconstructed(task: StyledTask, name: str, decoder: nn.Module, images: Tensor) -> Tensor:
    return task.decode(decoder, task.encode(images, name))
