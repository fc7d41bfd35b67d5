"""Masks: colors to matching label maps, however the masks were painted, saved and scaled."""

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from style_core import InvalidSegments, Picture
from style_core.regions.mask_colors import COLOR_NAMES, color_name, color_names
from style_core.regions.masks import (
    EVERYTHING,
    match_labels,
    read_masks,
    read_style_regions,
)

DEEP_PHOTO_COLORS = {  # Luan et al. 2017, released code
    "blue": (0, 0, 255),
    "green": (0, 255, 0),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128),
    "light blue": (0, 255, 255),
    "purple": (255, 0, 255),
}
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)


def blank(width, height):
    """A photo of that size, whose content does not matter here."""
    return Picture(torch.full((1, 3, height, width), 0.5))


def stripes(colors, height=20, width=12):
    """Vertical stripes, ``width`` px each, as ``[H, W, 3]`` uint8."""
    return np.tile(np.repeat(np.array(colors, np.uint8), width, axis=0)[None], (height, 1, 1))


def disc(size, inside=RED, outside=BLUE, smooth=True):
    """A disc on a background, its border anti-aliased by drawing it four times as large."""
    large = Image.new("RGB", (4 * size, 4 * size), outside)
    ImageDraw.Draw(large).ellipse((size, size, 3 * size, 3 * size), fill=inside)
    return large.resize((size, size), Image.Resampling.BOX if smooth else Image.Resampling.NEAREST)


def as_jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return Image.open(io.BytesIO(buffer.getvalue()))


def read(content, style, content_size=None, style_size=None):
    """Read two masks for photos of their own size, or of the sizes given."""
    sizes = [np.asarray(mask).shape[1::-1] for mask in (content, style)]
    return read_masks(content, style, blank(*(content_size or sizes[0])), blank(*(style_size or sizes[1])))


def labels_of(maps):
    return set(maps.unique().tolist())


def same_partition(labels, array):
    """Whether two maps divide the picture in the same way, under whatever numbers."""
    pairs = set(zip(labels.flatten().tolist(), array.flatten().tolist(), strict=True))
    return len(pairs) == len(labels_of(labels)) == len(np.unique(array))


# --- colors ---


def test_the_nine_colors_of_the_deep_photo_examples_are_nine_labels():
    mask = stripes(list(DEEP_PHOTO_COLORS.values()))
    found = read(mask, mask[:, ::-1])
    assert same_partition(found.content, np.arange(9).repeat(12)[None].repeat(20, 0))
    assert torch.equal(found.content, found.style.flip(1))


@pytest.mark.parametrize(("name", "color"), DEEP_PHOTO_COLORS.items())
def test_the_nine_colors_have_their_names(name, color):
    assert COLOR_NAMES[color] == name
    assert color_name(tuple(min(255, v + 3) for v in color)) == name


def test_other_colors_are_named_by_their_code():
    assert color_name((18, 52, 86)) == "#123456"


def test_any_other_set_of_colors_works():
    colors = [(200, 30, 90), (12, 140, 77), (250, 180, 20), (64, 64, 90)]
    found = read(stripes(colors), stripes(colors[::-1]))
    assert same_partition(found.content, np.arange(4).repeat(12)[None].repeat(20, 0))
    assert torch.equal(found.content, found.style.flip(1))
    assert found.notes == ()


@pytest.mark.parametrize("start", [0, 100, 252])
def test_gray_values_that_differ_by_one_stay_distinct(start):
    values = np.arange(start, start + 4, dtype=np.uint8).repeat(12)[None].repeat(20, 0)
    found = read(values, values[::-1])
    assert same_partition(found.content, values)
    assert found.notes == ()


def test_the_same_number_means_the_same_color_on_both_sides():
    found = read(stripes([RED, BLUE]), stripes([BLUE, GREEN, RED]))
    assert found.content[0, 0] == found.style[0, -1]
    assert found.content[0, -1] == found.style[0, 0]


def test_a_mask_of_one_color_is_one_region():
    found = read(stripes([RED], width=20), stripes([RED], width=20))
    assert labels_of(found.content) == labels_of(found.style) == {1}


# --- borders and noise ---


@pytest.mark.parametrize("photo_size", [64, 48, 256, 250])
def test_the_blends_of_an_anti_aliased_border_snap_to_a_real_label(photo_size):
    mask = disc(64)
    assert len(np.unique(np.asarray(mask).reshape(-1, 3), axis=0)) > 4  # it does have blends
    found = read(mask, mask, (photo_size, photo_size), (photo_size, photo_size))
    assert labels_of(found.content) == {1, 2}
    assert found.notes == ()


def test_an_anti_aliased_border_stays_where_it_is():
    found = read(disc(64), disc(64))
    sharp = np.asarray(disc(64, smooth=False))[..., 0] > 0
    disagree = (found.content == found.content[32, 32]).numpy() != sharp
    assert disagree.mean() < 0.02  # only along the border of length 100 px in 4096


def test_an_anti_aliased_border_between_three_regions_gives_no_fourth():
    mask = np.asarray(disc(64)).copy()
    mask[:, 50:] = GREEN
    assert labels_of(read(mask, mask).content) == {1, 2, 3}


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_jpegs_noise_makes_no_labels(quality, subsampling):
    content = as_jpeg(disc(240), quality=quality, subsampling=subsampling)
    style = as_jpeg(disc(200), quality=quality, subsampling=subsampling)
    found = read(content, style)
    inside = np.asarray(disc(240, smooth=False))[..., 0] > 0
    assert labels_of(found.content) == labels_of(found.style) == {1, 2}
    assert ((found.content == found.content[120, 120]).numpy() == inside).mean() > 0.99


def test_a_small_region_survives_jpeg():
    mask = as_jpeg(disc(64), quality=75)
    assert labels_of(read(mask, mask).content) == {1, 2}


@pytest.mark.parametrize(
    "mask", [disc(128), Image.fromarray(stripes([RED, BLUE], 64, 32))], ids=["disc", "halves"]
)
def test_a_jpeg_mask_matches_the_lossless_mask_of_its_partner(mask):
    found = read(as_jpeg(mask, quality=90), mask)
    assert labels_of(found.content) == labels_of(found.style) == {1, 2}
    assert found.notes == ()


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("as_png", [False, True], ids=["JPEG", "JPEG saved again as PNG"])
def test_every_pair_of_named_colors_survives_a_jpeg(tmp_path, quality, subsampling, as_png):
    for first, second in itertools.combinations(COLOR_NAMES, 2):
        painted = np.full((32, 96, 3), first, np.uint8)
        painted[:, 45:] = second  # inside a block of 8 and of 16 px
        Image.fromarray(painted).save(tmp_path / "m.jpg", quality=quality, subsampling=subsampling)
        if as_png:
            Image.open(tmp_path / "m.jpg").save(tmp_path / "m.png")
        found = read(tmp_path / ("m.png" if as_png else "m.jpg"), painted[:, ::-1].copy(), (96, 32), (96, 32))
        left, right = int(found.style[0, -1]), int(found.style[0, 0])
        assert found.notes == ()
        assert labels_of(found.content) == labels_of(found.style) == {left, right} == {1, 2}
        assert (found.content[:, :43] == left).all()
        assert (found.content[:, 47:] == right).all()


def test_black_with_compression_noise_is_one_region(tmp_path):
    painted = np.zeros((96, 96, 3), np.uint8)
    painted[20:60, 30:75] = 255
    Image.fromarray(painted).save(tmp_path / "m.jpg", quality=40)
    found = read(tmp_path / "m.jpg", painted, (96, 96), (96, 96))
    assert labels_of(found.content) == {1, 2}
    assert found.notes == ()


def test_numbers_beside_255_stay_distinct_however_small_their_cells():
    generator = np.random.default_rng(0)
    cells = generator.choice([0, 1, 2, 255], (20, 20)).astype(np.uint8)
    values = cells.repeat(9, 0).repeat(9, 1)
    assert same_partition(read(values, values).content, values)


@pytest.mark.parametrize(("value", "where"), [((0, 255, 0), "content"), ((128, 128, 128), "style")])
def test_a_region_of_a_pixel_or_two_that_vanishes_is_named(value, where):
    masks = {"content": stripes([RED, BLUE], 60, 40), "style": stripes([RED, BLUE], 60, 40)}
    masks[where][30:32, 15] = value
    found = read(masks["content"], masks["style"])
    assert found.notes == (
        f"Region {color_name(value)} of the {where} mask is too small and went to what is around it.",
    )
    assert labels_of(found.content) == labels_of(found.style) == {1, 2}


def test_a_region_lost_in_stretching_is_named():
    mask = stripes([RED, BLUE], 200, 100)
    mask[100:104, 40:44] = GREEN
    notes = read(mask, mask, (25, 25), (200, 200)).notes
    assert "Region green is lost at the content's size; paint it larger." in notes


# --- stored values ---


@pytest.mark.parametrize("numbers", [[0, 1, 5], [0, 257 * 7, 257 * 200], [0, 1000, 1001], [3, 256, 40000]])
def test_sixteen_bit_numbers_stay_distinct(tmp_path, numbers):
    values = np.array(numbers, np.uint16).repeat(12)[None].repeat(20, 0)
    found = read(values, values[:, ::-1].copy())
    assert same_partition(found.content, values)
    assert torch.equal(found.content, found.style.flip(1))


def test_a_profile_does_not_change_the_regions(shared_data):
    plain = read_masks(*[shared_data / "cases/mask_labels.png"] * 2, blank(160, 107), blank(160, 107))
    profiled = read_masks(
        shared_data / "cases/mask_labels_grayicc.png", shared_data / "cases/mask_labels.png",
        blank(160, 107), blank(160, 107),
    )  # fmt: skip
    assert labels_of(plain.content) == {1, 2, 3, 4, 5, 6}
    assert torch.equal(plain.content, profiled.content)
    assert torch.equal(plain.style, profiled.style)


# --- sizes ---


def test_a_mask_of_another_size_is_stretched_to_its_photo():
    found = read(stripes([RED, BLUE]), stripes([RED, BLUE]), (240, 200), (48, 40))
    assert found.content.shape == (200, 240)
    assert found.style.shape == (40, 48)
    assert found.notes == ()


def test_stretching_is_nearest_neighbor():
    mask = stripes([RED, BLUE, GREEN, RED])
    expected = np.asarray(Image.fromarray(mask).resize((96, 40), Image.Resampling.NEAREST))
    found = read(mask, mask, (96, 40), (96, 40)).content
    assert same_partition(found, expected @ np.array([1, 256, 65536]))


def test_a_mask_of_another_shape_is_stretched_with_a_note():
    found = read(stripes([RED, BLUE]), stripes([RED, BLUE]), (24, 40), (24, 20))
    assert found.content.shape == (40, 24)
    assert len(found.notes) == 1
    assert "content mask is 24 x 20 px" in found.notes[0]
    assert "24 x 40" in found.notes[0]


# --- matching ---


@pytest.mark.parametrize("swap", [False, True])
def test_a_region_missing_on_one_side_is_matched_with_everything(swap):
    masks = [stripes([RED, GREEN]), stripes([RED, BLUE])]
    found = read(*(masks[::-1] if swap else masks))
    assert labels_of(found.content[:, 12:]) == labels_of(found.style[:, 12:]) == {EVERYTHING}
    assert EVERYTHING not in labels_of(found.content[:, :12])


def test_a_note_names_the_region_that_is_missing_in_the_style():
    notes = read(stripes([RED, GREEN]), stripes([RED, BLUE])).notes
    assert len(notes) == 1
    assert "green" in notes[0]
    assert "missing in the style mask" in notes[0]


def test_regions_of_colors_that_share_a_name_are_told_apart_by_their_codes():
    whites = [(255, 255, 255), (251, 255, 255), (255, 251, 255)]
    notes = read(stripes([RED, *whites]), stripes([RED, BLUE])).notes
    assert sorted(notes) == sorted(
        f"Region white (#{r:02x}{g:02x}{b:02x}) is missing in the style mask; the whole style picture is "
        "used for it."
        for r, g, b in whites
    )


def test_color_names_are_words_where_they_tell_colors_apart():
    assert color_names([RED, (255, 255, 255), (18, 52, 86)]) == ["red", "white", "#123456"]
    assert color_names([RED, RED]) == ["red", "red"]


def test_a_sentence_about_regions_is_said_once():
    content = torch.tensor([[1, 2, 3]]).repeat_interleave(20, 1).repeat(20, 1)
    found = match_labels(content, torch.ones_like(content), names=["wall", "door", "door"])
    assert len(found.notes) == 1


@pytest.mark.parametrize(("pixels", "is_kept"), [(10, False), (11, True)])
def test_a_region_needs_more_than_ten_pixels_on_both_sides(pixels, is_kept):
    content, style = torch.ones(20, 20, dtype=torch.uint8), torch.ones(20, 20, dtype=torch.uint8)
    content[:2] = 2
    style.view(-1)[:pixels] = 2
    found = match_labels(content, style, names=["wall", "door"])
    assert (2 in labels_of(found.content)) == (2 in labels_of(found.style)) == is_kept
    assert [("door" in n and "10 pixels" in n) for n in found.notes] == [True] * (not is_kept)


@pytest.mark.parametrize(("pixels", "is_kept"), [(1199, True), (1200, False)])
@pytest.mark.parametrize("swap", [False, True])
def test_shares_must_differ_by_less_than_a_factor_of_100(pixels, is_kept, swap):
    sides = [torch.ones(60, 60, dtype=torch.uint8) for _ in range(2)]
    sides[swap].view(-1)[:pixels] = 2
    sides[not swap].view(-1)[:12] = 2
    found = match_labels(*sides, names=["wall", "door"])
    assert (2 in labels_of(found.content)) == (2 in labels_of(found.style)) == is_kept
    assert [("door" in n and "100 times" in n) for n in found.notes] == [True] * (not is_kept)


def test_matching_does_not_change_its_arguments():
    content = torch.ones(20, 20, dtype=torch.uint8)
    match_labels(content, 2 * content, names=["wall", "door"])
    assert labels_of(content) == {1}


# --- refusals ---


def many_colors(number):
    return stripes([(4 * k, 255 - k, 128) for k in range(number)], width=4)


def test_64_labels_are_accepted():
    found = read(many_colors(64), many_colors(64))
    assert len(labels_of(found.content)) == 64


def test_more_than_64_labels_are_refused_with_their_number():
    colors = np.arange(65, dtype=np.uint8).repeat(4)[None].repeat(20, 0)
    with pytest.raises(InvalidSegments) as caught:
        read(colors, colors)
    assert "65 colors" in str(caught.value)
    assert "64 labels" in str(caught.value)


def test_a_mask_that_cannot_be_read_is_refused_as_a_mask(tmp_path):
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(InvalidSegments, match=r"style mask 'mask\.png' is not a picture"):
        read_masks(stripes([RED, BLUE]), tmp_path / "mask.png", blank(24, 20), blank(24, 20))


class TestOneStylePerRegion:
    def test_regions_are_numbered_in_reading_order_whatever_their_size(self):
        mask = np.zeros((40, 60, 3), np.uint8)
        mask[:, 50:] = (0, 0, 255)  # starts in the first row, at the right
        mask[20:, :50] = (255, 0, 0)
        found = read_style_regions(mask, blank(60, 40), 3 * [blank(24, 20)])
        assert found.content[0, 0] == 1
        assert found.content[0, -1] == 2
        assert found.content[-1, 0] == 3
        assert found.content.dtype == found.style.dtype == torch.uint8
        assert found.style.shape == (20, 24)
        assert (found.style == 1).all()
        assert "style picture 2 is used in region blue" in found.notes[0]

    def test_the_mask_is_stretched_to_the_content(self):
        mask = np.zeros((20, 30, 3), np.uint8)
        mask[:, 15:] = 255
        labels = read_style_regions(mask, blank(60, 40), 2 * [blank(24, 20)]).content
        assert labels.shape == (40, 60)
        assert (labels[:, :30] == 1).all()
        assert (labels[:, 30:] == 2).all()

    def test_a_mask_of_another_shape_is_stretched_with_a_note(self):
        mask = np.zeros((48, 48, 3), np.uint8)
        mask[:, 24:] = 255
        notes = read_style_regions(mask, blank(32, 48), 2 * [blank(24, 20)]).notes
        assert "content mask is 48 x 48 px and was stretched" in notes[0]

    def test_a_region_lost_at_the_contents_size_is_refused(self):
        mask = np.zeros((400, 400, 3), np.uint8)
        mask[2:6, 2:6] = 255
        with pytest.raises(InvalidSegments, match="Region white is lost at the content's size"):
            read_style_regions(mask, blank(32, 32), 2 * [blank(24, 20)])

    @pytest.mark.parametrize("count", [1, 3])
    def test_another_number_of_regions_is_refused(self, count):
        mask = np.zeros((20, 30, 3), np.uint8)
        mask[:, 15:] = 255
        with pytest.raises(InvalidSegments, match=f"has 2 regions and there are {count} style pictures"):
            read_style_regions(mask, blank(60, 40), count * [blank(24, 20)])
