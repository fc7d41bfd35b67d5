"""Gatys: paints a photo in any style by optimizing its pixels until deep features and Gram matrices agree.

Gatys, Ecker, Bethge, CVPR 2016. The slowest method and the one that copies a painter's strokes most
faithfully; watch it, stop it when you like what you see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from ..images import ImageTensor, SizeRule
from ..method import About, Inputs, Paper, Runtime, StyleInput, method
from ..nets.encoder import LAYERS, Encoder
from ..nets.reach import encoder_reach, stride_of
from ..ops.color_preservation import luminance, match_color, match_luminance, with_luminance
from ..options import CONTENT, TEXTURE, Condition, choice, color_match_slider, needs, weights_of
from ..progress import time_to_go
from .shared.coarse_to_fine import (
    SHORTEST,
    Scale,
    Watch,
    carry_up,
    growing_sizes,
    noise,
    refined,
    resized,
    scaled_pictures,
    working_scale,
)
from .shared.gram_loss import at_size
from .shared.gram_options import GramOptions
from .shared.recolored_start import recolored
from .shared.style_colors import nearer_to_styles_colors
from .shared.style_scale import scaled_styles, style_scale_slider, styles_at
from .shared.tiled_gram import loss_that_fits, painting_memory, refining_memory

STARTS = ("recolored", "content", "noise", "style")
DARKEST, LIGHTEST = 0.03, 0.97  # of a recolored start: in what is clipped no stroke finds a hold
COLORS = ("style", "luminance", "covariance")
# Beyond the working size, by eye: what a position of deeper layers sees is there already, enlarged, and they
# would only paint the style's motifs again, smaller.
REFINED_LAYERS = LAYERS[: LAYERS.index("conv3_1") + 1]
# Bytes that the network's walk may take of a large picture, up to the working size and beyond it: more would
# hardly be faster where all that is deep is margin.
SOLVING_ROOM, REFINING_ROOM = 900_000_000, 250_000_000
HISTORY_ROOM = 200_000_000  # bytes of L-BFGS's pairs beyond the working size, where they weigh most


@dataclass(frozen=True, kw_only=True)
class GatysOptions(GramOptions):
    """What Gatys et al. optimize, from where, and in whose colors."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": TEXTURE | needs("start", "noise"),
        "start": CONTENT,
        "color_match": CONTENT & needs("colors", "style"),
    }
    style_scale: float = style_scale_slider()
    colors: str = choice(
        "style", COLORS,
        help="Whose colors: the style's, or the content's, either by painting its luminance alone or by "
        "giving the style picture the content's colors first (covariance).",
    )  # fmt: skip
    color_match: float = color_match_slider(0.5)
    start: str = choice(
        "recolored", STARTS, advanced=True,
        help="Picture the optimizer starts from: recolored is the content in the style's colors, which even "
        "areas reach slowly by themselves; content keeps most, noise is the paper's.",
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
        optimizes=True,
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
        forced: dict[str, Any] = {
            "style_strength": 1.0,
            "colors": "style",
            "start": "noise",
            "color_match": 0.0,
        }
        options = replace(options, **forced)
        runtime.used(**forced, content_strength=0.0)  # picture_loss leaves the content out
    if options.style_strength == 0:
        runtime.note("At style strength 0 nothing is transferred; this is the content itself.")
        return inputs.content
    original = inputs.content
    is_gray = options.colors == "luminance"
    encoder = runtime.encoder(last=options.layers[-1], pool=options.pooling, fast=options.is_fast)
    h, w = inputs.content.shape[-2:]
    scales = growing_sizes(h, w, steps=options.steps, coarse_to_fine=options.coarse_to_fine)
    working = working_scale(scales)
    runtime.need_memory(_memory(inputs, working, encoder))
    scales = [refined(scale) if scale.factor > working.factor else scale for scale in scales]
    styles = _working_styles(inputs, working, options, runtime)
    if is_gray:
        begun = None if inputs.begun is None else luminance(inputs.begun)
        inputs = replace(inputs, content=luminance(original), begun=begun)
    watch = Watch(runtime, scales, max_seconds=options.max_seconds)
    encoder = encoder.with_pulse(watch.pulse)
    image, before = None, inputs.content
    for scale in scales:
        if watch.is_stopped and scale != working:  # what there is goes there at once
            continue
        is_refined = scale.factor > working.factor
        here = _at(inputs, scale, options) if is_refined else _below(inputs, styles, scale, working)
        given = None if inputs.begun is None else resized(inputs.begun, scale.height, scale.width)
        if image is None:
            begin = partial(_start, here, given, options, runtime)
        elif given is not None:  # whose own strokes are there at every size
            begin = partial(carry_up, image, before, given, detail=True)
        else:
            has_detail = options.start in {"recolored", "content"} and not is_refined
            begin = partial(carry_up, image, before, here.content, detail=has_detail)
        watch.say(
            _message(scale, watch.seconds_left if is_refined else None),
            here.content if image is None else image,
        )
        own = refining(options) if is_refined else options
        room = None if working.factor == 1 else REFINING_ROOM if is_refined else SOLVING_ROOM
        loss = watch.prepared(partial(loss_that_fits, here, own, encoder, runtime, room=room))
        if loss is None:
            image = begin()
        else:
            image = watch.run(
                scale, begin, loss, optimizer=options.optimizer,
                history_room=HISTORY_ROOM if is_refined else None,
            )  # fmt: skip
        if scale == working and options.colors == "style":
            strength = options.color_match * options.style_strength
            # At the size they are matched in, the styles have less contrast than their pixels.
            image = nearer_to_styles_colors(image, replace(here, styles=inputs.styles), strength=strength)
        before = here.content if given is None else given
    watch.finish()
    assert image is not None
    if image.shape != original.shape:  # stopped before
        after = original if inputs.begun is None else inputs.begun
        image = carry_up(image, before, after, detail=inputs.begun is not None)
    return with_luminance(original, image) if is_gray else image


def _memory(inputs: Inputs, working: Scale, encoder: Encoder) -> int:
    """Bytes it takes, of the larger of solving at the working size and refining at the content's own."""
    styles = [style.pixels for style in inputs.styles]
    begun = 0 if inputs.begun is None else 2 * inputs.begun.nbytes  # at two sizes
    if working.factor == 1:
        return painting_memory(encoder, inputs.content, styles) + begun
    small = inputs.content[..., : working.height, : working.width]
    solved = painting_memory(encoder, small, styles, room=SOLVING_ROOM) + 2 * inputs.content.nbytes
    return max(solved, refining_memory(inputs.content, room=REFINING_ROOM)) + begun


def refining(options: GatysOptions) -> GatysOptions:
    """What is optimized beyond the working size: the shallow layers of the style, all if there are none."""
    weights = weights_of(options.style_layers)
    shallow = tuple(f"{layer}={weights[layer]:g}" for layer in REFINED_LAYERS if weights.get(layer, 0) > 0)
    return replace(options, style_layers=shallow or options.style_layers, content_strength=0.0)


def _message(scale: Scale, seconds: float | None) -> str:
    if seconds is None:
        return "Measuring the style"
    return f"Refining at {scale.width} x {scale.height} px, {time_to_go(seconds)} to go"


def _working_styles(
    inputs: Inputs, working: Scale, options: GatysOptions, runtime: Runtime
) -> tuple[StyleInput, ...]:
    """The styles at the size and in the colors they are matched in at the working size."""
    here = replace(inputs, content=resized(inputs.content, working.height, working.width))
    return _colored(scaled_styles(here, options.style_scale, runtime), here.content, options)


def _colored(
    styles: tuple[StyleInput, ...], content: ImageTensor, options: GatysOptions
) -> tuple[StyleInput, ...]:
    """The styles in the colors they are matched in."""
    if options.colors == "covariance":
        return tuple(replace(s, pixels=match_color(s.pixels, content)) for s in styles)
    if options.colors == "luminance":
        return tuple(replace(s, pixels=match_luminance(s.pixels, content)) for s in styles)
    return styles


def _below(inputs: Inputs, styles: tuple[StyleInput, ...], scale: Scale, working: Scale) -> Inputs:
    """The pictures up to the working size: the styles shrink with the content."""
    share = replace(scale, factor=scale.factor / working.factor)
    pictures = scaled_pictures(inputs, share, [style.pixels for style in styles])
    return at_size(replace(inputs, styles=styles), pictures)


def _at(inputs: Inputs, scale: Scale, options: GatysOptions) -> Inputs:
    """The pictures beyond the working size: the styles grow with the content, up to what they are."""
    content = resized(inputs.content, scale.height, scale.width)
    styles = styles_at(inputs.styles, options.style_scale * max(scale.height, scale.width))
    styles = _colored(styles, content, options)
    return at_size(replace(inputs, styles=styles), (content, *(style.pixels for style in styles)))


def _start(inputs: Inputs, given: ImageTensor | None, options: GatysOptions, runtime: Runtime) -> ImageTensor:
    if given is not None:
        return given
    h, w = inputs.content.shape[-2:]
    if options.start == "noise":
        return noise(runtime.generator, h, w, inputs.content.device)
    if options.start == "style":
        return _covering(inputs.styles[0], h, w)
    # Styles that were given the content's colors, or none, leave nothing to recolor.
    if options.start == "recolored" and options.colors == "style":
        return recolored(inputs, strength=options.style_strength).clamp(DARKEST, LIGHTEST)
    return inputs.content


def _covering(style: StyleInput, height: int, width: int) -> ImageTensor:
    """The middle of the style picture, as large as it fills ``height`` x ``width``."""
    h, w = style.pixels.shape[-2:]
    factor = max(height / h, width / w)
    large = resized(style.pixels, max(height, round(h * factor)), max(width, round(w * factor)))
    top, left = (large.shape[-2] - height) // 2, (large.shape[-1] - width) // 2
    return large[..., top : top + height, left : left + width].contiguous()
