"""WCT: paints a photo in any style in one pass per level, whitening and coloring features coarse to fine.

Li et al., NIPS 2017. Also makes textures of a style alone, gives regions styles of their own, and
mixes styles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditions import TEXTURE, Condition
from ..feature_matching import (
    WHITENINGS,
    MatchingOptions,
    feature_map,
    need_feature_memory,
    region_weights,
)
from ..images import ImageTensor, SizeRule
from ..method import SMALL_REGION_NOTE, Inputs, Network, Paper, Runtime, StyleInput, method
from ..nets.decoder import LevelNetwork
from ..nets.encoder import Encoder
from ..ops.moments import Moments
from ..ops.regions import EVERYTHING, apply_maps, is_any_unmeasured, region_moments
from ..ops.whitening import AffineMap
from ..options import choice, several, slider

LEVELS = (5, 4, 3, 2, 1)
NETWORKS = {
    level: Network(f"wct_{level}", partial(LevelNetwork.from_state, level=level, upsampling="nearest"))
    for level in LEVELS
}
TEXTURE_PASSES = 3  # Li et al. 2017, released code: from noise, the whole pass runs three times
SMALLEST = 32  # px that reflection padding needs at level 5
MAPS_HELD = 6  # float32 maps of conv1_1's size alive at once, measured with masks
Statistics = dict[int, Moments]  # by label


@dataclass(frozen=True, kw_only=True)
class WCTOptions(MatchingOptions):
    """What WCT transfers, and how much."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": TEXTURE,
        "content_strength": Condition("a level above 1", lambda options, texture: options.levels != ("1",)),
        "passes": Condition(
            f"a content picture or at least {TEXTURE_PASSES}",
            lambda options, texture: not texture or options.passes >= TEXTURE_PASSES,
        ),
    }
    content_strength: float = slider(
        0.5, 0, 1,
        help="How far the deep levels hold back: 0 is the paper, 1 leaves the arrangement to the content and "
        "transfers only colors and fine strokes.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1, help="Blend of content and style features: 0 leaves the content as it is, 1 is the paper."
    )
    style_scale: float = slider(
        1.0, 0.25, 2, step=0.05,
        help="Size of the style picture, and so of its strokes: 0.5 halves them, 2 doubles them. Sides never "
        "fall below 32 px.",
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


@method(
    title="WCT",
    paper=Paper("Universal Style Transfer via Feature Transforms", "Li et al.", "NIPS", 2017, "1705.08086"),
    options=WCTOptions,
    size_rule=SizeRule(multiple=16, minimum=SMALLEST),
    uses_segments=True,
    mixes_styles=True,
    makes_textures=True,
)
def stylize(inputs: Inputs, options: WCTOptions, runtime: Runtime) -> ImageTensor:
    """Per level, coarse to fine: encode, transform, decode, and on with that picture (section 3.2)."""
    if inputs.is_noise and (options.style_strength < 1 or options.content_strength > 0):
        runtime.note("A texture has no content to keep; it was made at full style strength.")
        options = replace(options, style_strength=1.0, content_strength=0.0)
        runtime.used(style_strength=1.0, content_strength=0.0)
    strengths = {level: level_strength(level, options) for level in LEVELS if str(level) in options.levels}
    strengths = {level: strength for level, strength in strengths.items() if strength > 0}
    if not strengths:
        runtime.note("At these strengths no level is left to transfer anything; this is the content itself.")
        return inputs.content
    shared = runtime.encoder(last=f"relu{max(strengths)}_1", fast=options.is_fast)
    styles = [_scaled(style, options.style_scale) for style in inputs.styles]
    smallest = min(SMALLEST / min(style.pixels.shape[-2:]) for style in inputs.styles)
    runtime.used(levels=[str(level) for level in strengths], style_scale=max(options.style_scale, smallest))
    pictures = [inputs.content, *(style.pixels for style in styles)]
    need_feature_memory(runtime, shared, pictures, maps_held=MAPS_HELD)
    levels = {level: _load(level, shared, runtime, options.is_fast) for level in strengths}

    def measure(style: StyleInput) -> dict[int, Statistics]:
        runtime.progress(0.05, "Encoding the style")
        return _style_statistics(style, levels, runtime)

    how = (list(levels), options.is_fast)
    targets = [
        runtime.remember("style", style.pixels, style.labels, how, compute=partial(measure, style))
        for style in styles
    ]
    weights = region_weights(inputs)
    labels = [EVERYTHING, *(weights or ())]

    image = inputs.content
    passes = max(options.passes, TEXTURE_PASSES) if inputs.is_noise else options.passes
    runtime.used(passes=passes)
    steps = [level for _ in range(passes) for level in levels]
    for done, level in enumerate(steps):
        runtime.progress(0.2 + 0.8 * done / len(steps), f"Level {level}", image)
        encoder, network = levels[level]
        features = _encode(encoder, level, image)
        content = region_moments(features, inputs.content_labels)
        here = [target[level] for target in targets]
        measured = content.keys() & {label for target in here for label in target}
        if is_any_unmeasured(inputs.content_labels, measured):
            runtime.note(SMALL_REGION_NOTE)
        maps = {
            label: _mixed_map(content, label, here, styles, strengths[level], options) for label in labels
        }
        moved = apply_maps(features, maps, weights)
        image = network.render(moved, features, image, detail=1 - strengths[level])
    return image


def level_strength(level: int, options: WCTOptions) -> float:
    """The blend of a level: all the style strength at 1, ``1 - content_strength`` of it at 5."""
    return options.style_strength * (1 - options.content_strength * (level - 1) / (max(LEVELS) - 1))


def _load(level: int, shared: Encoder, runtime: Runtime, is_fast: bool) -> tuple[Encoder, LevelNetwork]:
    network = runtime.load(NETWORKS[level], fast=is_fast)
    assert isinstance(network, LevelNetwork)
    return network.encoder or shared, network


def _encode(encoder: Encoder, level: int, image: Tensor) -> Tensor:
    name = f"relu{level}_1"
    return encoder(image, (name,))[name]


def _style_statistics(
    style: StyleInput, levels: dict[int, tuple[Encoder, LevelNetwork]], runtime: Runtime
) -> dict[int, Statistics]:
    """The style's moments at every level, with one pass for all levels that share an encoder."""
    found: dict[int, Statistics] = {}
    for encoder in {id(e): e for e, _ in levels.values()}.values():
        names = {f"relu{k}_1": k for k, (own, _) in levels.items() if own is encoder}
        for name, features in encoder(style.pixels, names).items():
            found[names[name]] = region_moments(features, style.labels)
    return found


def _mixed_map(
    content: Statistics, label: int, targets: list[Statistics], styles: list[StyleInput],
    strength: float, options: WCTOptions,
) -> AffineMap:  # fmt: skip
    """The styles' maps for one region, averaged by weight (Li et al. 2017, section 4.2).

    Where the region is too small to be measured on either side, whole pictures are matched; of
    several styles still only those that have the region.
    """
    every = [k for k, style in enumerate(styles) if style.weight > 0]
    owners = [k for k in every if _has(styles[k], label)]
    is_measured = bool(owners) and label in content and all(label in targets[k] for k in owners)
    place = label if is_measured else EVERYTHING
    chosen = owners if is_measured or (owners and len(styles) > 1) else every
    total = sum(styles[k].weight for k in chosen)
    maps = [
        (styles[k].weight / total, feature_map(content[place], targets[k][place], options, strength=strength))
        for k in chosen
    ]
    return AffineMap(
        torch.stack([w * m.matrix for w, m in maps]).sum(0), torch.stack([w * m.bias for w, m in maps]).sum(0)
    )


def _has(style: StyleInput, label: int) -> bool:
    return label == EVERYTHING or (style.labels is not None and bool((style.labels == label).any()))


def _scaled(style: StyleInput, factor: float) -> StyleInput:
    """The style picture at ``factor`` times its size, or as small as the network takes it."""
    h, w = style.pixels.shape[-2:]
    factor = max(factor, SMALLEST / min(h, w))
    if factor == 1:
        return style
    size = [round(side * factor) for side in (h, w)]
    pixels = F.interpolate(style.pixels, size, mode="bicubic", antialias=True).clamp(0, 1)
    labels = style.labels
    if labels is not None:
        labels = F.interpolate(labels[None, None].float(), size, mode="nearest-exact")[0, 0].long()
    return StyleInput(pixels, labels, style.weight)
