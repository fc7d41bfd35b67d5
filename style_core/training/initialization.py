"""Start a narrow encoder from wide teachers: choose channels, fit convolutions by least squares.

Random starts spend most of a short training finding features that the teacher already has. Layer
by layer, the teacher channels that explain most of the remaining feature variance are chosen
(pivoted Cholesky on their second moments), and the student's convolution is fitted to their
pre-activations from the student's own previous layer (ridge regression on 3x3 patches).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.decoder import UPSAMPLE_BEFORE, Decoder, encode_with_maxima
from ..nets.encoder import LAYERS, POOL_BEFORE, POOLINGS, Encoder
from ..nets.haar import haar_low, haar_unpool
from ..nets.reflect_conv import reflect_conv
from ..nets.unpool import max_unpool
from ..nets.wavelet import DECODER_LAYERS, UNPOOL_BEFORE, Skip, WaveletDecoder, unpool_cat5, wavelet_encode
from .teachers import Teachers

RIDGE = 1e-4
MOST_PATCHES = 60_000  # that a layer is fitted to
NEGLIGIBLE = 1e-6  # share of the largest channel's second moment below which a channel says nothing


@torch.no_grad()
def start_from_teachers(student: Encoder, teachers: Teachers, images: Tensor) -> dict[str, int]:
    """Set the student's weights from ``images`` (``[N, 3, H, W]``); returns channels copied per layer."""
    copied = {}
    x = student.preprocess(images)
    for name in student.layers:
        if name in POOL_BEFORE:
            x = POOLINGS[student.pool](x)
        conv: nn.Conv2d = getattr(student, name)
        target = teachers.candidates(images, name)
        chosen = spanning_channels(target, conv.out_channels)
        copied[name] = len(chosen)
        fitted = fit_convolution(x, target[:, chosen])
        conv.weight /= x.square().mean().sqrt()  # channels left random see inputs of this size
        set_convolution(conv, *fitted)
        x = student.step(name, x)
    return copied


def spanning_channels(features: Tensor, count: int) -> list[int]:
    """At most ``count`` channels of ``[N, C, h, w]``, greedily, that best span all of them."""
    flat = features.transpose(0, 1).flatten(1).double()
    residual = flat @ flat.T / flat.shape[1]  # [C, C]
    floor = NEGLIGIBLE * residual.diagonal().max()
    chosen: list[int] = []
    for _ in range(count):
        gain = residual.square().sum(0) / residual.diagonal().clamp_min(floor)
        gain[residual.diagonal() <= floor] = -1
        best = int(gain.argmax())
        if gain[best] < 0:
            break
        chosen.append(best)
        column = residual[:, best]
        residual = residual - torch.outer(column, column) / column[best]
    return chosen


@torch.no_grad()
def start_wavelet_decoder(decoder: WaveletDecoder, encoder: Encoder, images: Tensor) -> None:
    """Fit every decoder layer, deepest first, to the encoder map it should give back."""
    features, skips = wavelet_encode(encoder, images, variant=decoder.variant)
    before = encoder(images, LAYERS[: LAYERS.index("conv4_1")])
    x = features
    for name in DECODER_LAYERS:
        if name in UNPOOL_BEFORE:
            skip = skips[UNPOOL_BEFORE[name]]
            unpool = unpool_cat5 if decoder.variant == "cat5" else _unpool_sum
            x = unpool(x, skip)
        conv: nn.Conv2d = getattr(decoder, name)
        if name == "conv1_1":
            target, is_rectified = images, False
        else:
            target, is_rectified = before[LAYERS[LAYERS.index(name) - 1]], True
            if name in POOL_BEFORE:  # this layer gives back what the pooling made of the map
                target = haar_low(target)
        set_convolution(conv, *fit_convolution(x, target, is_rectified=is_rectified))
        x = reflect_conv(x, conv, relu=is_rectified)


@torch.no_grad()
def start_decoder(
    decoder: Decoder, encoder: Encoder, images: Tensor, shallower: Decoder | None = None
) -> None:
    """Fit every layer of a WCT or PhotoWCT decoder, deepest first, to the map it should give back.

    Where a trained ``shallower`` decoder is given, its layers are taken over instead.
    """
    before = encoder(images, LAYERS[: LAYERS.index(decoder.layers[0]) + 1])
    x, maxima = encode_with_maxima(encoder, images, level=decoder.level)
    for name in decoder.layers:
        conv: nn.Conv2d = getattr(decoder, name)
        if shallower is not None and name in shallower.layers:
            conv.load_state_dict(getattr(shallower, name).state_dict())
            continue
        if name in UPSAMPLE_BEFORE:
            if decoder.upsampling == "unpool":
                x = max_unpool(x, maxima[UPSAMPLE_BEFORE[name]])
            else:
                x = F.interpolate(x, scale_factor=2, mode="nearest")
        if name == "conv1_1":
            target, is_rectified = images, False
        else:
            target, is_rectified = before[LAYERS[LAYERS.index(name) - 1]], True
            if name in POOL_BEFORE:  # what unpooling needs, or what nearest up-sampling does best with
                pool = "max" if decoder.upsampling == "unpool" else "average"
                target = POOLINGS[pool](target)
        set_convolution(conv, *fit_convolution(x, target, is_rectified=is_rectified))
        x = reflect_conv(x, conv, relu=is_rectified)


@torch.no_grad()
def start_from_decoder(
    decoder: Decoder, encoder: Encoder, images: Tensor, teacher: tuple[Encoder, Decoder]
) -> None:
    """Fit every layer of a nearest decoder, deepest first, to the maps of another encoder's decoder.

    Args:
        decoder: changed. Channels that the teacher does not have stay random.
        encoder: its own.
        images: ``[N, 3, H, W]``; near the picture, where maps are large, the first of them are enough.
        teacher: an encoder and its decoder of the same level.
    """
    name = f"relu{decoder.level}_1"
    x, maps = (
        torch.cat([net(batch, (name,))[name] for batch in images.split(8)]) for net in (encoder, teacher[0])
    )
    for name in decoder.layers:
        if name in UPSAMPLE_BEFORE:
            x, maps = (F.interpolate(y, scale_factor=2, mode="nearest") for y in (x, maps))
        count = max(MOST_PATCHES // (x.shape[2] * x.shape[3]), 1)
        x, maps = x[:count], maps[:count]
        conv: nn.Conv2d = getattr(decoder, name)
        is_rectified = name != "conv1_1"
        maps = reflect_conv(maps, getattr(teacher[1], name), relu=is_rectified)
        chosen = spanning_channels(maps, conv.out_channels)
        target = maps[:, chosen] if is_rectified else images[:count]
        fitted = fit_convolution(x, target, is_rectified=is_rectified)
        conv.weight /= x.square().mean().sqrt()
        set_convolution(conv, *fitted)
        x = reflect_conv(x, conv, relu=is_rectified)


@torch.no_grad()
def refit_blurred(decoder: Decoder, nearest: Decoder, features: Tensor) -> None:
    """Fit every layer of a bilinear decoder, deepest first, to the maps of the nearest one that it was.

    Args:
        decoder: changed.
        nearest: as it was before its up-sampling was blurred.
        features: ``[N, C, h, w]`` that both decode; near the picture the first of them are enough.
    """
    x = maps = features
    for name in decoder.layers:
        is_enlarged, is_rectified = name in UPSAMPLE_BEFORE, name != "conv1_1"
        count = max(MOST_PATCHES // (x.shape[2] * x.shape[3] * (4 if is_enlarged else 1)), 1)
        x, maps = x[:count], maps[:count]
        if is_enlarged:
            x, maps = enlarge_bilinear(x), F.interpolate(maps, scale_factor=2, mode="nearest")
        maps = reflect_conv(maps, getattr(nearest, name), relu=is_rectified)
        conv: nn.Conv2d = getattr(decoder, name)
        set_convolution(conv, *fit_convolution(x, maps, is_rectified=is_rectified))
        x = reflect_conv(x, conv, relu=is_rectified)


def enlarge_bilinear(x: Tensor) -> Tensor:
    """``[N, C, 2h, 2w]`` of ``[N, C, h, w]``, as a blur after nearest up-sampling does it."""
    return F.interpolate(x, scale_factor=2, mode="bilinear")


@torch.no_grad()
def set_convolution(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    """Write the first output channels of ``conv``; the biases of the others become 0."""
    assert conv.bias is not None  # every convolution we train has one
    conv.weight[: len(weight)] = weight
    conv.bias.zero_()
    conv.bias[: len(bias)] = bias


def _unpool_sum(low: Tensor, skip: Skip) -> Tensor:
    return haar_unpool(low, *skip.bands)


def fit_convolution(x: Tensor, goal_map: Tensor, *, is_rectified: bool = True) -> tuple[Tensor, Tensor]:
    """3x3 weights and bias from ``x`` to ``goal_map``, by ridge regression on patches.

    Where a rectified target is zero, any value below zero is as good: refits replace the target
    there by the previous fit's own negative values.

    Args:
        x: ``[N, C, h, w]``.
        goal_map: ``[N, D, h, w]``.
        is_rectified: the layer ends in a ReLU and ``goal_map`` is known only after it.
    """
    patches = F.unfold(F.pad(x, (1, 1, 1, 1), mode="reflect"), 3).transpose(1, 2).flatten(0, 1)
    design = torch.cat([patches, torch.ones_like(patches[:, :1])], dim=1)
    normal = (design.T @ design).double()  # [9 C + 1, 9 C + 1]
    normal.diagonal().add_(RIDGE * normal.diagonal().mean())
    goal = goal_map.permute(0, 2, 3, 1).flatten(0, 2)  # [N*h*w, D]
    solution = torch.linalg.solve(normal, (design.T @ goal).double())
    for _ in range(4 if is_rectified else 0):
        predicted = design @ solution.float()
        relaxed = torch.where(goal > 0, goal, predicted.clamp_max(0))
        solution = torch.linalg.solve(normal, (design.T @ relaxed).double())
    weight = solution[:-1].T.reshape(goal.shape[1], x.shape[1], 3, 3).float()
    return weight, solution[-1].float()


def fit_map(features: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The best linear 1x1 map from ``[N, c, h, w]`` to ``[N, C, h, w]``: weight and bias."""
    flat = features.permute(0, 2, 3, 1).flatten(0, 2)
    design = torch.cat([flat, torch.ones_like(flat[:, :1])], dim=1)
    normal = (design.T @ design).double()
    normal.diagonal().add_(1e-6 * normal.diagonal().mean())
    goal = target.permute(0, 2, 3, 1).flatten(0, 2)
    solution = torch.linalg.solve(normal, (design.T @ goal).double()).float()
    return solution[:-1].T[:, :, None, None], solution[-1]
