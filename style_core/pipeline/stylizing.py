"""The one door: check, fit sizes, run a method, undo, and say what was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache, partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import device as devices
from .. import methods as _methods  # noqa: F401  # importing the package registers the methods
from ..errors import InvalidOption, shortened
from ..exactness import exact_float32
from ..images import (
    ImageTensor,
    Picture,
    Samples,
    Source,
    as_floats,
    as_samples,
    empty_picture,
    resize_longer_side,
    resized,
    scaled_size,
)
from ..look import Look, fit_look
from ..method import Inputs, Method, Sketch, StyleInput, registry
from ..ops.calm_places import calm_places
from ..options import (
    NetworkOptions,
    Options,
    PaintingOptions,
    PhotoOptions,
    idle_notes,
    make_options,
    option_default,
)
from ..progress import Progress, ignore_progress
from ..regions import AUTO, Labels, Segments, is_auto
from ..version import __version__
from .reading import Pictures, input_digests, read_beginning, read_pictures, regions_of, style_shares
from .result import FitLook, Result
from .runtime import RequestRuntime, out_of_memory_as_a_sentence

SizedOptions = PhotoOptions | PaintingOptions  # those with a working size
CARRYING = "Carrying the colors to the full size"  # its preview is what the network's copy becomes
SHORTEST_WORKED = 64  # px; a strip whose shorter side would fall below is worked on at its own size


def list_methods() -> list[str]:
    """The keys of all methods, in order of their papers' years."""
    return list(registry())


def get_method(key: str) -> Method:
    """The method of that key.

    Raises:
        InvalidOption: there is none.
    """
    found = registry().get(key) if isinstance(key, str) else None
    if found is None:
        raise InvalidOption(f"There is no method {shortened(key)}; there are {', '.join(registry())}.")
    return found


def stylize(
    method: str,
    content: Source | None,
    style: Source | Sequence[Source],
    *,
    style_weights: Sequence[float] | None = None,
    content_mask: Source | None = None,
    style_mask: Source | None = None,
    family: str = "compact",
    weights_dir: str | PathLike[str] | None = None,
    device: str = "auto",
    init_image: Source | None = None,
    progress: Progress | None = None,
    on_size: Callable[[int, int], object] | None = None,
    bits: int = 8,
    **options: Any,
) -> Result:
    """Restyle ``content`` after ``style``.

    Args:
        method: a key of :func:`list_methods`.
        content: a file, PIL image, array, tensor ``[1, 3, H, W]`` in [0, 1], or :class:`Picture`;
            ``None`` makes a texture of the style, where the method can.
        style: one such picture, or several to mix, where the method can.
        style_weights: a share for each of several styles, of any sum; equal shares if not given.
        content_mask, style_mask: pictures with one color per region, both or none; or "auto" for
            both, which clusters deep features of the two pictures together. With several styles
            a content mask alone: its regions, in reading order, get one style each.
        family: "compact" (shipped), "vgg19" (full size) or "vgg19_16x" (its compressed copy).
        weights_dir: a folder of weights to use first.
        device: "auto", "cpu", "cuda" or "mps".
        init_image: a picture of the content's shape that Gatys (at every size) and Deep Photo (in stage 2)
            start from, in place of their own start: an earlier result, say. Deep Photo keeps what it shows,
            so that it must lie on the content.
        progress: called with (fraction, message, preview); may raise :class:`Cancelled`.
        on_size: called with the result's width and height before the work; may refuse by raising.
        bits: per channel that the result has at least: 16 for one that is to be saved with 16, where an 8-bit
            photo is larger than ``working_size``. All other results have more than 8 as it is.
        **options: the method's options by name.

    Returns:
        A picture of exactly the content's size (or of ``size``), with notes and settings. A method that
        recolors photos works at ``working_size`` and its look is carried to a larger content; WCT and Gatys
        paint at such a size and refine the painting up to a larger content's own.

    Raises:
        StyleCoreError: with a sentence that says what to do; nothing else is raised for bad input.
    """
    chosen = get_method(method)
    values = make_options(chosen.options, options)
    _check_bits(bits)
    sources: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
    shares = style_shares(chosen, content, sources, style_weights)
    target = devices.choose_device(device)
    place = Path(fspath(weights_dir)) if weights_dir is not None else None
    seeded = torch.Generator().manual_seed(values.seed)
    runtime = RequestRuntime(
        family=family, weights_dir=place, device=target, generator=seeded,
        report=progress or ignore_progress, encoder_kind=chosen.encoder, method=method,
    )  # fmt: skip
    began = time.perf_counter()
    # Methods that need gradients switch them on.
    with runtime, out_of_memory_as_a_sentence(target), precision_for(values), torch.no_grad():
        runtime.progress(0.0, "Reading the pictures")
        pictures = read_pictures(content, sources, values, runtime)
        if init_image is not None:
            pictures = replace(pictures, begun=read_beginning(init_image, chosen, pictures, runtime))
        if on_size is not None:
            on_size(*pictures.content.size)
        for sentence in idle_notes(values, is_texture=pictures.is_noise):
            runtime.note(sentence)
        segments = regions_of(
            chosen, pictures, runtime,
            content_mask=content_mask, style_mask=style_mask, style_weights=style_weights,
        )  # fmt: skip
        loaded = time.perf_counter()
        samples, fit = _run(chosen, pictures, shares, segments, values, runtime, bits)
    finished = time.perf_counter()
    runtime.is_finished = True
    runtime.progress(1.0, "Done")
    masks = "none" if segments is None else AUTO if is_auto(content_mask) else "own"
    given: dict[str, Any] = {"content": content, "styles": sources}
    given |= {"content_mask": content_mask, "style_mask": style_mask} if masks == "own" else {}
    given |= {"init_image": init_image} if init_image is not None else {}
    asked = {"method": method, "family": family, "masks": masks, "inputs": input_digests(given)}
    return Result(
        picture=Picture(samples, pictures.content.coverage),
        settings=_settings(asked, values, pictures, shares, runtime),
        notes=tuple(runtime.notes),
        seconds={"prepare": loaded - began, "stylize": finished - loaded, "total": finished - began},
        peak_memory=devices.peak_memory(target),
        segments=segments,
        losses=tuple(runtime.losses),
        fit_look=fit,
    )


def precision_for(options: Options) -> AbstractContextManager[None]:
    """Float32 as such, unless the options are content with less."""
    return nullcontext() if isinstance(options, NetworkOptions) and options.is_fast else exact_float32()


def _check_bits(bits: int) -> None:
    if bits not in (8, 16):
        raise InvalidOption(f"bits must be 8 or 16, not {shortened(bits)}.")


def _settings(
    asked: Mapping[str, Any],
    options: Options,
    pictures: Pictures,
    shares: Sequence[float],
    runtime: RequestRuntime,
) -> dict[str, Any]:
    """What it takes to make a result again, as plain JSON: what was asked for, and how it was done."""
    return {
        **asked,
        "version": __version__,
        "device": runtime.device.type,
        "texture": pictures.is_noise,
        **({} if pictures.begun is None else {"begun": True}),
        "styles": [round(share, 6) for share in shares],
        "result_size": list(pictures.content.size),
        "style_sizes": [list(picture.size) for picture in pictures.styles],
        "networks": runtime.networks,
        **options.to_dict(),
        **_effective(options, pictures, runtime),
    }


def _effective(options: Options, pictures: Pictures, runtime: RequestRuntime) -> dict[str, Any]:
    """The options that took effect otherwise than they were given; given so, they make the same picture."""
    found: dict[str, Any] = {"size": max(pictures.content.size)}
    if isinstance(options, NetworkOptions) and options.is_fast:
        found["precision"] = "fast" if devices.has_native_bfloat16(runtime.device.type) else "exact"
    return found | {k: list(v) if isinstance(v, tuple) else v for k, v in runtime.effective.items()}


def _run(
    method: Method,
    pictures: Pictures,
    shares: list[float],
    segments: Segments | None,
    options: Options,
    runtime: RequestRuntime,
    bits: int,
) -> tuple[Samples, FitLook | None]:
    """The picture at the content's size, and what gives its look where the method recolors photos."""
    content = pictures.content
    size = _working_size(method, content, options)
    full = None if segments is None else Labels(segments.content)
    styles = style_inputs(method, pictures, shares, segments, runtime.device)
    depth = content.samples.dtype
    depth = torch.uint16 if bits == 16 and depth == torch.uint8 else depth
    is_sketch = size is not None and method.refine is not None
    restyle = partial(
        _restyled, method, styles, full, options, runtime,
        begun=pictures.begun, is_noise=pictures.is_noise, is_sketch=is_sketch,
    )  # fmt: skip
    if not (is_sketch or method.photorealistic):
        # Held by no name here: a large one, in floats, is let go of once it is padded.
        styled = restyle(_at_working_size(pictures, size))
        _note_idle_size(options, runtime)
        return styled, None
    small = _at_working_size(pictures, size)
    styled = restyle(small)
    if is_sketch and method.refine is not None:
        sketch = Sketch(styled, small, content.samples, full, depth, pictures.is_noise)
        return method.refine(sketch, styles, options, runtime), None
    labels = None if full is None else full.at(small.shape[-2], small.shape[-1])
    fit = cache(partial(fit_look, small, styled, labels))
    if size is None:
        _note_idle_size(options, runtime)
        return _towards_the_look(styled, fit, small, options), fit
    runtime.progress(0.93, CARRYING)  # a look takes its time, too, and may be stopped before
    carry = partial(_carried, fit(), styled - small, content_strength=options.content_strength)
    # What the whole will look like, at the size that the network saw; by the same code, which is loaded once.
    seen = as_samples(small, depth).contiguous(memory_format=torch.channels_last)
    runtime.progress(0.95, CARRYING, as_floats(carry(seen, depth=depth)))
    width, height = content.size
    runtime.note(
        f"The network worked at {small.shape[3]} x {small.shape[2]} px, and what it did to the colors was "
        f"carried to all {width} x {height} px (working_size none lets it work at full size)."
    )
    return carry(content.samples, depth=depth), fit


def _note_idle_size(options: Options, runtime: RequestRuntime) -> None:
    """Say that a working size was set in vain."""
    size = options.working_size if isinstance(options, SizedOptions) else None
    if size is not None and size != option_default(type(options), "working_size"):
        runtime.note(f"working_size {size} has no effect: it needs a larger photo.")


def _working_size(method: Method, content: Picture, options: Options) -> int | None:
    """The longer side that the network sees first, in px; ``None`` for the content as it is.

    A strip whose shorter side would fall below SHORTEST_WORKED is looked at as it is, and painted at a
    larger working size.
    """
    size = options.working_size if isinstance(options, SizedOptions) else None
    long, short = max(content.size), min(content.size)
    if size is None:
        return None
    if method.refine is not None:
        size = max(size, -(-SHORTEST_WORKED * long // short))
    return None if long <= size or short * size < SHORTEST_WORKED * long else size


def _at_working_size(pictures: Pictures, size: int | None) -> ImageTensor:
    """The content that the network sees first, float32; of noise, a corner, so that it stays noise."""
    samples = pictures.content.samples
    if size is None:
        return pictures.content.pixels
    if not pictures.is_noise:
        return resize_longer_side(samples, size)
    height, width = scaled_size(samples.shape[-2], samples.shape[-1], size)
    return samples[..., :height, :width].contiguous()


def _towards_the_look(
    styled: ImageTensor, fit: FitLook, content: ImageTensor, options: Options
) -> ImageTensor:
    """The picture of a content that the network saw whole.

    Departures: the papers end with the network's. Up to the default content strength its look takes over
    where the photo is calm, so that skies and water have neither grain nor blotches; beyond it everywhere,
    as a larger photo's does from 0.5 on. Without a working size the network's picture stays up to there.
    PhotoWCT, whose content strength is by default all of its own smoothing, keeps what that gives.
    """
    usual, strength = option_default(type(options), "content_strength"), options.content_strength
    if usual == 1 or strength == 0:
        return styled
    of_the_rest = max(0.0, strength - usual) / (1 - usual)
    is_calmed = isinstance(options, PhotoOptions) and options.working_size is not None
    if is_calmed:
        calm = calm_places(content) * min(1.0, strength / usual)
        return styled.lerp(fit().apply(content), calm.lerp(torch.ones_like(calm), of_the_rest))
    return styled if of_the_rest == 0 else styled.lerp(fit().apply(content), of_the_rest)


def _carried(
    look: Look, change: Tensor, content: Samples, *, content_strength: float, depth: torch.dtype
) -> Samples:
    """The picture of that size: from content strength 0.5 on the look alone, at 0 the network's, enlarged.

    The content's own detail is added to what is enlarged. All is computed in floats, strip by strip, and
    rounded once.

    Args:
        change: what the network did at the working size, ``[1, 3, h, w]``.
        depth: of the result.
    """
    height, width = content.shape[-2:]
    share = min(1.0, 2 * content_strength)
    if share == 1:
        return look.restyled(content, depth)
    # Enlarging rows and columns one after the other is the same as both at once.
    high = F.interpolate(change, (height, change.shape[-1]), mode="bicubic")
    made = empty_picture(height, width, depth)
    for rows, strip, looked in look.strips(content):
        detail = F.interpolate(high[:, :, rows], strip.shape[-2:], mode="bicubic")
        looked = (strip + detail).clamp_(0, 1).lerp_(looked, share)
        made[:, :, rows] = as_samples(looked, depth)
    return made


def style_inputs(
    method: Method, pictures: Pictures, shares: list[float], segments: Segments | None, device: torch.device
) -> tuple[StyleInput, ...]:
    """The styles as a method takes them."""
    rule, styles = method.size_rule, []
    for k, (picture, share) in enumerate(zip(pictures.styles, shares, strict=True)):
        pixels = rule.pad(picture.pixels).to(device)
        own = None
        if segments is not None and k == 0:
            own = _fitting(Labels(segments.style), pixels)
        elif segments is not None:  # a style of its own region
            own = Labels(torch.full(pixels.shape[-2:], k + 1, dtype=torch.uint8, device=device))
        styles.append(StyleInput(pixels, own, share))
    return tuple(styles)


def _restyled(
    method: Method,
    styles: tuple[StyleInput, ...],
    labels: Labels | None,
    options: Options,
    runtime: RequestRuntime,
    content: ImageTensor,
    *,
    begun: Picture | None,
    is_noise: bool,
    is_sketch: bool,
) -> ImageTensor:
    """What the method makes of a content of any size: ``[1, 3, H, W]`` of that size, on the CPU."""
    height, width = content.shape[-2:]
    padded = method.size_rule.pad(content).to(runtime.device)
    del content
    content_labels = None if labels is None else _fitting(labels.at(height, width), padded)
    start = None
    if begun is not None:
        start = method.size_rule.pad(resized(begun.samples, height, width)).to(runtime.device)
    inputs = Inputs(padded, styles, content_labels, is_noise, is_sketch, start)
    output = method.stylize(inputs, options, runtime)[..., :height, :width].float().cpu()
    # A sum that is finite says so of all, in a twentieth of the time.
    if not bool(torch.isfinite(output.sum())) and not bool(torch.isfinite(output).all()):
        raise RuntimeError(f"{method.key} returned values that are not finite")
    return output.clamp(0, 1)


def _fitting(labels: Labels, pixels: ImageTensor) -> Labels:
    """A picture's labels, padded as it is and on its device."""
    return labels.padded(pixels.shape[-2], pixels.shape[-1]).to(pixels.device)
