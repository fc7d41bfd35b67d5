"""The stages of WCT and PhotoWCT: one level of the encoder, its features changed, and back by its mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from torch import Tensor

from ...images import ImageTensor
from ...method import StyleInput
from ...nets.decoder import LevelNetwork
from ...nets.encoder import Encoder
from ...nets.reach import encoder_reach, mirror_halo, stride_of
from ...nets.unpool import Maxima
from ...ops.lattice import GRID, REACH, without_lattice
from ...transfer import Place, Stage, StyleStatistics, Visit, measure

Encode = Callable[[ImageTensor], tuple[Tensor, Mapping[int, Maxima] | None]]


def place_of(level: int) -> Place:
    """Where level 1 … 5 is matched."""
    return Place(f"relu{level}_1", stride_of(f"relu{level}_1"))


def level_of(place: Place) -> int:
    """The level that is matched at a place."""
    return int(place.name[len("relu")])


class MirroredStage(Stage):
    """Encode to relu ``level``_1, transform, decode (Li et al. 2017, section 3.2; 2018, section 3.1).

    Args:
        level: 1 … 5.
        network: its decoder.
        encode: gives the features of a picture, and the positions of maxima that the decoder needs.
        detail: share of what decoding loses of the picture that is put back.
        is_combed: whether what is locked to the up-sampling's grid is taken out (see :mod:`...ops.lattice`).
        is_corrected: whether the picture is encoded again, and what its features lack of what they were to
            be is made up for in the features it was decoded from.
    """

    def __init__(
        self, level: int, network: LevelNetwork, encode: Encode, *, detail: float, is_combed: bool = False,
        is_corrected: bool = False,
    ) -> None:  # fmt: skip
        self.level, self.network, self.encode, self.detail = level, network, encode, detail
        self.is_combed, self.is_corrected = is_combed, is_corrected
        place = place_of(level)
        self.places = (place, replace(place, turn=1)) if is_corrected else (place,)
        self.halo = mirror_halo(level, is_bilinear=network.decoder.upsampling == "bilinear")
        # Unpooling undoes the pooling of an odd side; nearest up-sampling cannot.
        self.multiple = 1 if network.decoder.upsampling == "unpool" else place.stride
        if is_combed:
            self.halo, self.grid = self.halo + REACH, GRID
        if is_corrected:
            self.halo += encoder_reach(place.name)

    def walk(self, image: ImageTensor, visit: Visit) -> ImageTensor:
        features, maxima = self.encode(image)

        def rendered(moved: Tensor) -> ImageTensor:
            picture = self.network.render(moved, features, image, detail=self.detail, maxima=maxima)
            return without_lattice(picture, image).clamp_(0, 1) if self.is_combed else picture

        def seen_again() -> Tensor:
            return self.encode(rendered(moved))[0]

        moved = visit(self.places[0], features)
        if self.is_corrected:
            moved = visit(self.places[1], moved, seen_again)
        return rendered(moved)


def measure_levels(encoder: Encoder, style: StyleInput, levels: Iterable[int]) -> StyleStatistics:
    """A style's statistics at several levels of one encoder, in one pass."""
    places = {place.name: place for place in map(place_of, levels)}
    found = encoder(style.pixels, places)
    return {
        places[name]: measure(features, style.labels, with_furthest=True) for name, features in found.items()
    }
