"""What Gatys et al. and Deep Photo Style Transfer share: their options and the loss of a picture.

Every term is a relative error, 0 where it is met and about 1 where it is not, whatever the size of the
picture and the scale of the network's features. So the strengths mean the same at every size and
with every family of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from .conditions import CONTENT, NEVER, Condition, needs_above_zero
from .images import ImageTensor
from .method import SMALL_REGION_NOTE, Inputs, StyleInput
from .nets.encoder import LAYERS, POOL_BEFORE, Encoder
from .ops.gram import Channels, GramTarget, Positions, gram_loss, gram_matrix, select
from .ops.pixel_optimization import OPTIMIZERS, Loss
from .ops.regions import EVERYTHING
from .ops.segment_masks import carry_masks, one_hot
from .ops.total_variation import total_variation
from .options import NetworkOptions, choice, slider, switch, weighted, weights_of, whole

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")  # Gatys et al. 2016, section 3
CONTENT_LAYERS = ("conv4_2",)
STARTS = ("content", "noise", "style")
# At content strength 0.5. The paper's ratio of 1e-3 is in units of unnormalized features; this one was
# chosen on contact sheets, so that strokes and scene both read.
CONTENT_WEIGHT = 0.04
CONTENT_POWER = 3  # a strength of 1 weighs eight times, one of 0.25 an eighth of that
CONTENT_FLOOR = 0.05  # share of the features' mean square in what their error is relative to
SPIKE = 20.0  # times a channel's mean
SILENT = 0.01  # share of the mean channel's power below which a channel is not brought up
TINY = 1e-20
FEWEST = 4.0  # positions of a style's region, counted by mask value, below which the whole style is used
RANGE_WEIGHT = 10.0  # Departure: on mean squared values outside [0, 1], which nothing else holds back
Note = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class GramOptions(NetworkOptions):
    """The options of the methods that optimize pixels for Gram matrices."""

    group: ClassVar[str] = "Losses and optimizer"
    only_if: ClassVar[Mapping[str, Condition]] = {
        "seed": NEVER,
        "content_strength": CONTENT,
        "content_layers": CONTENT & needs_above_zero("content_strength"),
        "pooling": Condition(
            "a layer beyond conv1_2",
            lambda options, texture: any(not layer.startswith("conv1_") for layer in options.layers),
        ),
    }
    content_strength: float = slider(
        0.5, 0, 1,
        help="Weight of the content's features against the style's, by the third power: 0 is style alone, 1 "
        "eight times the default.",
    )  # fmt: skip
    style_strength: float = slider(
        1.0, 0, 1,
        help="How far the Gram matrices to reach lie from the content's own (0: the content as it is) to the "
        "style's (1: the paper).",
    )  # fmt: skip
    steps: int = slider(
        200, 1, 2000, step=1,
        help="Steps of the optimizer at the smallest size; every doubling of the size takes half as many. At "
        "full size alone (coarse to fine off) all of them.",
    )  # fmt: skip
    max_seconds: int | None = whole(
        None, 1, unit="s", help="Ends with the best picture so far after that many seconds.",
    )  # fmt: skip
    style_layers: tuple[str, ...] = weighted(
        STYLE_LAYERS, LAYERS, advanced=True,
        help="Layers whose Gram matrices are matched: shallow ones carry colors and fine strokes, deep ones "
        "large motifs.",
    )  # fmt: skip
    content_layers: tuple[str, ...] = weighted(
        CONTENT_LAYERS, LAYERS, advanced=True,
        help="Layers whose features stay the content's: the deeper, the freer the drawing.",
    )  # fmt: skip
    pooling: str = choice(
        "max", ("max", "average"), advanced=True,
        help="Pooling of the network: max as it was trained, average as in the paper.",
    )  # fmt: skip
    optimizer: str = choice(
        "lbfgs", OPTIMIZERS, advanced=True, help="lbfgs is the paper's and needs fewer steps than adam.",
    )  # fmt: skip
    coarse_to_fine: bool = switch(
        True, advanced=True,
        help="Solves a small picture first and refines it at every doubling of the size; off optimizes the "
        "full size from the start, as in the paper.",
    )  # fmt: skip
    total_variation: float = slider(
        0.1, 0, 10, step=0.05, advanced=True,
        help="Weight against differences of neighboring pixels (noise).",
    )  # fmt: skip

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers with a weight, in the network's order."""
        both = (weights_of(self.style_layers), weights_of(self.content_layers))
        return tuple(layer for layer in LAYERS if any(weights.get(layer, 0) > 0 for weights in both))


def content_factor(options: GramOptions) -> float:
    """What the content strength multiplies weights by: 1 at 0.5."""
    return (2 * options.content_strength) ** CONTENT_POWER


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
    style_weights, content_weights = weights_of(options.style_layers), weights_of(options.content_layers)
    features = encoder(inputs.content, options.layers)
    targets = _gram_targets(features, inputs, options, encoder, note)
    wanted = {}
    weight = 0.0 if inputs.is_noise else CONTENT_WEIGHT * content_factor(options)
    for layer, share in content_weights.items():
        if share * weight > 0:
            feature = features[layer].float()
            scales = (weight * share / sum(content_weights.values())) ** 0.5 * _unit_power(
                feature.var((2, 3), correction=0)[0] + CONTENT_FLOOR * feature.square().mean((2, 3))[0]
            )
            wanted[layer] = feature, scales[:, None, None]
    total = sum(style_weights.values())
    used = [layer for layer in options.layers if layer in targets or layer in wanted]

    def loss(x: Tensor) -> Tensor:
        value = options.total_variation * total_variation(x)
        value = value + RANGE_WEIGHT * (x - x.clamp(0, 1)).square().mean()
        for layer, feature in encoder(x, used).items():
            if layer in targets:
                value = value + style_weights[layer] / total * gram_loss(feature, targets[layer])
            if layer in wanted:
                own, scales = wanted[layer]
                value = value + ((feature.float() - own) * scales).square().mean()
        return value

    return loss


def _gram_targets(
    content_features: dict[str, Tensor], inputs: Inputs, options: GramOptions, encoder: Encoder,
    note: Note,
) -> dict[str, list[GramTarget]]:  # fmt: skip
    """What each style layer's Gram matrices are to be, by region."""
    layers = [layer for layer, weight in weights_of(options.style_layers).items() if weight > 0]
    labels = inputs.content_labels
    values = [EVERYTHING] if labels is None else labels.unique().tolist()
    content_masks = _masks(labels, values, layers, encoder)
    found: dict[str, list[GramTarget]] = {layer: [] for layer in layers}
    sums: dict[tuple[str, int], tuple[Tensor | float, float]] = {}
    style_features = [encoder(style.pixels, layers) for style in inputs.styles]
    channels = {
        layer: common_channels([content_features[layer], *(f[layer] for f in style_features)])
        for layer in layers
    }
    for style, features in zip(inputs.styles, style_features, strict=True):
        owned = [value for value in values if _owns(style, value)]
        masks = _masks(style.labels, owned, layers, encoder)
        for layer in layers:
            for k, value in enumerate(owned):
                where = None
                if masks is not None and value != EVERYTHING:
                    if float(masks[layer][k].sum()) >= FEWEST:
                        where = select(masks[layer][k])
                    else:
                        note(SMALL_REGION_NOTE)
                matrix, weight = sums.get((layer, value), (0.0, 0.0))
                gram = gram_matrix(features[layer], where, channels[layer])
                sums[layer, value] = matrix + style.weight * gram, weight + style.weight
    for layer in layers:
        for k, value in enumerate(values):
            matrix, weight = sums.get((layer, value), (0.0, 0.0))
            positions, area = _region(content_masks, layer, k)
            if isinstance(matrix, float) or not weight or not area:
                continue
            own, full = gram_matrix(content_features[layer], positions, channels[layer]), matrix / weight
            norm = (own.square().sum() + full.square().sum()) / 2 + TINY
            wanted = own.lerp(full, options.style_strength)
            found[layer].append(GramTarget(wanted, area / norm, positions, channels[layer]))
    return {layer: targets for layer, targets in found.items() if targets}


def common_channels(pictures: list[Tensor]) -> Channels:
    """What brings the channels of some pictures' features (``[1, C, h, w]`` each) to one scale.

    Departure: the paper rescales the network's filters to a mean activation of one over many pictures;
    here every channel gets unit root mean square over the pictures at hand, silent ones excepted.
    And activations are cut at SPIKE times the channel's mean: a filter that answers one place with
    a hundred times its usual value would else be all that the loss sees, and most of its gradient.
    """
    means = torch.stack([f.float().mean((0, 2, 3)) for f in pictures]).mean(0)
    ceiling = SPIKE * means
    squares = [torch.minimum(f.float(), ceiling[:, None, None]).square().mean((0, 2, 3)) for f in pictures]
    return Channels(_unit_power(torch.stack(squares).mean(0)), ceiling)


def _unit_power(mean_square: Tensor) -> Tensor:
    """Factors that bring channels of this power (``[C]``) to 1, those near silence excepted."""
    return mean_square.clamp_min(SILENT * mean_square.mean() + TINY).rsqrt()


def _masks(
    labels: Tensor | None, values: Sequence[int], layers: Sequence[str], encoder: Encoder
) -> dict[str, Tensor] | None:
    if labels is None or not values:
        return None
    return carry_masks(one_hot(labels, values), encoder.layers, layers, pool_before=POOL_BEFORE)


def _region(masks: dict[str, Tensor] | None, layer: str, k: int) -> tuple[Positions | None, float]:
    """The positions of region ``k`` in the content and its share of the area; 0 if it is lost there."""
    if masks is None:
        return None, 1.0
    positions = select(masks[layer][k])
    return positions, 0.0 if positions is None else float(masks[layer][k].mean())


def _owns(style: StyleInput, value: int) -> bool:
    """Whether a region takes this style: any style serves "everything", which is matched as a whole."""
    return value == EVERYTHING or (style.labels is not None and bool((style.labels == value).any()))


def at_size(inputs: Inputs, pictures: tuple[ImageTensor, ...]) -> Inputs:
    """``inputs`` with other pixels (content, then styles) and the labels brought to their sizes."""
    content, *styles = pictures
    labels = None if inputs.content_labels is None else _labels_at(inputs.content_labels, content)
    resized = tuple(
        StyleInput(pixels, None if s.labels is None else _labels_at(s.labels, pixels), s.weight)
        for s, pixels in zip(inputs.styles, styles, strict=True)
    )
    return Inputs(content, resized, labels, inputs.is_noise)


def _labels_at(labels: Tensor, pixels: ImageTensor) -> Tensor:
    size = (pixels.shape[-2], pixels.shape[-1])
    small = torch.nn.functional.interpolate(labels[None, None].float(), size, mode="nearest-exact")
    return small[0, 0].long()
