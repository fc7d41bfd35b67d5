"""What arrived in parts is held against what any VGG-19 trained on photos is like."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from style_core.nets.encoder import LAYERS
from style_core.weights.vgg19 import WIDTHS, check_vgg19

from .trained_like import trained_like

DEPTH = 5  # layers up to conv3_1, of which statistics are known


def layers_of(make, depth=DEPTH):
    """Canonical tensors of the first layers from ``make(outputs, inputs)``, which gives weight and bias."""
    state, inputs = {}, 3
    for layer in LAYERS[:depth]:
        state[f"{layer}.weight"], state[f"{layer}.bias"] = make(WIDTHS[layer], inputs)
        inputs = WIDTHS[layer]
    return state


def trained(depth=DEPTH):
    generator = torch.Generator().manual_seed(1)
    return layers_of(lambda o, i: (trained_like(o, i, generator), torch.rand(o, generator=generator)), depth)


def torch_start(outputs, inputs):
    """As torch starts a convolution: uniform weights and biases."""
    torch.manual_seed(outputs + inputs)
    layer = nn.Conv2d(inputs, outputs, 3)
    return layer.weight.detach(), layer.bias.detach()


def torchvision_start(outputs, inputs):
    """As torchvision starts VGG-19: Kaiming's normal weights, no biases."""
    weight, _ = torch_start(outputs, inputs)
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    return weight, torch.zeros(outputs)


def normal_start(outputs, inputs):
    """The same with biases that are not all equal."""
    return torchvision_start(outputs, inputs)[0], 0.1 * torch.randn(outputs)


def test_the_papers_network_passes(shared_data):
    """The original VGG-19, whose filters were rescaled, up to conv3_1."""
    state = load_file(shared_data / "teacher" / "vgg19_normalised_to_conv3_1.safetensors")
    assert check_vgg19({name: value.float() for name, value in state.items()}) is None  # nothing is raised


@pytest.mark.parametrize("depth", [1, 2, DEPTH])
def test_any_number_of_layers_that_look_trained_passes(depth):
    assert check_vgg19(trained(depth)) is None  # nothing is raised


@pytest.mark.parametrize("start", [torch_start, torchvision_start, normal_start])
@pytest.mark.parametrize("depth", [1, DEPTH])
def test_random_starts_are_refused(start, depth):
    with pytest.raises(ValueError, match=r"agree by|bias is all 0"):
        check_vgg19(layers_of(start, depth))


@pytest.mark.parametrize("layer", ["conv1_2", "conv2_1", "conv2_2", "conv3_1"])
def test_a_random_layer_behind_trained_ones_is_refused(layer):
    state = trained()
    state[f"{layer}.weight"] = torch.randn(state[f"{layer}.weight"].shape)
    with pytest.raises(ValueError, match=f"weights of {layer} are spread like random ones"):
        check_vgg19(state)


@pytest.mark.parametrize(
    ("layer", "kind", "value", "reason"),
    [
        ("conv1_1", "weight", 0.0, "conv1_1.weight is all 0"),
        ("conv3_1", "bias", 0.0, "conv3_1.bias is all 0"),
        ("conv2_2", "weight", torch.nan, "conv2_2.weight holds values that are not finite"),
        ("conv2_2", "bias", torch.inf, "conv2_2.bias holds values that are not finite"),
    ],
)
def test_constant_and_infinite_values_are_refused(layer, kind, value, reason):
    state = trained()
    state[f"{layer}.{kind}"].fill_(value)
    with pytest.raises(ValueError, match=reason):
        check_vgg19(state)


def test_bytes_from_another_place_are_refused():
    """A range cut at the wrong byte gives numbers of any size."""
    state = trained()
    raw = state["conv2_1.weight"].numpy().tobytes()
    shifted = torch.frombuffer(bytearray(raw[1:] + raw[:1]), dtype=torch.float32)
    state["conv2_1.weight"] = shifted.reshape(state["conv2_1.weight"].shape)
    with pytest.raises(ValueError, match=r"conv2_1.weight (reaches|holds values that are not finite)"):
        check_vgg19(state)


def test_another_networks_layers_are_refused(shared_data):
    """The compressed VGG-19, whose first layer looks the same but is narrower."""
    state = load_file(shared_data / "teacher" / "se16x_3.safetensors")
    named = {f"conv{k[4]}_{k[5:]}": v.float() for k, v in state.items() if "aux" not in k and k[4] != "0"}
    with pytest.raises(ValueError, match="conv1_1 has 16 channels, not 64"):
        check_vgg19(named)


def test_a_gap_is_refused():
    state = trained()
    del state["conv2_1.weight"], state["conv2_1.bias"]
    with pytest.raises(ValueError, match=r"conv2_2|conv2_1"):
        check_vgg19(state)
