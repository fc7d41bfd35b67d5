"""Pictures keep 8 or 16 bits, and what is computed strip by strip is what floats of all of it would give."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms, ImageOps
from PIL.ExifTags import Base

from style_core import (
    InvalidImage,
    InvalidOption,
    Picture,
    apply_look,
    find_regions,
    images,
    load_image,
    measure_result,
    stylize,
)
from style_core.files import strips
from style_core.images import as_floats, interleaved, resized, to_pil
from style_core.look import Look
from style_core.look.grid import Grid
from style_core.pipeline import reading

from .conftest import photo

DEPTHS = {torch.uint8: 255, torch.uint16: 65_535}
SMALL = 256  # the least working size
COLORS = torch.tensor([[0.8, 0.1, 0.0, 0.05], [-0.1, 0.9, 0.1, 0.02], [0.2, 0.0, 0.6, 0.1]])


@pytest.fixture(autouse=True)
def small_strips(monkeypatch):
    """Strips of a few rows, so that small pictures have many of them."""
    monkeypatch.setattr(images, "STRIP", 1000)


def stored(height, width, depth, seed=0):
    """A photo's samples as its file has them: colors of a pixel together."""
    values = (photo(height, width, seed) * DEPTHS[depth]).round().to(depth)
    return values.contiguous(memory_format=torch.channels_last)


def recoloring():
    """A look that is one known matrix everywhere."""
    grid = Grid(COLORS.expand(4, 3, 3, 3, 4).contiguous(), COLORS)
    return Look((grid,), grid)


def exactly(samples, highest):
    """That matrix on samples in float64, in levels of their depth, not rounded."""
    values = samples[0].double() / highest
    rows = COLORS.double()
    return (torch.einsum("dc,chw->dhw", rows[:, :3], values) + rows[:, 3, None, None]).clamp(0, 1) * highest


class TestReading:
    def test_8_bits_stay_8_bits(self, tmp_path):
        values = np.asarray(to_pil(photo(40, 56)))
        Image.fromarray(values).save(tmp_path / "a.png")
        samples = load_image(tmp_path / "a.png").samples
        assert samples.dtype == torch.uint8
        np.testing.assert_array_equal(samples[0].permute(1, 2, 0).numpy(), values)

    def test_16_bits_stay_16_bits(self, tmp_path):
        values = interleaved(photo(40, 56), None, torch.uint16)
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
        samples = load_image(tmp_path / "a.tif").samples
        assert samples.dtype == torch.uint16
        np.testing.assert_array_equal(samples[0].permute(1, 2, 0).numpy(), values)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
    def test_strips_are_turned_as_the_whole(self, tmp_path, monkeypatch, mode, orientation):
        monkeypatch.setattr(strips, "STRIP", 300)
        image = to_pil(photo(40, 56), photo(40, 56, seed=1)[:, :1]).convert(mode)
        exif = Image.Exif()
        exif[Base.Orientation] = orientation
        image.save(tmp_path / "a.png", exif=exif)
        upright = ImageOps.exif_transpose(Image.open(tmp_path / "a.png"))
        found = load_image(tmp_path / "a.png")
        wanted = np.asarray(upright.convert("RGB"))
        is_seen = np.asarray(upright.convert("RGBA"))[..., 3] > 0
        np.testing.assert_array_equal(interleaved(found.samples, None, torch.uint8)[is_seen], wanted[is_seen])
        if mode == "RGBA":
            np.testing.assert_array_equal(found.coverage[0, 0], upright.getchannel("A"))

    @pytest.mark.parametrize("has_profile", [True, False])
    def test_strips_are_converted_as_the_whole(self, monkeypatch, has_profile):
        monkeypatch.setattr(strips, "STRIP", 300)
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(to_pil(photo(40, 56)), srgb, lab, outputMode="LAB")
        if has_profile:  # which is what Pillow put there, rounded as files have it
            lab = io.BytesIO(image.info["icc_profile"])
        else:
            del image.info["icc_profile"]
        wanted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        np.testing.assert_array_equal(interleaved(load_image(image).samples, None, torch.uint8), wanted)

    def test_strips_of_ink_are_converted_as_the_whole(self, monkeypatch):
        monkeypatch.setattr(strips, "STRIP", 300)
        image = to_pil(photo(40, 56)).convert("CMYK")
        found = interleaved(load_image(image).samples, None, torch.uint8)
        np.testing.assert_array_equal(found, image.convert("RGB"))

    @pytest.mark.parametrize("channels", [3, 4])
    def test_a_change_of_the_callers_array_changes_no_picture(self, channels):
        array = np.full((20, 28, channels), 200, np.uint8)
        picture = load_image(array)
        array[:] = 0
        assert bool((picture.pixels == torch.tensor(200 / 255)).all())

    def test_samples_of_another_shape_are_refused(self):
        with pytest.raises(InvalidImage, match=r"must be \[1, 3, H, W\], not \[1, 1, 20, 28\]"):
            load_image(Picture(torch.zeros(1, 1, 20, 28, dtype=torch.uint8)))

    @pytest.mark.parametrize("depth", DEPTHS)
    def test_what_was_written_is_read_again(self, tmp_path, depth):
        samples, coverage = stored(40, 56, depth), stored(40, 56, depth, seed=1)[:, :1]
        array = interleaved(samples, coverage, depth)
        np.testing.assert_array_equal(array[..., :3], samples[0].permute(1, 2, 0).numpy())
        np.testing.assert_array_equal(array[..., 3], coverage[0, 0].numpy())


class TestResizing:
    @pytest.mark.parametrize("depth", DEPTHS)
    @pytest.mark.parametrize("size", [(47, 61), (90, 20), (400, 300)])
    def test_strips_give_what_all_at_once_gives(self, depth, size):
        samples = stored(120, 170, depth)
        whole = F.interpolate(samples.float() / DEPTHS[depth], size, mode="bicubic", antialias=True).clamp(
            0, 1
        )
        assert (resized(samples, *size) - whole).abs().max() < 1e-6
        rounded = resized(samples, *size, depth=depth)
        assert rounded.dtype == depth
        assert (rounded.double() - whole.double() * DEPTHS[depth]).abs().max() <= 0.51

    @pytest.mark.parametrize("most", [0, 10**9])
    def test_a_large_content_of_a_size_of_its_own_keeps_its_depth(self, monkeypatch, most):
        monkeypatch.setattr(reading, "MOST_FLOATS", most)
        rgba = interleaved(photo(60, 80), photo(60, 80, seed=1)[:, :1], torch.uint8)
        result = stylize("wct", rgba, photo(48, 48), style_strength=0, size=64)
        truth = F.interpolate(load_image(rgba).pixels, (48, 64), mode="bicubic", antialias=True).clamp(0, 1)
        assert result.picture.coverage.dtype == (torch.float32 if most else torch.uint8)
        assert (result.image - truth).abs().max() <= (0 if most else 0.51 / 255) + 1e-6


class TestLooks:
    @pytest.mark.parametrize("depth", DEPTHS)
    def test_colors_are_computed_in_floats_and_rounded_once(self, depth):
        samples = stored(90, 130, depth)
        found = apply_look(Picture(samples), recoloring(), in_place=True).samples
        assert found.dtype == depth
        off = (found[0].double() - exactly(samples, DEPTHS[depth])).abs().max()
        assert off <= 0.5 + 2e-2  # of a level of that depth; float32 has 24 bits for them

    def test_strips_of_whole_samples_are_those_of_floats_rounded(self):
        samples = stored(90, 130, torch.uint8)
        floats = recoloring().apply(as_floats(samples))
        # To the nearest: what lies in the middle of two may go either way.
        assert (recoloring().apply(samples) - floats * 255).abs().max() < 0.5 + 1e-3

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the peak")
    def test_no_floats_of_all_of_a_large_photo_are_made(self):
        program = (
            "import torch\n"
            "from style_core import Picture, apply_look\n"
            "from style_core.look import Look\n"
            "from style_core.look.grid import Grid\n"
            f"colors = torch.tensor({COLORS.tolist()})\n"
            "grid = Grid(colors.expand(4, 3, 3, 3, 4).contiguous(), colors)\n"
            "look = Look((grid,), grid)\n"
            "def peak():\n"
            "    lines = open('/proc/self/status').read().splitlines()\n"
            "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) * 1024\n"
            "apply_look(Picture(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)), look)\n"
            "large = torch.full((1, 3, 3000, 4000), 100, dtype=torch.uint8)\n"
            "before = peak()\n"
            "apply_look(Picture(large), look)\n"
            "print(peak() - before)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        result, floats = 3 * 3000 * 4000, 4 * 3 * 3000 * 4000
        assert result <= int(done.stdout) < floats


class TestResults:
    @pytest.fixture
    def run(self, tiny_weights):
        def restyled(content, **options):
            style = photo(48, 64, seed=2).flip(1)
            return stylize("wct2", content, style, weights_dir=tiny_weights, device="cpu", **options)

        return restyled

    @pytest.fixture
    def deep_file(self, tmp_path):
        values = interleaved(photo(320, 480, seed=1), None, torch.uint16)
        tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb")
        return tmp_path / "deep.tif"

    def test_a_16_bit_file_comes_out_with_more_than_8_bits(self, run, deep_file, tmp_path):
        result = run(deep_file, working_size=SMALL)
        assert result.picture.samples.dtype == torch.uint16
        assert result.save(tmp_path / "out.tif", bits=16) == ()
        found = tifffile.imread(tmp_path / "out.tif")
        assert np.mean(found % 257 != 0) > 0.9  # no value of 8 bits spread over 16
        floats = result.look.apply(load_image(deep_file).pixels)
        np.testing.assert_allclose(found / 65_535, floats[0].permute(1, 2, 0), atol=0.51 / 65_535)

    @pytest.mark.parametrize("bits", [8, 16])
    def test_an_8_bit_photo_comes_out_with_the_bits_asked_for(self, run, tmp_path, bits):
        content = stored(320, 480, torch.uint8)
        result = run(Picture(content), working_size=SMALL, bits=bits)
        notes = result.save(tmp_path / "out.tif", bits=16)
        found = tifffile.imread(tmp_path / "out.tif")
        floats = result.look.apply(as_floats(content))
        highest = 255 if bits == 8 else 65_535
        np.testing.assert_allclose(found / 65_535, floats[0].permute(1, 2, 0), atol=0.51 / highest)
        assert any("made with 8 bits per channel" in note for note in notes) == (bits == 8)

    def test_other_bits_are_refused(self, run):
        with pytest.raises(InvalidOption, match="bits must be 8 or 16, not 12"):
            run(photo(48, 64), bits=12)

    @pytest.mark.parametrize("strength", [0, 0.2])
    def test_the_networks_picture_is_enlarged_as_all_at_once(self, run, strength):
        content = stored(320, 480, torch.uint8)
        found = run(Picture(content), working_size=SMALL, content_strength=strength)
        floats = as_floats(content)
        small = F.interpolate(floats, (171, 256), mode="bicubic", antialias=True).clamp(0, 1)
        styled = run(small, working_size=None, content_strength=strength).image
        own = floats + F.interpolate(styled - small, (320, 480), mode="bicubic")
        truth = own.clamp(0, 1).lerp(found.look.apply(floats), 2 * strength)
        assert (found.image - truth).abs().max() <= 0.51 / 255

    def test_whole_samples_and_floats_are_restyled_alike(self, run):
        content = stored(320, 480, torch.uint8)
        whole, floats = (
            run(given, working_size=SMALL).image for given in (Picture(content), as_floats(content))
        )
        assert (whole - floats).abs().max() <= 0.51 / 255

    def test_whole_samples_and_floats_are_measured_alike(self):
        content, style, result = (stored(600, 700, torch.uint8, seed) for seed in range(3))
        whole = measure_result(Picture(content), Picture(style), Picture(result), device="cpu")
        floats = measure_result(*map(as_floats, (content, style, result)), device="cpu")
        assert whole.structure == pytest.approx(floats.structure, abs=1e-5)
        assert whole.style == pytest.approx(floats.style, rel=1e-4)

    def test_regions_of_whole_samples_and_floats_are_alike(self):
        content, style = stored(300, 480, torch.uint8), stored(200, 240, torch.uint16, seed=1)
        whole = find_regions("wct2", Picture(content), Picture(style), device="cpu")
        floats = find_regions("wct2", as_floats(content), as_floats(style), device="cpu")
        assert torch.equal(whole.content, floats.content)
        assert torch.equal(whole.style, floats.style)
