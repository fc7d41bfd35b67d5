"""WCT2: photorealistic recoloring by wavelet-corrected whitening and coloring, in one pass.

Yoo et al., ICCV 2019. Haar pooling keeps what max pooling loses, so that one encoder-decoder
gives back the content's structure exactly enough; features are whitened and colored on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from .. import feature_matching
from ..conditions import Condition
from ..feature_matching import STYLED, MatchingOptions, feature_map, need_feature_memory, region_weights
from ..images import ImageTensor, SizeRule
from ..method import SMALL_REGION_NOTE, Inputs, Network, Paper, Runtime, method
from ..nets.wavelet import LAST_LAYER, VARIANTS, Hook, Skip, WaveletDecoder, wavelet_decode, wavelet_encode
from ..ops.guided_filter import guided_filter
from ..ops.moments import Moments
from ..ops.regions import apply_maps, is_any_unmeasured, region_moments
from ..ops.whitening import AffineMap, whitening_coloring
from ..options import choice, several, slider

DECODERS = {v: Network(f"wct2_{v}", partial(WaveletDecoder.from_state, variant=v)) for v in VARIANTS}
TRANSFERS = ("encoder", "skip", "decoder")
BANDS = ("lh", "hl", "hh")
WHITENINGS = (*feature_matching.WHITENINGS, "released")
RELEASED_RIDGE = 1.0  # the released code adds the identity to both covariances
MAPS_HELD = 4  # float32 maps of conv1_1's size alive at once: 6.1 GB measured for 12 megapixels
REFINE_RADIUS, REFINE_EPS = 4, 1e-4  # px, guided filter of content_strength; grain is that fine


@dataclass(frozen=True, kw_only=True)
class WCT2Options(MatchingOptions):
    """Where and how WCT2 transfers style."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {"transfer": STYLED}
    content_strength: float = slider(
        0.5, 0, 1,
        help="How much of the result is redrawn as a local recoloring of the content: 0 is the network's "
        "picture, 1 takes all fine structure from the content.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0,
        0,
        1,
        help="Blend of content and style features: 0 is the network's copy of the content, 1 the paper.",
    )
    transfer: tuple[str, ...] = several(
        ("encoder",), TRANSFERS, advanced=True,
        help="Where features are matched: encoder is the cleanest, skip and decoder add strength.",
    )  # fmt: skip
    decoder: str = choice(
        "cat5", VARIANTS, advanced=True,
        help="cat5 concatenates the wavelet bands and keeps more detail, sum adds them and is stronger.",
    )  # fmt: skip
    whitening: str = choice(
        "transport",
        WHITENINGS,
        advanced=True,
        help="transport reaches the style's statistics with the least change to the content; paper is the "
        "whitening and coloring formula; released also adds the identity to both covariances and clamps, "
        "as the published code does, which is weaker.",
    )


@dataclass
class _Statistics:
    """Region moments of the style by place: ("encoder", 2), ("skip", 1, "lh"), ("decoder", 3)."""

    places: dict[tuple[object, ...], dict[int, Moments]] = field(default_factory=dict)

    def collect(self, labels: Tensor | None, place: str) -> Hook:
        """A hook that records moments and changes nothing."""

        def hook(level: int, features: Tensor) -> Tensor:
            self.places[place, level] = region_moments(features, labels)
            return features

        return hook


@method(
    title="WCT2",
    paper=Paper(
        "Photorealistic Style Transfer via Wavelet Transforms", "Yoo et al.", "ICCV", 2019, "1903.09760"
    ),
    options=WCT2Options,
    size_rule=SizeRule(multiple=8),
    uses_segments=True,
    photorealistic=True,
)
def stylize(inputs: Inputs, options: WCT2Options, runtime: Runtime) -> ImageTensor:
    """One pass: encode, transform at each level, decode (Yoo et al. 2019, section 3.3)."""
    encoder = runtime.encoder(last=LAST_LAYER, pool="haar", fast=options.is_fast)
    decoder = runtime.load(DECODERS[options.decoder], fast=options.is_fast)
    assert isinstance(decoder, WaveletDecoder)
    encode = partial(wavelet_encode, encoder, variant=options.decoder)
    at = frozenset(options.transfer)

    need_feature_memory(runtime, encoder, [inputs.content, inputs.style], maps_held=MAPS_HELD)

    def measure_style() -> _Statistics:
        runtime.progress(0.05, "Encoding the style")
        style = _Statistics()
        target = style.collect(inputs.style_labels, "encoder")
        features, skips = encode(inputs.style, hook=target)
        if "skip" in at:
            for level, skip in skips.items():
                for band in BANDS:
                    moments = region_moments(getattr(skip, band), inputs.style_labels)
                    style.places["skip", level, band] = moments
        if "decoder" in at:
            wavelet_decode(decoder, features, skips, hook=style.collect(inputs.style_labels, "decoder"))
        return style

    how = (options.decoder, sorted(at), options.is_fast)
    style = runtime.remember("style", inputs.style, inputs.style_labels, how, compute=measure_style)

    def render() -> ImageTensor:
        transform = _Transform(inputs, options, style, runtime)
        runtime.progress(0.35, "Encoding and transforming the content")
        features, skips = encode(inputs.content, hook=transform.hook("encoder") if "encoder" in at else _same)
        if "skip" in at:
            skips = {level: transform.skip(level, skip) for level, skip in skips.items()}
        runtime.progress(0.7, "Decoding")

        def before_decoding(level: int, x: Tensor) -> Tensor:
            runtime.progress(0.7 + 0.05 * (4 - level), f"Decoding level {level}")
            if "decoder" not in at or (level == 4 and "encoder" in at):
                return x
            return transform("decoder" if level < 4 else "encoder", level, features=x)

        return wavelet_decode(decoder, features, skips, hook=before_decoding).clamp(0, 1)

    def redraw() -> ImageTensor:
        runtime.progress(0.9, "Redrawing along the content")
        return guided_filter(inputs.content, image.float(), radius=REFINE_RADIUS, eps=REFINE_EPS, subsample=2)

    unblended = replace(options, content_strength=0.0)
    image = runtime.remember("picture", inputs, unblended, compute=render)
    # Departure: the paper decodes and is done. Redrawing removes the grain and fringes that are left.
    if options.content_strength > 0:
        redrawn = runtime.remember("redrawn", inputs, unblended, compute=redraw)
        image = image.lerp(redrawn, options.content_strength)
    return image


def _same(level: int, features: Tensor) -> Tensor:
    return features


class _Transform:
    """Matches content features to the style's statistics, per region."""

    def __init__(self, inputs: Inputs, options: WCT2Options, style: _Statistics, runtime: Runtime) -> None:
        self.options = options
        self.runtime = runtime
        self.style = style.places
        self.labels = inputs.content_labels
        self.weights = region_weights(inputs)

    def hook(self, place: str) -> Hook:
        """The hook for one place."""
        return lambda level, features: self(place, level, features=features)

    def skip(self, level: int, skip: Skip) -> Skip:
        """The three bands transformed; the original map never is."""
        moved = {band: self("skip", level, band, features=getattr(skip, band)) for band in BANDS}
        return replace(skip, **moved)

    def __call__(self, *place: object, features: Tensor) -> Tensor:
        content, style = region_moments(features, self.labels), self.style[place]
        labels = content.keys() & style.keys()
        if is_any_unmeasured(self.labels, labels):
            self.runtime.note(SMALL_REGION_NOTE)
        maps = {label: self._map(content[label], style[label]) for label in labels}
        moved = apply_maps(features, maps, self.weights)
        # Departure: the released code clamps each region by itself, which shows as a seam.
        if self.options.whitening == "released":  # clamps before it blends, so the blend cannot be folded
            moved = moved.clamp(features.min(), features.max())
            moved = features.lerp(moved, self.options.style_strength)
        return moved

    def _map(self, content: Moments, style: Moments) -> AffineMap:
        if self.options.whitening == "released":
            return whitening_coloring(content, style, ridge=RELEASED_RIDGE)
        return feature_map(content, style, self.options, strength=self.options.style_strength)
