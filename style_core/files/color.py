"""Colors as a file means them -> sRGB: by ICC profile, or by primaries and a transfer curve.

The curves and primaries are those that ITU-T H.273 numbers (PNG's cICP, HEIF's and AVIF's nclx), plus
Adobe RGB (1998), which cameras name in the EXIF data alone, and what PNG's gAMA and cHRM spell out.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import imagecodecs
import numpy as np
from PIL import Image, ImageCms

from .color_profile import srgb_profile
from .strips import in_strips

Chromaticities = tuple[tuple[float, float], ...]  # CIE 1931 x, y of red, green, blue and white
Curve = Callable[[np.ndarray], np.ndarray]  # stored values 0-1 -> linear light, 1 is the white of a page

D65 = (0.3127, 0.3290)
SRGB: Chromaticities = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
ADOBE_RGB: Chromaticities = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65)
ADOBE_GAMMA = 563 / 256  # Adobe RGB (1998), 4.3.1.2
UNSPECIFIED = 2  # of H.273, for primaries and for curves
PRIMARIES: dict[int, Chromaticities] = {  # H.273, table 2
    1: SRGB,
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
LIKE_SRGB = {1, 6, 13, 14, 15, UNSPECIFIED}  # video's curves too: every viewer shows such stills as sRGB
PQ, HLG = 16, 18
PAGE_WHITE = 203.0  # cd/m², ITU-R BT.2408: the white of a page in a high dynamic range picture
HLG_WHITE = 0.75  # the same in HLG's signal
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
CLOSE = 0.004  # chromaticities that differ by less are the same; cameras and programs round them
CLOSE_GAMMA = 0.05  # PNG's gAMA of 1 / 2.2 stands for sRGB's own curve
NO_OPTIMIZATION = 0x0100  # Little CMS: without it, 16-bit darks are off by up to 10 of 255


@dataclass(frozen=True)
class ColorSpace:
    """What stored values mean; with nothing set, sRGB.

    Attributes:
        profile: an ICC profile's bytes; it wins over the rest.
        primaries: of stored RGB, if not sRGB's.
        curve: from stored values to linear light, if not sRGB's.
        name: what to call it in notes.
        is_hdr: brighter tones than a page's white are stored, and are clipped.
    """

    profile: bytes | None = None
    primaries: Chromaticities | None = None
    curve: Curve | None = None
    name: str = "sRGB"
    is_hdr: bool = False


PLAIN = ColorSpace()
ADOBE = ColorSpace(primaries=ADOBE_RGB, curve=lambda v: v**ADOBE_GAMMA, name="Adobe RGB")


class UnknownColors(ValueError):
    """A profile or a number that cannot be used; the text says which, as in "the picture's …"."""


def coded_space(primaries: int, transfer: int) -> ColorSpace:
    """The space of two H.273 code points.

    Raises:
        UnknownColors: one of them is none we know.
    """
    if primaries != UNSPECIFIED and primaries not in PRIMARIES:
        raise UnknownColors(f"color primaries number {primaries}")
    if transfer not in LIKE_SRGB and transfer not in CURVES:
        raise UnknownColors(f"transfer curve number {transfer}")
    gamut = PRIMARIES.get(primaries, SRGB)
    return ColorSpace(
        primaries=None if gamut == SRGB else gamut,
        curve=CURVES.get(transfer),
        name={PQ: "PQ", HLG: "HLG"}.get(transfer, "wide gamut"),
        is_hdr=transfer in (PQ, HLG),
    )


def stated_space(gamma: float | None, chromaticities: Chromaticities | None) -> ColorSpace:
    """The space of a PNG's gAMA (the encoding's exponent, 1 / 2.2 for most files) and cHRM."""
    primaries = chromaticities
    if primaries is not None and np.abs(np.subtract(primaries, SRGB)).max() < CLOSE:
        primaries = None
    if primaries is not None and not _is_gamut(primaries):
        raise UnknownColors("chromaticities")
    if gamma is None or abs(gamma * 2.2 - 1) < CLOSE_GAMMA:
        return ColorSpace(primaries=primaries, name="its own primaries")
    exponent = 1 / gamma
    return ColorSpace(primaries=primaries, curve=lambda v: v**exponent, name=f"gamma {gamma:.3g}")


def to_srgb(array: np.ndarray, mode: str, space: ColorSpace) -> np.ndarray:
    """Stored values as sRGB.

    Args:
        array: ``[H, W, C]`` uint8, uint16 or float32 in [0, 1]; C as of ``mode``.
        mode: "L", "RGB", "CMYK" or "LAB" (the last two uint8).

    Returns:
        ``[H, W, 1 | 3]``, of the same type; 8-bit gray with a profile comes back with 16 bits.

    Raises:
        UnknownColors: the profile cannot be used for such values.
    """
    if space.profile is not None:
        return array if mode == "RGB" and is_srgb(space.profile) else _by_profile(array, mode, space.profile)
    if mode in ("CMYK", "LAB"):
        return _without_profile(array, mode)
    if space.primaries is None and space.curve is None:
        return array
    return _by_formula(array, space)


def _by_profile(array: np.ndarray, mode: str, profile: bytes) -> np.ndarray:
    if array.dtype == np.uint8 and mode != "L":  # of gray, Little CMS optimizes the darks away
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return _by_little_cms(array, mode, source)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            raise UnknownColors("color profile") from error
    try:
        return in_strips(array, lambda part: _deep_by_profile(part, mode, profile))
    except (imagecodecs.CmsError, ValueError, TypeError, RuntimeError) as error:
        raise UnknownColors("color profile") from error


def _by_little_cms(array: np.ndarray, mode: str, source: ImageCms.ImageCmsProfile) -> np.ndarray:
    """8-bit values by an opened profile; raises what Pillow does."""
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")

    def convert(part: np.ndarray) -> np.ndarray:
        return np.asarray(ImageCms.applyTransform(Image.fromarray(part, mode), transform))

    return in_strips(array, convert)


def _deep_by_profile(part: np.ndarray, mode: str, profile: bytes) -> np.ndarray:
    """Values with 16 bits on the way; raises what imagecodecs does."""
    scale = {"uint8": 257, "uint16": 1}.get(part.dtype.name, 65535)
    deep = (part * np.float32(scale) + 0.5).astype(np.uint16) if scale > 1 else part
    converted: np.ndarray = imagecodecs.cms_transform(
        np.ascontiguousarray(deep[..., 0] if mode == "L" else deep), profile, srgb_profile(),
        colorspace="gray" if mode == "L" else "rgb", outcolorspace="rgb", outdtype="uint16",
        flags=NO_OPTIMIZATION,
    )  # fmt: skip
    return converted.astype(np.float32) / np.float32(65535) if part.dtype.kind == "f" else converted


def _without_profile(array: np.ndarray, mode: str) -> np.ndarray:
    if mode == "CMYK":
        return in_strips(array, lambda part: np.asarray(Image.fromarray(part, mode).convert("RGB")))
    return _by_little_cms(array, mode, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))


def _by_formula(array: np.ndarray, space: ColorSpace) -> np.ndarray:
    """Through linear light, strip by strip; whole types by a table of their values."""
    if array.shape[2] == 1 and space.primaries is not None and space.curve is None:
        return array  # gray stays gray: primaries only turn colors
    scale = {"uint8": 255, "uint16": 65535}.get(array.dtype.name, 0)
    curve = space.curve or srgb_to_linear
    table = curve(np.arange(scale + 1) / scale).astype(np.float32) if scale else None
    matrix = None
    if array.shape[2] == 3 and space.primaries is not None:
        matrix = (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(space.primaries)).astype(np.float32)

    def convert(part: np.ndarray) -> np.ndarray:
        light = curve(part.astype(np.float64)).astype(np.float32) if table is None else table[part]
        light = light if matrix is None else light @ matrix.T
        encoded = linear_to_srgb(light.clip(0, 1))
        return ((encoded * scale + 0.5) if scale else encoded).astype(array.dtype)

    return in_strips(array, convert)


@lru_cache(maxsize=64)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile leaves every color as it is, to rounding: then the values themselves are the best."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(27, 27, 3)
    try:
        turned = _by_profile(probe, "RGB", profile)
    except UnknownColors:
        return False
    return int(np.abs(turned.astype(int) - probe).max()) <= 1


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1: stored values in [0, 1] to linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1: linear light in [0, 1] to stored values."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def pq_to_linear(values: np.ndarray) -> np.ndarray:
    """SMPTE ST 2084: stored values to light, 1 at :data:`PAGE_WHITE`."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = values ** (1 / m2)
    return 10_000 / PAGE_WHITE * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def hlg_to_linear(values: np.ndarray) -> np.ndarray:
    """ITU-R BT.2100 HLG: stored values to the scene's light, 1 at the white of a page."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073

    def scene(signal: np.ndarray) -> np.ndarray:
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)

    return scene(values) / float(scene(np.array(HLG_WHITE)))


def to_xyz(primaries: Chromaticities) -> np.ndarray:
    """The matrix from linear RGB to CIE XYZ (``[3, 3]``, float64), its white adapted to D65 (Bradford)."""
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    matrix = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
    x, y = D65
    wanted = BRADFORD @ np.array([x / y, 1.0, (1 - x - y) / y])
    adapt = np.linalg.inv(BRADFORD) @ np.diag(wanted / (BRADFORD @ columns[:, 3])) @ BRADFORD
    return np.asarray(adapt @ matrix)


def _is_gamut(primaries: Chromaticities) -> bool:
    """Whether three primaries span a triangle with the white inside, so that there is a conversion."""
    if any(not 0 < y <= 1 or not 0 <= x <= 1 for x, y in primaries):
        return False
    (rx, ry), (gx, gy), (bx, by), _ = primaries
    if abs((gx - rx) * (by - ry) - (bx - rx) * (gy - ry)) < 0.01:
        return False
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in primaries]).T
    return bool((np.linalg.solve(columns[:, :3], columns[:, 3]) > 0).all())


CURVES: dict[int, Curve] = {  # H.273, table 3
    4: lambda v: v**2.2,
    5: lambda v: v**2.8,
    8: lambda v: v,
    PQ: pq_to_linear,
    HLG: hlg_to_linear,
}
