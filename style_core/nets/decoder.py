"""The mirrored decoders of WCT and PhotoWCT, and the encoding that an unpooling decoder needs.

Decoder k leads from relu k_1 back to RGB (Li et al., NIPS 2017, section 3.1). WCT's enlarge by
nearest up-sampling, PhotoWCT's by max unpooling at the encoder's positions (Li et al., ECCV 2018).
Departure: a WCT decoder whose file holds ``blur`` was trained with that blur after the up-sampling, which
makes it bilinear: what nearest up-sampling repeats, the next level amplifies to a weave in flat places.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn

from .encoder import LAYERS, POOL_BEFORE, Encoder, StateDict, load_strictly
from .pulse import Beat, PulsingModule
from .reflect_conv import reflect_conv, reflect_conv_of_difference
from .unpool import Maxima, max_pool, max_unpool
from .upsample_conv import bilinear_conv, nearest_conv

UPSAMPLINGS = ("nearest", "bilinear", "unpool")
BLUR = "blur"  # in a file: the filter after nearest up-sampling
BILINEAR = (0.25, 0.5, 0.25)
OWN_ENCODER = "encoder."
UPSAMPLE_BEFORE = {"conv4_4": 4, "conv3_4": 3, "conv2_2": 2, "conv1_2": 1}  # layer -> pooling undone


def mirrored_layers(level: int) -> tuple[str, ...]:
    """The convolutions of decoder ``level`` (1 … 5) in order: ``conv{level}_1`` … ``conv1_1``."""
    return LAYERS[LAYERS.index(f"conv{level}_1") :: -1]


class Decoder(PulsingModule):
    """Mirror of the encoder from relu ``level``_1.

    Args:
        widths: encoder channels by layer, at least conv1_1 … conv{level}_1.
        level: 1 … 5.
        upsampling: "nearest", "bilinear" or "unpool".
    """

    blur: Tensor | None

    def __init__(self, widths: Mapping[str, int], *, level: int, upsampling: str) -> None:
        super().__init__()
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling must be one of {', '.join(UPSAMPLINGS)}, not {upsampling!r}")
        self.level, self.upsampling = level, upsampling
        self.layers = mirrored_layers(level)
        for deep, shallow in pairwise((*self.layers, "")):
            self.add_module(deep, nn.Conv2d(widths[deep], widths[shallow] if shallow else 3, 3))
        self.register_buffer(BLUR, None)
        if upsampling == "bilinear":
            self.blur_upsampling()

    def blur_upsampling(self) -> None:
        """Make nearest up-sampling bilinear; level 1, which has none, stays as it is."""
        if self.level > 1:
            self.upsampling, self.blur = "bilinear", torch.tensor(BILINEAR)

    @classmethod
    def from_state(cls, state: StateDict, *, level: int, upsampling: str) -> Decoder:
        """Build from canonical tensors; widths are read off them, and whether "nearest" is blurred.

        Raises:
            ValueError: a tensor is missing or does not fit.
        """
        layers = mirrored_layers(level)
        if upsampling == "nearest" and BLUR in state:
            upsampling = "bilinear"
        try:
            widths = {layers[0]: state[f"{layers[0]}.weight"].shape[1]}
            for deep, shallow in pairwise(layers):
                widths[shallow] = state[f"{deep}.weight"].shape[0]
        except KeyError as error:
            raise ValueError(f"weights do not fit: missing {error.args[0]}") from error
        except IndexError as error:
            raise ValueError("weights do not fit: a kernel has too few dimensions") from error
        with torch.device("meta"):
            decoder = cls(widths, level=level, upsampling=upsampling)
        return load_strictly(decoder, state)

    def forward(self, features: Tensor, maxima: Mapping[int, Maxima] | None = None) -> Tensor:
        """Features back to a picture.

        Args:
            features: ``[N, C, h, w]`` of relu ``level``_1.
            maxima: pooling 1 … level - 1 -> positions, from :func:`encode_with_maxima`; needed by,
                and only by, an unpooling decoder.

        Returns:
            ``[N, 3, H, W]``, RGB, not clamped.

        Raises:
            ValueError: maxima are missing, or there are some that the decoder was not trained with.
        """
        return reflect_conv(self._hidden(features, maxima), getattr(self, self.layers[-1]))

    def difference(
        self, moved: Tensor, features: Tensor, share: float, maxima: Mapping[int, Maxima] | None = None
    ) -> Tensor:
        """``forward(moved) - share * forward(features)``, ``[N, 3, H, W]``; arguments as of :meth:`forward`.

        The last convolution is linear and runs once, over the difference.
        """
        hidden, own = (self._hidden(x, maxima) for x in (moved, features))
        last = getattr(self, self.layers[-1])
        found = reflect_conv_of_difference(hidden, own, share, last)
        return found.add_(last.bias.view(3, 1, 1), alpha=1 - share)

    def _hidden(self, x: Tensor, maxima: Mapping[int, Maxima] | None) -> Tensor:
        """What conv1_1 reads."""
        if (self.upsampling == "unpool") == (maxima is None):
            raise ValueError(f"maxima do not go with {self.upsampling!r} up-sampling")
        for name in self.layers[:-1]:
            conv = getattr(self, name)
            if name not in UPSAMPLE_BEFORE:
                x = reflect_conv(x, conv, relu=True)
            elif self.blur is not None:
                x = bilinear_conv(x, conv, self.blur, relu=True)
            elif maxima is None:
                x = nearest_conv(x, conv, relu=True)
            else:
                x = reflect_conv(max_unpool(x, maxima[UPSAMPLE_BEFORE[name]]), conv, relu=True)
            self.beat(x)
        return x


class LevelNetwork(PulsingModule):
    """A level's decoder and, where a checkpoint has one encoder per level, the encoder it was trained on.

    The encoder's tensors are called ``encoder.conv…`` in the file, the decoder's ``conv…``.
    """

    def __init__(self, decoder: Decoder, encoder: Encoder | None) -> None:
        super().__init__()
        self.decoder, self.encoder = decoder, encoder

    @classmethod
    def from_state(cls, state: StateDict, *, level: int, upsampling: str) -> LevelNetwork:
        """Build from canonical tensors.

        Raises:
            ValueError: a tensor is missing or does not fit.
        """
        own = {k.removeprefix(OWN_ENCODER): v for k, v in state.items() if k.startswith(OWN_ENCODER)}
        rest = {k: v for k, v in state.items() if not k.startswith(OWN_ENCODER)}
        encoder = Encoder.from_state(own, last=f"relu{level}_1") if own else None
        return cls(Decoder.from_state(rest, level=level, upsampling=upsampling), encoder)

    def with_pulse(self, pulse: Beat) -> Self:
        """The same two networks with a pulse."""
        encoder = None if self.encoder is None else self.encoder.with_pulse(pulse)
        return type(self)(self.decoder.with_pulse(pulse), encoder).eval()

    def render(
        self, moved: Tensor, features: Tensor, image: Tensor, *, detail: float = 0.0,
        maxima: Mapping[int, Maxima] | None = None,
    ) -> Tensor:  # fmt: skip
        """The picture of transformed features, with what decoding loses of the original put back.

        Departure: the papers return ``decode(moved)``. With a share ``detail`` of
        ``image - decode(features)`` added, features that were not moved give the image back, and
        a little strength changes it a little.

        Args:
            moved, features: ``[1, C, h, w]`` after and before the transform.
            image: ``[1, 3, H, W]`` that was encoded, float32.
            detail: 0 is the papers', 1 puts all of it back.
            maxima: see :meth:`Decoder.forward`.

        Returns:
            ``[1, 3, H, W]``, float32 in [0, 1]. Departure: the released codes clip only at the end.
        """
        if detail == 0:
            return self.decoder(moved, maxima).float().clamp_(0, 1)
        lost = self.decoder.difference(moved, features, detail, maxima).float()
        return lost.add_(image, alpha=detail).clamp_(0, 1)


def encode_with_maxima(encoder: Encoder, image: Tensor, *, level: int) -> tuple[Tensor, dict[int, Maxima]]:
    """relu ``level``_1 of ``[N, 3, H, W]`` and the positions of every pooling on the way.

    Any H and W from 16 px (17 at level 5): an odd last row or column is kept (see nets/unpool.py).
    """
    maxima: dict[int, Maxima] = {}
    x = encoder.preprocess(image)
    for name in LAYERS[: LAYERS.index(f"conv{level}_1") + 1]:
        if name in POOL_BEFORE:
            x, maxima[int(name[4]) - 1] = max_pool(x)
        x = encoder.step(name, x)
    return x, maxima
