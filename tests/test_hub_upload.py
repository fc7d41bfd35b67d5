"""Converting released checkpoints, and parity with the released WCT2 network on random weights."""

import json

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

import hub_upload
from style_core import stylize
from style_core.nets.decoder import Decoder, LevelNetwork, encode_with_maxima
from style_core.nets.encoder import LAYERS, POOL_BEFORE, Encoder
from style_core.weights import read_weights

from .conftest import photo

FULL_WIDTHS = (64, 64, 128, 128, 256, 256, 256, 256, 512)
NAMES = LAYERS[: len(FULL_WIDTHS)]
UNPOOLED = {"conv3_4": "3", "conv2_2": "2", "conv1_2": "1"}
HAAR = {
    "LL": [[1.0, 1.0], [1.0, 1.0]],
    "LH": [[-1.0, 1.0], [-1.0, 1.0]],
    "HL": [[-1.0, -1.0], [1.0, 1.0]],
    "HH": [[1.0, -1.0], [-1.0, 1.0]],
}


def kernel(band, channels):
    return (0.5 * torch.tensor(HAAR[band])).expand(channels, 1, 2, 2).contiguous()


def released_encoder(generator):
    """A state dict in the released layout: canonical names, conv0, and the constant Haar kernels."""
    state = {"conv0.weight": 0.3 * torch.randn(3, 3, 1, 1, generator=generator), "conv0.bias": torch.zeros(3)}
    channels = 3
    for name, width in zip(NAMES, FULL_WIDTHS, strict=True):
        state[f"{name}.weight"] = random_kernel(width, channels, generator)
        state[f"{name}.bias"] = 0.1 * torch.randn(width, generator=generator)
        channels = width
    for level, width in zip("123", (64, 128, 256), strict=True):
        state |= {f"pool{level}.{band}.weight": kernel(band, width) for band in HAAR}
    return state


def released_decoder(variant, generator):
    state = {}
    for position in range(len(NAMES) - 1, -1, -1):
        name, width = NAMES[position], FULL_WIDTHS[position]
        output = FULL_WIDTHS[position - 1] if position else 3
        is_cat5 = variant == "cat5" and name in UNPOOLED
        key = f"{name}_2" if is_cat5 else name
        state[f"{key}.weight"] = random_kernel(output, width * (5 if is_cat5 else 1), generator)
        state[f"{key}.bias"] = 0.1 * torch.randn(output, generator=generator)
        if name in UNPOOLED:
            state |= {f"recon_block{UNPOOLED[name]}.{band}.weight": kernel(band, width) for band in HAAR}
    return state


def random_kernel(outputs, inputs, generator):
    return torch.randn(outputs, inputs, 3, 3, generator=generator) * (2 / (9 * inputs)) ** 0.5


class Released:
    """The released WCT2 network written out from its description: dense concatenation, transposed
    convolutions, float32, identity added to both covariances, T clamped to the content's range."""

    def __init__(self, encoder, decoder, variant):
        self.encoder, self.decoder, self.variant = encoder, decoder, variant

    def conv(self, state, key, x, relu=True):
        y = F.conv2d(F.pad(x, (1,) * 4, "reflect"), state[f"{key}.weight"], state[f"{key}.bias"])
        return F.relu(y) if relu else y

    def encode(self, image, transform):
        x = F.conv2d(image, self.encoder["conv0.weight"], self.encoder["conv0.bias"])
        skips = {}
        for name in NAMES:
            if name in POOL_BEFORE:
                level, channels = str(int(name[4]) - 1), x.shape[1]
                bands = {b: F.conv2d(x, kernel(b, channels), stride=2, groups=channels) for b in HAAR}
                skips[level] = (bands, x)
                x = bands["LL"]
                if self.variant == "sum":
                    x = transform(("encoder", int(level)), x)
            x = self.conv(self.encoder, name, x)
            if name == "conv4_1" or (self.variant == "cat5" and name.endswith("_1")):
                x = transform(("encoder", int(name[4])), x)
        return x, skips

    def decode(self, x, skips, transform):
        for name in reversed(NAMES):
            if name.endswith("_1") and name != "conv4_1":
                x = transform(("decoder", int(name[4])), x)
            if name in UNPOOLED:
                bands, original = skips[UNPOOLED[name]]
                width = x.shape[1]
                bands = bands | {"LL": x}
                parts = [F.conv_transpose2d(bands[b], kernel(b, width), stride=2, groups=width) for b in HAAR]
                x = torch.cat([*parts, original], 1) if self.variant == "cat5" else sum(parts)
                x = self.conv(self.decoder, f"{name}_2" if self.variant == "cat5" else name, x)
            else:
                x = self.conv(self.decoder, name, x, relu=name != "conv1_1")
        return x

    def transfer(self, content, style, at):
        targets = {}

        def keep(place, x):
            targets[place] = x
            return x

        def match(place, x):
            return released_wct(x, targets[place]) if place[0] in at else x

        style_features, style_skips = self.encode(style, keep)
        self.decode(style_features, style_skips, keep)
        x, skips = self.encode(content, match)
        if "skip" in at:
            for level, (bands, original) in skips.items():
                moved = {b: released_wct(bands[b], style_skips[level][0][b]) for b in ("LH", "HL", "HH")}
                skips[level] = ({"LL": bands["LL"], **moved}, original)
        if "decoder" in at and "encoder" not in at:
            x = released_wct(x, targets["encoder", 4])
        return self.decode(x, skips, match).clamp(0, 1)


def released_wct(content, style):
    c, s = content[0].flatten(1), style[0].flatten(1)
    c_mean, s_mean = c.mean(1, keepdim=True), s.mean(1, keepdim=True)
    identity = torch.eye(len(c))
    c_values, c_vectors = torch.linalg.eigh((c - c_mean) @ (c - c_mean).T / (c.shape[1] - 1) + identity)
    s_values, s_vectors = torch.linalg.eigh((s - s_mean) @ (s - s_mean).T / (s.shape[1] - 1) + identity)
    whitened = c_vectors @ torch.diag(c_values**-0.5) @ c_vectors.T @ (c - c_mean)
    colored = s_vectors @ torch.diag(s_values**0.5) @ s_vectors.T @ whitened + s_mean
    return colored.clamp(c.min(), c.max()).view_as(content)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Random full-size weights saved as the released files are."""
    generator = torch.Generator().manual_seed(3)
    folder = tmp_path_factory.mktemp("released")
    states = {"encoder": released_encoder(generator)}
    states |= {variant: released_decoder(variant, generator) for variant in ("cat5", "sum")}
    for name, state in states.items():
        torch.save(state, folder / f"{name}.pth")
    return folder, states


@pytest.fixture(scope="module")
def converted(checkpoints, tmp_path_factory):
    folder, _ = checkpoints
    out = tmp_path_factory.mktemp("converted")
    files = [str(folder / f"{name}.pth") for name in ("cat5", "encoder", "sum")]
    assert hub_upload.main(["convert", "wct2", *files, "-o", str(out)]) == 0
    return out


@pytest.mark.parametrize("variant", ["cat5", "sum"])
@pytest.mark.parametrize("at", [("encoder",), ("encoder", "skip", "decoder"), ("decoder",)])
def test_converted_weights_give_the_released_networks_picture(checkpoints, converted, variant, at):
    states = checkpoints[1]
    content, style = photo(64, 48, seed=1), photo(48, 56, seed=2)
    desired = Released(states["encoder"], states[variant], variant).transfer(content, style, at)
    result = stylize(
        "wct2", content, style, family="vgg19", weights_dir=converted, device="cpu",
        precision="exact", whitening="released", decoder=variant, transfer=at, content_strength=0,
        color_match=0, contrast_match=0,
    )  # fmt: skip
    assert desired.std() > 0.05  # a saturated picture would hide any difference
    assert (result.image - desired).abs().max() <= 1e-3 * desired.abs().max()


def test_the_haar_kernels_are_dropped(converted):
    assert {k.split(".")[0] for k in load_file(converted / "encoder.safetensors")} == {"conv0", *NAMES}


def test_a_checkpoint_of_something_else_is_refused(tmp_path, capsys):
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    assert hub_upload.main(["convert", "wct2", str(tmp_path / "other.pth"), "-o", str(tmp_path / "o")]) == 1
    assert "not a WCT2 checkpoint" in capsys.readouterr().err


def test_a_decoder_without_its_encoder_is_refused(checkpoints, tmp_path, capsys):
    assert hub_upload.main(["convert", "wct2", str(checkpoints[0] / "sum.pth"), "-o", str(tmp_path)]) == 1
    assert "the encoder is missing" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"hello", b"<html></html>", b"PK\x03\x04"])
def test_an_unreadable_file_is_refused(tmp_path, capsys, content):
    (tmp_path / "broken.pth").write_bytes(content)
    assert hub_upload.main(["convert", "wct2", str(tmp_path / "broken.pth"), "-o", str(tmp_path)]) == 1
    assert "cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, monkeypatch, capsys):
    import os
    import pickle

    class Malicious:
        def __reduce__(self):
            return os.system, ("touch ran",)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(pickle.dumps({"conv0.weight": Malicious()}))
    assert hub_upload.main(["convert", "wct2", str(tmp_path / "bad.pth"), "-o", str(tmp_path)]) == 1
    assert not (tmp_path / "ran").exists()
    assert "cannot be read" in capsys.readouterr().err


# WCT, PhotoWCT and the compressed WCT: mirrored decoders. A network is written here as a list of
# (layer, weight, bias) in the order of computation, and computed by torch.nn.functional from it.

SMALL_WIDTHS = (4, 4, 6, 6, 8, 8, 8, 8, 10, 10, 10, 10, 12)
DEPTHS = {1: 1, 2: 3, 3: 5, 4: 9, 5: 13}  # level -> 3x3 convolutions of its encoder and of its decoder


def small_encoder(level, generator, widths=SMALL_WIDTHS):
    layers = [("conv0", 0.5 * torch.randn(3, 3, 1, 1, generator=generator), torch.zeros(3))]
    channels = 3
    for name, width in zip(LAYERS[: DEPTHS[level]], widths, strict=False):
        layers.append((name, random_kernel(width, channels, generator), torch.full((width,), 0.1)))
        channels = width
    return layers


def small_decoder(level, generator, widths=SMALL_WIDTHS):
    names, depth = LAYERS[: DEPTHS[level]][::-1], DEPTHS[level]
    outputs = [*widths[: depth - 1][::-1], 3]
    sizes = zip(names, widths[:depth][::-1], outputs, strict=True)
    return [
        (name, random_kernel(outputs, inputs, generator), torch.full((outputs,), 0.1))
        for name, inputs, outputs in sizes
    ]


def starts_level(name):
    return name.endswith("_1") and name != "conv1_1"


def reconstruct(encoder, decoder, image, *, unpool=False, last_relu=False):
    """``F.interpolate`` (WCT) or ``F.max_unpool2d`` (PhotoWCT) between reflected 3x3 convolutions."""
    x, positions = F.conv2d(image, *encoder[0][1:]), []
    for name, weight, bias in encoder[1:]:
        if starts_level(name):
            size = x.shape[-2:]
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            positions.append((indices, size))
        x = F.relu(F.conv2d(F.pad(x, (1,) * 4, "reflect"), weight, bias))
    for name, weight, bias in decoder:
        x = F.conv2d(F.pad(x, (1,) * 4, "reflect"), weight, bias)
        x = F.relu(x) if last_relu or name != "conv1_1" else x
        if starts_level(name) and unpool:
            indices, size = positions.pop()
            x = F.max_unpool2d(x, indices, 2, output_size=size)
        elif starts_level(name):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
    return x


def as_canonical(layers, level=None):
    return {f"{n}.{kind}": t for n, w, b in layers for kind, t in (("weight", w), ("bias", b))}


def as_torch_sequence(layers, level):
    """The keys that ``nn.Sequential`` gives when the module list of the Torch file is written down."""
    modules = []
    for name, weight, _ in layers:
        if name == "conv0":
            modules.append(nn.Conv2d(3, 3, 1))
            continue
        is_encoder = layers[0][0] == "conv0"
        before = [nn.MaxPool2d(2)] if is_encoder and starts_level(name) else []
        after = [nn.Upsample(scale_factor=2)] if not is_encoder and starts_level(name) else []
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3)
        modules += [*before, nn.ReflectionPad2d(1), conv, nn.ReLU(), *after]
    keys = nn.Sequential(*modules).state_dict().keys()
    return dict(zip(keys, as_canonical(layers).values(), strict=True))


def as_pytorch_wct(layers, level):
    """Numbers that the decoder continues: conv15 is the first of decoder 5, and so on."""
    first = 1 if layers[0][0] == "conv0" else {5: 15, 4: 11, 3: 7, 2: 5, 1: 3}[level]
    return as_canonical([(f"conv{first + k}", w, b) for k, (_, w, b) in enumerate(layers)])


def as_collaborative(layers, level=None):
    state = as_canonical([(name.replace("_", ""), w, b) for name, w, b in layers])
    if layers[0][0] == "conv0":
        state |= {
            "conv11_aux.weight": torch.zeros(9, len(layers[1][2]), 1, 1),
            "conv11_aux.bias": torch.zeros(9),
        }
    return state


def save(state, path):
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


def run_convert(method, files, out):
    return hub_upload.main(["convert", method, *map(str, files), "-o", str(out)])


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def vgg(generator):
    """One encoder, its beginnings, and a decoder of every level: level -> layers."""
    deepest = small_encoder(5, generator)
    encoders = {level: deepest[: DEPTHS[level] + 1] for level in DEPTHS}
    return encoders, {level: small_decoder(level, generator) for level in DEPTHS}


def assert_same_picture(result, desired):
    assert desired.std() > 0.01
    assert (result - desired).abs().max() <= 1e-4 * desired.abs().max()


@pytest.mark.parametrize("levels", [(1, 2, 3, 4, 5), (3, 1)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("layout", [as_canonical, as_torch_sequence, as_pytorch_wct])
def test_wct_in_every_layout_of_the_ports(vgg, tmp_path, layout, suffix, levels):
    encoders, decoders = vgg
    files = [
        save(layout(networks[level], level), tmp_path / f"{k}{level}{suffix}")
        for level in levels
        for k, networks in enumerate((decoders, encoders))
    ]
    assert run_convert("wct", files, tmp_path / "out") == 0
    names = {"encoder", *(f"wct_{level}" for level in levels)}
    files = {name: read_weights(tmp_path / f"out/{name}.safetensors", "vgg19") for name in names}
    assert {path.stem for path in (tmp_path / "out").glob("*.safetensors")} == names
    encoder, image = Encoder.from_state(files["encoder"].state), photo(64, 48)
    for level in levels:
        assert files[f"wct_{level}"].metadata == {"encoder_sha256": files["encoder"].sha256}
        decoder = Decoder.from_state(files[f"wct_{level}"].state, level=level, upsampling="nearest")
        features = encoder(image, [f"relu{level}_1"])[f"relu{level}_1"]
        assert_same_picture(decoder(features), reconstruct(encoders[level], decoders[level], image))


def photo_wct_files(vgg, folder, is_one_file):
    """FastPhotoStyle's one file, or wct2_trainer's eight."""
    networks = {
        f"{kind}{level}": n[level] for kind, n in zip("ed", vgg, strict=True) for level in (1, 2, 3, 4)
    }
    if is_one_file:
        parts = (as_canonical([(f"{p}.{n}", *t) for n, *t in layers]) for p, layers in networks.items())
        return [save({k: v for part in parts for k, v in part.items()}, folder / "photo_wct.pth")]
    return [save(as_canonical(layers), folder / f"{name}.pth") for name, layers in networks.items()]


@pytest.mark.parametrize("is_one_file", [True, False])
def test_photo_wct_unpools_as_released(vgg, tmp_path, is_one_file):
    files = photo_wct_files(vgg, tmp_path, is_one_file)
    assert run_convert("photo_wct", files, tmp_path / "out") == 0
    encoder_file = read_weights(tmp_path / "out/encoder.safetensors", "vgg19")
    encoder, image = Encoder.from_state(encoder_file.state), photo(48, 64)
    assert encoder.layers[-1] == "conv4_1"
    for level in (1, 2, 3, 4):
        file = read_weights(tmp_path / f"out/photo_wct_{level}.safetensors", "vgg19")
        assert file.metadata == {"encoder_sha256": encoder_file.sha256}
        decoder = Decoder.from_state(file.state, level=level, upsampling="unpool")
        result = decoder(*encode_with_maxima(encoder, image, level=level))
        assert_same_picture(result, reconstruct(vgg[0][level], vgg[1][level], image, unpool=True))


def compressed_pair(level, generator):
    """An encoder of its own and a decoder; level 1 is wider, as in the released set."""
    widths = (7,) if level == 1 else SMALL_WIDTHS
    return small_encoder(level, generator, widths), small_decoder(level, generator, widths)


def compressed_files(pairs, folder, is_pth):
    states = {f"{k}{level}": as_collaborative(pair[k]) for level, pair in pairs.items() for k in (0, 1)}
    if is_pth:
        return [save({"model": s, "epoch": 20}, folder / f"{name}.pth") for name, s in states.items()]
    return [save(s, folder / f"{name}.safetensors") for name, s in states.items()]


@pytest.mark.parametrize("is_pth", [True, False])
@pytest.mark.parametrize("levels", [(1, 2, 3, 4, 5), (1, 3)])
def test_compressed_levels_keep_their_own_encoders(generator, tmp_path, levels, is_pth):
    pairs = {level: compressed_pair(level, generator) for level in levels}
    assert run_convert("wct_16x", compressed_files(pairs, tmp_path, is_pth), tmp_path / "out") == 0
    encoder_file = read_weights(tmp_path / "out/encoder.safetensors", "vgg19_16x")
    shared, image = Encoder.from_state(encoder_file.state), photo(64, 48)
    assert shared.layers[-1] == f"conv{max(levels)}_1"
    for level, pair in pairs.items():
        file = read_weights(tmp_path / f"out/wct_{level}.safetensors", "vgg19_16x")
        assert file.metadata == {"encoder_sha256": encoder_file.sha256}
        network = LevelNetwork.from_state(file.state, level=level, upsampling="nearest")
        assert (network.encoder is None) == (level == max(levels))
        features = (network.encoder or shared)(image, [f"relu{level}_1"])[f"relu{level}_1"]
        desired = reconstruct(*pair, image, last_relu=True)
        assert_same_picture(network.decoder(features).clamp(0, 1), desired.clamp(0, 1))


def test_a_compressed_encoder_that_begins_the_deepest_is_not_stored_again(vgg, tmp_path):
    pairs = {level: (vgg[0][level], vgg[1][level]) for level in (2, 3)}
    assert run_convert("wct_16x", compressed_files(pairs, tmp_path, True), tmp_path / "out") == 0
    assert load_file(tmp_path / "out/wct_2.safetensors").keys() == as_canonical(vgg[1][2]).keys()


@pytest.mark.parametrize(
    ("method", "licence"),
    [("photo_wct", "CC BY-NC-SA 4.0"), ("wct", "MIT or Apache-2.0, that of the port the files come from")],
)
def test_the_manifest_says_where_a_file_comes_from(vgg, tmp_path, method, licence):
    files = [save(as_canonical(networks[2]), tmp_path / f"{k}.pth") for k, networks in enumerate(vgg)]
    assert run_convert(method, files, tmp_path) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    entry = manifest["files"][f"{method}_2.safetensors"]
    assert (manifest["family"], entry["licence"]) == ("vgg19", licence)
    assert [source["file"] for source in entry["converted_from"]] == ["1.pth"]


def test_a_second_method_joins_the_encoder_of_the_first(vgg, tmp_path):
    deep = [save(as_torch_sequence(n[5], 5), tmp_path / f"{k}.pth") for k, n in enumerate(vgg)]
    assert run_convert("wct", deep, tmp_path / "out") == 0
    assert run_convert("photo_wct", photo_wct_files(vgg, tmp_path, True), tmp_path / "out") == 0
    digest = read_weights(tmp_path / "out/encoder.safetensors", "vgg19").sha256
    for name in ("wct_5", "photo_wct_4"):
        file = read_weights(tmp_path / f"out/{name}.safetensors", "vgg19")
        assert file.metadata["encoder_sha256"] == digest


def test_decoders_in_the_folder_are_tied_to_a_deeper_encoder(vgg, tmp_path, capsys):
    deep = [save(as_torch_sequence(n[5], 5), tmp_path / f"{k}.pth") for k, n in enumerate(vgg)]
    assert run_convert("photo_wct", photo_wct_files(vgg, tmp_path, True), tmp_path / "out") == 0
    before = load_file(tmp_path / "out/photo_wct_3.safetensors")
    manifest = tmp_path / "out/manifest.json"
    origin = json.loads(manifest.read_text("utf-8"))["files"]["photo_wct_3.safetensors"]["converted_from"]
    assert run_convert("wct", deep, tmp_path / "out") == 0
    assert "photo_wct_3.safetensors" in capsys.readouterr().out
    encoder = read_weights(tmp_path / "out/encoder.safetensors", "vgg19")
    file = read_weights(tmp_path / "out/photo_wct_3.safetensors", "vgg19")
    assert file.metadata["encoder_sha256"] == encoder.sha256
    assert Encoder.from_state(encoder.state).layers[-1] == "conv5_1"
    assert all(torch.equal(file.state[key], value) for key, value in before.items())
    entry = json.loads(manifest.read_text("utf-8"))["files"]["photo_wct_3.safetensors"]
    assert (entry["converted_from"], entry["licence"]) == (origin, "CC BY-NC-SA 4.0")


def test_compressed_decoders_in_the_folder_do_not_lose_their_encoder(generator, tmp_path, capsys):
    shallow, deep = ({level: compressed_pair(level, generator)} for level in (3, 5))
    assert run_convert("wct_16x", compressed_files(shallow, tmp_path, True), tmp_path / "out") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run_convert("wct_16x", compressed_files(deep, tmp_path, True), tmp_path / "out") == 1
    assert "holds wct_3, which would lose the encoder" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_the_same_conversion_again_changes_nothing(vgg, tmp_path):
    files = photo_wct_files(vgg, tmp_path, True)
    assert run_convert("photo_wct", files, tmp_path / "out") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run_convert("photo_wct", files, tmp_path / "out") == 0
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_a_folder_of_another_family_is_refused(vgg, tmp_path, capsys):
    full = [save(as_canonical(n[2]), tmp_path / f"{k}.pth") for k, n in enumerate(vgg)]
    small = compressed_files({2: (vgg[0][2], vgg[1][2])}, tmp_path, True)
    assert run_convert("wct", full, tmp_path / "out") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert run_convert("wct_16x", small, tmp_path / "out") == 1
    assert "holds the vgg19 family; convert vgg19_16x into another folder" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_folder_with_a_damaged_manifest_is_refused(vgg, tmp_path, capsys, text):
    (tmp_path / "manifest.json").write_text(text)
    assert run_convert("wct", [save(as_canonical(vgg[0][2]), tmp_path / "e.pth")], tmp_path) == 1
    assert "is damaged" in capsys.readouterr().err


def test_a_folder_with_an_encoder_of_something_else_is_refused(vgg, tmp_path, capsys):
    files = [save(as_canonical(n[2]), tmp_path / f"{k}.pth") for k, n in enumerate(vgg)]
    (tmp_path / "out").mkdir()
    save(as_canonical(vgg[0][2][1:]), tmp_path / "out/encoder.safetensors")  # no conv0
    assert run_convert("wct", files, tmp_path / "out") == 1
    assert "is not from a conversion" in capsys.readouterr().err


def changed(layers):
    return [*layers[:-1], (layers[-1][0], layers[-1][1], layers[-1][2] + 1)]


@pytest.mark.parametrize(
    ("reason", "chosen"),
    [
        ("is not the beginning of the level 3 encoder", lambda e, d: [e[3], changed(e[2]), d[3]]),
        ("differs from the level 3 encoder", lambda e, d: [e[3], changed(e[3]), d[3]]),
        ("differs from the level 2 decoder", lambda e, d: [e[3], d[2], changed(d[2])]),
        ("the encoder is missing", lambda e, d: [d[2], d[1]]),
        ("has no encoder here", lambda e, d: [e[2], d[3]]),
        ("is of another width", lambda e, d: [e[2], small_decoder(2, None, (4, 4, 9))]),
    ],
)
def test_networks_that_do_not_belong_together_are_refused(vgg, tmp_path, capsys, reason, chosen):
    networks = enumerate(chosen(*vgg))
    files = [save(as_canonical(layers), tmp_path / f"{k}.pth") for k, layers in networks]
    assert run_convert("wct", files, tmp_path / "out") == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_compressed_decoder_needs_the_encoder_of_its_own_level(generator, tmp_path, capsys):
    deep, shallow = compressed_pair(3, generator), compressed_pair(2, generator)
    networks = (*deep, shallow[1])
    files = [save(as_collaborative(layers), tmp_path / f"{k}.pth") for k, layers in enumerate(networks)]
    assert run_convert("wct_16x", files, tmp_path / "out") == 1
    assert "has no encoder here; name the encoder of that level too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "title", "layout"),
    [
        ("wct", "WCT", as_collaborative),
        ("photo_wct", "PhotoWCT", as_torch_sequence),  # the ports' files, which are WCT's
        ("wct_16x", "16x WCT", as_canonical),
        ("wct2", "WCT2", as_pytorch_wct),
    ],
)
@pytest.mark.parametrize("kind", [0, 1])
def test_a_layout_of_another_method_is_refused(vgg, tmp_path, capsys, method, title, layout, kind):
    path = save(layout(vgg[kind][4], 4), tmp_path / "some.pth")
    assert run_convert(method, [path], tmp_path / "out") == 1
    assert f"some.pth is not a {title} checkpoint: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("conv2_1.weight", torch.zeros(3), "conv2_1.weight is not the kernel of a convolution"),
        ("conv2_1.bias", torch.full((6,), torch.nan), "conv2_1.bias holds values that are not finite"),
        ("conv2_1.bias", torch.zeros(5), "wrong shape ['conv2_1.bias']"),
        ("conv2_1.scale", torch.zeros(5), "unexpected ['conv2_1.scale']"),
        ("conv9_1.weight", torch.zeros(3, 3, 3, 3), "its layers (conv0, …) are those of none"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused(vgg, tmp_path, capsys, key, value, reason):
    path = save(as_canonical(vgg[0][2]) | {key: value}, tmp_path / "encoder.pth")
    assert run_convert("wct", [path], tmp_path / "out") == 1
    assert reason in capsys.readouterr().err


def test_a_torch_7_file_is_refused(tmp_path, capsys):
    (tmp_path / "feature_invertor_conv5_1.t7").write_bytes(b"\x04\0\0\0")
    assert run_convert("wct", [tmp_path / "feature_invertor_conv5_1.t7"], tmp_path / "out") == 1
    assert "name the .pth files of a port" in capsys.readouterr().err


def test_a_damaged_safetensors_file_is_refused(tmp_path, capsys):
    (tmp_path / "broken.safetensors").write_bytes(b"no checkpoint")
    assert run_convert("wct", [tmp_path / "broken.safetensors"], tmp_path / "out") == 1
    assert "cannot be read as a checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("content", [[1, 2], {"model": 3}, {3: torch.zeros(1)}])
def test_a_file_of_something_else_than_tensors_is_refused(tmp_path, capsys, content):
    torch.save(content, tmp_path / "list.pth")
    assert run_convert("wct", [tmp_path / "list.pth"], tmp_path / "out") == 1
    assert "is not a dictionary of tensors" in capsys.readouterr().err
