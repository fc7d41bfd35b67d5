"""The mirrored decoders, and the encoding with positions, against the same networks in torch functions."""

import pytest
import torch
import torch.nn.functional as F

from style_core.nets.decoder import UPSAMPLINGS, Decoder, LevelNetwork, encode_with_maxima, mirrored_layers
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.precision import reduce_precision

from ..conftest import TINY_WIDTHS, photo

LEVELS = (1, 2, 3, 4, 5)


def convolve(state, name, x):
    return F.conv2d(F.pad(x, (1,) * 4, "reflect"), state[f"{name}.weight"], state[f"{name}.bias"])


def plain_encode(state, image, level):
    """relu ``level``_1, and for every pooling torch's indices and the size before it."""
    x, poolings = image, {}
    if "conv0.weight" in state:
        x = F.conv2d(x, state["conv0.weight"], state["conv0.bias"])
    for name in LAYERS[: LAYERS.index(f"conv{level}_1") + 1]:
        if name.endswith("_1") and name != "conv1_1":
            size = x.shape[-2:]
            x, indices = F.max_pool2d(x, 2, return_indices=True, ceil_mode=True)
            poolings[int(name[4]) - 1] = (indices, size)
        x = F.relu(convolve(state, name, x))
    return x, poolings


def plain_decode(state, features, level, poolings=None):
    """Up-sampling wherever the encoder pooled; the last layer is not rectified."""
    x, before = features, level
    for name in reversed(LAYERS[: LAYERS.index(f"conv{level}_1") + 1]):
        group = int(name[4])
        if group != before and poolings is None:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        elif group != before:
            indices, size = poolings[group]
            x = F.max_unpool2d(x, indices, 2, output_size=size)
        x, before = convolve(state, name, x), group
        x = x if name == "conv1_1" else F.relu(x)
    return x


def cut_encoder(level, **extra):
    last = LAYERS.index(f"conv{level}_1")
    return Encoder({name: TINY_WIDTHS[name] for name in LAYERS[: last + 1]}, **extra)


def level_state(level, upsampling, has_encoder=True):
    """Tensors of a checkpoint with an encoder per level."""
    state = dict(Decoder(TINY_WIDTHS, level=level, upsampling=upsampling).state_dict())
    if has_encoder:
        encoder = cut_encoder(level, has_input_map=True)
        state |= {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    return state


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("level", LEVELS)
def test_the_nearest_decoder_is_the_network_written_out(level):
    decoder = Decoder(TINY_WIDTHS, level=level, upsampling="nearest").double()
    features = torch.rand(1, TINY_WIDTHS[f"conv{level}_1"], 3, 4).double()
    actual = decoder(features)
    assert actual.shape == (1, 3, 3 * 2 ** (level - 1), 4 * 2 ** (level - 1))
    torch.testing.assert_close(actual, plain_decode(decoder.state_dict(), features, level))


@pytest.mark.parametrize(("height", "width"), [(32, 48), (17, 31)])
@pytest.mark.parametrize("level", LEVELS)
def test_the_unpooling_decoder_is_the_network_written_out(level, height, width):
    encoder = cut_encoder(level).double()
    decoder = Decoder(TINY_WIDTHS, level=level, upsampling="unpool").double()
    features, maxima = encode_with_maxima(encoder, photo(height, width).double(), level=level)
    desired, poolings = plain_encode(encoder.state_dict(), photo(height, width).double(), level)
    torch.testing.assert_close(features, desired)
    assert set(maxima) == set(poolings) == set(range(1, level))
    other = torch.rand_like(features)  # a transform changes the values, not the positions
    actual = decoder(other, maxima)
    assert actual.shape == (1, 3, height, width)
    torch.testing.assert_close(actual, plain_decode(decoder.state_dict(), other, level, poolings))


@pytest.mark.parametrize("has_input_map", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_encoding_with_maxima_is_encoding_where_sides_are_even(level, has_input_map):
    encoder = Encoder(TINY_WIDTHS, has_input_map=has_input_map)
    features, _ = encode_with_maxima(encoder, photo(32, 48), level=level)
    torch.testing.assert_close(features, encoder(photo(32, 48), [f"relu{level}_1"])[f"relu{level}_1"])


def test_positions_take_one_byte_each():
    _, maxima = encode_with_maxima(Encoder(TINY_WIDTHS), photo(32, 48), level=3)
    assert {found.offsets.dtype for found in maxima.values()} == {torch.uint8}
    assert {k: found.size for k, found in maxima.items()} == {1: (32, 48), 2: (16, 24)}


@pytest.mark.parametrize("level", LEVELS)
def test_layers_mirror_the_encoder(level):
    layers = mirrored_layers(level)
    assert layers == tuple(reversed(cut_encoder(level).layers))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("level", LEVELS)
def test_widths_are_read_off_the_weights(level, upsampling):
    state = Decoder(TINY_WIDTHS, level=level, upsampling=upsampling).state_dict()
    half = {name: tensor.half() for name, tensor in state.items()}
    rebuilt = Decoder.from_state(half, level=level, upsampling=upsampling)
    assert (rebuilt.level, rebuilt.upsampling) == (level, upsampling)
    assert not any(p.requires_grad for p in rebuilt.parameters())
    for name, tensor in rebuilt.state_dict().items():
        assert torch.equal(tensor, half[name].float())


@pytest.mark.parametrize("name", ["conv3_1.weight", "conv2_2.weight", "conv1_1.weight", "conv1_2.bias"])
def test_a_missing_tensor_is_named(name):
    state = Decoder(TINY_WIDTHS, level=3, upsampling="nearest").state_dict()
    del state[name]
    with pytest.raises(ValueError, match=f"weights do not fit: missing .*{name}"):
        Decoder.from_state(state, level=3, upsampling="nearest")


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("conv2_2.weight", (8, 9, 3, 3)),
        ("conv2_2.weight", (7, 8, 3, 3)),
        ("conv3_1.weight", (8, 10, 5, 5)),
        ("conv1_1.weight", (4, 6, 3, 3)),
        ("conv1_1.bias", (4,)),
        ("conv3_1.weight", (8, 10)),
        ("conv2_1.weight", (48,)),
        ("conv3_1.weight", (720,)),
        ("conv2_1.weight", ()),
    ],
)
def test_a_misshapen_tensor_is_refused(name, shape):
    state = Decoder(TINY_WIDTHS, level=3, upsampling="nearest").state_dict()
    state[name] = torch.zeros(shape)
    with pytest.raises(ValueError, match="weights do not fit"):
        Decoder.from_state(state, level=3, upsampling="nearest")


def test_weights_of_another_level_are_refused():
    state = Decoder(TINY_WIDTHS, level=4, upsampling="nearest").state_dict()
    with pytest.raises(ValueError, match=r"unexpected \['conv3_2\.bias'"):
        Decoder.from_state(state, level=3, upsampling="nearest")
    with pytest.raises(ValueError, match=r"missing conv5_1\.weight"):
        Decoder.from_state(state, level=5, upsampling="nearest")


def test_an_unknown_upsampling_is_refused_with_those_that_work():
    with pytest.raises(ValueError, match="nearest, bilinear, unpool, not 'bicubic'"):
        Decoder(TINY_WIDTHS, level=1, upsampling="bicubic")


@pytest.mark.parametrize("level", LEVELS)
def test_a_file_says_that_its_upsampling_is_blurred(level):
    decoder = Decoder(TINY_WIDTHS, level=level, upsampling="bilinear").requires_grad_(False)
    assert ("blur" in decoder.state_dict()) == (level > 1)
    read = Decoder.from_state(decoder.state_dict(), level=level, upsampling="nearest")
    features = torch.rand(1, TINY_WIDTHS[f"conv{level}_1"], 3, 4)
    torch.testing.assert_close(read(features), decoder(features))


def test_bilinear_upsampling_makes_no_steps_between_blocks():
    """A ramp stays a ramp inside; nearest up-sampling makes stairs of it."""
    ramp = torch.arange(6.0).expand(1, 1, 4, 6).contiguous()
    widest = {}
    for upsampling in ("nearest", "bilinear"):
        decoder = Decoder({"conv1_1": 1, "conv1_2": 1, "conv2_1": 1}, level=2, upsampling=upsampling)
        for convolution in decoder.children():
            torch.nn.init.dirac_(convolution.weight)
            torch.nn.init.zeros_(convolution.bias)
        with torch.no_grad():
            steps = decoder(ramp)[0, 0, 4, 3:-3].diff()
        widest[upsampling] = float(steps.max())
    assert widest == {"nearest": 1.0, "bilinear": 0.5}


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_a_level_without_an_encoder_of_its_own_has_none(upsampling):
    state = level_state(2, upsampling, has_encoder=False)
    level = LevelNetwork.from_state(state, level=2, upsampling=upsampling)
    assert level.encoder is None
    assert set(level.decoder.state_dict()) == set(state)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("depth", LEVELS)
def test_a_level_has_the_encoder_of_its_file(upsampling, depth):
    state = level_state(depth, upsampling)
    level = LevelNetwork.from_state(state, level=depth, upsampling=upsampling)
    assert level.encoder is not None
    assert level.encoder.layers[-1] == f"conv{depth}_1"
    assert {f"encoder.{name}" for name in level.encoder.state_dict()} | set(
        level.decoder.state_dict()
    ) == set(state)
    own = {name.removeprefix("encoder."): v for name, v in state.items() if name.startswith("encoder.")}
    actual, _ = encode_with_maxima(level.encoder, photo(32, 48), level=depth)
    torch.testing.assert_close(actual, plain_encode(own, photo(32, 48), depth)[0])


@pytest.mark.parametrize("name", ["encoder.conv2_1.weight", "encoder.conv1_1.bias", "conv2_1.weight"])
def test_a_level_with_a_gap_is_refused(name):
    state = level_state(2, "unpool")
    del state[name]
    with pytest.raises(ValueError, match=r"weights (do not fit|end at)"):
        LevelNetwork.from_state(state, level=2, upsampling="unpool")


def coded(upsampling, height=32, width=48, depth=3):
    """A level, an image, its features, and the positions if the level unpools."""
    level = LevelNetwork.from_state(level_state(depth, upsampling), level=depth, upsampling=upsampling)
    image = photo(height, width)
    features, maxima = encode_with_maxima(level.encoder, image, level=depth)
    return level, image, features, maxima if upsampling == "unpool" else None


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_detail_1_gives_an_image_back_whose_features_were_not_moved(upsampling):
    level, image, features, maxima = coded(upsampling)
    actual = level.render(features, features, image, detail=1.0, maxima=maxima)
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual, image, atol=1e-6, rtol=0)


def test_detail_1_gives_an_image_of_odd_size_back():
    level, image, features, maxima = coded("unpool", 17, 31)
    actual = level.render(features, features, image, detail=1.0, maxima=maxima)
    torch.testing.assert_close(actual, image, atol=1e-6, rtol=0)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_detail_0_is_the_clamped_decoder(upsampling):
    level, image, features, maxima = coded(upsampling)
    moved = 400 * torch.randn_like(features)  # far enough to leave [0, 1]
    decoded = level.decoder(moved, maxima)
    assert decoded.min() < 0
    assert decoded.max() > 1
    assert torch.equal(level.render(moved, features, image, maxima=maxima), decoded.clamp(0, 1))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_detail_adds_its_share_of_what_decoding_loses(upsampling):
    level, image, features, maxima = coded(upsampling)
    moved = features * 1.1
    lost = image - level.decoder(features, maxima)
    desired = (level.decoder(moved, maxima) + 0.3 * lost).clamp(0, 1)
    actual = level.render(moved, features, image, detail=0.3, maxima=maxima)
    torch.testing.assert_close(actual, desired)


def test_reduced_precision_spares_the_layers_at_the_pixels():
    level = LevelNetwork.from_state(level_state(3, "unpool"), level=3, upsampling="unpool")
    assert reduce_precision(level) is level
    dtypes = {name: p.dtype for name, p in level.named_parameters()}
    spared = ("encoder.conv0", "encoder.conv1_1", "decoder.conv1_1")
    desired = {
        name: torch.float32 if name.rpartition(".")[0] in spared else torch.bfloat16 for name in dtypes
    }
    assert dtypes == desired
    assert {name.rpartition(".")[0] for name in dtypes} >= {*spared, "encoder.conv3_1", "decoder.conv1_2"}


def test_reduced_precision_of_a_bare_network_spares_the_same_layers():
    encoder = reduce_precision(Encoder(TINY_WIDTHS, has_input_map=True))
    full = {name for name, p in encoder.named_parameters() if p.dtype == torch.float32}
    assert full == {"conv0.weight", "conv0.bias", "conv1_1.weight", "conv1_1.bias"}
    decoder = reduce_precision(Decoder(TINY_WIDTHS, level=1, upsampling="nearest"))
    assert {p.dtype for p in decoder.parameters()} == {torch.float32}


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_a_level_of_reduced_precision_stays_near_the_exact_one(upsampling):
    level, image, features, maxima = coded(upsampling)
    exact = level.render(features, features, image, maxima=maxima)
    reduce_precision(level)
    fast_features, fast_maxima = encode_with_maxima(level.encoder, image, level=3)
    fast = level.render(
        fast_features, fast_features, image, maxima=fast_maxima if upsampling == "unpool" else None
    )
    assert fast_features.dtype == torch.bfloat16
    assert fast.dtype == torch.float32
    torch.testing.assert_close(fast, exact, atol=0.02, rtol=0)
    back = level.render(fast_features, fast_features, image, detail=1.0, maxima=maxima)
    torch.testing.assert_close(back, image, atol=1e-6, rtol=0)
