"""A Hub of our own with a repository of tiny weights and a file in timm's layout."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from style_core.nets.encoder import LAYERS
from style_core.weights import clear_cache, vgg19
from style_core.weights import hub as package
from style_core.weights.folders import DATA
from style_core.weights.hub import names, ranges

from ...conftest import TINY_WIDTHS
from ...fake_hub import serve
from ..trained_like import trained_like

PLACES = dict(zip(LAYERS, (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28), strict=True))
REPO, TIMM = "tester/weights", "timm/vgg19.tv_in1k"


@pytest.fixture
def hub(tmp_path, monkeypatch, tiny_weights):
    """A running Hub with ``tester/weights`` (families vgg19) and a small ``timm/vgg19.tv_in1k``."""
    from huggingface_hub import constants

    with serve(tmp_path / "hub") as server:
        ours = server.folder("models", REPO) / "vgg19"
        shutil.copytree(tiny_weights, ours)
        write_timm(server.folder("models", TIMM) / "model.safetensors")
        home = tmp_path / "home"
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HOME", str(home))
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1)
        monkeypatch.setenv(package.REPO, REPO)
        monkeypatch.setattr(names, "IMAGENET", names.Remote(TIMM, names.IMAGENET.revision))
        monkeypatch.setattr(vgg19, "WIDTHS", TINY_WIDTHS)
        monkeypatch.setenv(DATA, str(tmp_path / "data"))
        monkeypatch.setattr(ranges, "DELAYS", (0.01, 0.02, 0.02, 0.02))
        monkeypatch.delenv("STYLE_CORE_WEIGHTS", raising=False)
        clear_cache()
        yield server
        clear_cache()


def write_timm(path, widths=TINY_WIDTHS):
    """Random weights that look trained under timm's names, to behind conv5_1 and with a classifier."""
    generator = torch.Generator().manual_seed(3)
    state, channels = {}, 3
    for layer, place in (*PLACES.items(), *(("", place) for place in (30, 32, 34))):
        width = widths.get(layer, 12)
        state[f"features.{place}.weight"] = trained_like(width, channels, generator)
        state[f"features.{place}.bias"] = 0.1 * torch.randn(width, generator=generator)
        channels = width
    state |= {"pre_logits.fc1.weight": torch.zeros(64, 12, 7, 7), "head.fc.bias": torch.zeros(1000)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path)
