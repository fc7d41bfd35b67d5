"""Fixtures shared by all tests: tiny random networks, a synthetic photo, the optional shared data."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from style_core import memory
from style_core.nets.decoder import Decoder
from style_core.nets.encoder import LAYERS, Encoder
from style_core.nets.wavelet import VARIANTS, WaveletDecoder
from style_core.training.export import export
from style_core.training.initialization import start_decoder, start_wavelet_decoder
from style_core.training.normalization import normalize_activations

TINY_WIDTHS = dict(zip(LAYERS, (6, 6, 8, 8, 10, 10, 10, 10, 12, 12, 12, 12, 12), strict=True))
TESTS = Path(__file__).resolve().parent
SHARED_DATA = TESTS.parent.parent / "shared" / "data"

# What starts a browser, a server or other processes, trains, optimizes, or is long for another reason.
SLOW = (
    "compiled", "demo/test_mcp.py", "demo/test_shares_on_the_hub.py", "demo/test_viewer.py",
    "files/test_fuzz.py", "methods", "regions/test_masks.py", "smoothing", "test_app.py", "test_browser.py",
    "test_cli.py", "test_conditions.py", "test_depths.py", "test_every_method.py", "test_gpu_run.py",
    "test_hub_upload.py", "test_imagenet_encoder.py", "test_import.py", "test_memory.py", "test_package.py",
    "test_published.py", "test_publishing.py", "test_readme.py", "test_transfer.py", "training",
    "weights/hub",
)  # fmt: skip

# A file is run by one process, which computes once what its tests share; those of six seconds and more are
# begun first, the longest at the front, so that no process is left alone with one at the end.
LONGEST = (
    "test_browser.py", "test_app.py", "methods/test_gatys.py", "test_package.py",
    "training/test_processes.py", "demo/test_viewer.py", "test_publishing.py", "test_readme.py",
    "test_gpu_run.py", "methods/test_large_paintings.py", "training/test_styled.py", "methods/test_wct.py",
    "test_transfer.py", "training/test_training.py", "weights/hub/test_fetching.py",
    "methods/test_photorealistic.py", "methods/test_deep_photo.py", "video/test_stylizing.py",
    "test_every_method.py", "test_memory.py", "methods/test_photo_wct.py", "test_depths.py", "test_cli.py",
    "regions/test_masks.py", "smoothing/test_propagation.py", "test_imagenet_encoder.py",
    "test_hub_upload.py", "test_conditions.py", "test_looks.py", "compiled/test_kept_code.py",
)  # fmt: skip


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process for each CPU and one that waits for the browser, at most four (1.8 GB each).

    Files that are named are run in this one.
    """
    return 0 if any(".py" in argument for argument in config.args) else min((os.cpu_count() or 1) + 1, 4)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end: no search for garbage walks it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what ``make check`` leaves out, and put the longest files first."""
    slow = [TESTS / place for place in SLOW]
    is_slow = {path: any(map(path.is_relative_to, slow)) for path in {item.path for item in items}}
    for item in items:
        if is_slow[item.path]:
            item.add_marker("slow")
    places = {TESTS / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


class FailuresAtOnce:
    """Says which test failed when it does: a run that is cut off never comes to its list of them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:  # none in xdist's processes
            terminal.write_line(f"\n{report.when} of {report.nodeid} failed: {_last_line(report)}")


def _last_line(report: pytest.TestReport) -> str:
    return str(report.longreprtext).strip().rpartition("\n")[2]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FailuresAtOnce(config))


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What one test computed is not found again by the next, which may have replaced a part of it."""
    memory.forget()


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device of this machine."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return torch.device(request.param)


@pytest.fixture
def cuda() -> torch.device:
    """A CUDA device; without one the test is skipped."""
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    return torch.device("cuda")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with a handful of channels: a random encoder, decoders that invert it by least squares."""
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("weights")
    encoder, pictures = Encoder(TINY_WIDTHS), torch.cat([photo(64, 64, seed=k) for k in range(4)])
    normalize_activations(encoder, pictures)
    digest = export(encoder.state_dict(), folder, "encoder", entry={}, metadata={})
    for variant in VARIANTS:
        decoder = WaveletDecoder(TINY_WIDTHS, variant=variant)
        start_wavelet_decoder(decoder, Encoder.from_state(encoder.state_dict(), pool="haar"), pictures)
        export(decoder.state_dict(), folder, f"wct2_{variant}", entry={}, metadata={"encoder_sha256": digest})
    for name, upsampling, deepest in (("wct", "nearest", 5), ("photo_wct", "unpool", 4)):
        for level in range(1, deepest + 1):
            inverse = Decoder(TINY_WIDTHS, level=level, upsampling=upsampling)
            start_decoder(inverse, encoder, pictures)
            export(
                inverse.state_dict(), folder, f"{name}_{level}", entry={}, metadata={"encoder_sha256": digest}
            )
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The photo pairs and teachers kept beside the repository, where they are present."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return SHARED_DATA


def photo(height: int, width: int, seed: int = 0) -> Tensor:
    """A photo-like picture ``[1, 3, H, W]``: smooth color, a few edges, a little noise."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 5, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    edges = ((rows * 5 // height + columns * 7 // width) % 2).float() * 0.2
    noise = 0.02 * torch.randn(1, 3, height, width, generator=generator)
    return (0.8 * smooth + edges + noise).clamp(0, 1)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two pictures in [0, 1]."""
    return float(-10 * (a - b).square().mean().log10())
