"""WCT2: photorealistic recoloring by wavelet-corrected whitening and coloring, in one pass.

Yoo et al., ICCV 2019. Haar pooling keeps what max pooling loses, so that one encoder-decoder
gives back the content's structure exactly enough; features are whitened and colored on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from ..images import ImageTensor, SizeRule
from ..method import About, Inputs, Network, Paper, Runtime, method
from ..nets.encoder import Encoder
from ..nets.reach import mirror_halo, stride_of
from ..nets.wavelet import (
    LAST_LAYER,
    VARIANTS,
    Skip,
    WaveletDecoder,
    unchanged,
    wavelet_decode,
    wavelet_encode,
)
from ..ops.guided_filter import guided_filter
from ..ops.whitening import RELEASED_RIDGE, whitening_coloring
from ..options import Condition, PhotoOptions, choice, several, slider
from ..regions import Regions
from ..transfer import (
    Place,
    Plan,
    Stage,
    Statistics,
    StyleStatistics,
    Transfer,
    Visit,
    match,
    measure_style,
)
from .shared import feature_matching
from .shared.feature_matching import STYLED, MatchingOptions, feature_map, maps_by_region, reach_of
from .shared.feature_memory import need_feature_memory
from .shared.photo_finish import nearer_to_styles, unmatched

DECODERS = {v: Network(f"wct2_{v}", partial(WaveletDecoder.from_state, variant=v)) for v in VARIANTS}
TRANSFERS = ("encoder", "skip", "decoder")
BANDS = ("lh", "hl", "hh")
WHITENINGS = (*feature_matching.WHITENINGS, "released")
MAPS_HELD = 7.8  # see shared/feature_memory.py
REFINE_RADIUS, REFINE_EPS = 4, 1e-4  # px, guided filter of content_strength; grain is that fine


@dataclass(frozen=True, kw_only=True)
class WCT2Options(MatchingOptions, PhotoOptions):
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


class WaveletStage(Stage):
    """Encode, transform at each level on the way, decode (Yoo et al. 2019, section 3.3).

    Args:
        encoder: with Haar pooling.
        decoder: of one variant.
        transfers: where features are matched: "encoder", "skip", "decoder".
        report: told a fraction and what is being done.
    """

    halo = mirror_halo(4)

    def __init__(
        self, encoder: Encoder, decoder: WaveletDecoder, transfers: frozenset[str],
        report: Callable[[float, str], None],
    ) -> None:  # fmt: skip
        self.encoder, self.decoder, self.transfers, self.report = encoder, decoder, transfers, report
        self.variant = decoder.variant
        self.places = self._places()

    def _places(self) -> tuple[Place, ...]:
        found = [self._encoder_place(k) for k in (1, 2, 3, 4)] if "encoder" in self.transfers else []
        if "skip" in self.transfers:
            found += [_skip_place(level, band) for level in (1, 2, 3) for band in BANDS]
        if "decoder" in self.transfers:
            found += [] if "encoder" in self.transfers else [self._encoder_place(4)]  # the decoder's input
            found += [_decoder_place(level) for level in (3, 2, 1)]
        return tuple(found)

    def _encoder_place(self, level: int) -> Place:
        is_pooled = self.variant == "sum" and level < 4  # there features are changed after the pooling
        return Place(f"encoder {level}", stride_of(f"relu{level + is_pooled}_1"))

    def walk(self, image: ImageTensor, visit: Visit) -> ImageTensor:
        def encoding(level: int, features: Tensor) -> Tensor:
            return visit(self._encoder_place(level), features)

        def decoding(level: int, features: Tensor) -> Tensor:
            self.report(0.7 + 0.05 * (4 - level), f"Decoding level {level}")
            place = self._encoder_place(4) if level == 4 else _decoder_place(level)
            is_matched = "decoder" in self.transfers and not (level == 4 and "encoder" in self.transfers)
            return visit(place, features) if is_matched else features

        hook = encoding if "encoder" in self.transfers else unchanged
        features, skips = wavelet_encode(self.encoder, image, variant=self.variant, hook=hook)
        if "skip" in self.transfers:
            skips = {level: _visited(level, skip, visit) for level, skip in skips.items()}
        return wavelet_decode(self.decoder, features, skips, hook=decoding).clamp(0, 1)


def _decoder_place(level: int) -> Place:
    return Place(f"decoder {level}", stride_of(f"relu{level}_1"))


def _skip_place(level: int, band: str) -> Place:
    return Place(f"skip {level} {band}", stride_of(f"relu{level + 1}_1"))


def _visited(level: int, skip: Skip, visit: Visit) -> Skip:
    """The three bands transformed; the original map never is."""
    lh, hl, hh = (visit(_skip_place(level, name), band) for name, band in zip(BANDS, skip.bands, strict=True))
    return replace(skip, changed=(lh, hl, hh))


class WCT2Transfer(Transfer):
    """One stage, with all its places.

    Args:
        stage: the walk.
        target: the style's statistics.
        options: whitening and strength.
        note: told of regions that could not be measured.
    """

    def __init__(
        self, stage: WaveletStage, target: StyleStatistics, options: WCT2Options, note: Callable[[str], None]
    ) -> None:
        self.stages, self.target, self.options, self.note = (stage,), target, options, note
        self.needs_bounds = options.whitening == "released"
        self.needs_furthest = options.whitening == "paper"

    def plan(self, place: Place, content: Statistics, labels: Sequence[int]) -> Plan:
        strength = self.options.style_strength
        if self.options.whitening == "released":
            make = partial(whitening_coloring, ridge=RELEASED_RIDGE)
        else:
            make = partial(feature_map, options=self.options, strength=strength)
        maps = maps_by_region(content, self.target[place], labels, make, self.note)
        # The released code clips before it blends, so the blend cannot be folded into the maps.
        # Departure: it clips each region by itself, which shows as a seam.
        return Plan(maps, content.bounds, strength, reach_of(content, [self.target[place]]))


def prepare(inputs: Inputs, options: WCT2Options, runtime: Runtime) -> WCT2Transfer:
    """The networks loaded and the style measured."""
    encoder = runtime.encoder(last=LAST_LAYER, pool="haar", fast=options.is_fast)
    decoder = runtime.load(DECODERS[options.decoder], fast=options.is_fast)
    assert isinstance(decoder, WaveletDecoder)
    need_feature_memory(runtime, encoder, inputs, maps_held=MAPS_HELD, maps_regions=True)
    transfers = frozenset(options.transfer)

    def measure() -> StyleStatistics:
        runtime.progress(0.05, "Encoding the style")
        silent = WaveletStage(encoder, decoder, transfers, lambda fraction, message: None)
        return measure_style(silent, inputs.style, inputs.style_labels)

    how = (options.decoder, sorted(transfers), options.is_fast)
    target = runtime.remember("style", inputs.style, inputs.style_labels, how, compute=measure)
    return WCT2Transfer(
        WaveletStage(encoder, decoder, transfers, runtime.progress), target, options, runtime.note
    )


@method(
    About(
        title="WCT2",
        paper=Paper(
            title="Photorealistic Style Transfer via Wavelet Transforms",
            authors="Yoo et al.",
            venue="ICCV",
            year=2019,
            arxiv="1903.09760",
        ),
        options=WCT2Options,
        stride=stride_of(LAST_LAYER),
        halo=WaveletStage.halo,
        size_rule=SizeRule(multiple=8),
        uses_segments=True,
        photorealistic=True,
        prepare=prepare,
    )
)
def stylize(inputs: Inputs, options: WCT2Options, runtime: Runtime) -> ImageTensor:
    """One walk through encoder and decoder, then as much of it redrawn along the content as is wanted."""
    unblended = replace(unmatched(options), content_strength=0.0)

    def render() -> ImageTensor:
        transfer = prepare(inputs, options, runtime)
        runtime.progress(0.35, "Encoding and transforming the content")
        regions = Regions.of(inputs.content_labels, inputs.content)
        return match(transfer.stages[0], inputs.content, transfer, regions)

    def redraw() -> ImageTensor:
        runtime.progress(0.9, "Redrawing along the content")
        return guided_filter(inputs.content, image.float(), radius=REFINE_RADIUS, eps=REFINE_EPS, subsample=2)

    image = runtime.remember("picture", inputs, unblended, compute=render)
    # Departure: the paper decodes and is done. Redrawing removes the grain and fringes that are left.
    if options.content_strength > 0:
        redrawn = runtime.remember("redrawn", inputs, unblended, compute=redraw)
        image = image.lerp(redrawn, options.content_strength)
    return nearer_to_styles(image.float(), inputs, options)
