"""What published checkpoint files hold: their layouts, and the networks in them under canonical names.

The level of a network and whether it is an encoder or a decoder are recognized from its tensors, never
from the file's name. Nothing in a file is executed.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..errors import WeightsUnavailable
from ..nets.decoder import UPSAMPLE_BEFORE, Decoder, mirrored_layers
from ..nets.encoder import LAYERS, POOL_BEFORE, Encoder
from ..nets.wavelet import UNPOOL_BEFORE, WaveletDecoder
from ..weights import ENCODER
from ..weights.vgg19 import IMAGENET_FILE, LICENCE, feature_places, imagenet_input

CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR, 0 to 255; Simonyan and Zisserman
LEVELS = (1, 2, 3, 4, 5)
CONSTANT_PREFIXES = ("pool", "recon_block")  # Haar kernels, rebuilt exactly by nets/haar.py
CLASSIFIER = ("classifier.", "pre_logits.", "head.")  # behind the features, in files of whole networks
PHOTO_WCT_PART = re.compile(r"[ed][1-4]\.")
UNREADABLE = (  # what torch.load raises on files that are no checkpoints
    OSError, RuntimeError, EOFError, pickle.UnpicklingError, KeyError, IndexError, ValueError, TypeError,
    AttributeError, SafetensorError,
)  # fmt: skip


class CheckpointError(WeightsUnavailable):
    """A checkpoint is not what it should be; the text says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A file's tensors under the names they were released with."""

    path: Path
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class PublishedNetwork:
    """One network in canonical names, float32.

    Attributes:
        name: of the file it becomes: "encoder", "wct2_sum", "wct_3", …
        level: 1 … 5; an encoder ends at relu ``level``_1, a decoder starts there.
        state: canonical tensors.
        source: the file it was found in.
    """

    name: str
    level: int
    state: dict[str, Tensor]
    source: Path

    def __str__(self) -> str:
        kind = ENCODER if self.is_encoder else "decoder"
        return f"the level {self.level} {kind} of {self.source.name}"

    @property
    def is_encoder(self) -> bool:
        """Whether it is an encoder."""
        return self.name in {ENCODER, IMAGENET_FILE}

    def width(self, level: int) -> int:
        """Channels of relu ``level``_1, which the encoder gives and the decoder takes."""
        outputs, inputs = self.state[f"conv{level}_1.weight"].shape[:2]
        return outputs if self.is_encoder else inputs


# Layouts: what the released files call the convolutions of an encoder (conv0, conv1_1, …) or a decoder.

Layout = Callable[[Sequence[str]], Iterable[str]]


def canonical(layers: Sequence[str]) -> Iterable[str]:
    """``conv0``, ``conv1_1`` …: FastPhotoStyle, wct2_trainer, our own files."""
    return layers


def joined_digits(layers: Sequence[str]) -> Iterable[str]:
    """``conv0``, ``conv11`` …: Collaborative Distillation."""
    return (layer.replace("_", "") for layer in layers)


def torch_places(layers: Sequence[str]) -> Iterable[str]:
    """``0``, ``2``, ``5`` …: places in the Torch sequence, the layout of deep-transfer.

    Every 3x3 convolution has a padding before and a ReLU after it; these and the resizings count too.
    """
    resized = POOL_BEFORE if layers[0] == "conv0" else UPSAMPLE_BEFORE.keys()
    place = 0
    for layer in layers:
        is_padded = layer != "conv0"
        place += is_padded + (layer in resized)
        yield str(place)
        place += 1 + is_padded


def continued_numbers(layers: Sequence[str]) -> Iterable[str]:
    """``conv1``, ``conv2`` …: PytorchWCT, whose decoder goes on where the encoder of its level ends."""
    first = 1 if layers[0] == "conv0" else len(layers) + 2  # the encoder has conv0 besides
    return (f"conv{number}" for number in range(first, first + len(layers)))


def encoder_layers(level: int) -> tuple[str, ...]:
    """The convolutions of a released encoder that ends at relu ``level``_1, in order."""
    return ("conv0", *LAYERS[: LAYERS.index(f"conv{level}_1") + 1])


def recognize(checkpoint: Checkpoint, layouts: Sequence[Layout], decoder_name: str) -> PublishedNetwork:
    """The encoder or decoder of the level whose layers the file's names are, in one of the layouts.

    Raises:
        ValueError: there is no such level and layout, or a shape does not fit.
    """
    given = {key.rpartition(".")[0] for key in checkpoint.tensors}
    for layout, level, layers_of in product(layouts, LEVELS, (encoder_layers, mirrored_layers)):
        layers = layers_of(level)
        names = dict(zip(layout(layers), layers, strict=True))
        if names.keys() == given:
            return _build(_renamed(checkpoint, names), level, decoder_name)
    raise ValueError(f"its layers ({_sample(given)}) are those of none of its encoders and decoders")


def _renamed(checkpoint: Checkpoint, names: Mapping[str, str]) -> Checkpoint:
    state = {}
    for key, value in checkpoint.tensors.items():
        layer, _, kind = key.rpartition(".")
        state[f"{names[layer]}.{kind}"] = value.float()
    return replace(checkpoint, tensors=state)


def _build(checkpoint: Checkpoint, level: int, decoder_name: str) -> PublishedNetwork:
    state = checkpoint.tensors
    if "conv0.weight" in state:
        Encoder.from_state(state)
        return PublishedNetwork(ENCODER, level, state, checkpoint.path)
    Decoder.from_state(state, level=level, upsampling="nearest")  # shapes are those of unpooling too
    return PublishedNetwork(f"{decoder_name}_{level}", level, state, checkpoint.path)


def _sample(names: Iterable[str]) -> str:
    first, *rest = sorted(names) or ["none"]
    return f"{first}, …" if rest else first


# Methods: which networks a checkpoint holds.


def find_wct2(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """A released WCT2 encoder or decoder, ``sum`` or ``cat5``.

    Raises:
        ValueError: the tensors are not those of a WCT2 network.
    """
    state = {k: v.float() for k, v in checkpoint.tensors.items() if not k.startswith(CONSTANT_PREFIXES)}
    if "conv0.weight" in state:
        return [recognize(replace(checkpoint, tensors=state), (canonical,), ENCODER)]
    is_cat5 = any(f"{layer}_2.weight" in state for layer in UNPOOL_BEFORE)
    if is_cat5:
        state = {_without_suffix(key): value for key, value in state.items()}
    variant = "cat5" if is_cat5 else "sum"
    WaveletDecoder.from_state(state, variant=variant)
    return [PublishedNetwork(f"wct2_{variant}", 4, state, checkpoint.path)]


def _without_suffix(key: str) -> str:
    layer, _, kind = key.rpartition(".")
    return f"{layer.removesuffix('_2') if layer.count('_') == 2 else layer}.{kind}"


def find_photo_wct(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """FastPhotoStyle's eight networks in one file (``e1.`` … ``d4.``), or one of them in its own.

    Raises:
        ValueError: the tensors are not those of encoders and decoders.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in checkpoint.tensors.items():
        prefix = key[:3] if PHOTO_WCT_PART.match(key) else ""
        parts.setdefault(prefix, {})[key.removeprefix(prefix)] = value
    files = (replace(checkpoint, tensors=part) for part in parts.values())
    return [recognize(file, (canonical,), "photo_wct") for file in files]


def find_wct(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """An encoder or decoder of WCT as one of the PyTorch ports has it.

    Raises:
        ValueError: the tensors are not those of an encoder or decoder.
    """
    return [recognize(checkpoint, (canonical, torch_places, continued_numbers), "wct")]


def find_wct_16x(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """A compressed encoder or decoder of Collaborative Distillation.

    The decoders' last ReLU is not stored: a picture is clamped to [0, 1] after every level anyway. The
    1x1 convolutions to the original widths served training alone.

    Raises:
        ValueError: the tensors are not those of an encoder or decoder.
    """
    kept = {key: value for key, value in checkpoint.tensors.items() if "_aux." not in key}
    return [recognize(replace(checkpoint, tensors=kept), (joined_digits,), "wct")]


def find_imagenet(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """VGG-19 as torchvision and timm have it: RGB, normalized by ImageNet's mean and deviation.

    Raises:
        ValueError: a convolution up to conv5_1 is missing or does not fit.
    """
    return [_vgg19(checkpoint, *imagenet_input())]


def find_caffe(checkpoint: Checkpoint) -> list[PublishedNetwork]:
    """The original VGG-19, for BGR from 0 to 255 minus the mean, under the same names.

    Raises:
        ValueError: a convolution up to conv5_1 is missing or does not fit.
    """
    weight = (255 * torch.eye(3).flip(0))[:, :, None, None].contiguous()
    return [_vgg19(checkpoint, weight, -torch.tensor(CAFFE_MEAN))]


def _vgg19(checkpoint: Checkpoint, weight: Tensor, bias: Tensor) -> PublishedNetwork:
    """The network up to conv5_1 with its preprocessing as ``conv0``; what lies behind is left out."""
    state = {"conv0.weight": weight, "conv0.bias": bias}
    for place, layer in zip(feature_places(LAYERS), LAYERS, strict=True):
        for kind in ("weight", "bias"):
            if f"{place}.{kind}" not in checkpoint.tensors:
                raise ValueError(f"it has no {place}.{kind}")
            state[f"{layer}.{kind}"] = checkpoint.tensors[f"{place}.{kind}"].float()
    Encoder.from_state(state)
    return PublishedNetwork(IMAGENET_FILE, LEVELS[-1], state, checkpoint.path)


@dataclass(frozen=True)
class Published:
    """A published set of weights.

    Attributes:
        title: what a refusal calls it.
        find: gives the networks of a checkpoint, ``ValueError`` where there are none.
        family: what our manifest calls it.
        has_own_encoders: every decoder was trained on an encoder of its own, not on one of them all.
    """

    title: str
    find: Callable[[Checkpoint], list[PublishedNetwork]]
    licence: str
    origin: str
    family: str = "vgg19"
    has_own_encoders: bool = False


PUBLISHED = {
    "wct2": Published(
        "WCT2", find_wct2, "MIT (licence file of the repository)",
        "github.com/clovaai/WCT2, model_checkpoints",
    ),
    "photo_wct": Published(
        "PhotoWCT", find_photo_wct, "CC BY-NC-SA 4.0", "github.com/NVIDIA/FastPhotoStyle, PhotoWCTModels"
    ),
    "wct": Published(
        "WCT", find_wct, "MIT or Apache-2.0, that of the port the files come from",
        "github.com/Yijunmaverick/UniversalStyleTransfer, through a PyTorch port",
    ),
    "wct_16x": Published(
        "16x WCT", find_wct_16x, "MIT", "github.com/mingsun-tse/collaborative-distillation",
        family="vgg19_16x", has_own_encoders=True,
    ),
    "imagenet": Published(
        "VGG-19", find_imagenet, LICENCE, "huggingface.co/timm/vgg19.tv_in1k (torchvision)",
    ),
    "caffe": Published(
        "VGG-19", find_caffe, "CC BY 4.0", "robots.ox.ac.uk/~vgg/research/very_deep, through a PyTorch port",
    ),
}  # fmt: skip


def find_networks(published: Published, path: Path) -> list[PublishedNetwork]:
    """All networks of a checkpoint file.

    Raises:
        CheckpointError: it cannot be read or does not hold the method's networks.
    """
    checkpoint = Checkpoint(path, {k: v for k, v in read(path).items() if not k.startswith(CLASSIFIER)})
    try:
        check_tensors(checkpoint.tensors)
        return published.find(checkpoint)
    except ValueError as error:
        raise CheckpointError(f"{path.name} is not a {published.title} checkpoint: {error}.") from error


def check_tensors(tensors: Mapping[str, Tensor]) -> None:
    """Refuse what no network of ours has.

    Raises:
        ValueError: a kernel is not four-dimensional, or a value not finite.
    """
    for key, value in tensors.items():
        if key.endswith(".weight") and value.ndim != 4:
            raise ValueError(f"{key} is not the kernel of a convolution")
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{key} holds values that are not finite")


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a ``.pth`` or ``.safetensors`` file; nothing in it is executed.

    Raises:
        CheckpointError: it is not there, damaged, of Torch 7, or holds something else.
    """
    if path.suffix.lower() == ".t7":
        raise CheckpointError(
            f"{path.name} is a Torch 7 file, which nothing maintained reads; name the .pth files of a port."
        )
    try:
        loaded = _load(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: there is no such file.") from error
    except UNREADABLE as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({type(error).__name__}).") from error
    is_state = isinstance(loaded, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in loaded.items()
    )
    if not is_state:
        raise CheckpointError(f"{path}: is not a dictionary of tensors.")
    return loaded


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    is_wrapped = isinstance(loaded, dict) and isinstance(loaded.get("model"), dict)
    return loaded["model"] if is_wrapped else loaded  # Collaborative Distillation notes the epoch beside
