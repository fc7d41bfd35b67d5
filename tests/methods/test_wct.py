"""WCT: what it promises a user, and its extras: textures, several styles, regions of their own style."""

import functools
import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from style_core import InvalidImage, InvalidOption, InvalidSegments, load_image, stylize
from style_core.methods import wct
from style_core.methods.wct import WCTOptions, level_strength
from style_core.ops.moments import moments

from ..conftest import photo, psnr
from .conftest import remembered

RED = torch.tensor([0.8, 0.1, 0.1]).view(1, 3, 1, 1)
BLUE = torch.tensor([0.1, 0.1, 0.8]).view(1, 3, 1, 1)


def tinted(color, seed):
    return (color + 0.1 * photo(64, 64, seed=seed)).clamp(0, 1)


@pytest.fixture(scope="module")
def pair():
    from demo.examples import gallery

    first = gallery(photorealistic=False)[0]
    pictures = (load_image(path).pixels for path in (first.content, first.style))
    return [torch.nn.functional.interpolate(p, (128, 176), mode="area") for p in pictures]


@pytest.fixture(scope="module")
def painted(pair):
    """The pair's result with some options."""
    return remembered("wct", pair)


@pytest.fixture(scope="module")
def examples():
    """The example photos and their features at all levels."""
    from demo.examples import FOLDER
    from style_core import weights

    encoder = weights.load_encoder("compact", None, torch.device("cpu"), last="relu5_1", pool="max")
    found = []
    for path in sorted((FOLDER / "content").glob("*.jpg")):
        image = torch.nn.functional.interpolate(load_image(path).pixels, (256, 384), mode="area")
        found.append((image, encoder(image, [f"relu{level}_1" for level in (1, 2, 3, 4, 5)])))
    return found


@pytest.mark.parametrize(("level", "decibels"), [(1, 33), (2, 28), (3, 24), (4, 21), (5, 16)])
def test_single_levels_reconstruct(examples, level, decibels):
    """Median over the example photos; held-out photos come out a little better (model card)."""
    from style_core import weights
    from style_core.methods.wct import NETWORKS

    device = torch.device("cpu")
    network = weights.load_network("compact", f"wct_{level}", None, device, NETWORKS[level].build)
    values = []
    for image, features in examples:
        values.append(psnr(network.decoder(features[f"relu{level}_1"]).clamp(0, 1), image))
    assert sorted(values)[len(values) // 2] >= decibels


def test_strength_zero_is_the_content(pair):
    content, style = pair
    assert torch.equal(stylize("wct", content, style, style_strength=0).image, content)


def test_a_little_strength_changes_a_little(pair):
    content, style = pair
    assert psnr(stylize("wct", content, style, style_strength=0.05).image, content) > 25


def test_distances_follow_the_style_strength(pair):
    content, style = pair
    results = [
        stylize("wct", content, style, style_strength=s, content_strength=0).image
        for s in (0, 0.25, 0.5, 0.75, 1)
    ]
    to_content = [float((r - content).square().mean()) for r in results]
    goal = moments(style)
    to_style = [float((moments(r).mean - goal.mean).norm()) for r in results]
    assert to_content == sorted(to_content)
    # each of five levels adds its share, so the colors are there long before strength 1
    assert all(later <= earlier + 0.002 for earlier, later in itertools.pairwise(to_style))
    assert to_style[-1] < 0.1 * to_style[0]


def test_the_result_has_the_styles_colors(painted, pair):
    content, style = pair
    actual, desired = moments(painted().image), moments(style)
    before = moments(content)
    assert (actual.mean - desired.mean).norm() < 0.3 * (before.mean - desired.mean).norm()
    torch.testing.assert_close(actual.covariance, desired.covariance, rtol=0.5, atol=0.01)


def test_the_end_brings_colors_and_contrast_nearer_the_styles(painted, pair):
    def quantiles(image):
        return np.quantile(image[0].flatten(1).double().numpy(), np.linspace(0.02, 0.98, 49), axis=1)

    def detail(image):
        gray = image[0].double().mean(0).numpy()
        return np.std(gray - ndimage.gaussian_filter(gray, 2))

    paper, colored = (painted(color_match=share, contrast_match=0).image for share in (0, 1))
    far, near = (np.abs(quantiles(image) - quantiles(pair[1])).mean() for image in (paper, colored))
    assert near < 0.6 * far
    crisp = painted(color_match=0, contrast_match=1).image
    assert detail(paper) < detail(crisp) < 1.1 * detail(pair[1])
    given = stylize("wct", *pair, color_match=0.5, contrast_match=1.0)  # not what the defaults gave
    assert torch.equal(painted().image, given.image)


def test_what_is_painted_in_tiles_has_no_such_end_and_says_so(painted, pair, monkeypatch):
    monkeypatch.setattr(wct, "WHOLE", 128 * 176 - 1)
    found = stylize("wct", *pair)
    assert (found.settings["color_match"], found.settings["contrast_match"]) == (0, 0)
    assert (
        sum(note.startswith("Painted in tiles; color_match and contrast_match") for note in found.notes) == 1
    )
    monkeypatch.undo()
    plain = painted(color_match=0, contrast_match=0)
    assert not any("tiles" in note for note in plain.notes)
    assert torch.equal(found.image, plain.image)


def test_content_strength_holds_the_deep_levels_back():
    options = WCTOptions(style_strength=0.8, content_strength=0.5)
    assert [round(level_strength(level, options), 3) for level in (1, 2, 3, 4, 5)] == [
        0.8,
        0.7,
        0.6,
        0.5,
        0.4,
    ]


def test_content_keeps_more_structure_with_content_strength(painted, pair):
    content, _ = pair

    def edges(image):
        gray = image.mean(1)
        gray = (gray - gray.mean()) / gray.std()
        return torch.cat([gray.diff(dim=1).flatten(), gray.diff(dim=2).flatten()])

    wanted = edges(content)
    likeness = [
        float(torch.cosine_similarity(edges(painted(content_strength=c).image), wanted, 0))
        for c in (0, 0.5, 1)
    ]
    assert likeness == sorted(likeness)


def test_every_set_of_levels_gives_another_picture(tiny_weights):
    content, style = photo(32, 48, seed=1), photo(48, 32, seed=2)
    subsets = [c for n in (1, 2, 5) for c in itertools.combinations("54321", n)]
    bare = {"weights_dir": tiny_weights, "color_match": 0, "contrast_match": 0}  # as they were painted
    pictures = [stylize("wct", content, style, levels=s, **bare).image for s in subsets]
    for a, b in itertools.combinations(pictures, 2):
        assert not torch.equal(a, b)


def test_the_order_in_which_levels_are_named_does_not_matter(tiny_weights):
    content, style = photo(32, 48, seed=1), photo(48, 32, seed=2)
    a, b = (
        stylize("wct", content, style, levels=names, weights_dir=tiny_weights).image
        for names in (("4", "2", "1"), ("1", "2", "4"))
    )
    assert torch.equal(a, b)


def test_style_scale_changes_the_strokes(painted):
    def coarseness(image):  # share of the variance that survives averaging over 8 x 8 pixels
        return float(torch.nn.functional.avg_pool2d(image, 8).var() / image.var())

    values = [coarseness(painted(style_scale=s).image) for s in (0.25, 0.5, 1)]
    assert values == sorted(set(values))


def test_style_scale_is_relative_to_the_result(pair):
    """As in Gatys: a large style picture has the strokes of a small one, and is never enlarged."""
    content, style = pair
    large = torch.nn.functional.interpolate(style, scale_factor=2, mode="bicubic", antialias=True).clamp(0, 1)
    restyle = functools.partial(stylize, "wct", content, correction=False)  # which amplifies differences
    small = restyle(style)
    assert psnr(restyle(large).image, small.image) > 25
    assert psnr(restyle(large, style_scale=2).image, small.image) < 22
    enlarged = restyle(style, style_scale=2)
    assert torch.equal(enlarged.image, small.image)
    assert any("smaller than the result" in note for note in enlarged.notes)
    assert enlarged.settings["style_scale"] == 1


class TestTextures:
    def test_without_content_a_texture_of_the_styles_size_is_made(self, tiny_weights):
        result = stylize("wct", None, photo(40, 56), weights_dir=tiny_weights)
        assert result.image.shape == (1, 3, 40, 56)

    def test_size_sets_the_textures_longer_side(self, tiny_weights):
        assert stylize("wct", None, photo(40, 80), size=64, weights_dir=tiny_weights).image.shape[2:] == (
            32,
            64,
        )

    def test_sizes_are_refused_as_for_a_content(self, tiny_weights):
        with pytest.raises(InvalidImage, match="the limit is 80 megapixels"):
            stylize("wct", None, photo(40, 80), size=200_000, weights_dir=tiny_weights)
        with pytest.raises(InvalidImage, match="would be under 16 px thin"):
            stylize("wct", None, photo(16, 160), size=100, weights_dir=tiny_weights)

    def test_strengths_that_would_keep_the_noise_are_noted_and_left_aside(self, tiny_weights):
        style = photo(48, 48)
        weak = stylize("wct", None, style, style_strength=0.2, weights_dir=tiny_weights)
        assert torch.equal(weak.image, stylize("wct", None, style, weights_dir=tiny_weights).image)
        assert any("no content to keep" in note for note in weak.notes)

    def test_another_seed_makes_another_texture_with_the_same_statistics(self, pair):
        style = pair[1]
        first, second = (stylize("wct", None, style, seed=s).image for s in (0, 1))
        assert not torch.equal(first, second)
        torch.testing.assert_close(moments(first).mean, moments(style).mean, rtol=0, atol=0.08)
        torch.testing.assert_close(moments(second).mean, moments(first).mean, rtol=0, atol=0.05)

    def test_other_methods_need_a_content(self):
        with pytest.raises(InvalidImage, match="WCT2 needs a content picture"):
            stylize("wct2", None, photo(32, 32))

    def test_masks_need_a_content(self):
        with pytest.raises(InvalidSegments, match="Masks need a content picture"):
            stylize("wct", None, photo(32, 32), content_mask="auto")


class TestSeveralStyles:
    @staticmethod
    def restyle(**options):
        return stylize("wct", photo(64, 64, seed=5), [tinted(RED, 1), tinted(BLUE, 2)], **options)

    @staticmethod
    @functools.cache
    def mean(**options):
        return TestSeveralStyles.restyle(**options).image.mean((0, 2, 3))

    def test_weights_lead_from_one_style_to_the_other(self):
        red = [float(self.mean(style_weights=w)[0]) for w in ((1, 0), (3, 1), (1, 1), (0, 1))]
        assert red == sorted(red, reverse=True)
        assert red[0] > red[-1] + 0.4

    def test_equal_shares_are_the_default(self):
        torch.testing.assert_close(self.mean(), self.mean(style_weights=(2, 2)), rtol=0, atol=0)

    def test_a_weight_of_one_alone_is_that_style_alone(self):
        alone = stylize("wct", photo(64, 64, seed=5), tinted(RED, 1)).image.mean((0, 2, 3))
        torch.testing.assert_close(self.mean(style_weights=(1, 0)), alone, rtol=0, atol=1e-5)

    @pytest.mark.parametrize(
        "weights",
        [(1,), (1, -1), (0, 0), (1, float("nan")), (1, float("inf")), 2.0, [None, 1], "2;1", (1e308, 1e308)],
    )
    def test_bad_weights_are_refused(self, weights):
        with pytest.raises(InvalidOption, match="style_weights must be 2 numbers from 0 up"):
            self.restyle(style_weights=weights)

    def test_methods_that_take_one_style_refuse_two(self):
        with pytest.raises(InvalidImage, match="PhotoWCT takes one style picture, not 2"):
            stylize("photo_wct", photo(32, 32), [photo(32, 32), photo(32, 32)])

    def test_no_style_at_all_is_refused(self):
        with pytest.raises(InvalidImage, match="1 to 8 style pictures, not 0"):
            stylize("wct", photo(32, 32), [])

    def test_each_region_of_a_mask_gets_its_own_style_in_reading_order(self):
        mask = torch.zeros(1, 3, 64, 64)
        mask[:, :2, :, 32:] = 1  # black left, yellow right
        result = self.restyle(content_mask=mask)
        left, right = result.image[..., :24].mean((0, 2, 3)), result.image[..., 40:].mean((0, 2, 3))
        assert left[0] > left[2] + 0.3
        assert right[2] > right[0] + 0.3
        assert any("style picture 1 is used in region black" in note for note in result.notes)

    def test_as_many_regions_as_styles_are_needed(self):
        mask = torch.zeros(1, 3, 64, 64)
        with pytest.raises(InvalidSegments, match="has 1 regions and there are 2 style pictures"):
            stylize("wct", photo(64, 64), [photo(64, 64), photo(64, 64)], content_mask=mask)

    def test_a_style_mask_cannot_go_with_several_styles(self):
        mask = torch.zeros(1, 3, 64, 64)
        with pytest.raises(InvalidSegments, match="give a content mask alone"):
            stylize("wct", photo(64, 64), [photo(64, 64), photo(64, 64)], content_mask=mask, style_mask=mask)


def test_masks_keep_the_style_of_a_region_in_it():
    style = torch.cat([tinted(RED, 1)[..., :32], tinted(BLUE, 2)[..., 32:]], 3)
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., 32:] = 1
    result = stylize("wct", photo(64, 64, seed=5), style, content_mask=mask, style_mask=mask).image
    left, right = result[..., :24].mean((0, 2, 3)), result[..., 40:].mean((0, 2, 3))
    assert left[0] > left[2] + 0.3
    assert right[2] > right[0] + 0.3


def test_a_thin_panorama_is_done():
    assert stylize("wct", photo(32, 2000), photo(64, 64, seed=1)).image.shape == (1, 3, 32, 2000)


def test_a_region_too_small_to_be_measured_is_noted_and_still_done(tiny_weights):
    mask = torch.zeros(1, 3, 48, 48)
    mask[..., 20:24, 20:24] = 1
    pictures = photo(48, 48), photo(48, 48, seed=1)
    result = stylize("wct", *pictures, content_mask=mask, style_mask=mask, weights_dir=tiny_weights)
    assert any("too small to be measured at every level" in note for note in result.notes)
    assert not torch.equal(result.image, stylize("wct", *pictures, weights_dir=tiny_weights).image)


def test_a_label_of_one_pixel_is_no_failure(with_a_label_of_one_pixel):
    image, notes = with_a_label_of_one_pixel("wct")
    assert torch.isfinite(image).all()
    assert any("too small" in note for note in notes)


def test_in_a_region_too_small_for_the_deep_levels_only_its_own_style_speaks():
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., 32:] = 1  # eight positions on each side at level 5
    styles = [tinted(RED, 1), tinted(BLUE, 2)]
    a, b = (
        stylize("wct", photo(64, 64), s, content_mask=mask, levels=("5",)).image
        for s in (styles, styles[::-1])
    )
    assert (a - b).abs().mean() > 0.01


def test_published_checkpoints_paint(shared_data, tmp_path):
    """The official encoder and decoders of levels 1 to 3, converted."""
    import hub_upload

    files = sorted((shared_data / "published").glob("*.pth"))
    assert hub_upload.main(["convert", "wct", *map(str, files), "-o", str(tmp_path)]) == 0
    content, style = photo(96, 128, seed=1), photo(96, 128, seed=2).flip(1)
    options = {"levels": ("3", "2", "1"), "content_strength": 0}
    result = stylize("wct", content, style, family="vgg19", weights_dir=tmp_path, **options)
    assert result.notes == ()
    actual, desired = moments(result.image), moments(style)
    torch.testing.assert_close(actual.mean, desired.mean, rtol=0, atol=0.05)
    torch.testing.assert_close(actual.covariance, desired.covariance, rtol=0.3, atol=0.005)


def test_compressed_networks_bring_their_own_encoders(shared_data, tmp_path):
    """The 16x networks of Collaborative Distillation as a third family, every level with its encoder."""
    import hub_upload

    files = sorted((shared_data / "teacher").glob("s[ed]16x_*.safetensors"))
    assert hub_upload.main(["convert", "wct_16x", *map(str, files), "-o", str(tmp_path)]) == 0
    content, style = photo(96, 128, seed=1), photo(96, 128, seed=2).flip(1)
    result = stylize("wct", content, style, family="vgg19_16x", weights_dir=tmp_path)
    assert result.settings["family"] == "vgg19_16x"
    assert result.notes == ()
    torch.testing.assert_close(moments(result.image).mean, moments(style).mean, rtol=0, atol=0.1)


@pytest.fixture(scope="module")
def castle():
    """The castle and Starry Night, of half a thousand px."""
    from demo.examples import FOLDER

    pictures = ("content/castle.jpg", (336, 512)), ("art_style/starry_night.jpg", (408, 512))
    return [
        torch.nn.functional.interpolate(load_image(FOLDER / name).pixels, size, mode="area")
        for name, size in pictures
    ]


def folded(x, weight, period):
    """Deviation of the mean cell of ``period`` px, over the places of positive weight."""
    height, width = (side // period * period for side in x.shape)
    cells, weights = (
        t[:height, :width].reshape(height // period, period, width // period, period)
        for t in (x * weight, weight)
    )
    return float((cells.sum((0, 2)) / weights.sum((0, 2))).std())


def woven(result, content):
    """What is locked to a grid of 16 px where the content is flat, in 255ths: less than 0.3 is not seen."""

    def high(x):
        blurred = torch.nn.functional.avg_pool2d(x, 13, 1, 6, count_include_pad=False)
        return (x - blurred)[0, 0].double()

    result, content = (255 * x.mean(1, keepdim=True) for x in (result, content))
    spread = torch.nn.functional.avg_pool2d(high(content).square()[None], 17, 1, 8)[0].sqrt()
    weight = (spread < 3).double()
    locked, free = (sum(folded(high(result), weight, p) ** 2 for p in ps) for ps in ((16,), (15, 17)))
    return max(locked - free / 2, 0) ** 0.5


def test_a_sky_is_not_woven(castle):
    """The castle under Starry Night: the decoders' grid shows in its sky, unless it is combed out."""
    content, style = castle
    plain, combed = (
        stylize("wct", content, style, comb_filter=comb, correction=False).image for comb in (False, True)
    )
    assert woven(plain, content) > 0.6
    assert woven(combed, content) < 0.3


@pytest.mark.parametrize(("level", "left"), [(3, 0.9), (4, 0.7)])
def test_a_second_look_brings_what_is_painted_nearer_the_style(castle, level, left):
    """Of the features that the picture has, encoded again: mean and covariance by NumPy, in float64."""
    from style_core import weights

    layer, device = f"relu{level}_1", torch.device("cpu")
    encoder = weights.load_encoder("compact", None, device, last=layer, pool="max")

    def statistics(picture):
        features = encoder(picture, (layer,))[layer].flatten(2)[0].double().numpy()
        return features.mean(1), np.cov(features)

    def distances(picture):
        found = zip(statistics(picture), statistics(castle[1]), strict=True)
        return [((a - b) ** 2).sum() / (b**2).sum() for a, b in found]

    given = {"levels": (str(level),), "content_strength": 0, "color_match": 0, "contrast_match": 0}
    plain, again = (distances(stylize("wct", *castle, correction=on, **given).image) for on in (False, True))
    assert again[0] < 0.6 * plain[0]
    assert again[1] < left * plain[1]
