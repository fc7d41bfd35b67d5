"""The VGG-shaped encoder."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from style_core.nets.encoder import LAYERS, POOL_BEFORE, Encoder, largest_of_blocks, load_strictly

from ..conftest import TINY_WIDTHS, photo


def plain_forward(state, image):
    """VGG-19 written out with torch functions only: every rectified map by layer."""
    found, x = {}, image
    if "conv0.weight" in state:
        x = F.conv2d(x, state["conv0.weight"], state["conv0.bias"])
    for name in LAYERS:
        if f"{name}.weight" not in state:
            break
        if name in POOL_BEFORE:
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(F.pad(x, (1,) * 4, "reflect"), state[f"{name}.weight"], state[f"{name}.bias"]))
        found[name] = x
    return found


def test_features_agree_with_vgg_written_out():
    torch.manual_seed(0)
    state = Encoder(TINY_WIDTHS, has_input_map=True).state_dict()
    image = photo(48, 64)
    desired = plain_forward(state, image)
    actual = Encoder.from_state(state)(image, LAYERS)
    for name in LAYERS:
        torch.testing.assert_close(actual[name], desired[name])


def test_the_true_vgg_gives_activations_of_mean_one(shared_data):
    state = load_file(shared_data / "teacher" / "vgg19_normalised_to_conv3_1.safetensors")
    found = Encoder.from_state(state)(photo(128, 128), ["relu1_1", "relu2_1", "relu3_1"])
    for features in found.values():  # Gatys' normalisation, measured on photos; this picture is not one
        assert 0.4 < features.mean() < 2.5


@pytest.mark.parametrize("pool", ["max", "average", "haar"])
def test_pooling_is_the_named_one(pool):
    torch.manual_seed(0)
    encoder = Encoder(TINY_WIDTHS, pool=pool)
    found = encoder(photo(32, 32), ["relu1_2", "relu2_1"])
    pooled = {"max": F.max_pool2d, "average": F.avg_pool2d, "haar": lambda x, k: 2 * F.avg_pool2d(x, k)}
    desired = encoder.step("conv2_1", pooled[pool](found["relu1_2"], 2))
    torch.testing.assert_close(found["relu2_1"], desired)


def test_names_may_say_conv_or_relu():
    encoder = Encoder(TINY_WIDTHS)
    found = encoder(photo(32, 32), ["conv2_1", "relu3_1"])
    assert list(found) == ["conv2_1", "relu3_1"]


def test_nothing_deeper_than_asked_is_computed():
    encoder = Encoder(TINY_WIDTHS)
    steps = []
    genuine = encoder.step
    encoder.step = lambda name, x: steps.append(name) or genuine(name, x)
    encoder(photo(32, 32), ["relu2_1"])
    assert steps == ["conv1_1", "conv1_2", "conv2_1"]


def test_weights_are_cut_after_the_last_layer():
    encoder = Encoder.from_state(Encoder(TINY_WIDTHS).state_dict(), last="relu3_1")
    assert encoder.layers[-1] == "conv3_1"


def test_layers_beyond_the_weights_are_refused():
    state = Encoder.from_state(Encoder(TINY_WIDTHS).state_dict(), last="relu3_1").state_dict()
    with pytest.raises(ValueError, match="end at conv3_1, before relu5_1"):
        Encoder.from_state(state, last="relu5_1")
    with pytest.raises(ValueError, match="no layer conv4_1"):
        Encoder.from_state(state)(photo(32, 32), ["relu4_1"])


def test_half_precision_files_become_frozen_float32():
    state = {k: v.half() for k, v in Encoder(TINY_WIDTHS).state_dict().items()}
    encoder = Encoder.from_state(state)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in encoder.parameters())


def test_misfitting_weights_are_listed():
    encoder = Encoder(TINY_WIDTHS)
    state = encoder.state_dict()
    state["extra"] = state.pop("conv1_1.bias")
    with pytest.raises(ValueError, match=r"missing \['conv1_1.bias'\], unexpected \['extra'\]"):
        load_strictly(Encoder(TINY_WIDTHS), state)


def test_unknown_pooling_and_layers_are_refused():
    with pytest.raises(ValueError, match="max, average, haar, not 'l2'"):
        Encoder(TINY_WIDTHS, pool="l2")
    with pytest.raises(ValueError, match="prefix"):
        Encoder({"conv1_2": 4})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (7, 6), (6, 9)])
def test_max_pooling_is_that_of_torch(height, width, dtype):
    x = torch.randn(2, 3, height, width).to(dtype)
    assert torch.equal(largest_of_blocks(x), torch.nn.functional.max_pool2d(x, 2))


@pytest.mark.parametrize(("height", "width"), [(2, 2), (7, 6), (6, 9)])
def test_the_gradient_of_max_pooling_is_its_derivative_in_the_same_memory_format(height, width):
    generator = torch.Generator().manual_seed(0)
    x = torch.randperm(2 * 3 * height * width, generator=generator).double().view(2, 3, height, width)
    x = x.to(memory_format=torch.channels_last).requires_grad_()  # differences of 1, so that no two are alike
    assert torch.autograd.gradcheck(largest_of_blocks, (x,))
    (gradient,) = torch.autograd.grad(largest_of_blocks(x).square().sum(), x)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(gradient.sum((2, 3)), 2 * largest_of_blocks(x.detach()).sum((2, 3)))


def test_equal_corners_of_a_block_share_its_gradient():
    x = torch.tensor([[1.0, 3.0, 5.0, 5.0], [3.0, 2.0, 5.0, 5.0]])[None, None].requires_grad_()
    (gradient,) = torch.autograd.grad(largest_of_blocks(x).sum(), x)
    assert gradient[0, 0].tolist() == [[0, 0.5, 0.25, 0.25], [0.5, 0, 0.25, 0.25]]
