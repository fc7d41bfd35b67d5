"""TIFF of more than 8 bits, of floats, and of other kinds that Pillow has no mode for."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import tifffile

from ..images import check_size
from .color import PLAIN, ColorSpace
from .stored import Stored, mode_of, turned, unusable_colors
from .strips import in_strips, spread

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MIN_IS_WHITE, MIN_IS_BLACK, RGB = 0, 1, 2  # PhotometricInterpretation
LOSSLESS = {1, 5, 8, 32773, 32946, 34925, 50000}  # none, LZW, Deflate, PackBits, old Deflate, LZMA, Zstd
LOSSY = {6, 7, 33003, 33005, 34712, 34892, 50001}  # JPEG, JPEG 2000, WebP
ASSOCIATED, UNASSOCIATED = 1, 2  # ExtraSamples: whether colors are multiplied by alpha
SEPARATE_PLANES = 2
MOST_SAMPLES, MOST_BYTES = 8, 1_500_000_000
FAILURES = (  # what tifffile raises on damaged files
    tifffile.TiffFileError, ValueError, LookupError, TypeError, RuntimeError, OSError, ArithmeticError,
    AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class FirstPage:
    """What the first page says of itself; ``is_readable``: by :func:`read`, which Pillow may do better."""

    size: tuple[int, int]
    type: np.dtype
    photometric: int
    samples: int
    extra: tuple[int, ...]
    bits: int
    orientation: int
    profile: bytes | None
    has_broken_profile: bool
    has_more_pages: bool
    is_readable: bool

    @property
    def is_deep(self) -> bool:
        """Whether a sample has more than 8 bits."""
        return self.type.itemsize > 1


def first_page(data: bytes) -> FirstPage | None:
    """Of a TIFF's first page; ``None`` for other files and damaged ones."""
    if not data.startswith(SIGNATURES):
        return None
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as opened:
            return _first_page(opened)
    except FAILURES:
        return None


def _first_page(opened: tifffile.TiffFile) -> FirstPage | None:
    page = opened.pages.first
    if page.dtype is None:
        return None
    turn = page.tags["Orientation"].value if "Orientation" in page.tags else 1
    profile = page.tags["InterColorProfile"].value if "InterColorProfile" in page.tags else None
    extra = page.extrasamples if isinstance(page.extrasamples, tuple) else (page.extrasamples,)
    colors = 3 if page.photometric == RGB else 1
    size = page.imagewidth * page.imagelength * page.samplesperpixel * page.dtype.itemsize
    return FirstPage(
        (page.imagewidth, page.imagelength), page.dtype, int(page.photometric), page.samplesperpixel,
        tuple(int(kind) for kind in extra), _bits(page.bitspersample),
        turn if isinstance(turn, int) and 1 <= turn <= 8 else 1,
        bytes(profile) if isinstance(profile, bytes) else None,
        profile is not None and not isinstance(profile, bytes),
        len(opened.pages) > 1,
        page.photometric in (MIN_IS_WHITE, MIN_IS_BLACK, RGB)
        and page.compression in LOSSLESS
        and page.dtype.kind in "uif"
        and colors <= page.samplesperpixel <= MOST_SAMPLES
        and page.ndim in (2, 3)
        and size <= MOST_BYTES,
    )  # fmt: skip


def _bits(stated: int | tuple[int, ...]) -> int:
    return int(stated[0] if isinstance(stated, tuple) else stated)


def read(data: bytes, said: FirstPage) -> tuple[np.ndarray, np.ndarray | None]:
    """The first page's gray or color ``[H, W, 1 | 3]`` and its alpha ``[H, W]``, not yet turned.

    Raises:
        what is in ``FAILURES``: damaged.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        page = opened.pages.first
        array = np.asarray(page.asarray())
        if array.ndim == 3 and page.planarconfig == SEPARATE_PLANES:
            array = np.moveaxis(array, 0, -1)
    array = array[..., None] if array.ndim == 2 else array
    if array.shape != (*said.size[::-1], said.samples):
        raise ValueError(f"pixels of shape {array.shape}")
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype == np.uint16 and said.bits < 16:
        array = spread(array, said.bits)
    count = 3 if said.photometric == RGB else 1
    color = np.ascontiguousarray(array[..., :count])
    kinds = {kind: count + k for k, kind in reversed(list(enumerate(said.extra)))}
    place = kinds.get(UNASSOCIATED, kinds.get(ASSOCIATED))
    if place is None or place >= array.shape[2]:  # further samples of no stated kind say nothing
        return color, None
    alpha = np.ascontiguousarray(array[..., place])
    if UNASSOCIATED not in kinds:
        color = _divided(color, alpha)
    return color, alpha


def _divided(color: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors that were multiplied by alpha as they were before."""
    highest = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    count = color.shape[2]

    def convert(part: np.ndarray) -> np.ndarray:
        share = part[..., count:].astype(np.float32) / highest
        whole = np.where(share > 0, part[..., :count] / np.where(share > 0, share, 1), 0)
        return (whole.clip(0, highest) + (0 if alpha.dtype.kind == "f" else 0.5)).astype(color.dtype)

    return in_strips(np.concatenate([color, alpha[..., None]], axis=2), convert)


def stored(data: bytes, page: FirstPage, name: str) -> Stored:
    """What the first page stores, upright; ``name`` is what the picture is, in messages.

    Raises:
        InvalidImage: a size that is not permitted; what is in ``FAILURES``: damaged.
    """
    check_size(*page.size, name)
    array, alpha = read(data, page)
    notes = [f"The {name} has several frames or pages; the first is used."] if page.has_more_pages else []
    if page.has_broken_profile:
        notes.append(unusable_colors(name, "color profile"))
    array = np.ascontiguousarray(turned(array, page.orientation))
    if alpha is not None:
        alpha = turned(alpha, page.orientation)
        alpha = alpha.clip(0, 1) if alpha.dtype.kind == "f" else alpha
    space = ColorSpace(profile=page.profile) if page.profile else PLAIN
    is_negative = page.photometric == MIN_IS_WHITE
    return Stored(array, mode_of(array), alpha, space, False, is_negative, tuple(notes))
