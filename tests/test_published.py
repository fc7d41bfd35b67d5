"""The published WCT files themselves, where they lie beside the checkout: converted, they still invert.

The figures are those noted when the networks were first examined, on WCT2's example ``in00.png``. That
picture is not at hand; the sixteen photos here are easier, by 2 to 7 dB in the median, and ``57`` is
the hardest of them. So the figures must lie within the photos' range, and near the hardest one's.
"""

import statistics

import numpy as np
import pytest
import torch
from PIL import Image

import hub_upload
from style_core.nets.decoder import Level
from style_core.nets.encoder import Encoder
from style_core.weights import read_weights

# level -> dB on in00.png, dB measured here in the median
OFFICIAL = {1: (24.4, 28.2), 2: (28.7, 33.3), 3: (24.5, 27.7)}
COMPRESSED = {1: (41.9, 48.3), 2: (27.7, 31.0), 3: (24.9, 27.9), 4: (21.5, 24.2), 5: (19.1, 21.6)}
HARDEST = "57"


@pytest.fixture(scope="module")
def published(shared_data, tmp_path_factory):
    """family -> folder of converted files."""
    folder = tmp_path_factory.mktemp("published")
    sources = {
        ("wct", "vgg19"): sorted(shared_data.glob("published/*.pth")),
        ("wct_16x", "vgg19_16x"): sorted(shared_data.glob("teacher/s[ed]16x_*.safetensors")),
    }
    for (method, family), files in sources.items():
        command = ["convert", method, *map(str, files), "-o", str(folder / family)]
        assert hub_upload.main(command) == 0
    return folder


@pytest.fixture(scope="module")
def photos(shared_data):
    """The content of every pair, cut to a multiple of 16 for five poolings."""
    return {path.parent.name: read(path) for path in sorted(shared_data.glob("photo_pairs/*/content.jpg"))}


def read(path):
    pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None] / 255
    return pixels[..., : pixels.shape[-2] // 16 * 16, : pixels.shape[-1] // 16 * 16]


def reconstruction_psnr(folder, family, level, photos):
    """dB by photo of encoding and decoding, clamped, with nothing transformed."""
    name = f"relu{level}_1"
    network = Level.from_state(
        read_weights(folder / f"wct_{level}.safetensors", family).state, level=level, upsampling="nearest"
    )
    shared = read_weights(folder / "encoder.safetensors", family).state
    encoder = network.encoder or Encoder.from_state(shared, last=name)
    found = {}
    for key, photo in photos.items():
        result = network.decoder(encoder(photo, [name])[name]).clamp(0, 1)
        found[key] = float(-10 * (result - photo).square().mean().log10())
    return found


@pytest.mark.parametrize(
    ("family", "level", "noted", "median"),
    [
        *(("vgg19", level, *figures) for level, figures in OFFICIAL.items()),
        *(("vgg19_16x", level, *figures) for level, figures in COMPRESSED.items()),
    ],
)
def test_reconstructions_are_as_good_as_noted(published, photos, family, level, noted, median):
    found = reconstruction_psnr(published / family, family, level, photos)
    measured = statistics.median(found.values())
    print(f"{family} level {level}: median {measured:.2f} dB, hardest {found[HARDEST]:.2f}, noted {noted}")
    assert min(found.values()) == found[HARDEST] <= noted <= max(found.values())
    assert abs(found[HARDEST] - noted) <= 3
    assert abs(measured - median) <= 0.2
