"""PhotoWCT: recolors a photo after another photo by whitening and coloring, then smooths along its edges.

Li et al., ECCV 2018. Max unpooling keeps what nearest up-sampling blurs; a closed-form solve on the
content's matting affinity removes what is left of patches and halos.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from torch import Tensor

from ..errors import WeightsUnavailable
from ..images import ImageTensor
from ..method import About, Inputs, Network, Paper, Runtime, method
from ..nets.decoder import LevelNetwork, encode_with_maxima
from ..nets.reach import mirror_halo, stride_of
from ..ops.guided_filter import guided_filter, put_back_detail
from ..ops.local_affine import local_affine_filter
from ..options import Condition, PhotoOptions, needs, needs_above_zero, several, slider, switch
from ..regions import Regions
from ..smoothing import propagate
from ..transfer import Place, Plan, Stage, Statistics, StyleStatistics, Transfer, match
from .shared.feature_matching import STYLED, MatchingOptions, feature_map, maps_by_region, reach_of
from .shared.feature_memory import need_feature_memory
from .shared.mirrored import MirroredStage, level_of, measure_levels
from .shared.photo_finish import nearer_to_styles, unmatched

LEVELS = (4, 3, 2, 1)
NETWORKS = {
    level: Network(f"photo_wct_{level}", partial(LevelNetwork.from_state, level=level, upsampling="unpool"))
    for level in LEVELS
}
SMOOTHINGS = ("matting", "guided", "affine", "refine")
GUIDED_RADIUS, GUIDED_EPS = 35, 1e-4  # px; Li et al. 2018, section 3.2, with an eps that is not zero
# Departure: the smoothing follows the content without noise. The paper's epsilon of 1e-7 follows every step
# of a JPEG's 8 x 8 blocks in a clear sky and draws them into the result; a larger one costs style everywhere.
EPSILON = 1e-7  # Li et al. 2018, released code; variance of 0-1 values within 3 x 3 px
EXACT_TOLERANCE = 1e-4  # of the solve: within 1/255 in every pixel; a third more steps than without
NOISE_RADIUS, NOISE_EPS = 6, 1e-4  # px; about the variance of rounding and quantizing 8-bit values
AFFINE_RADIUS, AFFINE_EDGE = 15, 0.1  # Li et al. 2018, released code
MAPS_HELD = 12  # see shared/feature_memory.py


@dataclass(frozen=True, kw_only=True)
class PhotoWCTOptions(MatchingOptions, PhotoOptions):
    """How PhotoWCT transfers style, and how the result is smoothed."""

    group: ClassVar[str] = "This method"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "levels": STYLED,
        "detail": STYLED,
        "smoothing": needs_above_zero("content_strength"),
        "quiet_guide": needs("smoothing", "matting") & needs_above_zero("content_strength"),
    }
    content_strength: float = slider(
        1.0, 0, 1,
        help="How much of the smoothing along the content's edges is applied: 0 is the network's own "
        "picture, 1 all of it.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1, help="Blend of content and style features: 0 leaves the content as it is, 1 is the paper."
    )
    detail: float = slider(
        1.0, 0, 1, advanced=True,
        help="How much of the detail that decoding loses is put back at every level: 0 is the paper.",
    )  # fmt: skip
    smoothing: tuple[str, ...] = several(
        ("matting", "refine"), SMOOTHINGS, advanced=True,
        help="Steps after the network, in this order: matting is the paper's closed form, guided its fast "
        "substitute, affine the released code's post-processing, refine puts the content's fine detail back.",
    )  # fmt: skip
    quiet_guide: bool = switch(
        True, advanced=True,
        help="With matting: follow the content without its noise. Off is the paper, which draws the blocks "
        "of JPEG files into clear skies.",
    )  # fmt: skip
    levels: tuple[str, ...] = several(
        tuple(str(k) for k in LEVELS), tuple(str(k) for k in LEVELS), advanced=True,
        help="Levels of the network that are matched, from deep (4) to shallow (1).",
    )  # fmt: skip


class PhotoWCTTransfer(Transfer):
    """The chosen levels, deep to shallow.

    Args:
        stages: in order.
        target: the style's statistics.
        options: whitening and strength.
        note: told of regions that could not be measured.
    """

    def __init__(
        self, stages: Sequence[Stage], target: StyleStatistics, options: PhotoWCTOptions,
        note: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.stages, self.target, self.note = tuple(stages), target, note
        self.make = partial(feature_map, options=options, strength=options.style_strength)
        self.needs_furthest = options.whitening == "paper"

    def plan(self, place: Place, content: Statistics, labels: Sequence[int]) -> Plan:
        style = self.target[place]
        maps = maps_by_region(content, style, labels, self.make, self.note)
        return Plan(maps, reach=reach_of(content, [style]))


def prepare(inputs: Inputs, options: PhotoWCTOptions, runtime: Runtime) -> PhotoWCTTransfer:
    """The networks loaded and the style measured."""
    levels = [level for level in LEVELS if str(level) in options.levels]
    encoder = runtime.encoder(last=f"relu{levels[0]}_1", fast=options.is_fast)
    need_feature_memory(runtime, encoder, inputs, maps_held=MAPS_HELD, maps_regions=True)
    networks = {level: _load(level, runtime, options.is_fast) for level in levels}

    def measure() -> StyleStatistics:
        runtime.progress(0.05, "Encoding the style")
        return measure_levels(encoder, inputs.styles[0], levels)

    target = runtime.remember(
        "style", inputs.style, inputs.style_labels, levels, options.is_fast, compute=measure
    )
    detail = 1 - options.style_strength * (1 - options.detail)
    stages = [
        MirroredStage(level, network, partial(encode_with_maxima, encoder, level=level), detail=detail)
        for level, network in networks.items()
    ]
    return PhotoWCTTransfer(stages, target, options, runtime.note)


@method(
    About(
        title="PhotoWCT",
        paper=Paper(
            title="A Closed-form Solution to Photorealistic Image Stylization",
            authors="Li et al.",
            venue="ECCV",
            year=2018,
            arxiv="1802.06474",
        ),
        options=PhotoWCTOptions,
        stride=stride_of("relu4_1"),
        halo=mirror_halo(4),
        uses_segments=True,
        photorealistic=True,
        prepare=prepare,
    )
)
def stylize(inputs: Inputs, options: PhotoWCTOptions, runtime: Runtime) -> ImageTensor:
    """Stylize from level 4 to 1 (section 3.1), then smooth (section 3.2)."""
    plain = unmatched(options)
    unsmoothed = replace(plain, content_strength=0.0, smoothing=SMOOTHINGS, quiet_guide=True)
    stylized = runtime.remember(
        "stylized", inputs, unsmoothed, compute=lambda: _stylize(inputs, options, runtime)
    )
    if options.content_strength == 0:
        return nearer_to_styles(stylized.float(), inputs, options)
    smoothed = runtime.remember(
        "smoothed", inputs, replace(plain, content_strength=1.0),
        compute=lambda: _smooth(stylized, inputs.content, options, runtime),
    )  # fmt: skip
    return nearer_to_styles(stylized.lerp(smoothed, options.content_strength).float(), inputs, options)


def _stylize(inputs: Inputs, options: PhotoWCTOptions, runtime: Runtime) -> ImageTensor:
    transfer = prepare(inputs, options, runtime)
    regions = Regions.of(inputs.content_labels, inputs.content)
    image = inputs.content
    for done, stage in enumerate(transfer.stages):
        level = level_of(stage.places[0])
        runtime.progress(0.15 + 0.35 * done / len(transfer.stages), f"Level {level}", image)
        image = match(stage, image, transfer, regions)
    return image


def _load(level: int, runtime: Runtime, is_fast: bool) -> LevelNetwork:
    network = runtime.load(NETWORKS[level], fast=is_fast)
    assert isinstance(network, LevelNetwork)
    if network.encoder is not None:
        raise WeightsUnavailable(
            f"{NETWORKS[level].name} brings its own encoder; PhotoWCT shares one for all levels."
        )
    return network


def _smooth(image: Tensor, content: Tensor, options: PhotoWCTOptions, runtime: Runtime) -> Tensor:
    """The chosen steps, in the order of SMOOTHINGS; nothing is rounded in between."""
    if "matting" in options.smoothing:
        image = _propagate(image, content, options, runtime)
    if "guided" in options.smoothing:
        runtime.progress(0.9, "Guided filter")
        image = guided_filter(content, image, radius=GUIDED_RADIUS, eps=GUIDED_EPS, subsample=4).clamp(0, 1)
    if "affine" in options.smoothing:
        message = "Local affine post-processing"
        runtime.progress(0.9, message)
        image = local_affine_filter(
            content, image, radius=AFFINE_RADIUS, edge=AFFINE_EDGE,
            report=lambda share: runtime.progress(0.9 + 0.1 * share, message),
        ).clamp(0, 1)  # fmt: skip
    if "refine" in options.smoothing:
        # Departure: Li et al. 2018 do without; smoothing costs texture, which this step of Luan et al. 2017
        # gives back. In proportion to the strength, because an untouched content has lost nothing.
        image = put_back_detail(image, content, strength=options.style_strength).clamp(0, 1)
    return image


def _propagate(image: Tensor, content: Tensor, options: PhotoWCTOptions, runtime: Runtime) -> Tensor:
    message = "Smoothing along the content"
    runtime.progress(0.5, message, image)
    # Departure: normalized by rows. The paper's symmetric form darkens two pixels along the borders,
    # which the released code pads and cuts off.
    guide = content
    if options.quiet_guide:
        guide = guided_filter(content, content, radius=NOISE_RADIUS, eps=NOISE_EPS).clamp(0, 1)
    solved = propagate(
        image, guide, epsilon=EPSILON, normalization="rows",
        tolerance=None if options.is_fast else EXACT_TOLERANCE,
        report=lambda share: runtime.progress(0.5 + 0.4 * share, message),
    )  # fmt: skip
    if not solved.is_converged:
        runtime.note(
            f"The smoothing stopped after {solved.steps} steps before it was exact (residual "
            f"{solved.residual:.0e}); some patches may be left."
        )
    return solved.image.clamp(0, 1)
