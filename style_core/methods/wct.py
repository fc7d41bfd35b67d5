"""WCT: paints a photo in any style in one pass per level, whitening and coloring features coarse to fine.

Li et al., NIPS 2017. Also makes textures of a style alone, gives regions styles of their own, and
mixes styles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from ..errors import OutOfMemory
from ..images import ImageTensor, Samples, SizeRule, as_samples, resized
from ..method import About, Inputs, Network, Paper, Runtime, Sketch, StyleInput, method
from ..nets.decoder import LevelNetwork
from ..nets.encoder import Encoder
from ..nets.reach import mirror_halo, stride_of
from ..ops.lattice import REACH
from ..ops.moments import Moments
from ..ops.whitening import AffineMap
from ..options import (
    CONTENT,
    TEXTURE,
    Condition,
    PaintingOptions,
    choice,
    color_match_slider,
    contrast_match_slider,
    needs_above_zero,
    several,
    slider,
    switch,
)
from ..progress import time_to_go
from ..regions import EVERYTHING, Regions
from ..tiles import tile_side
from ..transfer import Place, Plan, Stage, Statistics, StyleStatistics, Transfer, match, match_tiles
from .shared.enlarging import paint_upward
from .shared.feature_matching import (
    WHITENINGS,
    MatchingOptions,
    feature_map,
    note_unmeasured,
    reach_of,
)
from .shared.feature_memory import START, bytes_per_pixel, need_style_memory
from .shared.flat_places import with_noise_for_level
from .shared.mirrored import MirroredStage, level_of, measure_levels
from .shared.style_colors import nearer_to_styles_colors
from .shared.style_contrast import PAINTING, nearer_to_styles_contrast
from .shared.style_scale import scaled_styles, style_scale_slider, styles_at

LEVELS = (5, 4, 3, 2, 1)
NETWORKS = {
    level: Network(f"wct_{level}", partial(LevelNetwork.from_state, level=level, upsampling="nearest"))
    for level in LEVELS
}
# Where it helps most for its time, with paintings and photos as styles: after level 5 too it comes a little
# nearer the style, but towers and rocks lose their shape, and level 1 gains nothing.
CORRECTED = (4, 3, 2)
CORRECTED_FLOOR = 0.03  # a small picture has fewer positions than channels: its covariance is no full one
TEXTURE_PASSES = 3  # Li et al. 2017, released code: from noise, the whole pass runs three times
SMALLEST = 32  # px that reflection padding needs at level 5
MAPS_HELD = 5.3  # see shared/feature_memory.py
WHOLE = 1 << 21  # px; larger pictures go through the networks in tiles, whatever memory there is
# What paints an enlarged painting over, chosen by eye: levels 2 and 1 alone weave a grid into what enlarging
# left smooth, and at full strength new small strokes cover the ones that were enlarged.
FINE_LEVELS = (3, 2, 1)
FINE_STRENGTH = 0.5
MOST_NOISE = 0.1  # deviation of the luminance that flat places are offered
SKETCH_SHARE = 0.2  # of the progress of a large picture


OFFERED_LEVELS = Condition(
    "a content picture and level 4 or 5",
    lambda options, texture: not texture and bool({"4", "5"} & {*options.levels}),
)
OFFERED = OFFERED_LEVELS & needs_above_zero("flat_strokes")


@dataclass(frozen=True, kw_only=True)
class WCTOptions(MatchingOptions, PaintingOptions):
    """What WCT transfers, and how much."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": TEXTURE | OFFERED,
        "flat_strokes": OFFERED_LEVELS,
        "color_match": CONTENT,
        "contrast_match": CONTENT,
        "content_strength": Condition("a level above 1", lambda options, texture: options.levels != ("1",)),
        "passes": Condition(
            f"a content picture or at least {TEXTURE_PASSES}",
            lambda options, texture: not texture or options.passes >= TEXTURE_PASSES,
        ),
    }
    content_strength: float = slider(
        0.6, 0, 1,
        help="How far the deep levels hold back: 0 is the paper, 1 leaves the arrangement to the content and "
        "transfers only colors and fine strokes.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1, help="Blend of content and style features: 0 leaves the content as it is, 1 is the paper."
    )
    style_scale: float = style_scale_slider()
    flat_strokes: float = slider(
        0.25, 0, 1,
        help="How strongly flat places such as a clear sky are painted: they are offered noise to make "
        "strokes of; 0 is the paper, which leaves them flat.",
    )  # fmt: skip
    correction: bool = switch(
        True, label="Second look", advanced=True,
        help="Look at what levels 4 to 2 have painted, and make up once for what it lacks of the style; off "
        "is the paper.",
    )  # fmt: skip
    color_match: float = color_match_slider(0.5)
    contrast_match: float = contrast_match_slider(most="six tenths")
    comb_filter: bool = switch(
        True, label="No weave", advanced=True,
        help="Take out the weave that is locked to the grid of the decoders' up-sampling; off is the paper.",
    )  # fmt: skip
    levels: tuple[str, ...] = several(
        tuple(str(k) for k in LEVELS), tuple(str(k) for k in LEVELS), advanced=True,
        help="Levels of the network that are matched: 5 moves large shapes, 1 only colors.",
    )  # fmt: skip
    passes: int = slider(
        1, 1, 5, step=1, advanced=True,
        help="How often the whole pass is run on its own result; textures from noise take at least three.",
    )  # fmt: skip
    whitening: str = choice(
        "paper", WHITENINGS, advanced=True,
        help="paper is the whitening and coloring formula; transport reaches the same statistics with the "
        "least change, which keeps more of the content.",
    )  # fmt: skip


class WCTTransfer(Transfer):
    """The levels that have any strength, deep to shallow, as often as there are passes.

    Args:
        stages: in order.
        styles: the pictures, scaled.
        targets: their statistics.
        strengths: by level.
        options: as they take effect.
        note: told of regions that could not be measured.
    """

    def __init__(
        self, stages: Sequence[Stage], styles: Sequence[StyleInput], targets: Sequence[StyleStatistics],
        strengths: Mapping[int, float], options: WCTOptions, note: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.stages, self.strengths = tuple(stages), strengths
        self.styles, self.targets, self.options, self.note = styles, targets, options, note
        self.needs_furthest = options.whitening == "paper"

    def plan(self, place: Place, content: Statistics, labels: Sequence[int]) -> Plan:
        here = content.moments.measurable
        first = replace(place, turn=0)
        styles = [target[first] for target in self.targets]
        targets = [style.moments.measurable for style in styles]
        note_unmeasured(labels, here.keys() & {label for target in targets for label in target}, self.note)
        strength = self.strengths[level_of(place)]
        # What is corrected is near the style already: the map that changes least is the one that is meant.
        options = (
            self.options
            if place == first
            else replace(self.options, whitening="transport", noise_floor=CORRECTED_FLOOR)
        )
        maps = {}
        for label in {EVERYTHING, *labels}:
            matched = self._matched(label, here, targets)
            total = sum(share for share, _, _ in matched)
            maps[label] = _mean_map(
                [(share / total, feature_map(own, style, options, strength=strength))
                 for share, own, style in matched]
            )  # fmt: skip
        counting = [style for style, own in zip(styles, self.styles, strict=True) if own.weight > 0]
        return Plan(maps, reach=reach_of(content, counting))

    def _matched(
        self, label: int, content: Mapping[int, Moments], targets: Sequence[Mapping[int, Moments]]
    ) -> list[tuple[float, Moments, Moments]]:
        """Weights of the styles for one region, and the moments to match.

        Where the region is too small to be measured on either side, whole pictures are matched; of
        several styles still only those that have the region.
        """
        every = [k for k, style in enumerate(self.styles) if style.weight > 0]
        owners = [k for k in every if self.styles[k].serves(label)]
        is_measured = bool(owners) and label in content and all(label in targets[k] for k in owners)
        place = label if is_measured else EVERYTHING
        chosen = owners if is_measured or (owners and len(self.styles) > 1) else every
        return [(self.styles[k].weight, content[place], targets[k][place]) for k in chosen]


def prepare(inputs: Inputs, options: WCTOptions, runtime: Runtime) -> WCTTransfer:
    """The networks loaded and the styles measured; no stages if no level has any strength."""
    options = _for_texture(options, runtime) if inputs.is_noise else options
    strengths = level_strengths(options)
    if not strengths:
        return WCTTransfer((), inputs.styles, (), strengths, options, runtime.note)
    shared = runtime.encoder(last=f"relu{max(strengths)}_1", fast=options.is_fast)
    styles = scaled_styles(inputs, options.style_scale, runtime)
    passes = max(options.passes, TEXTURE_PASSES) if inputs.is_noise else options.passes
    runtime.used(levels=[str(level) for level in strengths], passes=passes)
    return _transfer(styles, strengths, shared, options, runtime, passes=passes)


def _transfer(
    styles: Sequence[StyleInput], strengths: Mapping[int, float], shared: Encoder, options: WCTOptions,
    runtime: Runtime, *, passes: int = 1,
) -> WCTTransfer:  # fmt: skip
    """The stages of these levels, and the styles measured at them.

    Args:
        styles: at their scale.
        strengths: by level, in order.
        shared: the encoder of the levels that have none of their own.
    """
    need_style_memory(runtime, shared, styles)
    levels = {level: _load(level, shared, runtime, options.is_fast) for level in strengths}
    how = (list(levels), options.is_fast)

    def measure(style: StyleInput) -> StyleStatistics:
        runtime.progress(0.05, "Encoding the style")
        return _measure_style(style, levels)

    targets = [
        runtime.remember("style", style.pixels, style.labels, how, compute=partial(measure, style))
        for style in styles
    ]
    stages = [
        MirroredStage(
            level,
            network,
            partial(_encode, encoder, level),
            detail=1 - strengths[level],
            is_combed=options.comb_filter,
            is_corrected=options.correction and level in CORRECTED,
        )
        for level, (encoder, network) in levels.items()
    ]
    return WCTTransfer(stages * passes, styles, targets, strengths, options, runtime.note)


def refine(sketch: Sketch, styles: tuple[StyleInput, ...], options: WCTOptions, runtime: Runtime) -> Samples:
    """Departure: a painting enlarged step by step and painted over with the shallow levels at every step.

    The small painting's shapes stay, so that strokes keep their size relative to the picture. The style is
    scaled to every step but never enlarged, which keeps the finest strokes crisp. They are matched by
    optimal transport, because the paper's formula amplifies the grid that enlarging leaves.
    """
    options = _for_texture(options, runtime) if sketch.is_noise else options
    strengths = level_strengths(options)
    if not strengths:
        return sketch.content
    fine = {level: FINE_STRENGTH * options.style_strength for level in FINE_LEVELS if level in strengths}
    shared = runtime.encoder(last=f"relu{max(strengths)}_1", fast=options.is_fast)
    regions = _regions(sketch, runtime.device)
    per_pixel = bytes_per_pixel(shared, sketch.labels, maps_held=MAPS_HELD)
    # At half strength on what was enlarged there is little to correct and no weave, and margins would grow.
    how = replace(options, whitening="transport", correction=False, comb_filter=False)

    def paint(picture: Samples, depth: torch.dtype, report: Callable[[float], None]) -> Samples:
        longest = max(picture.shape[-2:]) * options.style_scale
        own = styles_at(styles, longest)
        transfer = _transfer(own, fine, shared, how, runtime)
        for k, stage in enumerate(transfer.stages):
            is_last = k + 1 == len(transfer.stages)
            picture = match_tiles(
                stage, picture, transfer, regions,
                side=tile_side(runtime.tile_memory(), per_pixel, margin=stage.halo),
                depth=depth if is_last else picture.dtype, device=runtime.device,
                report=lambda part, k=k: report((k + part) / len(transfer.stages)),  # type: ignore[misc]
            )  # fmt: skip
        return picture

    height, width = sketch.content.shape[-2:]
    _note_refinement(sketch, list(fine), runtime)
    if not fine:
        return resized(as_samples(sketch.painted, torch.uint16), height, width, depth=sketch.depth)
    began, message = time.monotonic(), f"Refining to {width} x {height} px"

    def report(part: float) -> None:
        left = (time.monotonic() - began) * (1 - part) / part if part > 0 else None
        when = "" if left is None else f", {time_to_go(left)} to go"
        runtime.progress(SKETCH_SHARE + (1 - SKETCH_SHARE) * part, message + when)

    report(0)
    return paint_upward(sketch, paint, detail=1 - options.style_strength, report=report)


def _note_refinement(sketch: Sketch, levels: Sequence[int], runtime: Runtime) -> None:
    (h, w), (height, width) = sketch.painted.shape[-2:], sketch.content.shape[-2:]
    how = f"painted over with levels {', '.join(map(str, levels))}" if levels else "not painted over"
    runtime.note(
        f"Painted at {w} x {h} px, then enlarged to {width} x {height} px and {how} (working_size none "
        "paints at full size, with smaller strokes)."
    )


def _regions(sketch: Sketch, device: torch.device) -> Regions:
    """The content's regions: labels at its own size, membership at the small one."""
    if sketch.labels is None:
        return Regions()
    height, width = sketch.small.shape[-2:]
    small = Regions.of(sketch.labels.at(height, width).to(device), sketch.small.to(device))
    return replace(small, labels=sketch.labels.to(device))


@method(
    About(
        title="WCT",
        paper=Paper(
            title="Universal Style Transfer via Feature Transforms",
            authors="Li et al.",
            venue="NIPS",
            year=2017,
            arxiv="1705.08086",
        ),
        options=WCTOptions,
        stride=stride_of("relu5_1"),
        halo=mirror_halo(5, is_bilinear=True) + REACH,  # more than of a corrected level 4
        size_rule=SizeRule(multiple=16, minimum=SMALLEST),
        uses_segments=True,
        mixes_styles=True,
        makes_textures=True,
        prepare=prepare,
        refine=refine,
    )
)
def stylize(inputs: Inputs, options: WCTOptions, runtime: Runtime) -> ImageTensor:
    """Per level, coarse to fine: encode, transform, decode, and on with that picture (section 3.2)."""
    transfer = prepare(inputs, options, runtime)
    if not transfer.stages:
        runtime.note("At these strengths no level is left to transfer anything; this is the content itself.")
        return inputs.content
    regions = Regions.of(inputs.content_labels, inputs.content)
    image = inputs.content
    encoder = runtime.encoder(last=f"relu{max(transfer.strengths)}_1", fast=options.is_fast)
    per_pixel = bytes_per_pixel(encoder, inputs.content_labels, maps_held=MAPS_HELD)
    share = SKETCH_SHARE if inputs.is_sketch else 1.0
    for done, stage in enumerate(transfer.stages):
        level = level_of(stage.places[0])

        def report(part: float, message: str = f"Level {level}", done: int = done) -> None:
            fraction = 0.2 + 0.8 * (done + part) / len(transfer.stages)
            runtime.progress(share * fraction, message)

        runtime.progress(share * (0.2 + 0.8 * done / len(transfer.stages)), f"Level {level}", image)
        noise = 0 if inputs.is_noise else MOST_NOISE * options.flat_strokes * transfer.strengths[level]
        image = with_noise_for_level(image, level, deviation=noise, seed=options.seed)
        side = _tile_side(image, per_pixel, stage, runtime)
        if side is None:
            image = match(stage, image, transfer, regions)
        else:
            image = match_tiles(
                stage, image, transfer, regions, side=side, depth=image.dtype, device=runtime.device,
                report=report,
            )  # fmt: skip
    return _finished(image.to(inputs.content.device), inputs, regions, options, runtime)


def _finished(
    image: ImageTensor, inputs: Inputs, regions: Regions, options: WCTOptions, runtime: Runtime
) -> ImageTensor:
    """Departure: what the decoders fade of the style's colors and contrast is put back.

    A picture of more than WHOLE px stays as it is: this takes several floats of its size.
    """
    is_large = image.shape[-2] * image.shape[-1] > WHOLE
    if inputs.is_noise or is_large:
        if not inputs.is_noise and max(options.color_match, options.contrast_match) > 0:
            runtime.note("Painted in tiles; color_match and contrast_match take smaller pictures alone.")
        runtime.used(color_match=0.0, contrast_match=0.0)
        return image
    strength = options.style_strength
    share = SKETCH_SHARE if inputs.is_sketch else 1.0
    runtime.progress(share, "Colors and contrast", image.clamp(0, 1))
    image = nearer_to_styles_colors(image, inputs, strength=strength * options.color_match, regions=regions)
    return nearer_to_styles_contrast(
        image, inputs, strength=strength * options.contrast_match, limits=PAINTING
    )


def _tile_side(image: ImageTensor, per_pixel: int, stage: Stage, runtime: Runtime) -> int | None:
    """Px of the tiles that a picture has to be cut into, or ``None`` where all of it fits."""
    pixels = image.shape[-2] * image.shape[-1]
    if pixels <= WHOLE:
        with suppress(OutOfMemory):
            runtime.need_memory(START + pixels * per_pixel)
            return None
    return tile_side(runtime.tile_memory(), per_pixel, margin=stage.halo)


def _for_texture(options: WCTOptions, runtime: Runtime) -> WCTOptions:
    """From noise, nothing of which is to be kept."""
    if options.style_strength == 1 and options.content_strength == 0:
        return options
    runtime.note("A texture has no content to keep; it was made at full style strength.")
    runtime.used(style_strength=1.0, content_strength=0.0)
    return replace(options, style_strength=1.0, content_strength=0.0)


def level_strengths(options: WCTOptions) -> dict[int, float]:
    """The blends of the chosen levels that have any, deep to shallow."""
    found = {level: level_strength(level, options) for level in LEVELS if str(level) in options.levels}
    return {level: strength for level, strength in found.items() if strength > 0}


def level_strength(level: int, options: WCTOptions) -> float:
    """The blend of a level: all the style strength at 1, ``1 - content_strength`` of it at 5."""
    return options.style_strength * (1 - options.content_strength * (level - 1) / (max(LEVELS) - 1))


def _load(level: int, shared: Encoder, runtime: Runtime, is_fast: bool) -> tuple[Encoder, LevelNetwork]:
    network = runtime.load(NETWORKS[level], fast=is_fast)
    assert isinstance(network, LevelNetwork)
    return network.encoder or shared, network


def _encode(encoder: Encoder, level: int, image: Tensor) -> tuple[Tensor, None]:
    name = f"relu{level}_1"
    return encoder(image, (name,))[name], None


def _measure_style(style: StyleInput, levels: Mapping[int, tuple[Encoder, LevelNetwork]]) -> StyleStatistics:
    """The style's statistics at every level, with one pass for all levels that share an encoder."""
    found: dict[Place, Statistics] = {}
    for encoder in {id(e): e for e, _ in levels.values()}.values():
        found |= measure_levels(encoder, style, [k for k, (own, _) in levels.items() if own is encoder])
    return found


def _mean_map(maps: Sequence[tuple[float, AffineMap]]) -> AffineMap:
    """Maps averaged by weight (Li et al. 2017, section 4.2)."""
    return AffineMap(
        torch.stack([w * m.matrix for w, m in maps]).sum(0), torch.stack([w * m.bias for w, m in maps]).sum(0)
    )
