"""Gatys: paints a photo in any style by optimizing its pixels until deep features and Gram matrices agree.

Gatys, Ecker, Bethge, CVPR 2016. The slowest method and the one that copies a painter's strokes most
faithfully; watch it, stop it when you like what you see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..images import ImageTensor, SizeRule
from ..method import About, Inputs, Paper, Runtime, StyleInput, method
from ..nets.encoder import LAYERS
from ..nets.reach import encoder_reach, stride_of
from ..ops.color_preservation import luminance, match_color, match_luminance, with_luminance
from ..options import CONTENT, TEXTURE, Condition, choice, needs
from .shared.coarse_to_fine import SHORTEST, Watch, carry_up, growing_sizes, noise, resized, scaled_pictures
from .shared.feature_memory import need_feature_memory
from .shared.gram_loss import at_size, picture_loss
from .shared.gram_options import GramOptions
from .shared.style_scale import scaled_styles, style_scale_slider

STARTS = ("content", "noise", "style")
COLORS = ("style", "luminance", "covariance")
MAPS_HELD = 15  # gradients and L-BFGS history included; see shared/feature_memory.py


@dataclass(frozen=True, kw_only=True)
class GatysOptions(GramOptions):
    """What Gatys et al. optimize, from where, and in whose colors."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": TEXTURE | needs("start", "noise"),
        "start": CONTENT,
    }
    style_scale: float = style_scale_slider()
    colors: str = choice(
        "style", COLORS,
        help="Whose colors: the style's, or the content's, either by painting its luminance alone or by "
        "giving the style picture the content's colors first (covariance).",
    )  # fmt: skip
    start: str = choice(
        "content", STARTS, advanced=True,
        help="Picture the optimizer starts from: content keeps most, noise is the paper's.",
    )  # fmt: skip


@method(
    About(
        title="Gatys",
        paper=Paper(
            title="Image Style Transfer Using Convolutional Neural Networks",
            authors="Gatys et al.",
            venue="CVPR",
            year=2016,
            arxiv="1508.06576",
        ),
        options=GatysOptions,
        stride=stride_of(LAYERS[-1]),
        halo=encoder_reach(LAYERS[-1]),
        size_rule=SizeRule(multiple=16, minimum=SHORTEST),
        uses_segments=True,
        mixes_styles=True,
        makes_textures=True,
        longest=1024,
        encoder="imagenet",
    )
)
def stylize(inputs: Inputs, options: GatysOptions, runtime: Runtime) -> ImageTensor:
    """Minimize content and style loss over the pixels (section 2.3), coarse to fine."""
    if inputs.is_noise:
        if options.style_strength < 1 or options.colors != "style":
            runtime.note(
                "A texture has no content; it was made at full style strength, in the style's colors."
            )
        forced: dict[str, Any] = {"style_strength": 1.0, "colors": "style", "start": "noise"}
        options = replace(options, **forced)
        runtime.used(**forced, content_strength=0.0)  # picture_loss leaves the content out
    if options.style_strength == 0:
        runtime.note("At style strength 0 nothing is transferred; this is the content itself.")
        return inputs.content
    original = inputs.content
    inputs = _with_styles(inputs, options, runtime)
    encoder = runtime.encoder(last=options.layers[-1], pool=options.pooling, fast=options.is_fast)
    need_feature_memory(runtime, encoder, inputs, maps_held=MAPS_HELD, maps_regions=False, in_float32=True)

    h, w = inputs.content.shape[-2:]
    scales = growing_sizes(h, w, steps=options.steps, coarse_to_fine=options.coarse_to_fine)
    watch = Watch(runtime, scales, max_seconds=options.max_seconds)
    is_gray = options.colors == "luminance"
    image, before = None, inputs.content
    for scale in scales:
        styles = [style.pixels for style in inputs.styles]
        here = at_size(inputs, scaled_pictures(inputs, scale, styles))
        if image is None:
            image = _start(here, options, runtime)
        else:
            image = carry_up(image, before, here.content, detail=options.start == "content")
        watch.say("Measuring the style", image)
        if not watch.is_stopped:
            loss = picture_loss(here, options, encoder, runtime.note)
            image = watch.run(scale, image, loss, optimizer=options.optimizer)
        before = here.content
    watch.finish()
    assert image is not None
    return with_luminance(original, image) if is_gray else image


def _with_styles(inputs: Inputs, options: GatysOptions, runtime: Runtime) -> Inputs:
    """The styles at the size and in the colors they are matched in."""
    styles = scaled_styles(inputs, options.style_scale, runtime)
    if options.colors == "covariance":
        styles = tuple(replace(s, pixels=match_color(s.pixels, inputs.content)) for s in styles)
    if options.colors == "luminance":
        styles = tuple(replace(s, pixels=match_luminance(s.pixels, inputs.content)) for s in styles)
        return replace(inputs, content=luminance(inputs.content), styles=styles)
    return replace(inputs, styles=styles)


def _start(inputs: Inputs, options: GatysOptions, runtime: Runtime) -> ImageTensor:
    h, w = inputs.content.shape[-2:]
    if options.start == "noise":
        return noise(runtime.generator, h, w, inputs.content.device)
    return inputs.content if options.start == "content" else _covering(inputs.styles[0], h, w)


def _covering(style: StyleInput, height: int, width: int) -> ImageTensor:
    """The middle of the style picture, as large as it fills ``height`` x ``width``."""
    h, w = style.pixels.shape[-2:]
    factor = max(height / h, width / w)
    large = resized(style.pixels, max(height, round(h * factor)), max(width, round(w * factor)))
    top, left = (large.shape[-2] - height) // 2, (large.shape[-1] - width) // 2
    return large[..., top : top + height, left : left + width].contiguous()
