"""Deep Photo: gives a photo another photo's light by optimizing pixels that may only be recolored locally.

Luan, Paris, Shechtman, Bala, CVPR 2017. Gatys et al.'s losses by region, plus the matting Laplacian of
the content: whatever is not, window by window, an affine recoloring of the photo is charged for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from ..errors import EnoughDone
from ..images import ImageTensor, SizeRule
from ..method import About, Inputs, Paper, Runtime, method
from ..nets.encoder import LAYERS
from ..nets.reach import encoder_reach, stride_of
from ..ops.guided_filter import put_back_detail
from ..ops.local_affine import local_affine_filter
from ..ops.pixel_optimization import Loss
from ..options import Condition, PhotoOptions, needs_above_zero, several, slider
from ..smoothing import matting_energy, propagate
from .shared.coarse_to_fine import SHORTEST, Scale, Watch, carry_up, growing_sizes, scaled_pictures
from .shared.feature_memory import need_feature_memory
from .shared.gram_loss import at_size, picture_loss
from .shared.gram_options import GramOptions, content_factor, noise_weight
from .shared.photo_finish import nearer_to_styles
from .shared.recolored_start import recolored

# On the mean energy per pixel, at content strength 0.5. The paper's 10,000 is on the sum and in units of
# unnormalized features; this one was chosen on the photo pairs.
PHOTOREALISM_WEIGHT = 100.0
# Departure: of the matting Laplacian. The paper's 1e-7 follows every step of a JPEG's 8 x 8 blocks in a
# clear sky, whose edges then show; this is about the variance of rounding to 8 bits.
EPSILON = 1e-5
START_TOLERANCE = 2e-3  # looser than PhotoWCT: the optimizer goes on from there
REFINEMENTS = ("affine", "detail")
AFFINE_RADIUS, AFFINE_EDGE = 15, 0.01  # Luan et al. 2017, README and batch script of the released code
MAPS_HELD = 18.5  # gradients and L-BFGS history included; see shared/feature_memory.py


@dataclass(frozen=True, kw_only=True)
class DeepPhotoOptions(GramOptions, PhotoOptions):
    """How strictly Deep Photo keeps to local recoloring, and what is done to the result."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "photorealism": needs_above_zero("content_strength"),
        "refinement=none": Condition("no other step beside it", lambda o, texture: len(o.refinement) == 1),
    }
    content_strength: float = slider(
        0.5, 0, 1,
        help="Weight of the content's features and of the photorealism term against the style, by the third "
        "power: 0 is style alone, 1 eight times the default.",
    )  # fmt: skip
    photorealism: float = slider(
        1.0, 0, 10, step=0.1, advanced=True,
        help="Weight of the matting Laplacian by itself: 0 leaves out the paper's second stage's term.",
    )  # fmt: skip
    refinement: tuple[str, ...] = several(
        ("detail",), ("none", *REFINEMENTS), advanced=True,
        help="Steps after the optimization: affine is the paper's local affine model smoothed along edges, "
        "detail puts the content's fine detail back.",
    )  # fmt: skip
    total_variation: float = noise_weight(0.0)


@method(
    About(
        title="Deep Photo",
        paper=Paper(
            title="Deep Photo Style Transfer",
            authors="Luan et al.",
            venue="CVPR",
            year=2017,
            arxiv="1703.07511",
        ),
        options=DeepPhotoOptions,
        stride=stride_of(LAYERS[-1]),
        halo=encoder_reach(LAYERS[-1]),
        size_rule=SizeRule(multiple=16, minimum=SHORTEST),
        uses_segments=True,
        optimizes=True,
        photorealistic=True,
        encoder="imagenet",
    )
)
def stylize(inputs: Inputs, options: DeepPhotoOptions, runtime: Runtime) -> ImageTensor:
    """Stage 1 without, stage 2 with the photorealism term (section 3.3), then the refinements."""
    if options.style_strength == 0:
        runtime.note("At style strength 0 nothing is transferred; this is the content itself.")
        return inputs.content
    encoder = runtime.encoder(last=options.layers[-1], pool=options.pooling, fast=options.is_fast)
    need_feature_memory(runtime, encoder, inputs, maps_held=MAPS_HELD, maps_regions=False, in_float32=True)
    first, second = _stages(inputs.content, options)
    if inputs.begun is not None:  # stage 1 has been gone through
        first = []
    watch = Watch(runtime, [*first, second], max_seconds=options.max_seconds, last=0.9)
    encoder = encoder.with_pulse(watch.pulse)
    image = before = inputs.content
    for number, scale in enumerate([*first, second]):
        is_second = scale is second
        if watch.is_stopped and not is_second:  # what there is goes there at once
            continue
        here = at_size(inputs, scaled_pictures(inputs, scale, [inputs.style]))
        if inputs.begun is not None:
            image = inputs.begun
        elif number == 0:
            image = recolored(here, strength=options.style_strength)
        else:
            image = carry_up(image, before, here.content, detail=True)
        before = here.content
        watch.say("Measuring the style", image)
        loss = watch.prepared(partial(picture_loss, here, options, encoder, runtime.note))
        if loss is not None and is_second:
            watch.say("Smoothing along the content", image)
            loss = watch.prepared(partial(photorealistic, loss, here.content, options))
            if inputs.begun is None:
                smoothed = watch.prepared(partial(_start, image, here.content, options, watch))
                image = image if smoothed is None else smoothed
        if loss is None:
            continue
        stage = "Stage 2, " if is_second else "Stage 1, "
        image = watch.run(scale, partial(_given, image), loss, optimizer=options.optimizer, stage=stage)
    watch.finish()
    watch.say("Refining", image)
    return nearer_to_styles(_refine(image.clamp(0, 1), inputs.content, options, runtime), inputs, options)


def _given(image: ImageTensor) -> ImageTensor:
    return image


def _stages(content: ImageTensor, options: DeepPhotoOptions) -> tuple[list[Scale], Scale]:
    """Stage 1 at the small sizes, stage 2 at full size; both at full size if there is only that."""
    h, w = content.shape[-2:]
    *small, full = growing_sizes(h, w, steps=options.steps, coarse_to_fine=options.coarse_to_fine)
    return (small or [full]), replace(full)


def photorealistic(loss: Loss, content: ImageTensor, options: DeepPhotoOptions) -> Loss:
    """The loss with ``lambda sum_c V_c' L V_c`` (equation 2), per pixel."""
    pixels = content.shape[-2] * content.shape[-1]
    weight = PHOTOREALISM_WEIGHT * options.photorealism * content_factor(options) / pixels
    if weight == 0:
        return loss
    energy = matting_energy(content, epsilon=EPSILON)

    def total(x: Tensor) -> Tensor:
        return loss(x) + weight * energy(x)

    return total


def _start(image: ImageTensor, content: ImageTensor, options: DeepPhotoOptions, watch: Watch) -> ImageTensor:
    """Departure: stage 2 starts from stage 1's picture smoothed in closed form (Li et al. 2018).

    That is the minimum of the photorealism term plus the distance to the picture, so the
    optimizer, which is slow at such stiff terms, need not find it.
    """
    if options.photorealism * options.content_strength == 0:
        return image
    smoothed = propagate(
        image.clamp(0, 1), content, epsilon=EPSILON, normalization="rows", tolerance=START_TOLERANCE,
        report=lambda _: watch.pulse(),
    )  # fmt: skip
    return smoothed.image


def _refine(
    image: ImageTensor, content: ImageTensor, options: DeepPhotoOptions, runtime: Runtime
) -> ImageTensor:
    if "affine" in options.refinement:
        message = "Local affine refinement"
        try:
            image = local_affine_filter(
                content, image, radius=AFFINE_RADIUS, edge=AFFINE_EDGE,
                report=lambda share: runtime.progress(0.9 + 0.1 * share, message),
            ).clamp(0, 1)  # fmt: skip
        except EnoughDone:
            runtime.note("Stopped in the local affine refinement, which was left out.")
            runtime.used(refinement=[s for s in options.refinement if s != "affine"] or ["none"])
    if "detail" in options.refinement:
        image = put_back_detail(image, content, strength=options.style_strength).clamp(0, 1)
    return image
