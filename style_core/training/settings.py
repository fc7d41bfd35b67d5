"""How one pair of training is transferred, and what of it is drawn at random for each method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FULL_SHARE = 0.6  # of the pairs that are transferred at full strength
LEVEL_SHARE = 0.9  # of the pairs in which a level above the one that learns takes part
REDRAWN_SHARE = 0.7  # of WCT2's pairs that are judged after redrawing, as far as the default does
NOISY_SHARE = 0.5  # of WCT's pairs whose flat places are offered noise
DEEPEST = 5
SMOOTHED_SHARE = 0.5  # of PhotoWCT's pairs that are judged after smoothing


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one pair is transferred.

    Attributes:
        strength: blend of content and style features, 0 to 1.
        whitening: "transport", "paper" or, for WCT2, "released".
        noise_floor: of the transport.
        levels: which decoders of a chain take part, deep to shallow; the last one learns. Unused by WCT2.
        hold_back: how far WCT's deep levels hold back, 0 to 1.
        detail: share of what decoding loses that a PhotoWCT level puts back.
        is_smoothed: whether PhotoWCT's picture is smoothed along the content's edges.
        content_strength: how much of WCT2's picture is redrawn along the content.
        flat_noise: deviation of what WCT's deep levels are offered in flat places.
        seed: of that noise.
    """

    strength: float = 1.0
    whitening: str = "transport"
    noise_floor: float = 0.01
    levels: tuple[int, ...] = ()
    hold_back: float = 0.0
    detail: float = 1.0
    is_smoothed: bool = False
    content_strength: float = 0.0
    flat_noise: float = 0.0
    seed: int = 0


DrawSetting = Callable[[np.random.Generator], Setting]


def wavelet_setting(rng: np.random.Generator) -> Setting:
    """A random setting of WCT2."""
    whitening = str(rng.choice(["transport", "paper", "released"], p=[0.7, 0.2, 0.1]))
    return Setting(
        strength=_strength(rng), whitening=whitening, noise_floor=_noise_floor(rng),
        content_strength=0.5 if rng.random() < REDRAWN_SHARE else 0.0,
    )  # fmt: skip


def wct_setting(levels: tuple[int, ...], rng: np.random.Generator) -> Setting:
    """A random setting of WCT with decoders of ``levels``, deep to shallow."""
    drawn = _levels(levels, rng)
    return Setting(
        strength=_strength(rng), noise_floor=_noise_floor(rng), levels=drawn,
        whitening=str(rng.choice(["paper", "transport"], p=[0.7, 0.3])),
        hold_back=float(rng.choice([0.5, 0.0, 0.25, 1.0], p=[0.5, 0.2, 0.2, 0.1])),
        flat_noise=float(rng.uniform(0.02, 0.1)) if rng.random() < NOISY_SHARE else 0.0,
        seed=int(rng.integers(2**31 - DEEPEST)),
    )  # fmt: skip


def photo_wct_setting(levels: tuple[int, ...], rng: np.random.Generator) -> Setting:
    """A random setting of PhotoWCT with decoders of ``levels``, deep to shallow."""
    drawn = _levels(levels, rng)
    return Setting(
        strength=_strength(rng), noise_floor=_noise_floor(rng), levels=drawn,
        whitening=str(rng.choice(["transport", "paper"], p=[0.8, 0.2])),
        detail=float(rng.choice([1.0, 0.5, 0.0], p=[0.8, 0.1, 0.1])),
        is_smoothed=bool(rng.random() < SMOOTHED_SHARE),
    )  # fmt: skip


def _levels(levels: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    last = int(rng.choice(levels))
    return (*(k for k in levels if k > last and rng.random() < LEVEL_SHARE), last)


def _strength(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < FULL_SHARE else float(rng.uniform(0.1, 1))


def _noise_floor(rng: np.random.Generator) -> float:
    return 0.01 if rng.random() < 0.7 else float(rng.uniform(0, 0.05))
