"""The same picture on a GPU as on the processor: every method, option, region, tile, look and clip.

Skipped where there is no CUDA device. Everything is computed exactly (float32, no TF32), so that what is left
is the order of sums. Where a method amplifies that (ties of a pooling), twice what noise of 1e-6 does on the
processor is allowed. ``tests/test_without_float64.py`` covers what devices lack.
"""

import pytest
import torch
import torch.nn.functional as F

from style_core import (
    Cancelled,
    InvalidOption,
    OutOfMemory,
    find_regions,
    get_method,
    list_methods,
    stylize,
)
from style_core.fronts import option_fields
from style_core.pipeline import runtime as runtimes

from .conftest import photo
from .test_conditions import another, every_option

METHODS = list_methods()
PHOTOGRAPHIC = [key for key in METHODS if get_method(key).photorealistic]
CLOSE = 2 / 255
NOISE = 1e-6
FEW = {"gatys": {"steps": 3}, "deep_photo": {"steps": 3}}

pytestmark = pytest.mark.usefixtures("cuda")


def run(device, key, size=None, noise=0.0, **options):
    content, style = photo(64, 80), photo(72, 96, seed=1)
    if size is not None:
        content = F.interpolate(content, size, mode="bicubic").clamp(0, 1)
    content = content + noise * torch.randn(content.shape, generator=torch.Generator().manual_seed(3))
    given = {"precision": "exact"} | FEW.get(key, {}) | options
    return stylize(key, content.clamp(0, 1), style, device=device, **given)


def halves(height, width):
    mask = torch.zeros(1, 3, height, width)
    mask[..., width // 2 :] = 1
    return mask


def assert_same_on_both(key, size=None, **options):
    """The GPU's result, after it was held against the processor's."""
    found, expected = (run(device, key, size, **options) for device in ("cuda", "cpu"))
    assert found.image.device.type == "cpu"
    difference = (found.image - expected.image).abs()
    if key in FEW:  # an optimizer's path amplifies rounding pixel by pixel; where it leads to is the same
        assert difference.mean() <= CLOSE
        assert found.losses[-1].loss == pytest.approx(expected.losses[-1].loss, rel=0.05)
    elif difference.max() > CLOSE:
        own = (run("cpu", key, size, NOISE, **options).image - expected.image).abs().max()
        assert difference.max() <= 2 * own
    return found


@pytest.mark.parametrize(("key", "name"), every_option())
def test_every_option_gives_the_same_picture(key, name):
    assert_same_on_both(key, **{name: another(key, name)})


@pytest.mark.parametrize("key", METHODS)
def test_masks_give_the_same_picture(key):
    assert_same_on_both(key, content_mask=halves(64, 80), style_mask=halves(72, 96))


@pytest.mark.parametrize("key", METHODS)
def test_automatic_regions_are_the_same(key):
    pictures = photo(96, 128), photo(80, 112, 1)
    found, expected = (
        find_regions(key, *pictures, content_mask="auto", style_mask="auto", device=device)
        for device in ("cuda", "cpu")
    )
    agreement = (found.content == expected.content).float().mean()
    assert agreement > 0.99


@pytest.mark.parametrize("key", METHODS)
@pytest.mark.parametrize("megabytes", [25, 1000])
def test_large_pictures_are_the_same_in_tiles_and_whole(monkeypatch, key, megabytes):
    monkeypatch.setenv("STYLE_CORE_TILE_MB", str(megabytes))
    options = {"working_size": 256} if "working_size" in option_fields(get_method(key).options) else {}
    found = assert_same_on_both(key, (323, 517), **options)
    if key in PHOTOGRAPHIC:
        assert found.look is not None


@pytest.mark.parametrize("key", METHODS)
def test_the_default_precision_shows_nothing(key):
    exact, fast = (run("cuda", key, precision=which).image for which in ("exact", "fast"))
    assert (exact - fast).abs().mean() < 0.05


@pytest.mark.parametrize("key", METHODS)
def test_a_second_run_is_the_first_again(key):
    first, second = (run("cuda", key).image for _ in range(2))
    assert (first - second).abs().max() <= CLOSE


def test_textures_are_the_same():  # WCT's amplify rounding until nothing is the same in place
    given = {"precision": "exact", "steps": 3}
    found, expected = (
        stylize("gatys", None, photo(72, 96, seed=1), device=device, **given) for device in ("cuda", "cpu")
    )
    assert (found.image - expected.image).abs().mean() <= CLOSE


def test_auto_takes_the_gpu():
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    run("auto", "wct2")
    assert torch.cuda.max_memory_allocated() > before


def test_memory_comes_back():
    run("cuda", "wct2")
    held = torch.cuda.memory_allocated()
    for _ in range(3):
        run("cuda", "wct2")
    assert torch.cuda.memory_allocated() <= held + 1_000_000


def test_a_full_card_is_said_in_a_sentence(monkeypatch):
    def full(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")

    monkeypatch.setattr(runtimes.RequestRuntime, "encoder", full)
    with pytest.raises(OutOfMemory, match="memory"):
        run("cuda", "wct2")


def test_cancelling_stops_it():
    def stop(fraction, message, preview=None):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run("cuda", "gatys", progress=stop)


def test_apples_gpu_is_refused_here():
    with pytest.raises(InvalidOption, match="mps"):
        run("mps", "wct2")


@pytest.mark.parametrize("mask", [None, "auto"])
@pytest.mark.parametrize("key", ["wct2", "wct"])
def test_clips_are_the_same(tmp_path, key, mask):
    av = pytest.importorskip("av", reason="PyAV is not installed")
    from style_core import stylize_video

    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for k in range(4):
            pixels = (photo(64, 96, seed=0).roll(k, -1)[0] * 255).byte().permute(1, 2, 0).contiguous()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels.numpy(), format="rgb24")))
        container.mux(stream.encode())

    def frames(device):
        out = tmp_path / f"{device}.mp4"
        stylize_video(key, clip, photo(72, 96, seed=1), out, device=device, content_mask=mask)
        with av.open(str(out)) as container:
            return [torch.from_numpy(f.to_ndarray(format="rgb24")).float() for f in container.decode(video=0)]

    for found, expected in zip(frames("cuda"), frames("cpu"), strict=True):
        assert (found - expected).abs().mean() < 2
