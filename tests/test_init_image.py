"""Optimizing that starts from a given picture, which is what clips do with the frame before."""

import pytest
import torch

from style_core import InvalidImage, get_method, list_methods, stylize
from style_core.fronts import option_fields, to_pil
from style_core.methods.shared.coarse_to_fine import resized
from style_core.ops.color_preservation import luminance

from .conftest import photo

CONTENT, STYLE = photo(48, 64, seed=1), photo(48, 37, seed=2).flip(1)
OPTIMIZING = [key for key in list_methods() if get_method(key).optimizes]
PLAIN = {"steps": 12, "color_match": 0.0, "contrast_match": 0.0, "refinement": ("none",)}


@pytest.fixture
def run(tiny_weights):
    def stylized(method, content=CONTENT, style=STYLE, **options):
        plain = {k: v for k, v in PLAIN.items() if k in option_fields(get_method(method).options)}
        return stylize(method, content, style, weights_dir=tiny_weights, device="cpu", **{**plain, **options})

    return stylized


def test_what_takes_steps_is_what_starts_from_a_picture():
    assert [k for k in list_methods() if "steps" in option_fields(get_method(k).options)] == OPTIMIZING


@pytest.mark.parametrize("method", OPTIMIZING)
def test_it_goes_on_with_the_loss_that_the_picture_had(run, method):
    first = run(method)
    second, from_content = (run(method, init_image=picture) for picture in (first.image, CONTENT))
    assert second.losses[0].step == 0
    assert second.losses[0].loss < 1.02 * first.losses[-1].loss  # less where it is cut to [0, 1]
    assert second.losses[0].loss < 0.7 * from_content.losses[0].loss
    assert second.losses[-1].loss < second.losses[0].loss


@pytest.mark.parametrize("method", OPTIMIZING)
def test_its_previews_begin_with_that_picture(run, method):
    seen, start = [], photo(48, 64, seed=9)
    run(method, init_image=start, progress=lambda share, message, preview: seen.append((message, preview)))
    step = next(preview for message, preview in seen if "step 0 " in message)
    assert (step - start).abs().max() < 1e-5


def test_at_every_size_it_starts_there(run, monkeypatch):
    """Where large shapes are solved small first, what is new in a picture is, too."""
    monkeypatch.setattr("style_core.methods.shared.coarse_to_fine.SMALLEST", 32)
    content, start, seen = photo(64, 96, seed=1), photo(64, 96, seed=9), []
    result = run(
        "gatys",
        content,
        init_image=start,
        progress=lambda share, message, preview: seen.append((message, preview)),
    )
    assert sorted({(point.width, point.height) for point in result.losses}) == [(48, 32), (96, 64)]
    step = next(preview for message, preview in seen if "48 x 32 px, step 0 " in message)
    assert (step - resized(start, 32, 48)).abs().max() < 1e-5


def test_beyond_the_working_size_its_own_strokes_are_kept(run, monkeypatch):
    monkeypatch.setattr("style_core.methods.shared.coarse_to_fine.SMALLEST", 32)
    monkeypatch.setattr("style_core.methods.shared.coarse_to_fine.WORKING", 48)
    grain = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    start, seen = (0.7 * photo(64, 96, seed=9) + 0.3 * grain), []
    run(
        "gatys", photo(64, 96, seed=1), init_image=start,
        progress=lambda share, message, preview: seen.append((message, preview)),
    )  # fmt: skip
    step = next(preview for message, preview in seen if "96 x 64 px, step 0 " in message)
    fine = [picture - resized(resized(picture, 32, 48), 64, 96) for picture in (step, start)]
    assert (fine[0] - fine[1]).norm() < 0.3 * fine[1].norm()


def test_its_luminance_alone_counts_where_colors_are_the_contents(run):
    start = photo(48, 64, seed=9)
    gray = luminance(start)
    assert not torch.equal(gray, start)
    colored, plain = (run("gatys", colors="luminance", init_image=x).image for x in (start, gray))
    assert (colored - plain).abs().mean() < 2e-3  # of what the optimizer makes of rounding


@pytest.mark.parametrize("method", [key for key in list_methods() if key not in OPTIMIZING])
def test_what_takes_no_steps_refuses_it(run, method):
    with pytest.raises(InvalidImage, match="in one go and does not start from init_image"):
        run(method, init_image=CONTENT)


def test_a_texture_refuses_it(run):
    with pytest.raises(InvalidImage, match="A texture starts from noise"):
        run("gatys", None, init_image=CONTENT)


def test_another_shape_is_refused_and_another_size_is_brought_to_it(run, tmp_path):
    with pytest.raises(InvalidImage, match="picture to start from is 48 x 64 px, the content 64 x 48 px"):
        run("gatys", init_image=photo(64, 48))
    result = run("gatys", init_image=photo(96, 128, seed=9))
    assert "The picture to start from was brought from 128 x 96 to 64 x 48 px." in result.notes


def test_settings_tell_of_it_and_name_its_file_by_digest(run, tmp_path):
    path = tmp_path / "start.png"
    to_pil(CONTENT).save(path)
    plain, begun = run("gatys").settings, run("gatys", init_image=path).settings
    assert "begun" not in plain
    assert begun["begun"] is True
    assert len(begun["inputs"]["init_image"]) == 64
