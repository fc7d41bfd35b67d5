"""VGG-19 as trained on ImageNet, in which Gatys and Deep Photo measure: its file, its layers, its look.

A file of which only parts are read cannot be known by its sha256, so what arrived is held against what any
VGG-19 trained on photos is like. The bounds hold for the papers' rescaled network as well (in brackets: what
that has) and are far from random starts, in which neighbors do not agree and values are normally distributed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from ..nets.encoder import LAYERS, POOL_BEFORE, Encoder

IMAGENET_FILE = "imagenet_encoder"
LICENCE = "BSD-3-Clause"
IMAGENET_BYTES = 51_800_000  # of the layers up to conv5_1 in float32
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # RGB in [0, 1]; torchvision, timm
WIDTHS = dict(zip(LAYERS, (64, 64, 128, 128, *[256] * 4, *[512] * 5), strict=True))
EDGE_LAYER, LARGEST_WEIGHT = "conv1_1", 100.0
LEAST_AGREEMENT = 0.15  # of colors in a filter [0.52] and of neighbors in it [0.52]; 0 for random ones
HEAVY_TAILED = ("conv1_2", "conv2_1", "conv2_2", "conv3_1")
LEAST_KURTOSIS = 4.5  # of their weights, each filter scaled to 1 [11 to 13]; 3 for random ones


def imagenet_input() -> tuple[Tensor, Tensor]:
    """The preprocessing of torchvision and timm as a 1x1 convolution: ``[3, 3, 1, 1]`` and ``[3]``."""
    deviation, mean = torch.tensor(IMAGENET_STD), torch.tensor(IMAGENET_MEAN)
    return torch.diag(1 / deviation)[:, :, None, None].contiguous(), -mean / deviation


def feature_places(layers: Sequence[str]) -> Iterable[str]:
    """``features.0``, ``features.2``, ``features.5`` …: torchvision, timm and the Caffe network's ports.

    Every convolution has a ReLU after it, and the poolings count too.
    """
    place = 0
    for layer in layers:
        place += layer in POOL_BEFORE
        yield f"features.{place}"
        place += 2


def check_vgg19(tensors: Mapping[str, Tensor]) -> None:
    """Refuse what is not VGG-19 trained on photos, as far as its first layers show.

    Args:
        tensors: canonical ones of the layers from conv1_1 up to any other, float32.

    Raises:
        ValueError: with what is wrong: a layer that is missing or of another shape, values that are not
            finite or all equal, first layers without the look of trained ones.
    """
    Encoder.from_state(tensors)
    for layer in (layer for layer in LAYERS if f"{layer}.weight" in tensors):
        _check_values(layer, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"])
    _check_edges(tensors[f"{EDGE_LAYER}.weight"])
    for layer in HEAVY_TAILED:
        if f"{layer}.weight" in tensors:
            _check_tails(layer, tensors[f"{layer}.weight"])


def _check_values(layer: str, weight: Tensor, bias: Tensor) -> None:
    if len(weight) != WIDTHS[layer]:
        raise ValueError(f"{layer} has {len(weight)} channels, not {WIDTHS[layer]}")
    for kind, values in (("weight", weight), ("bias", bias)):
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"{layer}.{kind} holds values that are not finite")
        if bool((values == values.flatten()[0]).all()):
            raise ValueError(f"{layer}.{kind} is all {float(values.flatten()[0]):g}")
    if float(weight.abs().max()) > LARGEST_WEIGHT:
        raise ValueError(f"{layer}.weight reaches {float(weight.abs().max()):g}, which no trained one does")


def _check_edges(weight: Tensor) -> None:
    """Filters on photos are edges and blobs, mostly gray: neighbors agree, and so do the colors."""
    red, green, blue = weight.unbind(1)
    colors = (_agreement(red, green) + _agreement(green, blue) + _agreement(blue, red)) / 3
    neighbors = (
        _agreement(weight[..., 1:], weight[..., :-1]) + _agreement(weight[..., 1:, :], weight[..., :-1, :])
    ) / 2
    for what, value in (("colors", colors), ("neighbors", neighbors)):
        if value < LEAST_AGREEMENT:
            raise ValueError(
                f"the {what} in the filters of {EDGE_LAYER} agree by {value:.2f}, less than "
                f"{LEAST_AGREEMENT:g}: it was not trained on photos"
            )


def _check_tails(layer: str, weight: Tensor) -> None:
    filters = weight.flatten(1)
    filters = filters / filters.square().mean(1, keepdim=True).sqrt().clamp_min(1e-12)
    kurtosis = float(filters.pow(4).mean())
    if kurtosis < LEAST_KURTOSIS:
        raise ValueError(
            f"the weights of {layer} are spread like random ones (kurtosis {kurtosis:.1f}, less than "
            f"{LEAST_KURTOSIS:g})"
        )


def _agreement(a: Tensor, b: Tensor) -> float:
    """The cosine between two sets of weights."""
    return float((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt().clamp_min(1e-12))
