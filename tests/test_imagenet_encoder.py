"""VGG-19 in timm's layout with random weights: it is torchvision's network, and two methods run on it."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import hub_upload
from style_core import WeightsUnavailable, stylize
from style_core.method import Inputs, StyleInput
from style_core.methods.shared.coarse_to_fine import resized
from style_core.methods.shared.gram_loss import picture_loss
from style_core.methods.shared.gram_options import GramOptions
from style_core.nets.encoder import LAYERS
from style_core.ops.pixel_optimization import value_and_gradient
from style_core.weights import IMAGENET_ENCODERS, encoder_name, load_encoder

from .conftest import photo

CONV_PLACES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
WIDTHS = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 512)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network():
    """torchvision's features with its own initialization, which keeps activations alive."""
    from torchvision.models import VGG  # seconds, which a process without these tests is spared

    torch.manual_seed(0)
    layers, channels = [], 3
    for place, width in enumerate(WIDTHS):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        channels = width
        if place in (1, 3, 7, 11, 15):
            layers.append(nn.MaxPool2d(2))
    return VGG(nn.Sequential(*layers), init_weights=True).features.eval()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    """The file as timm has it, classifier included (here a small one), converted."""
    source = tmp_path_factory.mktemp("timm") / "model.safetensors"
    state = {f"features.{name}": value for name, value in network.state_dict().items()}
    assert [int(name.split(".")[1]) for name in state if name.endswith("weight")] == list(CONV_PLACES)
    state |= {"pre_logits.fc1.weight": torch.ones(4, 4), "head.fc.bias": torch.ones(4)}
    save_file({name: value.contiguous() for name, value in state.items()}, source)
    target = tmp_path_factory.mktemp("weights") / "vgg19"
    assert hub_upload.main(["convert", "imagenet", str(source), "-o", str(target)]) == 0
    return target


def test_every_layer_is_torchvisions(network, folder):
    from torchvision.transforms.functional import normalize

    encoder = load_encoder(
        "vgg19", folder, CPU, name=encoder_name("vgg19", "imagenet"), last="conv5_1", pool="max"
    )
    image = photo(50, 67)
    found = encoder(image, LAYERS)
    x = normalize(image, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.no_grad():
        for place, layer in enumerate(network):
            x = layer(x.clone())
            if place - 1 in CONV_PLACES[: len(LAYERS)] and isinstance(layer, nn.ReLU):
                name = LAYERS[CONV_PLACES.index(place - 1)]
                torch.testing.assert_close(found[name], x, rtol=1e-4, atol=1e-5 * float(x.max()))


def test_it_is_another_file_than_the_encoder_of_the_decoders(folder):
    assert [path.name for path in folder.glob("*.safetensors")] == [
        f"{IMAGENET_ENCODERS['vgg19']}.safetensors"
    ]
    with pytest.raises(WeightsUnavailable, match="'encoder' are not in"):
        stylize("wct", photo(64, 64), photo(64, 64, seed=1), family="vgg19", weights_dir=folder)


def test_caffes_network_reads_bgr_from_0_to_255(network, tmp_path):
    source = tmp_path / "vgg19.pth"
    torch.save({f"features.{name}": value for name, value in network.state_dict().items()}, source)
    assert hub_upload.main(["convert", "caffe", str(source), "-o", str(tmp_path / "vgg19")]) == 0
    encoder = load_encoder(
        "vgg19", tmp_path / "vgg19", CPU, name="imagenet_encoder", last="conv1_1", pool="max"
    )
    image = photo(40, 40)
    mean = torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    with torch.no_grad():
        expected = network[1](network[0](image.flip(1) * 255 - mean))
    torch.testing.assert_close(encoder(image, ["conv1_1"])["conv1_1"], expected, rtol=1e-4, atol=1e-3)


def test_a_file_without_the_convolutions_is_refused(tmp_path, capsys):
    save_file({"features.0.weight": torch.ones(64, 3, 3, 3)}, tmp_path / "model.safetensors")
    assert (
        hub_upload.main(["convert", "imagenet", str(tmp_path / "model.safetensors"), "-o", str(tmp_path)])
        == 1
    )
    assert "is not a VGG-19 checkpoint: it has no features.0.bias." in capsys.readouterr().err


def test_two_files_are_one_too_many(tmp_path, capsys):
    state = {}
    for k, place in enumerate(CONV_PLACES):
        state |= {f"features.{place}.weight": torch.ones(2, 2 if k else 3, 3, 3)}
        state |= {f"features.{place}.bias": torch.zeros(2)}
    sources = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for source in sources:
        save_file(state, source)
    assert hub_upload.main(["convert", "imagenet", *map(str, sources), "-o", str(tmp_path)]) == 1
    assert "b.safetensors is one VGG-19 too many" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["gatys", "deep_photo"])
def test_both_methods_run_on_it(folder, method):
    content, style = photo(48, 64), photo(40, 56, seed=1).flip(1)
    result = stylize(method, content, style, family="vgg19", weights_dir=folder, steps=6)
    assert result.settings["family"] == "vgg19"
    begin = [p.loss for p in result.losses if p.step == 0][-1]  # of the last stage
    assert result.losses[-1].loss < 0.9 * begin
    assert not any("diverged" in note for note in result.notes)


def test_losses_and_gradients_are_of_the_same_order_as_the_compact_familys(folder):
    """The sliders' meaning: no term is a thousand times what it is with the shipped network."""

    content, style = resized(photo(96, 128), 96, 128), photo(96, 128, seed=1).flip(1)
    inputs = Inputs(content, (StyleInput(style),))
    norms, notes = {}, []
    for family, place in (("compact", None), ("vgg19", folder)):
        name = encoder_name(family, "imagenet")
        encoder = load_encoder(family, place, CPU, name=name, last="conv5_1", pool="max")
        loss = picture_loss(inputs, GramOptions(), encoder, notes.append)
        value, gradient = value_and_gradient(loss, content)
        norms[family] = float(value), float(gradient.norm())
    for own, other in zip(norms["vgg19"], norms["compact"], strict=True):
        assert 0.02 < own / other < 50
    assert not notes
