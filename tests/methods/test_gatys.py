"""Gatys with the shipped networks: what the options do to a picture, and how a run ends."""

import itertools
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from demo.examples import gallery
from style_core import EnoughDone, InvalidOption, OutOfMemory, load_image, stylize
from style_core.device import choose_device
from style_core.methods.shared import coarse_to_fine, tiled_gram
from style_core.methods.shared.coarse_to_fine import resized
from style_core.nets.reach import stride_of
from style_core.ops import pixel_optimization
from style_core.ops.color_preservation import luminance
from style_core.ops.gram import gram_matrix
from style_core.ops.moments import moments
from style_core.weights import load_encoder

from ..conftest import psnr
from .conftest import remembered

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1")
FEW = {"steps": 20}


@pytest.fixture(scope="module")
def pair():
    """A photo and a painting of the gallery, 48 x 32 px: what a step takes goes by their size."""
    return pair_of(3)


def pair_of(place):
    """A photo by its place in the gallery, and its first painting."""
    examples = gallery(photorealistic=False)
    return [resized(load_image(path).pixels, 32, 48) for path in (examples[place].content, examples[0].style)]


@pytest.fixture(scope="module")
def painting():
    """The same painting, 64 x 48 px, which have room for finer strokes."""
    return painting_of(48, 64)


def painting_of(height, width):
    return resized(load_image(gallery(photorealistic=False)[0].style).pixels, height, width)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("compact", None, choose_device("cpu"), last="relu5_1", pool="max")


def style_distance(encoder, image, style):
    """Mean relative Gram distance over four layers, of pictures that go on beyond their edges, mirrored."""
    ours, wanted = (surrounded(encoder, x) for x in (image, style))
    errors = [
        (gram_matrix(ours[n]) - gram_matrix(wanted[n])).norm() / gram_matrix(wanted[n]).norm() for n in LAYERS
    ]
    return float(sum(errors) / len(errors))


def surrounded(encoder, image):
    """The features of a picture of sides of 8 px, without those of its mirror image around it."""
    found = encoder(F.pad(image, (16, 16, 16, 16), mode="reflect"), LAYERS)
    return {n: f[..., m:-m, m:-m] for n, f in found.items() if (m := 16 // stride_of(n))}


def content_distance(encoder, image, content):
    own, wanted = (encoder(x, ("conv4_2",))["conv4_2"] for x in (image, content))
    return float((own - wanted).square().mean() / wanted.square().mean())


@pytest.fixture(scope="module")
def painted(pair):
    """The pair's result with some options."""
    return remembered("gatys", pair, **FEW)


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "steps": 40}, {"pooling": "average"}])
def test_the_style_is_reached_to_a_fraction_of_its_distance(encoder, options):
    pair = pair_of(2)  # what the recolored start leaves of the loss is mostly the style's here
    result = stylize("gatys", *pair, **{**FEW, **options})
    assert style_distance(encoder, result.image, pair[1]) < 0.4 * style_distance(encoder, *pair)
    assert result.losses[-1].loss < 0.2 * result.losses[0].loss


def test_the_style_strength_moves_steadily_from_the_content_to_the_style(painted, pair, encoder):
    results = [painted(style_strength=s).image for s in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    assert torch.equal(results[0], pair[0])
    distances = [style_distance(encoder, image, pair[1]) for image in results]
    assert distances == sorted(distances, reverse=True)
    similarities = [psnr(image, pair[0]) for image in results[1:]]
    assert similarities == sorted(similarities, reverse=True)


def test_the_content_strength_keeps_more_and_more_of_the_content(painted, pair, encoder):
    distances = [
        content_distance(encoder, painted(content_strength=c).image, pair[0]) for c in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.5 * distances[0]


def test_coarse_to_fine_ends_lower_than_as_much_work_at_full_size(monkeypatch):
    monkeypatch.setattr(coarse_to_fine, "SMALLEST", 48)  # so that 96 px are begun at half of it
    content, style = pair_of(2)
    content = resized(content, 64, 96)
    fine = stylize("gatys", content, style, steps=20, start="content")
    # 20 / 4 + 10 full steps
    direct = stylize("gatys", content, style, steps=15, coarse_to_fine=False, start="content")
    assert fine.losses[0].width == 48
    assert {p.width for p in direct.losses} == {96}
    assert fine.losses[-1].loss < direct.losses[-1].loss


@pytest.mark.parametrize("start", ["recolored", "content", "noise", "style"])
def test_every_start_arrives(painted, pair, encoder, start):
    image = painted(start=start, steps=30).image
    assert style_distance(encoder, image, pair[1]) < 0.4 * style_distance(encoder, *pair)


def test_colors_are_moved_to_the_distribution_of_the_styles(painted, pair, encoder):
    levels = torch.linspace(0.01, 0.99, 50)

    def distance(image):
        """The mean distance of quantiles of the RGB channels, luminance, and the opponents."""
        axes = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.3, 0.6, 0.1], [1, -1, 0], [0.5, 0.5, -1]])
        ours, wanted = (torch.quantile(axes @ x[0].flatten(1), levels, dim=1) for x in (image, pair[1]))
        return float((ours - wanted).abs().mean())

    paper, half, whole = (painted(color_match=share).image for share in (0.0, 0.5, 1.0))
    assert distance(half) < 0.8 * distance(paper)
    assert distance(whole) < 0.8 * distance(half)
    assert style_distance(encoder, half, pair[1]) < 1.1 * style_distance(encoder, paper, pair[1])
    gray = painted(colors="luminance", color_match=1.0)
    assert torch.equal(gray.image, painted(colors="luminance").image)
    assert any(note.startswith("color_match ") for note in gray.notes)


def test_luminance_alone_keeps_the_contents_colors(painted, pair):
    image = painted(colors="luminance").image
    chroma = [x - luminance(x) for x in (image, pair[0])]
    inside = ((image > 0) & (image < 1)).all(1, keepdim=True).expand_as(image)
    torch.testing.assert_close(chroma[0][inside], chroma[1][inside], atol=2e-3, rtol=0)
    assert psnr(luminance(image), luminance(pair[0])) < 25


def test_covariance_matching_paints_with_the_contents_palette(painted, pair):
    colors = {name: moments(painted(colors=name).image).mean for name in ("style", "covariance")}
    wanted = moments(pair[0]).mean
    assert (colors["covariance"] - wanted).abs().max() < 0.5 * (colors["style"] - wanted).abs().max()


def test_styles_are_mixed_by_weight(pair, encoder):
    other = load_image(gallery(photorealistic=False)[2].style).pixels
    other = resized(other, 80, 64)
    images = [
        stylize("gatys", pair[0], [pair[1], other], style_weights=w, **FEW).image
        for w in ((1, 0), (1, 1), (0, 1))
    ]
    distances = [style_distance(encoder, image, other) for image in images]
    assert distances == sorted(distances, reverse=True)


def test_a_texture_is_made_of_noise(painting, encoder):
    result = stylize("gatys", None, painting, steps=120)
    assert result.image.shape == painting.shape
    assert result.settings["texture"]
    # Noise is at 1.9, one color at 0.9; of five seeds 0.09 to 0.12, by rounding alone.
    assert style_distance(encoder, result.image, painting) < 0.13
    short = [stylize("gatys", None, painting, steps=2, seed=seed).image for seed in (0, 1)]
    assert not torch.equal(*short)


def test_stopping_keeps_the_picture_reached_so_far(painted, pair, encoder, monkeypatch):
    monkeypatch.setattr(pixel_optimization, "REPORT_SECONDS", 0)  # so that a fast machine shows as much
    seen = []

    def stop_after_some(fraction, message, preview=None):
        seen.append(preview)
        if fraction > 0.3:
            raise EnoughDone("Stopped.")

    result = painted(steps=100, progress=stop_after_some)
    assert any(note.startswith("Stopped at step") for note in result.notes)
    assert style_distance(encoder, result.image, pair[1]) < 0.5 * style_distance(encoder, *pair)
    previews = [p for p in seen if p is not None]
    assert len(previews) > 3
    assert all(p.min() >= 0 and p.max() <= 1 for p in previews)


def test_the_budget_ends_with_the_best_picture(painted, pair, encoder, monkeypatch):
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: next(ticks) / 40)  # so that a busy machine changes nothing
    for module in (coarse_to_fine, pixel_optimization):
        monkeypatch.setattr(module, "time", clock)
    result = painted(steps=2000, max_seconds=1)
    assert any(note.startswith("The time of 1 s was over") for note in result.notes)
    assert 10 < result.losses[-1].step < 45  # what fits into 40 looks at the clock, not 2000 steps
    assert style_distance(encoder, result.image, pair[1]) < 0.6 * style_distance(encoder, *pair)


@pytest.fixture
def small_working_size(monkeypatch):
    """What is refined only beyond 1024 px refined beyond 48."""
    monkeypatch.setattr(coarse_to_fine, "WORKING", 48)
    monkeypatch.setattr(coarse_to_fine, "SMALLEST", 48)


def test_a_large_picture_is_the_small_one_seen_closer(pair, painting, encoder, small_working_size):
    """Strokes keep their place and size relative to the picture; the style's own fineness is on top."""
    content = resized(pair[0], 128, 192)
    solved = stylize("gatys", resized(content, 32, 48), painting, **FEW).image
    result = stylize("gatys", content, painting, **FEW)
    assert [size[:2] for size in result.settings["steps_run"]] == [[48, 32], [96, 64], [192, 128]]
    small, plain = resized(result.image, 32, 48), resized(content, 32, 48)
    assert psnr(small, solved) > psnr(plain, solved) + 2
    enlarged = resized(solved, 128, 192)
    near, far = (fineness(encoder, x, painting) for x in (result.image, enlarged))
    assert near < 0.5 * far


def fineness(encoder, image, style):
    """The relative distance of the Gram matrices of conv2_1, which see a few pixels."""
    ours, wanted = (gram_matrix(encoder(x, ("conv2_1",))["conv2_1"]) for x in (image, style))
    return float((ours - wanted).norm() / wanted.norm())


def test_how_long_refining_takes_is_said_beforehand(pair, small_working_size):
    said = []
    stylize(
        "gatys",
        resized(pair[0], 64, 96),
        pair[1],
        **FEW,
        progress=lambda done, message, _: said.append(message),
    )
    said = [message for message, _ in itertools.groupby(said)]  # a slow machine is told again that it goes on
    (place,) = [k for k, message in enumerate(said) if message.startswith("Refining at 96 x 64 px, about")]
    assert any("step" in message for message in said[:place])
    assert all("96 x 64 px, step" in message for message in said[place + 1 : -1])


def test_style_scale_moves_the_strokes_of_a_large_picture_too(pair, small_working_size):
    content, style = resized(pair[0], 80, 112), painting_of(64, 80)  # at 0.75 not smaller than the smallest
    results = {scale: stylize("gatys", content, style, style_scale=scale, **FEW) for scale in (0.75, 1)}
    assert results[0.75].settings["style_scale"] == 0.75
    assert psnr(results[0.75].image, results[1].image) < 25


def test_short_memory_makes_tiles_and_hardly_another_picture(monkeypatch):
    content, style = pair_of(2)
    content = resized(content, 144, 144)
    how = {"steps": 2, "coarse_to_fine": False, "precision": "exact"}
    whole = stylize("gatys", content, style, **how)
    # Enough for tiles of the smallest size, and for the pictures.
    monkeypatch.setattr("style_core.device.available_memory", lambda device: 38_000_000)
    monkeypatch.setattr(tiled_gram, "TILE_ROOM", 25_000_000)
    monkeypatch.setattr(tiled_gram, "picture_loss", None)  # of the whole
    tiled = stylize("gatys", content, style, **how)
    steps = {p.step: p.loss for p in whole.losses}  # which are looked at in between is a matter of time
    found = {p.step: p.loss for p in tiled.losses if p.step in steps}
    assert {0, 2} <= found.keys()
    assert found == pytest.approx({step: steps[step] for step in found}, rel=1e-3)
    torch.testing.assert_close(tiled.image, whole.image, atol=0.5 / 255, rtol=0)


def test_a_size_that_not_even_tiles_make_is_refused(pair, monkeypatch):
    monkeypatch.setattr("style_core.device.available_memory", lambda device: 1_000_000)
    with pytest.raises(OutOfMemory, match="choose a size with at most"):
        stylize("gatys", *pair, **FEW)


def test_layers_that_are_all_deep_are_refined_with(pair, small_working_size):
    content = resized(pair[0], 64, 96)
    result = stylize("gatys", content, pair[1], style_layers=("conv4_1",), steps=10)
    refined = [p.loss for p in result.losses if p.width == 96]
    assert refined[-1] < refined[0]


def test_a_strip_keeps_its_size(pair):
    assert stylize("gatys", resized(pair[0], 40, 1200), pair[1], steps=1).image.shape[-2:] == (40, 1200)


def test_reduced_precision_is_not_seen(painted, pair):
    """The runs part ways step by step; what counts is that both end as near to the style."""
    losses = [painted(precision=p).losses[-1].loss for p in ("fast", "exact")]
    assert losses[0] == pytest.approx(losses[1], rel=0.25)


def test_stopping_between_two_sizes_keeps_the_picture_too(pair, monkeypatch):
    monkeypatch.setattr(coarse_to_fine, "SMALLEST", 48)

    def stop(fraction, message, preview=None):
        if message == "Measuring the style" and fraction > 0.1:
            raise EnoughDone("Stopped.")

    content = resized(pair[0], 64, 96)
    result = stylize("gatys", content, pair[1], steps=20, progress=stop)
    assert result.image.shape == content.shape
    assert {p.width for p in result.losses} == {48}
    assert psnr(result.image, content) < 25


@pytest.mark.parametrize("layers", [("conv9_1",), ("conv1_1=x",), ("conv1_1=-1",), ("conv1_1=0",), ()])
def test_layers_that_are_none_are_refused(painted, pair, layers):
    with pytest.raises(InvalidOption, match="style_layers must be one or more of conv1_1, "):
        painted(style_layers=layers)
