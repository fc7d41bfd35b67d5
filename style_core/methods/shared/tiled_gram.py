"""The loss of gram_loss.py for pictures too large to be walked through the network at once: tile by tile.

A Gram matrix is a sum over positions, so its gradient needs no more of other tiles than the sum itself. A
first pass over all tiles sums the Gram matrices, without gradients; the derivatives of the loss by them are
fixed then, and a second pass carries them back through the network, tile by tile, with the content's and the
pixels' own terms. Every tile sees its margin and answers for its own positions alone. So value and gradient
are those of the whole picture, not an approximation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...images import ImageTensor
from ...method import Inputs, Runtime
from ...nets.encoder import Encoder
from ...nets.reach import encoder_reach, stride_of
from ...ops.gram import GramPull, GramTarget, Positions, gram_gradient, select
from ...ops.moments import Mean
from ...ops.pixel_optimization import Loss
from ...regions import Labels
from ...tiles import Tile, tiles
from .gram_loss import (
    RANGE_WEIGHT,
    ContentTarget,
    Features,
    Key,
    Note,
    Part,
    content_target,
    content_weights,
    gram_targets,
    measure_grams,
    merged_means,
    picture_loss,
    region_masks,
    style_shares,
    values_of,
)
from .gram_options import GramOptions
from .surroundings import Margins, margins, mirrored_around, without_surroundings

BYTES = 4  # of a float32
MAPS_HELD = 16  # float32 maps of conv1_1's size alive at once, gradients and L-BFGS history included
STYLE_MAPS_HELD = 3  # of the same, of all styles, whose features are measured without gradients
PICTURES_HELD = 34  # float32 pictures alive at once while a step is taken, 24 of them L-BFGS's history
PICTURES_REFINED = 10  # the same beyond the working size, where the history is short
TILE_ROOM = 900_000_000  # bytes; larger tiles are hardly faster
SMALLEST_TILE = 128  # px; at smaller ones most of what is computed is margin
WHOLE: Mapping[Key, Positions | None] = {}  # the positions of a tile of a picture without regions


@dataclass(frozen=True)
class _Piece:
    """A tile and which of its positions are in which region."""

    tile: Tile
    positions: Mapping[Key, Positions | None]

    @property
    def around(self) -> Margins:
        """The surroundings that it sees: none where it does not end with the picture."""
        (top, bottom), (left, right) = margins(self.tile.height, self.tile.width)
        (is_first, is_last), (is_leftmost, is_rightmost) = self.tile.edges
        return (top * is_first, bottom * is_last), (left * is_leftmost, right * is_rightmost)

    def at(self, layer: str) -> Tile:
        """The tile of a layer, whose odd rows and columns pooling leaves out at the end."""
        tile, stride = self.tile, stride_of(layer)
        found = tile.at(stride)
        return replace(
            found, bottom=tile.bottom // stride, right=tile.right // stride,
            height=tile.height // stride, width=tile.width // stride,
        )  # fmt: skip


@torch.no_grad()
def tiled_picture_loss(
    inputs: Inputs, options: GramOptions, encoder: Encoder, note: Note, *, side: int
) -> Loss:
    """:func:`~style_core.methods.shared.gram_loss.picture_loss` in tiles; other arguments as there.

    Args:
        side: px of a tile, without its margin.
    """
    shares, weights = style_shares(options), content_weights(inputs, options)
    pieces, areas = _cut(inputs, list(shares), deepest_layer(inputs, options), encoder, side)
    parts = partial(_walked, pieces, inputs.content, encoder, list(shares))
    targets = gram_targets(parts, areas, inputs, options, encoder, note)
    wanted = {
        layer: content_target(_assembled(pieces, inputs.content, encoder, layer), weight)
        for layer, weight in weights.items()
    }
    used = [layer for layer in options.layers if layer in wanted or any(layer == key[0] for key in targets)]
    sums = _Sums(pieces, encoder, used, shares, targets, wanted, options.total_variation)

    def loss(x: Tensor) -> Tensor:
        value: Tensor = _TiledLoss.apply(x, sums)
        return value

    return loss


def deepest_layer(inputs: Inputs, options: GramOptions) -> str:
    """The deepest layer that the loss looks at."""
    counted = style_shares(options).keys() | content_weights(inputs, options).keys()
    return [layer for layer in options.layers if layer in counted][-1]


def loss_that_fits(
    inputs: Inputs, options: GramOptions, encoder: Encoder, runtime: Runtime, *, room: int | None = None
) -> Loss:
    """The loss of a picture: of the whole where that fits into memory, else in tiles as large as do.

    Args:
        room: bytes that the network's walk may take at most; ``None`` for all that is free.
    """
    free = runtime.available_memory()
    room = min((size for size in (room, free) if size is not None), default=None)
    h, w = inputs.content.shape[-2:]
    if room is None or walk_memory(encoder, h, w) <= room:
        return picture_loss(inputs, options, encoder, runtime.note)
    side = tile_side(encoder, deepest_layer(inputs, options), min(room, TILE_ROOM))
    tiled = tiled_picture_loss(inputs, options, encoder, runtime.note, side=side)

    def loss(x: Tensor) -> Tensor:
        value = tiled(x)
        runtime.give_memory_back()  # what the tiles took, before the optimizer's step takes its own
        return value

    return loss


def painting_memory(
    encoder: Encoder, content: ImageTensor, styles: Sequence[ImageTensor], *, room: int | None = None
) -> int:
    """Bytes without which a picture cannot be solved, in tiles if need be.

    Args:
        content: of the size that is solved.
        styles: the style pictures.
        room: bytes that the network's walk may take at most; ``None`` for TILE_ROOM.
    """
    pixels, *others = (picture.shape[-2] * picture.shape[-1] for picture in (content, *styles))
    held = 3 * BYTES * PICTURES_HELD * pixels
    walked = min(walk_memory(encoder, 1, pixels), held + (TILE_ROOM if room is None else room))
    return max(walked, STYLE_MAPS_HELD * BYTES * encoder.width("conv1_1") * sum(others))


def refining_memory(content: ImageTensor, *, room: int) -> int:
    """Bytes that a picture beyond the working size takes, with ``room`` for the network's walk."""
    return 3 * BYTES * PICTURES_REFINED * content.shape[-2] * content.shape[-1] + room


def walk_memory(encoder: Encoder, height: int, width: int) -> int:
    """Bytes that a picture or tile takes on its way through the network and back."""
    return MAPS_HELD * BYTES * encoder.width("conv1_1") * height * width


def tile_side(encoder: Encoder, deepest: str, room: int) -> int:
    """The side of a tile, in px, that takes ``room`` bytes with its margins, or of the smallest worth it."""
    stride, reach = stride_of(deepest), encoder_reach(deepest)
    side = math.isqrt(room // walk_memory(encoder, 1, 1)) - 2 * (reach + -reach % stride)
    return max(side, SMALLEST_TILE) // stride * stride


def _cut(
    inputs: Inputs, layers: Sequence[str], deepest: str, encoder: Encoder, side: int
) -> tuple[list[_Piece], dict[Key, float]]:
    """The tiles of the content with their regions' positions, and the share that every region covers.

    Regions are selected one at a time, so that many take no more memory than few: they share the positions.
    """
    height, width = inputs.content.shape[-2:]
    cut = tiles(height, width, side=side, stride=stride_of(deepest), margin=encoder_reach(deepest))
    pieces = [_Piece(tile, WHOLE) for tile in cut]
    if inputs.content_labels is None:
        return pieces, {}
    areas: dict[Key, float] = {}
    found: list[dict[Key, Positions | None]] = [{} for _ in pieces]
    for value in values_of(inputs):
        for key, mask in _masks(inputs.content_labels, value, layers, encoder).items():
            areas[key] = float(mask.mean())
            for piece, positions in zip(pieces, found, strict=True):
                positions[key] = select(piece.at(key[0]).core(mask))
    return [replace(p, positions=own) for p, own in zip(pieces, found, strict=True)], areas


def _masks(labels: Labels, value: int, layers: Sequence[str], encoder: Encoder) -> dict[Key, Tensor]:
    return region_masks(labels, (value,), layers, encoder)


def _walked(
    pieces: Sequence[_Piece], image: ImageTensor, encoder: Encoder, layers: Sequence[str]
) -> Iterator[Part]:
    """The features of every tile, without margins."""
    for piece in pieces:
        yield Part(_inner(piece, _seen(piece, encoder, piece.tile.cut(image), layers)), piece.positions)


def _seen(piece: _Piece, encoder: Encoder, part: ImageTensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The features of a tile with its margin, which ends where the picture does."""
    around, size = piece.around, (part.shape[-2], part.shape[-1])
    found = encoder(mirrored_around(part, around), layers)
    return {layer: without_surroundings(features, layer, size, around) for layer, features in found.items()}


def _inner(piece: _Piece, features: Features) -> dict[str, Tensor]:
    """Without margins, and without layers at which nothing of the tile is left."""
    inner = {layer: piece.at(layer).inner(found) for layer, found in features.items()}
    return {layer: found for layer, found in inner.items() if found.numel()}


def _assembled(pieces: Sequence[_Piece], image: ImageTensor, encoder: Encoder, layer: str) -> Tensor:
    """The features of the whole picture at a layer, float32."""
    whole = pieces[0].at(layer)
    found = image.new_empty(1, encoder.width(layer), whole.height, whole.width)
    for piece in pieces:
        place = piece.at(layer)
        place.core(found).copy_(place.inner(_seen(piece, encoder, piece.tile.cut(image), [layer])[layer]))
    return found


@dataclass(frozen=True)
class _Sums:
    """The loss as sums over tiles.

    Attributes:
        pieces: the tiles.
        used: all layers that are looked at.
        shares: of the style layers in their loss.
        targets: without positions.
        wanted: by content layer.
        total_variation: its weight.
    """

    pieces: Sequence[_Piece]
    encoder: Encoder
    used: Sequence[str]
    shares: Mapping[str, float]
    targets: Mapping[Key, GramTarget]
    wanted: Mapping[str, ContentTarget]
    total_variation: float

    def measure(self, x: ImageTensor) -> tuple[Tensor, dict[Key, Mean]]:
        """The loss, and the Gram matrices of the whole picture."""
        grams: dict[Key, Mean] = {}
        value = x.new_zeros(())
        for piece in self.pieces:
            part = piece.tile.cut(x)
            value = value + self._pixel_terms(part, piece.tile)
            features = _inner(piece, _seen(piece, self.encoder, part, self.used))
            for layer in self.wanted.keys() & features.keys():
                error, mean = self._content_error(piece, layer, features[layer])
                value = value + error.square().sum() / mean
            grams = merged_means([grams, self._grams(piece, features)])
        for key, gram in grams.items():
            target = self.targets[key]
            value = value + self.shares[key[0]] * target.scale * (gram.value - target.matrix).square().sum()
        return value, grams

    def gradient(self, x: ImageTensor, grams: Mapping[Key, Mean]) -> ImageTensor:
        """Of the loss, from what :meth:`measure` found at the same ``x``."""
        found = torch.zeros_like(x)
        for piece in self.pieces:
            with torch.enable_grad():
                part = piece.tile.cut(x).detach().requires_grad_()
                features = self.encoder(mirrored_around(part, piece.around), self.used)
                pixels = self._pixel_terms(part, piece.tile)
            outer = [
                self._outer(piece, layer, feature.detach(), grams) for layer, feature in features.items()
            ]
            (own,) = torch.autograd.grad(
                [pixels, *features.values()], part, [torch.ones_like(pixels), *outer]
            )
            piece.tile.cut(found).add_(own)
        return found

    def _grams(self, piece: _Piece, features: Features) -> dict[Key, Mean]:
        """Of one tile, those that have targets."""
        found: dict[Key, Mean] = {}
        for layer in self.shares.keys() & features.keys():
            one = {layer: features[layer]}
            for (_, value), target in self._targets_at(layer).items():
                assert target.channels is not None
                found |= measure_grams(one, piece.positions, (value,), {layer: target.channels})
        return found

    def _targets_at(self, layer: str) -> dict[Key, GramTarget]:
        return {key: target for key, target in self.targets.items() if key[0] == layer}

    def _content_error(self, piece: _Piece, layer: str, inner: Tensor) -> tuple[Tensor, int]:
        """The scaled errors of a tile, and of how many values they are averaged."""
        target = self.wanted[layer]
        error = (inner.float() - piece.at(layer).core(target.wanted)) * target.scales
        return error, target.wanted.numel()

    def _outer(self, piece: _Piece, layer: str, feature: Tensor, grams: Mapping[Key, Mean]) -> Tensor:
        """The derivative of the loss by a tile's features; zero in its margin and its surroundings."""
        found = torch.zeros_like(feature)
        place, (rows, columns) = piece.at(layer), piece.tile.seen
        size = rows.stop - rows.start, columns.stop - columns.start
        inner, core = (
            place.inner(without_surroundings(each, layer, size, piece.around)) for each in (feature, found)
        )
        if not inner.numel():
            return found
        pulls = self._pulls(piece, layer, inner, grams)
        if pulls:
            core.add_(gram_gradient(inner, pulls))
        if layer in self.wanted:
            error, count = self._content_error(piece, layer, inner)
            core.add_(error.mul_(self.wanted[layer].scales * (2 / count)))
        return found

    def _pulls(self, piece: _Piece, layer: str, inner: Tensor, grams: Mapping[Key, Mean]) -> list[GramPull]:
        """What the loss says of the Gram matrices, for a tile's share of them."""
        found = []
        for key, target in self._targets_at(layer).items():
            positions = piece.positions.get(key)
            if positions is None and key in piece.positions:
                continue
            weight = inner.shape[-2] * inner.shape[-1] if positions is None else positions.power
            factor = 2 * self.shares[layer] * target.scale * (weight / grams[key].weight)
            difference = grams[key].value - target.matrix
            found.append(GramPull(difference, factor, positions, target.channels))
        return found

    def _pixel_terms(self, part: Tensor, tile: Tile) -> Tensor:
        """A tile's share of the total variation and of what lies outside [0, 1].

        Args:
            part: the tile with its margin, of which the next row and column count for differences.
        """
        height, width = tile.bottom - tile.top, tile.right - tile.left
        pixels = 3 * tile.height * tile.width
        top, left = min(tile.top, tile.margin), min(tile.left, tile.margin)
        seen = part[..., top : top + height + 1, left : left + width + 1]
        across = seen[..., :height, 1:] - seen[..., :height, :-1]
        down = seen[..., 1:, :width] - seen[..., :-1, :width]
        own = seen[..., :height, :width]
        outside = (own - own.clamp(0, 1)).square().sum()
        variation = across.square().sum() / (pixels - 3 * tile.height)
        variation = variation + down.square().sum() / (pixels - 3 * tile.width)
        return self.total_variation * variation + RANGE_WEIGHT / pixels * outside


class _TiledLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sums: _Sums) -> Tensor:
        """The loss; the gradient is kept for :meth:`backward`."""
        value, grams = sums.measure(x)
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(sums.gradient(x, grams))
        return value

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None]:
        """The kept gradient times the outer one."""
        (gradient,) = ctx.saved_tensors
        return gradient.mul_(outer), None
