"""The loss of a picture, against the formulas in float64, and what its terms are relative to."""

from dataclasses import replace

import pytest
import torch

from style_core.method import SMALL_REGION_NOTE, Inputs, StyleInput
from style_core.methods.shared.gram_loss import (
    CONTENT_FLOOR,
    CONTENT_WEIGHT,
    RANGE_WEIGHT,
    SILENT,
    SPIKE,
    Part,
    at_size,
    measure_activity,
    measure_grams,
    measure_power,
    picture_loss,
    plan_channels,
    region_masks,
)
from style_core.methods.shared.gram_options import GramOptions
from style_core.nets.encoder import POOL_BEFORE, Encoder
from style_core.nets.reach import encoder_reach, stride_of
from style_core.ops.gram import select
from style_core.ops.pixel_optimization import value_and_gradient
from style_core.regions import Labels, carry_masks
from style_core.tiles import tiles

from ...conftest import TINY_WIDTHS, photo

CONTENT, STYLE, PICTURE = photo(48, 64, seed=1), photo(64, 48, seed=2).flip(1), photo(48, 64, seed=3)
OPTIONS = GramOptions(total_variation=0.3, precision="exact")
LABELS = torch.ones(48, 64, dtype=torch.uint8)
LABELS[:, 30:] = 2
LABELS = Labels(LABELS)
STYLE_LABELS = torch.ones(64, 48, dtype=torch.uint8)
STYLE_LABELS[40:] = 2
STYLE_LABELS = Labels(STYLE_LABELS)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(3)
    network = Encoder(TINY_WIDTHS).requires_grad_(False)
    for module in network.children():
        module.weight *= 1.5
    return network


def inputs(content=CONTENT, *styles, labels=None, is_noise=False):
    return Inputs(content, styles or (StyleInput(STYLE),), labels, is_noise)


def loss_of(encoder, given, options=OPTIONS):
    return picture_loss(given, options, encoder, [].append)


def unit_power(power):
    return power.clamp_min(SILENT * power.mean()) ** -0.5


def surrounded(network, picture, layers):
    """The features of a picture of sides of 16 px that goes on as its mirror image for 16 px more."""
    mirrored = torch.nn.functional.pad(picture, (16, 16, 16, 16), mode="reflect")
    inner = {layer: 16 // stride_of(layer) for layer in layers}
    return {
        k: f[..., inner[k] : -inner[k], inner[k] : -inner[k]] for k, f in network(mirrored, layers).items()
    }


def formula(x, content, style, options, encoder, masks=None):
    """The loss in float64, written out from the docstrings; ``masks``: layer -> pairs of ``[h, w]``."""
    network = Encoder.from_state({k: v.double() for k, v in encoder.state_dict().items()}).double()
    layers = (*options.style_layers, *options.content_layers)
    pictures = [surrounded(network, p.double(), layers) for p in (x, content, style)]
    total = torch.zeros((), dtype=torch.float64)
    for layer in options.style_layers:
        f, c, s = (p[layer][0].flatten(1) for p in pictures)  # [C, M]
        ceiling = SPIKE * (c.mean(1) + s.mean(1))[:, None] / 2
        f, c, s = (torch.minimum(y, ceiling) for y in (f, c, s))
        scale = unit_power((c.square().mean(1) + s.square().mean(1)) / 2)[:, None]
        f, c, s = f * scale, c * scale, s * scale
        whole = [(torch.ones(c.shape[1]), torch.ones(s.shape[1]))]
        pairs = [(m.flatten(), n.flatten()) for m, n in masks[layer]] if masks else whole
        for m, n in pairs:
            grams = [
                (y * w.double()) @ (y * w.double()).T / w.double().square().sum()
                for y, w in ((f, m), (c, m), (s, n))
            ]
            norm = (grams[1].square().sum() + grams[2].square().sum()) / 2
            target = grams[1].lerp(grams[2], options.style_strength)
            error = (grams[0] - target).square().sum() / norm
            total = total + m.double().mean() * error / len(options.style_layers)
    for layer in options.content_layers:
        f, c = (p[layer][0].flatten(1) for p in pictures[:2])
        power = c.var(1, correction=0) + CONTENT_FLOOR * c.square().mean(1)
        error = ((f - c) * unit_power(power)[:, None]).square().mean()
        weight = CONTENT_WEIGHT * (2 * options.content_strength) ** 3
        total = total + weight * error / len(options.content_layers)
    x = x.double()
    across, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    total = total + options.total_variation * (across.square().mean() + down.square().mean())
    return total + RANGE_WEIGHT * (x - x.clamp(0, 1)).square().mean()


@pytest.mark.parametrize(
    "options",
    [
        OPTIONS,
        replace(OPTIONS, style_strength=0.4, content_strength=0.8),
        replace(OPTIONS, style_layers=("conv1_2", "conv3_3"), content_layers=("conv2_2", "conv5_1")),
    ],
)
def test_value_and_gradient_are_those_of_the_formula(encoder, options):
    x = PICTURE * 1.2 - 0.1  # some of it out of range
    value, gradient = value_and_gradient(loss_of(encoder, inputs(), options), x)
    expected, wanted = value_and_gradient(lambda y: formula(y, CONTENT, STYLE, options, encoder), x)
    torch.testing.assert_close(value.double(), expected.double(), rtol=1e-4, atol=0)
    torch.testing.assert_close(gradient, wanted.float(), rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_with_labels_each_region_has_its_own_gram_matrices(encoder):
    given = inputs(CONTENT, StyleInput(STYLE, STYLE_LABELS), labels=LABELS)
    layers = OPTIONS.style_layers
    carried = [
        carry_masks(labels.masks((1, 2)), encoder.layers, layers, pool_before=POOL_BEFORE)
        for labels in (LABELS, STYLE_LABELS)
    ]
    masks = {
        layer: [[torch.where(side[layer][k] > 1e-3, side[layer][k], 0) for side in carried] for k in (0, 1)]
        for layer in layers
    }
    value, gradient = value_and_gradient(loss_of(encoder, given), PICTURE)
    expected, wanted = value_and_gradient(
        lambda y: formula(y, CONTENT, STYLE, OPTIONS, encoder, masks), PICTURE
    )
    torch.testing.assert_close(value.double(), expected.double(), rtol=1e-4, atol=0)
    torch.testing.assert_close(gradient, wanted.float(), rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_weights_of_layers_weigh_their_terms(encoder):
    def style_part(*layers):
        options = replace(OPTIONS, content_strength=0, total_variation=0, style_layers=layers)
        return float(loss_of(encoder, inputs(), options)(PICTURE))

    mixed = style_part("conv1_1=3", "conv4_1")
    assert mixed == pytest.approx((3 * style_part("conv1_1") + style_part("conv4_1")) / 4, rel=1e-4)
    assert style_part("conv1_1=0", "conv4_1") == pytest.approx(style_part("conv4_1"), rel=1e-5)


def test_the_scale_of_the_networks_channels_does_not_matter(encoder):
    """So the strengths mean the same with every family: here every channel gets a scale of its own."""
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    factors = torch.rand(13, generator=torch.Generator().manual_seed(0)) * 30 + 0.1
    before = None
    for (name, width), factor in zip(TINY_WIDTHS.items(), factors, strict=True):
        scale = factor * torch.linspace(0.9, 1.1, width)
        state[f"{name}.weight"] *= scale[:, None, None, None]
        state[f"{name}.bias"] *= scale
        if before is not None:
            state[f"{name}.weight"] /= before[:, None, None]
        before = scale
    rescaled = Encoder.from_state(state)
    for picture in (CONTENT, PICTURE):
        own, other = (float(loss_of(network, inputs())(picture)) for network in (encoder, rescaled))
        assert other == pytest.approx(own, rel=0.05)


def test_the_size_hardly_matters(encoder):
    large = [torch.nn.functional.interpolate(p, scale_factor=2) for p in (CONTENT, STYLE, PICTURE)]
    options = replace(OPTIONS, style_layers=("conv1_1",), content_layers=("conv1_1",), total_variation=0)
    small = float(loss_of(encoder, inputs(), options)(PICTURE))
    double = float(loss_of(encoder, inputs(large[0], StyleInput(large[1])), options)(large[2]))
    assert double == pytest.approx(small, rel=0.3)


def test_several_styles_are_a_mean_of_gram_matrices(encoder):
    both = (StyleInput(STYLE, weight=0.25), StyleInput(PICTURE, weight=0.75))
    one = (StyleInput(STYLE, weight=1.0), StyleInput(PICTURE, weight=0.0))
    options = replace(OPTIONS, content_strength=0, total_variation=0)
    mixed, alone = (loss_of(encoder, inputs(CONTENT, *styles), options) for styles in (both, one))
    assert float(alone(STYLE)) < 0.2 * float(alone(PICTURE))
    assert float(mixed(PICTURE)) < float(mixed(STYLE))


def test_a_region_lost_on_the_way_is_a_note(encoder):
    labels = torch.ones(48, 64, dtype=torch.uint8)
    labels[0, 0] = 2
    style_labels = torch.ones(64, 48, dtype=torch.uint8)
    style_labels[3, 3] = 2
    notes = []
    given = inputs(CONTENT, StyleInput(STYLE, Labels(style_labels)), labels=Labels(labels))
    loss = picture_loss(given, OPTIONS, encoder, notes.append)
    assert torch.isfinite(loss(PICTURE))
    assert notes
    assert set(notes) == {SMALL_REGION_NOTE}


def test_a_layer_may_be_the_styles_and_not_the_contents(encoder):
    options = replace(OPTIONS, style_layers=("conv4_2", "conv1_1"), content_layers=("conv4_2=0", "conv3_1"))
    assert options.layers == ("conv1_1", "conv3_1", "conv4_2")
    assert torch.isfinite(loss_of(encoder, inputs(), options)(PICTURE))


def test_a_texture_has_no_content_term(encoder):
    weighted = [
        float(loss_of(encoder, inputs(is_noise=True), replace(OPTIONS, content_strength=c))(PICTURE))
        for c in (0, 1)
    ]
    assert weighted[0] == weighted[1]


def test_labels_go_with_the_pictures_to_another_size():
    given = inputs(CONTENT, StyleInput(STYLE, STYLE_LABELS, 1.0), labels=LABELS)
    small = at_size(given, (CONTENT[..., ::2, ::2], STYLE[..., ::2, ::2]))
    assert torch.equal(small.content_labels.map, LABELS.map[::2, ::2])
    assert torch.equal(small.styles[0].labels.map, STYLE_LABELS.map[::2, ::2])


def test_what_is_measured_in_two_by_two_tiles_merges_to_that_of_the_whole(encoder):
    """Channels and Gram matrices by region of a picture of 256 x 256 px; tiles see as far as the encoder."""
    double = Encoder.from_state({k: v.double() for k, v in encoder.state_dict().items()}).double()
    picture = photo(256, 256, seed=4).double()
    labels = torch.ones(256, 256, dtype=torch.uint8)
    labels[:, 100:] = 2
    layers, values = ("conv1_1", "conv3_1", "conv4_1"), (1, 2)
    whole, masks = double(picture, layers), region_masks(Labels(labels), values, layers, double)
    parts = list(tiles(256, 256, side=128, stride=16, margin=encoder_reach("conv4_1")))
    assert len(parts) == 4

    def cut(layer, tile, mask):
        return tile.at(stride_of(layer)).core(mask)

    features = [
        {k: tile.at(stride_of(k)).inner(f) for k, f in double(tile.cut(picture), layers).items()}
        for tile in parts
    ]
    activity = [measure_activity(part) for part in features]
    power_ceilings = {layer: 0.8 * whole[layer].mean((0, 2, 3)) for layer in layers}
    power = [measure_power(part, power_ceilings) for part in features]
    assert_merged(activity, measure_activity(whole))
    assert_merged(power, measure_power(whole, power_ceilings))
    channels = plan_channels([lambda: [Part(whole, {})]])
    grams = [
        measure_grams(part, {k: select(cut(k[0], tile, m)) for k, m in masks.items()}, values, channels)
        for part, tile in zip(features, parts, strict=True)
    ]
    assert_merged(grams, measure_grams(whole, {k: select(m) for k, m in masks.items()}, values, channels))


def assert_merged(parts, whole):
    for key, wanted in whole.items():
        found = [part[key] for part in parts if key in part]  # a tile need not have every region
        total = found[0]
        for other in found[1:]:
            total = total.merged(other)
        torch.testing.assert_close(total.value.double(), wanted.value.double(), rtol=2e-4, atol=1e-6)
