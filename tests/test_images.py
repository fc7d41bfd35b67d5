"""Reading pictures of every kind a person may hand us, refusing the others, and writing results."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from style_core import InvalidImage, load_image
from style_core.images import MIN_SIDE, SizeRule, resize_longer_side, to_pil

from .conftest import photo

TRANSPOSES = {  # TIFF 6.0: what brings a picture of each EXIF orientation upright
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
EXIF_ORIENTATION = 0x0112


def noise(height=20, width=28, channels=3):
    """A random 8-bit array ``[H, W, C]``."""
    return np.random.default_rng(3).integers(0, 256, (height, width, channels), dtype=np.uint8)


def bytes_of(image, form="PNG", **extra):
    buffer = io.BytesIO()
    image.save(buffer, form, **extra)
    return buffer.getvalue()


def file_of(folder, image, form="PNG", **extra):
    path = folder / f"picture.{form.lower()}"
    path.write_bytes(bytes_of(image, form, **extra))
    return path


def eight_bit(pixels):
    """``[1, C, H, W]`` in [0, 1] as an array ``[H, W, C]`` of 0-255."""
    return pixels[0].permute(1, 2, 0).mul(255).numpy()


def swapped_profile():
    """sRGB with the primaries of red and blue exchanged: its reading of (r, g, b) is (b, g, r)."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    head, tags = data[:132], data[132:]
    table = tags[: 12 * struct.unpack(">I", data[128:132])[0]]
    swapped = table.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    return head + swapped + tags[len(table) :]


def png_header(width, height):
    """A PNG that announces its size and holds next to nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def refusal(source, name="content"):
    """The text of the refusal, after checking that it is one sentence."""
    with pytest.raises(InvalidImage) as caught:
        load_image(source, name=name)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


# --- what can be read ---


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 16), (16, 700), (701, 19)])
def test_any_size_and_aspect_from_16_px_is_read_whole(tmp_path, width, height):
    array = noise(height, width)
    picture = load_image(file_of(tmp_path, Image.fromarray(array)))
    assert picture.size == (width, height)
    np.testing.assert_allclose(eight_bit(picture.pixels), array, atol=1e-4)


@pytest.mark.parametrize("orientation", TRANSPOSES)
def test_exif_orientation_is_undone(tmp_path, orientation):
    image, exif = Image.fromarray(noise()), Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = file_of(tmp_path, image, exif=exif)
    upright = image if orientation == 1 else image.transpose(TRANSPOSES[orientation])
    np.testing.assert_allclose(eight_bit(load_image(path).pixels), np.asarray(upright), atol=1e-4)


def test_an_embedded_profile_is_converted_to_srgb(tmp_path):
    array = noise()
    path = file_of(tmp_path, Image.fromarray(array), icc_profile=swapped_profile())
    np.testing.assert_allclose(eight_bit(load_image(path).pixels), array[..., ::-1], atol=2.01)


def test_profile_conversion_agrees_with_a_transform_built_by_hand(tmp_path):
    image = Image.fromarray(noise())
    source = ImageCms.ImageCmsProfile(io.BytesIO(swapped_profile()))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    expected = np.asarray(ImageCms.applyTransform(image, transform), dtype=float)
    path = file_of(tmp_path, image, "TIFF", icc_profile=swapped_profile())
    np.testing.assert_allclose(eight_bit(load_image(path).pixels), expected, atol=1.01)


def test_a_profile_is_applied_beneath_transparency(tmp_path):
    array = np.dstack([noise(), np.full((20, 28), 128, np.uint8)])
    picture = load_image(file_of(tmp_path, Image.fromarray(array), icc_profile=swapped_profile()))
    np.testing.assert_allclose(eight_bit(picture.pixels), array[..., 2::-1], atol=2.01)
    np.testing.assert_allclose(eight_bit(picture.alpha), 128, atol=1e-4)


@pytest.mark.parametrize("profile", [b"not a profile", swapped_profile()[:200]])
def test_a_broken_profile_gives_a_note_and_is_left_aside(tmp_path, profile):
    array = noise()
    picture = load_image(file_of(tmp_path, Image.fromarray(array), icc_profile=profile), name="style")
    np.testing.assert_allclose(eight_bit(picture.pixels), array, atol=1e-4)
    assert len(picture.notes) == 1
    assert "style's color profile" in picture.notes[0]


def test_a_profile_for_another_color_model_gives_a_note(tmp_path):
    gray = Image.fromarray(noise()[..., 0])
    picture = load_image(file_of(tmp_path, gray, icc_profile=swapped_profile()))
    np.testing.assert_allclose(eight_bit(picture.pixels)[..., 0], np.asarray(gray), atol=1e-4)
    assert "profile" in picture.notes[0]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_carried_through(tmp_path, mode):
    image = Image.fromarray(noise(channels=4)).convert(mode)
    picture = load_image(file_of(tmp_path, image))
    np.testing.assert_allclose(eight_bit(picture.alpha)[..., 0], image.getchannel("A"), atol=1e-4)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_color_becomes_alpha(tmp_path, form):
    indices = np.arange(20 * 20, dtype=np.uint8).reshape(20, 20) % 3
    image = Image.fromarray(indices)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture = load_image(file_of(tmp_path, image, form, transparency=1))
    np.testing.assert_array_equal(picture.alpha[0, 0].numpy() == 0, indices == 1)


def test_invisible_pixels_take_the_mean_visible_color():
    array = noise(channels=4)
    array[..., 3] = 255
    array[:5, :, 3] = 0
    picture = load_image(array)
    mean = array[5:, :, :3].reshape(-1, 3).mean(0).round()
    np.testing.assert_allclose(eight_bit(picture.pixels)[:5], np.broadcast_to(mean, (5, 28, 3)), atol=1e-4)


def test_visible_pixels_keep_their_color_beside_invisible_ones():
    array = noise(channels=4)
    array[:5, :, 3] = 0
    visible = array[..., 3] > 0
    pixels = eight_bit(load_image(array).pixels)
    np.testing.assert_allclose(pixels[visible], array[..., :3][visible], atol=1e-4)


def test_full_alpha_is_no_alpha():
    array = noise(channels=4)
    array[..., 3] = 255
    assert load_image(Image.fromarray(array)).alpha is None


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "YCbCr", "HSV"])
def test_other_color_modes_agree_with_pillow(mode):
    image = Image.fromarray(noise()).convert(mode)
    expected = np.asarray(image.convert("RGB"), dtype=float)
    np.testing.assert_allclose(eight_bit(load_image(image).pixels), expected, atol=1e-4)


def test_16_bit_gray_is_scaled_and_not_clipped(tmp_path):
    values = np.linspace(0, 65535, 20 * 30).round().astype(np.uint16).reshape(20, 30)
    picture = load_image(file_of(tmp_path, Image.fromarray(values)))
    for channel in picture.pixels[0].numpy():
        np.testing.assert_allclose(channel, values / 65535, atol=1e-6)


def test_dark_16_bit_gray_stays_dark(tmp_path):
    values = np.full((20, 30), 300, np.uint16)
    picture = load_image(file_of(tmp_path, Image.fromarray(values), "TIFF"))
    assert float(picture.pixels.max()) == pytest.approx(300 / 65535, abs=1e-6)


def test_an_animation_gives_its_first_frame_and_a_note(tmp_path):
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    path = file_of(tmp_path, frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = load_image(path, name="content")
    np.testing.assert_array_equal(eight_bit(picture.pixels)[0, 0], [255, 0, 0])
    assert "first" in picture.notes[0]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM"])
def test_lossless_formats_are_read_exactly(tmp_path, form):
    array = np.repeat(noise(20, 28, 1), 3, axis=2)  # gray, so that a GIF's palette suffices
    extra = {"lossless": True} if form == "WEBP" else {}
    path = file_of(tmp_path, Image.fromarray(array), form, **extra)
    np.testing.assert_allclose(eight_bit(load_image(path).pixels), array, atol=1e-4)


def test_a_wrong_suffix_does_not_matter(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(bytes_of(Image.fromarray(noise())))
    np.testing.assert_allclose(eight_bit(load_image(str(path)).pixels), noise(), atol=1e-4)


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a,
        lambda a: (a.astype(np.uint16) * 257).astype(">u2"),
        lambda a: a / 255,
        lambda a: (a / 255).astype(np.float32),
        lambda a: np.flip(np.flip(a, 1).copy(), 1),  # a negative stride
    ],
)
def test_arrays_of_every_permitted_type_mean_the_same(convert):
    array = noise()
    np.testing.assert_allclose(eight_bit(load_image(convert(array)).pixels), array, atol=1e-4)


@pytest.mark.parametrize("shape", [(20, 28), (20, 28, 1)])
def test_an_array_without_colors_is_gray(shape):
    array = noise(channels=1).reshape(shape)
    pixels = load_image(array).pixels
    assert torch.equal(pixels[:, 0], pixels[:, 1])
    assert torch.equal(pixels[:, 0], pixels[:, 2])


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_tensor_is_taken_as_float32(dtype):
    x = photo(20, 28).to(dtype)
    pixels = load_image(x).pixels
    assert pixels.dtype == torch.float32
    torch.testing.assert_close(pixels, x.float())


def test_a_picture_is_taken_as_it_is():
    picture = load_image(noise())
    assert load_image(picture) is picture


def test_reading_does_not_change_the_array_it_was_given():
    array = noise(channels=4)
    before = array.copy()
    load_image(array).pixels.zero_()
    np.testing.assert_array_equal(array, before)


# --- what is refused ---


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png_header(30_000, 30_000), "far too many pixels; the limit is 80 megapixels"),
        (png_header(9_400, 9_000), "9400 x 9000 px; the limit is 80 megapixels"),
        (bytes_of(Image.fromarray(noise(64, 64)))[:3000], "damaged or cut short"),
        (bytes_of(Image.fromarray(noise(64, 64)), "JPEG")[:1500], "damaged or cut short"),
        (b"Dear diary, this is not a picture.", "not a picture"),
        (b"", "empty file"),
        (bytes_of(Image.fromarray(noise(15, 300))), "300 x 15 px; both sides must be at least 16 px"),
        (bytes_of(Image.new("RGBA", (20, 20))), "entirely transparent"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, data, words):
    path = tmp_path / "bad.png"
    path.write_bytes(data)
    text = refusal(path)
    assert "content" in text
    assert words in text


def test_a_folder_is_refused_by_name(tmp_path):
    assert f"{str(tmp_path)!r} is a folder" in refusal(tmp_path)


def test_a_missing_file_is_refused_with_the_reason(tmp_path):
    text = refusal(tmp_path / "nowhere.png")
    assert "nowhere.png" in text
    assert "No such file" in text


@pytest.mark.parametrize(
    "address", ["https://example.org/a.png", "http://example.org/a.png", "file:///a.png"]
)
def test_a_web_address_is_refused_and_never_fetched(address):
    assert "web address" in refusal(address)


@pytest.mark.parametrize("path", ["a\0b.png", "a" * 5000], ids=["nul", "long"])
def test_an_impossible_file_name_is_refused(path):
    assert "content" in refusal(path)


def test_a_cut_short_picture_that_is_already_open_is_refused():
    image = Image.open(io.BytesIO(bytes_of(Image.fromarray(noise(64, 64)))[:3000]))
    assert "damaged or cut short" in refusal(image)


@pytest.mark.parametrize("source", [None, 3, ["a.png"], b"bytes"])
def test_other_types_are_refused_by_name(source):
    assert type(source).__name__ in refusal(source, "style")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((20, 20, 2), np.uint8), "[20, 20, 2]"),
        (np.zeros((2, 20, 20, 3), np.uint8), "[2, 20, 20, 3]"),
        (np.zeros((20, 20, 3), np.int64), "int64"),
        (np.zeros((20, 20, 3), bool), "bool"),
        (np.full((20, 20, 3), 200.0), "from 0 to 1"),
        (np.full((20, 20, 3), np.nan), "finite"),
        (np.zeros((8, 20, 3), np.uint8), "20 x 8 px"),
    ],
)
def test_an_unsuitable_array_is_refused_with_what_came(array, words):
    assert words in refusal(array)


@pytest.mark.parametrize("alpha", [5.0, -1.0, np.nan])
def test_an_alpha_out_of_range_is_refused(alpha):
    array = np.full((20, 20, 4), 0.5)
    array[3, 3, 3] = alpha
    assert "from 0 to 1" in refusal(array)


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(3, 20, 20), "[3, 20, 20]"),
        (torch.zeros(2, 3, 20, 20), "[2, 3, 20, 20]"),
        (torch.zeros(1, 4, 20, 20), "[1, 4, 20, 20]"),
        (torch.zeros(1, 3, 20, 20, dtype=torch.uint8), "torch.uint8"),
        (torch.full((1, 3, 20, 20), 1.5), "from 0 to 1"),
        (torch.full((1, 3, 20, 20), -0.1), "from 0 to 1"),
        (torch.full((1, 3, 20, 20), torch.nan), "finite"),
        (torch.zeros(1, 3, 15, 20), "20 x 15 px"),
    ],
)
def test_an_unsuitable_tensor_is_refused_with_what_came(tensor, words):
    assert words in refusal(tensor)


# --- writing ---


def test_eight_bits_are_rounded_to_the_nearest():
    x = photo(20, 28)
    np.testing.assert_array_equal(np.asarray(to_pil(x)), np.rint(eight_bit(x)).astype(np.uint8))


# --- sizes ---


@pytest.mark.parametrize("multiple", [1, 8, 16])
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 31), (40, 33)])
def test_padding_mirrors_up_to_the_next_multiple(height, width, multiple):
    x = photo(height, width)
    padded = SizeRule(multiple=multiple).pad(x)
    extra = [(0, 0), (0, 0), (0, -height % multiple), (0, -width % multiple)]
    np.testing.assert_array_equal(padded.numpy(), np.pad(x.numpy(), extra, mode="reflect"))


@pytest.mark.parametrize(
    ("height", "width", "multiple", "minimum", "size"),
    [
        (16, 16, 1, 32, (32, 32)),
        (16, 16, 16, 32, (32, 32)),
        (17, 40, 1, 32, (32, 40)),
        (40, 17, 16, 32, (48, 32)),
        (16, 33, 8, 30, (32, 40)),
        (16, 16, 1, 100, (100, 100)),  # back and forth several times
        (31, 32, 1, 32, (32, 32)),
        (33, 40, 1, 32, (33, 40)),
    ],
)
def test_padding_mirrors_up_to_the_minimum_however_far(height, width, multiple, minimum, size):
    x = photo(height, width)
    padded = SizeRule(multiple=multiple, minimum=minimum).pad(x)
    extra = [(0, 0), (0, 0), (0, size[0] - height), (0, size[1] - width)]
    np.testing.assert_array_equal(padded.numpy(), np.pad(x.numpy(), extra, mode="reflect"))


def test_a_size_that_is_permitted_is_not_copied():
    x = photo(32, 48)
    assert SizeRule(multiple=16, minimum=32).pad(x) is x


@pytest.mark.parametrize(("height", "width", "size"), [(40, 80, 60), (80, 40, 33), (32, 32, 64)])
def test_resizing_sets_the_longer_side_and_keeps_the_shape(height, width, size):
    resized = resize_longer_side(photo(height, width), size)
    factor = size / max(height, width)
    assert resized.shape == (1, 3, round(height * factor), round(width * factor))


def test_resizing_agrees_with_pillows_antialiased_bicubic():
    x = torch.from_numpy(noise(60, 90).copy()).permute(2, 0, 1)[None] / 255
    expected = Image.fromarray(noise(60, 90)).resize((30, 20), Image.Resampling.BICUBIC)
    np.testing.assert_allclose(
        eight_bit(resize_longer_side(x, 30)), np.asarray(expected, dtype=float), atol=1.5
    )


def test_resizing_stays_in_range():
    resized = resize_longer_side(torch.rand(1, 3, 40, 40).round(), 77)
    assert float(resized.min()) >= 0
    assert float(resized.max()) <= 1


def test_shrink_only_leaves_smaller_pictures_alone():
    x = photo(20, 30)
    assert resize_longer_side(x, 100, shrink_only=True) is x


def test_a_size_beyond_the_limit_is_refused_before_memory_is_asked_for():
    with pytest.raises(InvalidImage, match="the limit is 80 megapixels") as caught:
        resize_longer_side(photo(32, 32), 10**9)
    assert "1000000000 x 1000000000" in str(caught.value)


@pytest.mark.parametrize("size", [10**13, int(1e99), 10**400, 10**5000], ids=["13", "99", "400", "5000"])
def test_a_size_of_any_number_of_digits_is_refused_in_a_short_sentence(size):
    with pytest.raises(InvalidImage, match=r"a longer side of .* px; the limit is 80 megapixels") as caught:
        resize_longer_side(photo(32, 32), size)
    assert len(str(caught.value)) < 120


def test_a_side_that_would_become_too_thin_is_refused_with_the_size_that_works():
    x = photo(20, 200)
    with pytest.raises(InvalidImage, match="use 160 px") as caught:
        resize_longer_side(x, 100)
    assert "200 x 20" in str(caught.value)
    assert min(resize_longer_side(x, 160).shape[-2:]) == MIN_SIDE
