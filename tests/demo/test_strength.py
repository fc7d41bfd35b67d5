"""What goes with a result: light pictures for the stage, files by name and format, what a strength shows."""

import numpy as np
import pytest
import torch
from PIL import Image

from demo.runs import FinishedTile, Runs
from demo.stage_pictures import STAGE_PIXELS, save_pixels, save_stage
from demo.strength import extras_html, usual_suffix
from demo.work import Request
from style_core import read_settings
from style_core.fronts import to_pil
from style_core.look import fit_look

from ..conftest import photo


@pytest.fixture
def pictures(tmp_path):
    """Files of a content and a style, with names that addresses and markup take otherwise."""
    paths = [tmp_path / name for name in ("Dom & <b>.v2.png", "夕阳.png")]
    for seed, path in enumerate(paths):
        to_pil(photo(40, 60, seed=seed)).save(path)
    return [str(path) for path in paths]


def finished(pictures, image, method="wct2", **options):
    """A run whose result is an image, and its request."""
    asked = Request(method, pictures[0], (pictures[1],), options=options)
    run = Runs().begin("method", method, asked, asked.files())
    save_pixels(run, "result", image)
    run.tiles.append(FinishedTile("result", method, {"method": method}, (), 0.1, title=asked.title()))
    return run, asked


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.7])
def test_a_look_interpolated_is_a_crossfade_of_before_and_after(strength):
    """What the page previews by: to rounding, wherever the whole look does not clip."""
    content = photo(96, 128) * 0.6 + 0.2
    matrix = torch.tensor([[0.8, 0.1, 0.0], [0.05, 0.9, -0.1], [0.0, 0.1, 0.7]])
    warmer = torch.einsum("ij,bjhw->bihw", matrix, content) + torch.tensor([0.1, 0.0, 0.05])[:, None, None]
    warmer[..., 64:] = content[..., 64:].square()
    look = fit_look(content, warmer)
    after = look.apply(content)
    assert after.min() > 0
    assert after.max() < 1
    torch.testing.assert_close(
        look.strengthened(strength).apply(content), content.lerp(after, strength), atol=2e-6, rtol=0
    )


@pytest.mark.parametrize(
    ("method", "mode", "expected"),
    [
        ("wct2", "RGB", ".jpg"),
        ("deep_photo", "RGB", ".jpg"),
        ("wct", "RGB", ".png"),
        ("wct2", "RGBA", ".png"),
    ],
)
def test_photos_are_offered_as_jpeg_paintings_and_transparent_ones_as_png(pictures, method, mode, expected):
    run, asked = finished(pictures, to_pil(photo(40, 60)).convert(mode), method)
    assert usual_suffix(run, "result") == expected
    page = extras_html(run, asked, "en", follows=True)
    other = {".jpg": ".png", ".png": ".jpg"}[expected]
    assert (f'{asked.title()}{other}" download' in page) == (mode == "RGB")


def test_downloads_are_named_after_both_pictures_and_the_method(pictures):
    run, asked = finished(pictures, to_pil(photo(40, 60)))
    path = run.written("result", ".jpg")
    assert path.name == "Dom_b_v2-夕阳-wct2.jpg"
    assert "<b>" not in extras_html(run, asked, "en", follows=True)
    assert Request("wct", None, (pictures[1],)).title() == "夕阳-wct"


def test_files_have_all_pixels_and_the_settings(pictures, tmp_path):
    image = to_pil(photo(40, 60, seed=3))
    run, _ = finished(pictures, image)
    png, jpeg = (run.written("result", suffix) for suffix in (".png", ".jpg"))
    np.testing.assert_array_equal(np.asarray(Image.open(png)), np.asarray(image))
    assert [read_settings(path)["method"] for path in (png, jpeg)] == ["wct2"] * 2
    with Image.open(jpeg) as opened:
        assert {layer[1:3] for layer in opened.layer} == {(1, 1)}  # 4:4:4: no color is shared by pixels
        image.save(tmp_path / "reference.jpg", quality=95)
        assert opened.quantization == Image.open(tmp_path / "reference.jpg").quantization
    assert run.file("result") == png  # what Share takes


def test_the_stage_gets_light_pictures_of_one_size(pictures, tmp_path):
    large = to_pil(photo(1500, 2000, seed=2))
    large.save(tmp_path / "large.png")
    run, _ = finished(pictures, large)
    paths = save_stage(run, str(tmp_path / "large.png"), large, None)
    sizes = {Image.open(path).size for path in paths}
    ((width, height),) = sizes
    assert 0.99 * STAGE_PIXELS < width * height <= 1.001 * STAGE_PIXELS
    assert width / height == pytest.approx(4 / 3, abs=2e-3)
    assert {path.suffix for path in paths} == {".jpg"}
    small = to_pil(photo(40, 60))
    assert Image.open(save_stage(run, pictures[0], small, None)[1]).size == (60, 40)


def test_a_picture_too_long_for_a_jpeg_is_still_shown_and_kept(pictures):
    strip = Image.new("RGB", (70_000, 16), "red")
    run, _ = finished(pictures, strip)
    assert usual_suffix(run, "result") == ".png"
    _, after = save_stage(run, None, strip, None)
    assert Image.open(after).size == strip.size


def test_the_page_is_told_what_is_on_the_stage(pictures):
    image = to_pil(photo(40, 60))
    run, asked = finished(pictures, image, style_strength=0.6)
    told = extras_html(run, asked, "zh-CN", follows=False)
    assert 'data-style="0.6"' in told
    assert 'data-content="0.5"' in told  # not given: the method's own
    assert 'data-follows="run"' in told
    assert "“运行”" in told


def family_in(told):
    return told.split('data-family="')[1].split('"')[0]


def test_only_style_strength_may_differ_between_pictures_that_stand_for_each_other(pictures):
    image = to_pil(photo(40, 60))
    families = [
        family_in(extras_html(*finished(pictures, image, **options), "en", follows=True))
        for options in ({}, {"style_strength": 0.4}, {"seed": 4}, {"content_strength": 0.1})
    ]
    assert families[0] == families[1]
    assert len(set(families)) == 3
