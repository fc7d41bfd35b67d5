"""What Gatys et al. and Deep Photo Style Transfer minimize: the loss of a picture.

Every term is a relative error, 0 where it is met and about 1 where it is not, whatever the size of the
picture and the scale of the network's features. So the strengths mean the same at every size and
with every family of weights.

What the loss compares with is measured and then planned, like the statistics of transfer.py: Gram matrices
and what brings channels to one scale are means over positions, which merge over tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from ...images import ImageTensor
from ...method import SMALL_REGION_NOTE, Inputs, StyleInput
from ...nets.encoder import POOL_BEFORE, Encoder
from ...ops.gram import Channels, GramTarget, Positions, gram_loss, gram_mean, select
from ...ops.moments import Mean
from ...ops.pixel_optimization import Loss
from ...ops.total_variation import total_variation
from ...options import weights_of
from ...regions import EVERYTHING, Labels, carry_masks
from .gram_options import GramOptions, content_factor
from .surroundings import surrounded_features

# At content strength 0.5. The paper's ratio of 1e-3 is in units of unnormalized features; this one was
# chosen on contact sheets, so that strokes and scene both read.
CONTENT_WEIGHT = 0.04
CONTENT_FLOOR = 0.05  # share of the features' mean square in what their error is relative to
SPIKE = 20.0  # times a channel's mean
SILENT = 0.01  # share of the mean channel's power below which a channel is not brought up
TINY = 1e-20
FEWEST = 4.0  # positions of a style's region, counted by mask value, below which the whole style is used
RANGE_WEIGHT = 10.0  # Departure: on mean squared values outside [0, 1], which nothing else holds back
Note = Callable[[str], None]
Features = Mapping[str, Tensor]  # by layer, [1, C, h, w] each
Key = tuple[str, int]  # layer and label
K = TypeVar("K")


@dataclass(frozen=True)
class Part:
    """Of a picture, or of one of its tiles, what Gram matrices are made of.

    Attributes:
        features: by layer.
        positions: of each region, as :func:`measure_grams` takes them.
    """

    features: Features
    positions: Mapping[Key, Positions | None]


Parts = Callable[[], Iterable[Part]]  # one after another, as often as they are asked for


@dataclass(frozen=True)
class ContentTarget:
    """Features to stay near: the mean of ``|(F - wanted) * scales|^2``, of ``[1, C, h, w]``."""

    wanted: Tensor
    scales: Tensor


@torch.no_grad()
def picture_loss(inputs: Inputs, options: GramOptions, encoder: Encoder, note: Note) -> Loss:
    """The loss of a picture of the content's size.

    ``sum_l w_l |G_l(x) - A_l|^2 / n_l + content * sum_l v_l |F_l(x) - F_l(c)|^2 / m_l +
    total_variation * TV(x)``: Gatys et al. 2016, equation 7, with each term relative to ``n_l``, the mean
    of the two sides' squared Gram norms, and ``m_l``, the content features' variance. With
    labels the first sum is over regions too, each weighed by its area (Luan et al. 2017,
    equation 4). All targets are computed here, once.

    Args:
        inputs: content and styles at the size to be solved at.
        options: weights and layers.
        encoder: reaching the deepest layer used.
        note: told what could not be measured.
    """
    shares = style_shares(options)
    features = surrounded_features(encoder, inputs.content, options.layers)
    masks = region_masks(inputs.content_labels, values_of(inputs), list(shares), encoder)
    positions = {key: select(mask) for key, mask in masks.items()}
    areas = {key: float(mask.mean()) for key, mask in masks.items()}
    part = Part({layer: features[layer] for layer in shares}, positions)
    targets: dict[str, list[GramTarget]] = {}
    for key, target in gram_targets(lambda: [part], areas, inputs, options, encoder, note).items():
        targets.setdefault(key[0], []).append(replace(target, positions=positions.get(key)))
    wanted = {
        layer: content_target(features[layer].float(), weight)
        for layer, weight in content_weights(inputs, options).items()
    }
    used = [layer for layer in options.layers if layer in targets or layer in wanted]

    def loss(x: Tensor) -> Tensor:
        value = options.total_variation * total_variation(x)
        value = value + RANGE_WEIGHT * (x - x.clamp(0, 1)).square().mean()
        for layer, feature in surrounded_features(encoder, x, used).items():
            if layer in targets:
                value = value + shares[layer] * gram_loss(feature, targets[layer])
            if layer in wanted:
                own = wanted[layer]
                value = value + ((feature.float() - own.wanted) * own.scales).square().mean()
            encoder.beat(value)
        return value

    return loss


def style_shares(options: GramOptions) -> dict[str, float]:
    """The style layers that count and their shares of the style's loss."""
    weights = weights_of(options.style_layers)
    total = sum(weights.values())
    return {layer: weight / total for layer, weight in weights.items() if weight > 0}


def content_weights(inputs: Inputs, options: GramOptions) -> dict[str, float]:
    """The content layers that count and what their relative errors are multiplied by."""
    weight = 0.0 if inputs.is_noise else CONTENT_WEIGHT * content_factor(options)
    shares = weights_of(options.content_layers)
    found = {layer: weight * share / sum(shares.values()) for layer, share in shares.items()}
    return {layer: share for layer, share in found.items() if share > 0}


def content_target(features: Tensor, weight: float) -> ContentTarget:
    """The features of the content, ``[1, C, h, w]``, as what a picture's are to stay near."""
    power = features.var((2, 3), correction=0)[0] + CONTENT_FLOOR * features.square().mean((2, 3))[0]
    return ContentTarget(features, (weight**0.5 * _unit_power(power))[:, None, None])


def values_of(inputs: Inputs) -> tuple[int, ...]:
    """The labels whose Gram matrices are matched."""
    return (EVERYTHING,) if inputs.content_labels is None else inputs.content_labels.present


def gram_targets(
    content: Parts, areas: Mapping[Key, float], inputs: Inputs, options: GramOptions, encoder: Encoder,
    note: Note,
) -> dict[Key, GramTarget]:  # fmt: skip
    """What the Gram matrices are to be, by style layer and region of the content; without positions.

    Args:
        content: the whole of it; the styles are ``inputs``'.
        areas: the share of the picture that a region covers, where there are regions.
    """
    values = values_of(inputs)
    layers = list(style_shares(options))
    styles = [surrounded_features(encoder, style.pixels, layers) for style in inputs.styles]
    channels = plan_channels([content, *(_as_parts(features) for features in styles)])
    full = _style_grams(inputs.styles, styles, values, channels, encoder, note)
    own = merged_means(measure_grams(part.features, part.positions, values, channels) for part in content())
    return {
        key: replace(
            plan_target(own[key], full[key], options.style_strength, areas.get(key, 1.0)),
            channels=channels[key[0]],
        )
        for key in own
        if key in full
    }


def _as_parts(features: Features) -> Parts:
    return lambda: [Part(features, {})]


def merged_means(parts: Iterable[Mapping[K, Mean]]) -> dict[K, Mean]:
    """The means over all parts, by what they are of; a part need not have all."""
    total: dict[K, Mean] = {}
    for part in parts:
        for key, mean in part.items():
            total[key] = total[key].merged(mean) if key in total else mean
    return total


def _style_grams(
    styles: Sequence[StyleInput], features: Sequence[Features], values: Sequence[int],
    channels: Mapping[str, Channels], encoder: Encoder, note: Note,
) -> dict[Key, Tensor]:  # fmt: skip
    """The Gram matrices of all styles, averaged by weight, by layer and region of the content."""
    totals: dict[Key, tuple[Tensor | float, float]] = {}
    for style, own in zip(styles, features, strict=True):
        served = [value for value in values if style.serves(value)]
        masks = region_masks(style.labels, served, list(own), encoder)
        masks = {key: mask for key, mask in masks.items() if key[1] != EVERYTHING}
        positions = {key: select(mask) for key, mask in masks.items() if float(mask.sum()) >= FEWEST}
        positions = {key: found for key, found in positions.items() if found is not None}
        if masks.keys() - positions.keys():
            note(SMALL_REGION_NOTE)  # measure_grams takes the whole picture for those
        for key, gram in measure_grams(own, positions, served, channels).items():
            matrix, weight = totals.get(key, (0.0, 0.0))
            totals[key] = matrix + style.weight * gram.value, weight + style.weight
    return {
        key: matrix / weight
        for key, (matrix, weight) in totals.items()
        if isinstance(matrix, Tensor) and weight
    }


def region_masks(
    labels: Labels | None, values: Sequence[int], layers: Sequence[str], encoder: Encoder
) -> dict[Key, Tensor]:
    """The soft masks of some regions at the positions of some layers, ``[h, w]``; none without labels."""
    if labels is None or not values:
        return {}
    carried = carry_masks(labels.masks(tuple(values)), encoder.layers, layers, pool_before=POOL_BEFORE)
    return {(layer, value): carried[layer][k] for layer in layers for k, value in enumerate(values)}


def measure_activity(features: Features) -> dict[str, Mean]:
    """The mean of every channel, ``[C]``, by layer."""
    return {
        layer: Mean(f.float().mean((0, 2, 3)), f.shape[-2] * f.shape[-1]) for layer, f in features.items()
    }


def measure_power(features: Features, ceilings: Mapping[str, Tensor]) -> dict[str, Mean]:
    """The mean square of every channel, ``[C]``, below its ceiling, by layer."""
    found = {}
    for layer, f in features.items():
        limited = torch.minimum(f.float(), ceilings[layer][:, None, None])
        found[layer] = Mean(limited.square().mean((0, 2, 3)), f.shape[-2] * f.shape[-1])
    return found


def measure_grams(
    features: Features, positions: Mapping[Key, Positions | None], values: Sequence[int],
    channels: Mapping[str, Channels],
) -> dict[Key, Mean]:  # fmt: skip
    """The Gram matrices, ``[C, C]``, by layer and region.

    Args:
        features: of a picture or a tile.
        positions: those of each region there; a region that is not named is the whole picture, one that is
            named with ``None`` has no position.
        values: the regions.
        channels: by layer.
    """
    keys = [(layer, value) for layer in features for value in values]
    return {
        (layer, value): gram_mean(features[layer], positions.get((layer, value)), channels[layer])
        for layer, value in keys
        if (layer, value) not in positions or positions[layer, value] is not None
    }


def plan_channels(pictures: Sequence[Parts]) -> dict[str, Channels]:
    """What brings the channels of some pictures' features to one scale, by layer.

    Departure: the paper rescales the network's filters to a mean activation of one over many pictures;
    here every channel gets unit root mean square over the pictures at hand, silent ones excepted.
    And activations are cut at SPIKE times the channel's mean: a filter that answers one place with
    a hundred times its usual value would else be all that the loss sees, and most of its gradient.
    """
    activity = [merged_means(measure_activity(part.features) for part in parts()) for parts in pictures]
    ceilings = {layer: SPIKE * _average([found[layer] for found in activity]) for layer in activity[0]}
    power = [merged_means(measure_power(part.features, ceilings) for part in parts()) for parts in pictures]
    return {
        layer: Channels(_unit_power(_average([found[layer] for found in power])), ceiling)
        for layer, ceiling in ceilings.items()
    }


def plan_target(own: Mean, full: Tensor, strength: float, area: float) -> GramTarget:
    """What a Gram matrix is to become, and the scale on which it is an error relative to both sides.

    Args:
        own: the content's.
        full: the style's.
        strength: share of the way from one to the other.
        area: share of the picture that the region covers.
    """
    norm = (own.value.square().sum() + full.square().sum()) / 2 + TINY
    return GramTarget(own.value.lerp(full, strength), area / norm)


def _average(pictures: Sequence[Mean]) -> Tensor:
    """Every picture counts alike, whatever its size."""
    return torch.stack([found.value for found in pictures]).mean(0)


def _unit_power(mean_square: Tensor) -> Tensor:
    """Factors that bring channels of this power (``[C]``) to 1, those near silence excepted."""
    return mean_square.clamp_min(SILENT * mean_square.mean() + TINY).rsqrt()


def at_size(inputs: Inputs, pictures: tuple[ImageTensor, ...]) -> Inputs:
    """``inputs`` with other pixels (content, then styles) and the labels brought to their sizes."""
    content, *styles = pictures
    resized = tuple(
        StyleInput(pixels, _labels_at(s.labels, pixels), s.weight)
        for s, pixels in zip(inputs.styles, styles, strict=True)
    )
    return Inputs(content, resized, _labels_at(inputs.content_labels, content), inputs.is_noise)


def _labels_at(labels: Labels | None, pixels: ImageTensor) -> Labels | None:
    return None if labels is None else labels.at(pixels.shape[-2], pixels.shape[-1])
