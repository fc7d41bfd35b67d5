"""Large photos through their look, and looks on other photos: by Python and by command."""

import numpy as np
import pytest
import torch
from PIL import Image

from style_core import (
    InvalidOption,
    Picture,
    apply_look,
    cli,
    get_method,
    list_methods,
    load_look,
    read_settings,
    stylize,
    write_lut,
)
from style_core.fronts import CARRYING, option_default, option_fields
from style_core.ops.calm_places import calm_places

from .conftest import photo

PHOTOGRAPHIC = [key for key in list_methods() if get_method(key).photorealistic]
SMALL = 256  # the least working size


def large(height=272, width=408):
    return torch.nn.functional.interpolate(photo(40, 60, seed=1), (height, width), mode="bicubic").clamp(0, 1)


@pytest.fixture
def run(tiny_weights):
    def restyled(method, content, **options):
        few = {"steps": 3} if "steps" in option_fields(get_method(method).options) else {}
        style = photo(48, 64, seed=2).flip(1)
        return stylize(method, content, style, weights_dir=tiny_weights, device="cpu", **few | options)

    return restyled


@pytest.mark.parametrize("method", PHOTOGRAPHIC)
def test_a_large_photo_is_worked_on_small_and_comes_out_large(run, method):
    result = run(method, large(), working_size=SMALL)
    assert result.image.shape == (1, 3, 272, 408)
    assert any("The network worked at 256 x 171 px" in note for note in result.notes)
    small = run(method, result_of_reducing(large()))
    reduced = torch.nn.functional.interpolate(result.image, (171, 256), mode="area")
    assert (reduced - small.image).abs().mean() < 0.05  # the same colors


@pytest.mark.parametrize("content_strength", [0, 0.25, 1])
def test_on_its_way_a_large_photo_is_shown_as_it_will_be_at_the_size_that_was_seen(run, content_strength):
    seen = {}

    def progress(fraction, message, preview=None):
        seen[message] = preview

    result = run("wct2", large(), working_size=SMALL, content_strength=content_strength, progress=progress)
    assert seen[CARRYING].shape == (1, 3, 171, 256)
    reduced = torch.nn.functional.interpolate(result.image, (171, 256), mode="area")
    assert (reduced - seen[CARRYING]).abs().mean() < 0.01


def result_of_reducing(picture):
    return torch.nn.functional.interpolate(picture, (171, 256), mode="bicubic", antialias=True).clamp(0, 1)


@pytest.mark.parametrize("method", PHOTOGRAPHIC)
def test_without_a_working_size_the_network_sees_all_of_it(run, method):
    content = large(96, 288)
    content[..., 96:] += 0.1 * torch.randn(1, 1, 96, 192, generator=torch.Generator().manual_seed(0))
    content = content.clamp(0, 1)
    result, sized = (run(method, content, working_size=size) for size in (None, 288))
    for each in (result, sized):
        assert not any("worked at" in note for note in each.notes)
    busy = calm_places(content).expand(-1, 3, -1, -1) == 0
    assert busy.float().mean() > 0.5
    assert (sized.image - result.image)[busy].abs().max() < 1e-6


@pytest.mark.parametrize("method", ["wct2", "deep_photo"])
def test_calm_places_of_a_small_photo_are_those_of_its_look(run, method):
    content = photo(96, 128, seed=1)
    content[..., :64] = torch.linspace(0.3, 0.6, 96)[:, None]  # a sky
    usual = option_default(get_method(method).options, "content_strength")
    network, sized = (run(method, content, working_size=size) for size in (None, 256))
    looked = apply_look(content, sized.look, in_place=True).pixels
    assert (sized.image - looked)[..., :48].abs().max() < 1e-5
    assert (network.image - looked)[..., :48].abs().max() > 1e-3
    assert (sized.image - network.image.lerp(looked, calm_places(content))).abs().max() < 1e-5
    weak = [run(method, content, working_size=size, content_strength=usual / 2) for size in (None, 256)]
    half = weak[0].image.lerp(
        apply_look(content, weak[0].look, in_place=True).pixels, calm_places(content) / 2
    )
    assert (weak[1].image - half).abs().max() < 1e-5
    none = [run(method, content, working_size=size, content_strength=0).image for size in (None, 256)]
    assert torch.equal(*none)


@pytest.mark.parametrize("method", PHOTOGRAPHIC)
def test_the_look_of_a_result_makes_it_again(run, method):
    result = run(method, large(), working_size=SMALL)
    assert (apply_look(large(), result.look, in_place=True).pixels - result.image).abs().max() < 1 / 255
    assert result.look.settings["method"] == method


def test_masks_and_looks_go_together(run):
    mask = torch.zeros(1, 3, 160, 240)
    mask[..., 120:] = 1
    result = run("wct2", large(), working_size=SMALL, content_mask=mask, style_mask=mask)
    assert len(result.look.grids) == 2
    assert result.segments.content.shape == (272, 408)
    assert not torch.equal(result.image, run("wct2", large(), working_size=SMALL).image)


def test_at_content_strength_zero_the_networks_own_picture_is_enlarged(run):
    ends = [run("wct2", large(), working_size=SMALL, content_strength=c) for c in (0, 0.5, 1)]
    small = run("wct2", result_of_reducing(large()), content_strength=0).image
    reduced = torch.nn.functional.interpolate(ends[0].image, (171, 256), mode="bicubic", antialias=True)
    assert (reduced.clamp(0, 1) - small).abs().mean() < 0.01
    assert not torch.equal(ends[0].image, ends[1].image)


@pytest.mark.parametrize("method", ["wct2", "deep_photo"])
def test_beyond_the_default_content_strength_a_small_photo_goes_over_to_its_look(run, method):
    content = photo(96, 128, seed=1)
    whole = run(method, content, content_strength=1.0)
    assert (whole.image - apply_look(content, whole.look, in_place=True).pixels).abs().max() < 1e-5
    if method == "wct2":  # nothing else of it depends on the strength but how far it is redrawn
        half, full = (run(method, content, content_strength=c) for c in (0.5, 0.5 + 1e-4))
        assert (half.image - full.image).abs().max() < 1e-3


def test_at_content_strength_one_a_thin_thing_has_no_glow():
    content = torch.full((1, 3, 192, 256), 0.8)
    content[..., 128:, :] = 0.35
    content[..., 40:128, 120:124] = 0.15  # a lamp post before the sky
    content = (content + 0.01 * torch.randn(content.shape, generator=torch.Generator().manual_seed(0))).clamp(
        0, 1
    )
    night = (0.4 * photo(192, 256, seed=3)).clamp(0, 1)

    def glow(strength):
        image = stylize("wct2", content, night, content_strength=strength, device="cpu").image[0].mean(0)
        sky = image[60:110]
        beside, away = (
            torch.cat([sky[:, a:b], sky[:, c:d]], 1).mean()
            for a, b, c, d in ((116, 119, 125, 128), (60, 100, 150, 190))
        )
        return float((beside - away).abs())

    assert glow(1.0) < 0.3 * glow(0.0)


def test_a_thin_strip_is_worked_on_at_its_own_size(run):
    result = run("wct2", large(32, 800), working_size=SMALL)
    assert result.image.shape == (1, 3, 32, 800)
    assert not any("worked at" in note for note in result.notes)


def test_a_painting_has_no_look(run):
    with pytest.raises(InvalidOption, match="wct paints; only a method that recolors photos has a look"):
        _ = run("wct", photo(48, 48)).look


def test_a_look_on_another_photo_changes_colors_by_their_luminance(run):
    result = run("wct2", large(), working_size=SMALL)
    flat = torch.full((1, 3, 40, 60), 0.5)
    for strength in (0, 0.5, 1):
        found = apply_look(flat, result.look, strength=strength).pixels
        assert found.shape == flat.shape
        assert found.std((2, 3)).max() < 1e-5  # wherever it is
    assert torch.allclose(apply_look(flat, result.look, strength=0).pixels, flat, atol=1e-5)


def test_transparency_is_carried_through(run):
    look = run("wct2", photo(64, 64)).look
    alpha = torch.rand(1, 1, 32, 48)
    assert torch.equal(apply_look(Picture(photo(32, 48), alpha), look).alpha, alpha)


class TestCommand:
    @pytest.fixture
    def pictures(self, tmp_path, monkeypatch):
        for name, picture in (("photo.png", large(96, 144)), ("style.png", photo(48, 64, seed=2).flip(1))):
            array = picture[0].permute(1, 2, 0).mul(255).round().byte().numpy()
            Image.fromarray(array).save(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def restyle(self, tiny_weights, *more):
        command = ["wct2", "photo.png", "style.png", "-o", "out.png", "--weights-dir", str(tiny_weights)]
        return cli.main([*command, *more])

    def test_a_look_and_a_table_are_kept_and_used(self, pictures, tiny_weights, capsys):
        assert self.restyle(tiny_weights, "--save-look", "a.look", "--lut", "a.cube") == 0
        said = capsys.readouterr().out
        assert "a.look" in said
        assert "differs from the look by" in said
        assert (pictures / "a.cube").read_text().count("\n") == 33**3 + 2
        assert cli.main(["look", "a.look", "photo.png", "-o", "again.png", "--in-place"]) == 0
        wanted = apply_look(pictures / "photo.png", load_look(pictures / "a.look"), in_place=True).pixels
        found = np.asarray(Image.open(pictures / "again.png"), np.float32) / 255
        assert np.abs(found - wanted[0].permute(1, 2, 0).numpy()).max() <= 0.5 / 255 + 1e-6
        assert read_settings(pictures / "again.png")["look_in_place"] is True

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--save-look", "a.png"], "saved as NAME.look"),
            (["--lut", "a.look"], "saved as NAME.cube"),
            (["--lut", "nowhere/a.cube"], "there is no folder"),
        ],
    )
    def test_names_are_looked_at_before_the_work(
        self, pictures, tiny_weights, capsys, monkeypatch, arguments, sentence
    ):
        monkeypatch.setattr(
            "style_core.cli.command.stylize", lambda *_, **__: pytest.fail("the work was begun")
        )
        assert self.restyle(tiny_weights, *arguments) == 1
        assert sentence in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["no.look", "photo.png", "-o", "x.png"], "There is no file"),
            (["photo.png", "photo.png", "-o", "x.png"], "is not a look"),
        ],
    )
    def test_what_is_no_look_is_a_sentence(self, pictures, capsys, arguments, sentence):
        assert cli.main(["look", *arguments]) == 1
        assert sentence in capsys.readouterr().err

    def test_a_strength_out_of_range_is_refused(self, pictures, tiny_weights, capsys):
        self.restyle(tiny_weights, "--save-look", "a.look")
        assert cli.main(["look", "a.look", "photo.png", "-o", "x.png", "--strength", "2"]) == 1
        assert "strength must be a number from 0 to 1, not 2" in capsys.readouterr().err


def test_a_table_says_how_far_it_is_from_the_look(run, tmp_path):
    result = run("wct2", large(), working_size=SMALL)
    table = write_lut(tmp_path / "a.cube", result.look, large())
    assert 0 < table.mean_difference < table.large_difference < 50
