"""Frames of 256 colors, as GIF has them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .opening import pyav

# A palette for every frame; an ordered dither: its pattern stays where it is, while error diffusion flickers.
MAKE, USE = "stats_mode=single", "new=1:dither=bayer:bayer_scale=3"


class Palettes:
    """Gives every frame the 256 colors that suit it best, by FFmpeg's filters.

    Args:
        width, height: px of the frames, which are rgb24.
        time_base: of their times, seconds a tick.
    """

    def __init__(self, width: int, height: int, time_base: Fraction) -> None:
        graph = pyav().filter.Graph()
        source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=time_base)
        split, made, used = graph.add("split"), graph.add("palettegen", MAKE), graph.add("paletteuse", USE)
        source.link_to(split)
        split.link_to(used, 0, 0)
        split.link_to(made, 1, 0)
        made.link_to(used, 0, 1)
        used.link_to(graph.add("buffersink"))
        graph.configure()
        self._graph = graph

    def reduced(self, frame: Any) -> Any:
        """A frame of 256 colors (pal8) of one of rgb24, at the same time."""
        self._graph.push(frame)
        return self._graph.pull()
