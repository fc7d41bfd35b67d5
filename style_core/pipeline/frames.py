"""A method's transfer for frames of clips: the style is measured once, one plan serves a shot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from .. import device as devices
from ..errors import InvalidClip
from ..exactness import exact_float32
from ..images import ImageTensor, Source
from ..method import Inputs, Method
from ..options import Options, PhotoOptions, make_options, option_default, option_fields
from ..progress import Progress, ignore_progress
from ..regions import NOTHING_COMMON, Labels, Regions, ShotRegions, cluster_frames
from ..tiles import tiles
from ..transfer import Place, Plan, Stage, apply_plans, apply_tile, plan_frames
from .reading import read_pictures, style_shares
from .runtime import RequestRuntime, out_of_memory_as_a_sentence
from .stylizing import get_method, precision_for, style_inputs, stylize

WHOLE = 1 << 21  # px of a frame that goes through the networks at once; a larger one goes in tiles
TILE = 768  # px
SPECK = 5  # px
LEAST_NEW = 0.03  # share of a frame that is told from the rest
MATCHES = ("color_match", "contrast_match")  # what photos and WCT's paintings end with


@dataclass(frozen=True)
class ShotPlan:
    """What is done to every frame of a shot.

    Attributes:
        stages: what is done in each.
        regions: by which it is done, where there are any.
    """

    stages: tuple[tuple[Stage, Mapping[Place, Plan]], ...] = ()
    regions: ShotRegions | None = None


@dataclass(frozen=True)
class FrameTransfer:
    """A method with its style and options, for frames.

    Attributes:
        method: one that matches statistics.
        options: of the method.
    """

    method: Method
    options: Options
    _styles: tuple[Any, ...]
    _runtime: RequestRuntime

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed so far without refusing."""
        return tuple(self._runtime.notes)

    def plan(
        self, frames: Sequence[ImageTensor], report: Progress = ignore_progress, *, by_regions: bool = False
    ) -> ShotPlan:
        """One plan for a shot.

        Args:
            frames: ``[1, 3, H, W]`` each, float32, RGB in [0, 1]: some of the shot.
            report: may raise :class:`Cancelled`.
            by_regions: find regions that the frames share with the style, once for all of the shot.

        Raises:
            InvalidClip: regions, and several styles that are mixed.
        """
        if by_regions and len(self._styles) > 1:
            raise InvalidClip("Regions in clips go with one style picture; leave masks or the others out.")
        with self._runtime.reporting(report), torch.no_grad():
            return self._plan(frames, self._regions_of_shot(frames) if by_regions else None)

    def _regions_of_shot(self, frames: Sequence[ImageTensor]) -> ShotRegions | None:
        with exact_float32():
            encoder = self._runtime.encoder(last="relu4_1")
            moved = [frame.to(self._runtime.device) for frame in frames]
            found = cluster_frames(moved, self._styles[0].pixels, encoder)
        if found is None:
            self._runtime.note(NOTHING_COMMON)
        return found

    def _plan(self, frames: Sequence[ImageTensor], found: ShotRegions | None) -> ShotPlan:
        assert self.method.prepare is not None
        seen = [self._padded(frame) for frame in frames]
        maps = [None] * len(seen) if found is None else [Labels(own) for own in found.frames]
        regions = [self._regions(own, frame) for own, frame in zip(maps, seen, strict=True)]
        styles = self._styles
        if found is not None:
            styles = (replace(styles[0], labels=Labels(found.style).to(self._runtime.device)), *styles[1:])
        inputs = Inputs(seen[0], styles, regions[0].labels)
        transfer = self.method.prepare(inputs, self.options, self._runtime)
        stages = []
        for stage in transfer.stages:
            plans = plan_frames(stage, seen, transfer, regions)
            seen = [apply_plans(stage, frame, plans, own) for frame, own in zip(seen, regions, strict=True)]
            stages.append((stage, plans))
        return ShotPlan(tuple(stages), found)

    def apply(
        self,
        frame: ImageTensor,
        plan: ShotPlan,
        report: Progress = ignore_progress,
        labels: Labels | None = None,
    ) -> ImageTensor:
        """A frame of the shot as planned: ``[1, 3, H, W]``, float32, in [0, 1], on the CPU.

        Args:
            report: may raise :class:`Cancelled`.
            labels: of the frame, where the plan has regions.
        """
        with self._runtime.reporting(report), torch.no_grad():
            return self._apply(frame, plan, labels)

    def _apply(self, frame: ImageTensor, plan: ShotPlan, labels: Labels | None) -> ImageTensor:
        height, width = frame.shape[-2:]
        image = self._padded(frame)
        regions = self._regions(labels, image)
        for stage, plans in plan.stages:
            if image.shape[-2] * image.shape[-1] <= WHOLE:
                image = apply_plans(stage, image, plans, regions)
            else:
                image = _in_tiles(stage, image, plans, regions)
        return image[..., :height, :width].float().clamp(0, 1).cpu()

    def _regions(self, labels: Labels | None, padded: ImageTensor) -> Regions:
        if labels is None:
            return Regions()
        return Regions.of(labels.to(padded.device).padded(padded.shape[-2], padded.shape[-1]), padded)

    def _padded(self, frame: ImageTensor) -> ImageTensor:
        return self.method.size_rule.pad(frame).to(self._runtime.device)


@dataclass(frozen=True)
class Beginning:
    """What optimizing a frame starts from.

    Attributes:
        picture: ``[1, 3, H, W]``, float32, RGB in [0, 1], of the frame's size: what was made of a frame
            before where this one shows the same, else something in such colors.
        is_new: bool ``[H, W]``, where it was made of no frame before; ``None`` if that does not matter.
    """

    picture: ImageTensor
    is_new: torch.Tensor | None = None

    def regions(self) -> ImageTensor | None:
        """A mask of two colors, as :func:`stylize` takes them; ``None`` where there are no two regions."""
        if self.is_new is None:
            return None
        mask = self.is_new.float()[None, None]
        mask = 1 - _opened(1 - _opened(mask))  # specks are no regions
        if not LEAST_NEW < float(mask.mean()) < 1 - LEAST_NEW:
            return None
        return mask.expand(1, 3, -1, -1).contiguous()


def _opened(mask: torch.Tensor) -> torch.Tensor:
    """``[1, 1, H, W]`` of 0 and 1, without what is narrower than SPECK."""
    eroded = -F.max_pool2d(-mask, SPECK, 1, SPECK // 2)
    return F.max_pool2d(eroded, SPECK, 1, SPECK // 2)


@dataclass(frozen=True)
class FrameOptimizer:
    """A method that optimizes every picture by itself, for some frames of a clip.

    Attributes:
        method: the method.
    """

    method: Method
    _style: Source | Sequence[Source]
    _given: Mapping[str, Any]
    _notes: dict[str, None] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed so far without refusing."""
        return tuple(self._notes)

    def apply(
        self,
        frame: ImageTensor,
        before: Beginning | None = None,
        report: Progress = ignore_progress,
    ) -> ImageTensor:
        """The picture made of a frame: ``[1, 3, H, W]``, float32, in [0, 1], on the CPU.

        Args:
            before: what to start from; ``None`` for the method's own start.
            report: may raise :class:`Cancelled`, or :class:`EnoughDone` for the best so far.
        """
        given: dict[str, Any] = {**self._given}
        style = self._style
        if before is not None:  # has its colors; matched again and again, they would go all the way
            given |= {"init_image": before.picture, **dict.fromkeys(self._matches(), 0.0)}
            regions = before.regions()
            if regions is not None and len(self._styles) == 1 and self.method.mixes_styles:
                # By itself: beside what has all strokes, nothing would ask for any where there are none.
                style = 2 * self._styles
                given |= {"style_weights": None, "content_mask": regions}
        result = stylize(self.method.key, frame, style, progress=report, **given)
        if "content_mask" not in given:  # of regions that nobody asked for there is nothing to tell
            self._notes.update(dict.fromkeys(result.notes))
        return result.image

    @property
    def _styles(self) -> list[Any]:
        return list(self._style) if isinstance(self._style, (list, tuple)) else [self._style]

    def _matches(self) -> set[str]:
        return set(MATCHES) & option_fields(self.method.options).keys()


def _in_tiles(stage: Stage, image: ImageTensor, plans: Mapping[Place, Plan], regions: Regions) -> ImageTensor:
    made = torch.empty_like(image)
    for tile in tiles(*image.shape[-2:], side=TILE, stride=stage.step, margin=stage.halo):
        tile.core(made).copy_(apply_tile(stage, image, tile, plans, regions))
    return made


def _asked_for(method: Method, options: Mapping[str, Any]) -> set[str]:
    """The options that are not what they would be anyway; a command line gives all of them."""
    return {name for name, value in options.items() if value != option_default(method.options, name)}


@contextmanager
def frame_transfer(
    method: str,
    frame: ImageTensor,
    style: Source | Sequence[Source],
    *,
    style_weights: Sequence[float] | None = None,
    family: str = "compact",
    weights_dir: str | PathLike[str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    **options: Any,
) -> Iterator[FrameTransfer | FrameOptimizer]:
    """The method ready for frames of the size of ``frame``; other arguments as of :func:`stylize`.

    Raises:
        StyleCoreError: as :func:`stylize`.
    """
    chosen = get_method(method)
    values = make_options(chosen.options, options)
    if chosen.prepare is None:
        given = {
            "style_weights": style_weights,
            "family": family,
            "weights_dir": weights_dir,
            "device": device,
        }
        # Matched frame by frame, colors would flicker; who asks for it gets it.
        plain = dict.fromkeys(MATCHES, 0.0) if issubclass(chosen.options, PhotoOptions) else {}
        plain = {name: value for name, value in plain.items() if name not in _asked_for(chosen, options)}
        yield FrameOptimizer(chosen, style, given | options | plain)
        return
    sources: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
    shares = style_shares(chosen, frame, sources, style_weights)
    target = devices.choose_device(device)
    runtime = RequestRuntime(
        family=family, weights_dir=None if weights_dir is None else Path(fspath(weights_dir)),
        device=target, generator=torch.Generator().manual_seed(values.seed),
        report=progress or ignore_progress, encoder_kind=chosen.encoder, method=method,
    )  # fmt: skip
    with runtime, out_of_memory_as_a_sentence(target), precision_for(values):
        for name in sorted(_asked_for(chosen, options) & set(MATCHES)):
            runtime.note(f"{name} has no effect on clips: their frames share the shot's colors.")
        pictures = read_pictures(frame, sources, values, runtime)
        styles = style_inputs(chosen, pictures, shares, None, target)
        yield FrameTransfer(chosen, values, styles, runtime)
