"""The one door: check, fit sizes, run a method, undo, and say what was done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from . import device as devices
from . import measures, memory, weights
from . import methods as _methods  # noqa: F401  # importing the package registers the methods
from .auto_segments import cluster_segments
from .errors import EnoughDone, InvalidImage, InvalidOption, InvalidSegments, OutOfMemory
from .images import (
    ImageTensor,
    Picture,
    Source,
    load_image,
    resize_longer_side,
    save_image,
    scaled_size,
    to_pil,
)
from .method import Inputs, LossPoint, Method, Network, StyleInput, registry
from .nets.encoder import Encoder
from .options import Options, make_options
from .progress import Progress, ignore_progress
from .segments import Segments, pad_labels, read_masks, read_style_regions

AUTO = "auto"
V = TypeVar("V")
MEMORY_WORDS = ("not enough memory", "out of memory", "can't allocate memory")  # how allocators say it
MAX_STYLES = 8
NON_COMMERCIAL = "-NC"  # in the names of Creative Commons licences
SHORTEST_REDUCED = 64  # px; contents are not reduced on their own to less
MAX_STYLE_SIDE = 1024  # px; statistics gain nothing from more, and the note says so


@dataclass(frozen=True)
class Result:
    """A finished picture and how it was made.

    Attributes:
        image: ``[1, 3, H, W]``, float32, RGB in [0, 1], on the CPU.
        alpha: ``[1, 1, H, W]`` carried over from the content, or ``None``.
        settings: method, family, device and every option, as plain JSON.
        notes: sentences about what was changed or could not be done.
        seconds: wall time by stage, and "total".
        peak_memory: bytes; of the process on the CPU, of the GPU's allocator there.
        segments: the label maps that were used, ``[H, W]`` int64, or ``None``.
        losses: the loss curve of a method that optimizes, else empty.
    """

    image: ImageTensor
    alpha: Tensor | None
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    peak_memory: int
    segments: Segments | None = None
    losses: tuple[LossPoint, ...] = ()

    def to_pil(self) -> Image.Image:
        """8-bit RGB, or RGBA where the content had transparency."""
        return to_pil(self.image, self.alpha)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture by its suffix, the settings in its metadata.

        Raises:
            InvalidImage: the suffix is not one we write, or the place cannot be written.
        """
        save_image(self.to_pil(), path, self.settings)


@dataclass
class _Runtime:
    """What :class:`~style_core.method.Runtime` promises, for one request."""

    family: str
    weights_dir: Path | None
    device: torch.device
    generator: torch.Generator
    report: Progress
    encoder_kind: str = "shared"
    method: str = ""
    notes: list[str] = field(default_factory=list)
    losses: list[LossPoint] = field(default_factory=list)
    _last_fraction: float = 0.0
    _is_enough: bool = False
    _hearing: list[list[str]] = field(default_factory=list)  # notes of the values being remembered
    is_finished: bool = False

    def encoder(self, *, last: str = "relu5_1", pool: str = "max", fast: bool = False) -> Encoder:
        name = weights.encoder_name(self.family, self.encoder_kind)
        encoder = weights.load_encoder(
            self.family, self.weights_dir, self.device, name=name, last=last, pool=pool, fast=fast,
            report=self._fetching,
        )  # fmt: skip
        self._mention(name, last)
        return encoder

    def load(self, network: Network, *, fast: bool = False) -> nn.Module:
        loaded = weights.load_network(
            self.family, network.name, self.weights_dir, self.device, network.build, fast=fast,
            report=self._fetching,
        )  # fmt: skip
        self._mention(network.name)
        return loaded

    def _fetching(self, message: str) -> None:
        self.progress(self._last_fraction, message)

    def _mention(self, name: str, last: str = "relu5_1") -> None:
        """A note when a folder was given and the file comes from elsewhere, or when its licence binds."""
        path = weights.locate(self.family, name, self.weights_dir, last=last.replace("relu", "conv"))
        licence = weights.licence_of(path)
        if NON_COMMERCIAL in licence:
            self.note(f"{path.name} is under {licence}: the result is not for commercial use.")
        if self.weights_dir is not None and self.weights_dir not in path.parents:
            self.note(
                f"{path.name} is not in {str(self.weights_dir)!r}; the one in {str(path.parent)!r} is used."
            )

    def remember(self, *parts: Any, compute: Callable[[], V]) -> V:
        whole = (self.method, self.family, weights.places(self.weights_dir), str(self.device), *parts)
        key = memory.fingerprint(whole)
        known = memory.recall(key)
        if known is None:
            self._hearing.append([])
            try:
                value = compute()
            finally:
                heard = self._hearing.pop()
            known = (value, tuple(heard))
            memory.keep(key, known)
        value, notes = known
        for sentence in notes:
            self.note(sentence)
        return value

    def need_memory(self, size: int) -> None:
        free = devices.available_memory(self.device)
        if free is not None and size > free:
            raise OutOfMemory(
                f"This picture needs about {size / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; "
                f"choose a size with at most {free / size:.0%} of its pixels."
            )

    def progress(self, fraction: float, message: str, preview: ImageTensor | None = None) -> None:
        self._last_fraction = max(self._last_fraction, min(max(fraction, 0.0), 1.0))
        try:
            self.report(self._last_fraction, message, preview)
        except EnoughDone:
            if self._is_enough or self.is_finished:  # the method is handing over what it has, or is done
                return
            self._is_enough = True
            raise

    def log_loss(self, point: LossPoint) -> None:
        self.losses.append(point)

    def note(self, sentence: str) -> None:
        for heard in self._hearing:
            heard.append(sentence)
        if sentence not in self.notes:
            self.notes.append(sentence)


def list_methods() -> list[str]:
    """The keys of all methods, in order of their papers' years."""
    return list(registry())


def get_method(key: str) -> Method:
    """The method of that key.

    Raises:
        InvalidOption: there is none.
    """
    found = registry().get(key)
    if found is None:
        raise InvalidOption(f"There is no method {key!r}; there are {', '.join(registry())}.")
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
    progress: Progress | None = None,
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
        progress: called with (fraction, message, preview); may raise :class:`Cancelled`.
        **options: the method's options by name.

    Returns:
        A picture of exactly the content's size (or of ``size``; a method with a ``longest`` reduces
        larger contents unless a size is asked for), with notes and settings.

    Raises:
        StyleCoreError: with a sentence that says what to do; nothing else is raised for bad input.
    """
    chosen = get_method(method)
    values = make_options(chosen.options, options)
    sources: list[Any] = list(style) if isinstance(style, (list, tuple)) else [style]
    shares = _shares(chosen, content, sources, style_weights)
    target = devices.choose_device(device)
    place = Path(fspath(weights_dir)) if weights_dir is not None else None
    seeded = torch.Generator().manual_seed(values.seed)
    runtime = _Runtime(family, place, target, seeded, progress or ignore_progress, chosen.encoder, method)
    began = time.perf_counter()
    # Methods that need gradients switch them on.
    with _out_of_memory_as_a_sentence(target), torch.no_grad():
        runtime.progress(0.0, "Reading the pictures")
        pictures = _read(content, sources, values, chosen.longest, runtime)
        segments = _segment(chosen, pictures, content_mask, style_mask, style_weights, runtime)
        loaded = time.perf_counter()
        image = _run(chosen, pictures, shares, segments, values, runtime)
    finished = time.perf_counter()
    runtime.is_finished = True
    runtime.progress(1.0, "Done")
    masks = "none" if segments is None else AUTO if _is_auto(content_mask) else "own"
    settings: dict[str, Any] = {"method": method, "family": family, "device": target.type, "masks": masks}
    settings |= {"texture": pictures.is_noise, "styles": [round(share, 6) for share in shares]}
    return Result(
        image=image,
        alpha=pictures.content.alpha,
        settings={**settings, **values.to_dict()},
        notes=tuple(runtime.notes),
        seconds={"prepare": loaded - began, "stylize": finished - loaded, "total": finished - began},
        peak_memory=devices.peak_memory(target),
        segments=segments,
        losses=tuple(runtime.losses),
    )


def describe_weights(method: str, family: str) -> str:
    """Where the networks of a method are, or what using them would fetch from where, in a sentence.

    Raises:
        StyleCoreError: an unknown method or family, or a repository that cannot be asked.
    """
    return weights.whereabouts(family, method, get_method(method).encoder)


def find_regions(
    content: Source, style: Source, *, content_mask: Source = AUTO, style_mask: Source = AUTO,
    size: int | None = None, family: str = "compact", weights_dir: str | PathLike[str] | None = None,
    device: str = "auto", progress: Progress | None = None,
) -> Segments:  # fmt: skip
    """The matched regions that :func:`stylize` would use, to look at before the work.

    Args:
        content, style, content_mask, style_mask, size, family, weights_dir, device, progress: as there.

    Returns:
        label maps at the sizes the pictures are read at, and notes.

    Raises:
        StyleCoreError: as there.
    """
    target = devices.choose_device(device)
    place = Path(fspath(weights_dir)) if weights_dir is not None else None
    runtime = _Runtime(family, place, target, torch.Generator(), progress or ignore_progress)
    with _out_of_memory_as_a_sentence(target), torch.no_grad():
        pictures = _read(content, [style], Options(size=size), None, runtime)
        return _matched(pictures, content_mask, style_mask, None, runtime)


def measure_result(
    content: Source, style: Source, result: Source, *, device: str = "auto"
) -> measures.Measures:
    """How well a result keeps the content's structure and reaches the style; see measures.py.

    Always in the compact encoder's features, so that figures of all families compare.

    Args:
        content, style, result: pictures as :func:`stylize` takes them.

    Raises:
        StyleCoreError: one of them cannot be read, or the shipped weights are damaged.
    """
    target = devices.choose_device(device)
    read = {"content": content, "style": style, "result": result}
    pictures = [load_image(source, name=name).pixels.to(target) for name, source in read.items()]
    encoder = weights.load_encoder(
        weights.FAMILIES[0], None, target, last=measures.LAYERS[-1], pool="max", fast=False
    )
    with _out_of_memory_as_a_sentence(target), torch.no_grad():
        return measures.measure(pictures[0], pictures[1], pictures[2], encoder)


@dataclass(frozen=True)
class _Pictures:
    """What was read; ``is_noise``: there was no content, and this is seeded noise instead."""

    content: Picture
    styles: list[Picture]
    is_noise: bool = False


def _shares(
    method: Method, content: Source | None, styles: list[Source], weights: Sequence[float] | None
) -> list[float]:
    """The styles' weights as shares that sum to one, once the method is known to take such pictures."""
    if content is None and not method.makes_textures:
        raise InvalidImage(f"{method.title} needs a content picture.")
    if len(styles) > MAX_STYLES or not styles:
        raise InvalidImage(f"There must be 1 to {MAX_STYLES} style pictures, not {len(styles)}.")
    if len(styles) > 1 and not method.mixes_styles:
        raise InvalidImage(f"{method.title} takes one style picture, not {len(styles)}.")
    try:
        given = [1.0] * len(styles) if weights is None else [float(w) for w in weights]
    except (TypeError, ValueError):
        given = []
    if len(given) != len(styles) or not all(w >= 0 for w in given) or not 0 < sum(given) < math.inf:
        raise InvalidOption(
            f"style_weights must be {len(styles)} numbers from 0 up, one for each style picture and not "
            f"all 0, not {weights!r}."
        )
    return [w / sum(given) for w in given]


def _read(
    content: Source | None, styles: list[Source], options: Options, longest: int | None, runtime: _Runtime
) -> _Pictures:
    picture = None
    if content is not None:
        picture = load_image(content, name="content")
        for note in picture.notes:
            runtime.note(note)
        if options.size is not None:
            picture = _resized(picture, options.size)
        elif longest is not None and _is_beyond(picture, longest):
            w, h = picture.size
            picture = _resized(picture, longest)
            width, height = picture.size
            runtime.note(
                f"The content is {w} x {h} px; this method takes {longest} px on the longer side unless "
                f"asked for more, so the result is {width} x {height} px (size {max(w, h)} asks for all)."
            )
    names = ["style"] if len(styles) == 1 else [f"style picture {k}" for k in range(1, len(styles) + 1)]
    read = [_read_style(source, name, runtime) for source, name in zip(styles, names, strict=True)]
    if picture is not None:
        return _Pictures(picture, read)
    width, height = read[0].size
    size = (height, width) if options.size is None else scaled_size(height, width, options.size)
    return _Pictures(Picture(torch.rand(1, 3, *size, generator=runtime.generator)), read, is_noise=True)


def _is_beyond(picture: Picture, longest: int) -> bool:
    """Whether a picture's longer side is; a strip, which would be left with no height, may be longer."""
    long, short = max(picture.size), min(picture.size)
    return long > longest and short * longest / long >= SHORTEST_REDUCED


def _read_style(source: Source, name: str, runtime: _Runtime) -> Picture:
    picture = load_image(source, name=name)
    for note in picture.notes:
        runtime.note(note)
    if max(picture.size) > MAX_STYLE_SIDE:
        w, h = picture.size
        picture = _resized(picture, MAX_STYLE_SIDE, keep_thin=True)
        if picture.size != (w, h):
            what = "style picture" if name == "style" else name
            runtime.note(
                f"The {what} was read at {picture.size[0]} x {picture.size[1]} px instead of {w} x {h}."
            )
    return picture


def _resized(picture: Picture, size: int, *, keep_thin: bool = False) -> Picture:
    if keep_thin and min(picture.size) * size < 16 * max(picture.size):
        return picture
    pixels = resize_longer_side(picture.pixels, size)
    alpha = picture.alpha
    if alpha is not None and pixels.shape[-2:] != alpha.shape[-2:]:
        alpha = torch.nn.functional.interpolate(alpha, pixels.shape[-2:], mode="bilinear", antialias=True)
    return Picture(pixels, alpha, picture.notes)


def _segment(
    method: Method,
    pictures: _Pictures,
    content_mask: Source | None,
    style_mask: Source | None,
    style_weights: Sequence[float] | None,
    runtime: _Runtime,
) -> Segments | None:
    if content_mask is None and style_mask is None:
        return None
    if not method.uses_segments:
        runtime.note(f"{method.title} does not use masks; they were left aside.")
        return None
    if pictures.is_noise:
        raise InvalidSegments("Masks need a content picture.")
    return _matched(pictures, content_mask, style_mask, style_weights, runtime)


def _matched(
    pictures: _Pictures,
    content_mask: Source | None,
    style_mask: Source | None,
    style_weights: Sequence[float] | None,
    runtime: _Runtime,
) -> Segments:
    """The regions of pictures and masks, matched; their notes said."""
    content, style = pictures.content, pictures.styles[0]
    if len(pictures.styles) > 1:
        segments = _one_style_per_region(pictures, content_mask, style_mask, style_weights)
    elif _is_auto(content_mask):
        if style_mask is not None and not _is_auto(style_mask):
            raise InvalidSegments("A style mask cannot go with an automatic content mask.")
        runtime.progress(0.0, "Finding regions")
        segments = runtime.remember(
            "regions", content.pixels, style.pixels,
            compute=lambda: cluster_segments(
                content.pixels.to(runtime.device),
                style.pixels.to(runtime.device),
                runtime.encoder(last="relu4_1"),
            ),
        )  # fmt: skip
    elif content_mask is None or style_mask is None:
        missing = "content" if content_mask is None else "style"
        raise InvalidSegments(f"Masks come in pairs; the {missing} mask is missing.")
    else:
        segments = read_masks(content_mask, style_mask, content, style)
    for note in segments.notes:
        runtime.note(note)
    return segments


def _one_style_per_region(
    pictures: _Pictures,
    content_mask: Source | None,
    style_mask: Source | None,
    style_weights: Sequence[float] | None,
) -> Segments:
    if content_mask is None or style_mask is not None or _is_auto(content_mask):
        raise InvalidSegments(
            "With several style pictures, give a content mask alone; each of its regions gets one of them."
        )
    if style_weights is not None:
        raise InvalidOption("style_weights cannot go with a mask that gives each region a style of its own.")
    labels, notes = read_style_regions(content_mask, pictures.content, len(pictures.styles))
    width, height = pictures.styles[0].size
    return Segments(labels, torch.ones(height, width, dtype=torch.int64), notes)


def _run(
    method: Method,
    pictures: _Pictures,
    shares: list[float],
    segments: Segments | None,
    options: Options,
    runtime: _Runtime,
) -> ImageTensor:
    rule, device = method.size_rule, runtime.device
    content = rule.pad(pictures.content.pixels).to(device)
    content_labels = None if segments is None else _padded(segments.content, content)
    styles = []
    for k, (picture, share) in enumerate(zip(pictures.styles, shares, strict=True)):
        pixels = rule.pad(picture.pixels).to(device)
        labels = None
        if segments is not None and k == 0:
            labels = _padded(segments.style, pixels)
        elif segments is not None:  # a style of its own region
            labels = torch.full(pixels.shape[-2:], k + 1, device=device)
        styles.append(StyleInput(pixels, labels, share))
    inputs = Inputs(content, tuple(styles), content_labels, pictures.is_noise)
    output = method.run(inputs, options, runtime)
    width, height = pictures.content.size
    output = output[..., :height, :width].float().cpu()
    if not bool(torch.isfinite(output).all()):
        raise RuntimeError(f"{method.key} returned values that are not finite")
    return output.clamp(0, 1)


def _padded(labels: Tensor, pixels: Tensor) -> Tensor:
    return pad_labels(labels, *pixels.shape[-2:]).to(pixels.device)


def _is_auto(mask: Source | None) -> bool:
    return isinstance(mask, str) and mask == AUTO


@contextmanager
def _out_of_memory_as_a_sentence(device: torch.device) -> Iterator[None]:
    """Turn what allocators raise into :class:`OutOfMemory`; everything else passes."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        is_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not is_memory and not any(words in str(error) for words in MEMORY_WORDS):
            raise
        raise OutOfMemory(
            f"The {device.type} device has too little memory for this picture; choose a smaller size."
        ) from error
