"""Converting released checkpoints, and parity with the released WCT2 network on random weights."""

import pytest
import torch
import torch.nn.functional as F

import hub_upload
from style_core import stylize
from style_core.nets.encoder import LAYERS, POOL_BEFORE

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
    )  # fmt: skip
    assert desired.std() > 0.05  # a saturated picture would hide any difference
    assert (result.image - desired).abs().max() <= 1e-3 * desired.abs().max()


def test_the_haar_kernels_are_dropped(converted):
    from safetensors.torch import load_file

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


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path, capsys):
    import os
    import pickle

    class Malicious:
        def __reduce__(self):
            return os.system, ("touch ran",)

    (tmp_path / "bad.pth").write_bytes(pickle.dumps({"conv0.weight": Malicious()}))
    assert hub_upload.main(["convert", "wct2", str(tmp_path / "bad.pth"), "-o", str(tmp_path)]) == 1
    assert not (tmp_path / "ran").exists()
    assert "cannot be read" in capsys.readouterr().err
