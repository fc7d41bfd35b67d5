"""Metadata refuses no sound picture; depth, ranges and transparency are kept; cut files are told apart."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from style_core import InvalidImage, load_image
from style_core.files import jpeg, jpeg_xl
from style_core.files.loading import MAX_BYTES, scaled
from style_core.fronts import image_size, load_values

from .test_color import chunk, encode, noise, png

pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif, which writes HEIC, is not installed")
TURNS = {6: -1, 8: 1, 3: 2}  # EXIF orientation to quarter turns against the clock


def smooth(height=48, width=64):
    """A picture that JPEG keeps well."""
    down, across = np.mgrid[0:height, 0:width]
    return np.stack([across * 255 // width, down * 255 // height, (across + down) * 2 % 256], -1).astype(
        np.uint8
    )


def saved(array, form, **more):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, form, **more)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    """Bytes to a picture as an array ``[H, W, 3]`` of 0-255 floats; also keeps the whole picture."""

    def load(data, name="picture"):
        (tmp_path / name).write_bytes(data)
        load.picture = load_image(tmp_path / name, name="content")
        load.size = image_size(tmp_path / name)
        return load.picture.pixels[0].permute(1, 2, 0).double().numpy() * 255

    return load


# --- metadata ---


def tiff_entries(*entries):
    """EXIF's TIFF with the given raw entries in its first directory."""
    body = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return b"Exif\0\0" + body + b"".join(struct.pack("<HHI4s", *entry) for entry in entries) + bytes(4)


ORIENTED = (0x0112, 3, 1, struct.pack("<HH", 6, 0))
BROKEN_EXIF = {
    "a rational out of the file": tiff_entries(ORIENTED, (0x011A, 5, 1, struct.pack("<I", 9999))),
    "a signed rational where an unsigned one belongs": tiff_entries(
        ORIENTED, (0x011A, 10, 1, struct.pack("<I", 26))
    ),
    "a float where a number belongs": tiff_entries(ORIENTED, (0x0128, 11, 1, struct.pack("<f", 2.5))),
    "an unknown type": tiff_entries(ORIENTED, (0x010F, 99, 1, b"abcd")),
    "four thousand million entries": tiff_entries(ORIENTED, (0x010F, 2, 0xFFFFFFFF, b"abcd")),
}
HOPELESS_EXIF = {
    "cut inside an entry": tiff_entries(ORIENTED)[:-9],
    "no directory": b"Exif\0\0II*\0\xff\xff\xff\xff",
    "not TIFF": b"Exif\0\0" + bytes(40),
    "nothing": b"Exif\0\0",
}


@pytest.mark.parametrize("exif", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_only_the_orientation_is_needed_of_exif(read, exif):
    data = saved(smooth(), "JPEG", quality=95, exif=exif)
    actual = read(data)
    desired = np.rot90(np.asarray(Image.open(io.BytesIO(saved(smooth(), "JPEG", quality=95)))), -1)
    np.testing.assert_allclose(actual, desired, atol=1e-3)
    assert read.picture.notes == ()
    assert read.size == (48, 64)


@pytest.mark.parametrize("exif", HOPELESS_EXIF.values(), ids=HOPELESS_EXIF)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_without_sense_is_left_aside(read, exif, form):
    more = {"lossless": True} if form == "WEBP" else {"quality": 95}
    plain = read(saved(smooth(), form, **more))
    np.testing.assert_allclose(read(saved(smooth(), form, exif=exif, **more)), plain, atol=1e-3)


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"tEXt"])
def test_a_pngs_text_may_be_a_bomb(read, name):
    bomb = zlib.compress(bytes(30_000_000))
    text = {b"zTXt": b"a\0\0" + bomb, b"iTXt": b"a\0\1\0\0\0" + bomb, b"tEXt": b"a\0" + bytes(70_000_000)}[
        name
    ]
    np.testing.assert_allclose(read(png(noise(), chunk(name, text))), noise(), atol=1e-3)


def test_a_pngs_profile_may_be_a_bomb(read):
    packed = b"a\0\0" + zlib.compress(bytes(30_000_000))
    np.testing.assert_allclose(read(png(noise(), chunk(b"iCCP", packed))), noise(), atol=1e-3)
    assert read.picture.notes == (
        "The content's color profile cannot be used; its colors were read as sRGB.",
    )


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_format_is_turned_upright(read, form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    actual = read(saved(smooth(), form, exif=exif))
    desired = np.rot90(smooth(), TURNS[orientation])
    assert actual.shape == desired.shape
    assert np.abs(actual - desired).mean() < 12
    assert read.size == (desired.shape[1], desired.shape[0])


# --- cut files ---


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_end_marker_opens_with_a_note(read, progressive, missing):
    data = saved(smooth(), "JPEG", quality=90, progressive=progressive)
    whole = read(data)
    np.testing.assert_array_equal(read(data[:-missing]), whole)
    assert read.picture.notes == ("The content's file lacks its last bytes; all of the picture is there.",)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_jpeg_that_is_really_cut_is_refused(read, progressive, share):
    data = saved(noise(height=200, width=300), "JPEG", quality=90, progressive=progressive)
    with pytest.raises(InvalidImage, match="damaged or cut short"):
        read(data[: int(len(data) * share)])


def test_a_progressive_jpeg_cut_between_two_scans_is_refused(read):
    data = saved(noise(height=200, width=300), "JPEG", quality=90, progressive=True)
    last = data.rfind(b"\xff\xda")
    with pytest.raises(InvalidImage, match="damaged or cut short"):
        read(data[:last])


def test_a_jpeg_of_thousands_of_scans_is_refused_before_they_are_decoded(read):
    data = saved(smooth(), "JPEG", progressive=True)
    place = data.rfind(b"\xff\xda")
    scan = data[place:-2]
    with pytest.raises(InvalidImage, match="JPEG of 50"):
        read(data[:place] + scan * 500 + data[-2:])


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_half_a_picture_is_refused(read, form):
    data = saved(noise(height=120, width=160), form)
    with pytest.raises(InvalidImage, match=r"damaged or cut short|not a picture"):
        read(data[: len(data) // 2])


def test_the_markers_of_a_jpeg_are_counted():
    plain = jpeg.parts(saved(smooth(), "JPEG"))
    assert (plain.scans, plain.ends, plain.is_complete, plain.is_progressive) == (1, True, True, False)
    fine = jpeg.parts(saved(smooth(), "JPEG", progressive=True))
    assert fine.scans > 3
    assert fine.is_progressive
    assert fine.is_complete
    cut = jpeg.parts(saved(smooth(), "JPEG", progressive=True)[:400])
    assert not cut.is_complete


# --- depth ---


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_a_png_of_16_bits_keeps_them(read, channels):
    array = noise(16, channels) | 1  # nothing is invisible
    actual = read(png(array))
    color = array[..., :1].repeat(3, 2) if channels == 2 else array[..., :3]
    np.testing.assert_allclose(actual / 255, color / 65535, atol=1e-6)
    if channels != 3:
        np.testing.assert_allclose(read.picture.alpha[0, 0], array[..., -1] / 65535, atol=1e-6)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"compression": "zlib"},
        {"compression": "lzw"},
        {"planarconfig": "separate"},
        {"tile": (16, 16)},
        {"byteorder": ">"},
    ],
)
def test_a_tiff_of_16_bits_keeps_them(read, more):
    array = noise(16)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, byteorder=more.pop("byteorder", "<")) as writer:
        stored = np.moveaxis(array, -1, 0) if "planarconfig" in more else array
        writer.write(stored, photometric="rgb", metadata=None, **more)
    np.testing.assert_allclose(read(buffer.getvalue()) / 255, array / 65535, atol=1e-6)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_16_bits_are_turned_too(read, orientation):
    array = noise(16)
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(array, photometric="rgb", metadata=None, extratags=[(274, 3, 1, orientation, True)])
    desired = np.rot90(array, TURNS.get(orientation, 0))
    np.testing.assert_allclose(read(buffer.getvalue()) / 255, desired / 65535, atol=1e-6)


@pytest.mark.parametrize(
    ("color", "transparent"), [((7, 9, 11), struct.pack(">3H", 7, 9, 11)), ((5,), struct.pack(">H", 5))]
)
def test_the_one_transparent_color_of_16_bits_is_kept(read, color, transparent):
    array = noise(16, len(color))
    array[3:9, 4:12] = color
    read(png(array, chunk(b"tRNS", transparent)))
    expected = (array != np.array(color)).any(2)
    np.testing.assert_array_equal(read.picture.alpha[0, 0].numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_a_negative_tiff_is_turned(read, kind):
    array = noise(8 if kind == "uint8" else 16, 1)[..., 0]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(np.iinfo(kind).max - array, photometric="miniswhite", metadata=None)
    np.testing.assert_allclose(read(buffer.getvalue())[..., 0] / 255, array / np.iinfo(kind).max, atol=1e-6)


def floats(array):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(array.astype(np.float32), photometric="minisblack", metadata=None)
    return buffer.getvalue()


GRAY = noise(8, 1)[..., 0] / 255


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_floats_of_any_usual_range_mean_the_same(read, top):
    np.testing.assert_allclose(read(floats(GRAY * 0.9 * top))[..., 0] / 255, GRAY * 0.9, atol=1e-4)
    assert read.picture.notes == ()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("top", [1.0, 255.0])
def test_color_of_floats_is_read_too(read, kind, top):
    array = noise() / 255 * top * 0.9
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(array.astype(kind), photometric="rgb", metadata=None)
    np.testing.assert_allclose(read(buffer.getvalue()) / 255, array / top, atol=1e-3)


@pytest.mark.parametrize(
    ("top", "bright"), [(1.0, 40.0), (255.0, 60_000.0), (1.0, np.inf), (1.0, np.nan), (1.0, -3.0)]
)
def test_one_bright_point_darkens_nothing_and_is_noted(read, top, bright):
    array = GRAY * 0.9 * top
    array[5, 5] = bright
    actual = read(floats(array))[..., 0] / 255
    mask = np.ones_like(GRAY, bool)
    mask[5, 5] = False
    np.testing.assert_allclose(actual[mask], (GRAY * 0.9)[mask], atol=1e-4)
    assert "were clipped" in read.picture.notes[0]


def test_whole_numbers_of_32_bits_are_judged_alike():
    wide = np.linspace(0, 200_000, 4096).reshape(64, 64).round().astype(np.int32)
    wide[0, 0] = 2_000_000_000
    actual, note = scaled(wide, "content")
    assert 0.45 < actual.mean() < 0.55
    assert "were clipped" in note


# --- HEIC, JPEG XL, and others ---


def heic(array, **more):
    buffer = io.BytesIO()
    mode = "RGB;16" if array.dtype == np.uint16 else {3: "RGB", 4: "RGBA"}[array.shape[2]]
    picture = pillow_heif.from_bytes(mode=mode, size=array.shape[1::-1], data=array.tobytes())
    picture.save(buffer, quality=-1, chroma=444, matrix_coefficients=0, **more)
    return buffer.getvalue()


def test_heic_is_read_with_its_transparency(read):
    array = noise(8, 4)
    array[..., 3] = np.where(array[..., 3] > 90, 255, 0)
    np.testing.assert_allclose(
        np.where(array[..., 3:] > 0, read(heic(array)), 0),
        np.where(array[..., 3:] > 0, array[..., :3], 0),
        atol=1e-3,
    )
    np.testing.assert_allclose(read.picture.alpha[0, 0] * 255, array[..., 3], atol=1e-3)
    assert read.size == (32, 24)


def test_ten_bits_of_heic_are_kept_from_black_to_white(read):
    ten = np.linspace(0, 1023, 64).round().astype(np.uint16)
    array = np.broadcast_to(ten[None, :, None], (24, 64, 3)).copy()
    actual = read(heic(array << 6)) / 255
    np.testing.assert_allclose(actual[0, :, 0], ten / 1023, atol=1.1 / 1023)
    assert len(np.unique(actual.round(5))) == 64
    assert actual[0, -1, 0] == 1


def test_heics_display_p3_is_converted_by_profile_and_by_number(read):
    from .test_color import P3, decode, through

    array = smooth()
    desired = through(P3, decode(array / 255)) * 255
    np.testing.assert_allclose(
        read(heic(array, color_primaries=12, transfer_characteristics=13)), desired, atol=0.6
    )


def test_heic_is_turned_once(read):
    """libheif turns the picture by its own box; the orientation EXIF repeats is not applied again."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = pillow_heif.from_bytes(mode="RGB", size=(64, 48), data=smooth().tobytes())
    buffer = io.BytesIO()
    image.save(buffer, quality=90, exif=exif.tobytes())
    assert read(buffer.getvalue()).shape == np.rot90(smooth(), -1).shape


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("container", [False, True])
def test_jpeg_xl_is_read_and_its_size_told_from_the_head(read, depth, container):
    array = noise(depth, 3 if depth == 8 else 1)
    image = Image.fromarray(array if depth == 8 else array[..., 0])
    buffer = io.BytesIO()
    image.save(buffer, "JXL", lossless=True, use_container=container)
    actual = read(buffer.getvalue()) / 255
    desired = array / 255 if depth == 8 else encode(array / 65535)  # the encoder calls 16 bits linear light
    np.testing.assert_allclose(actual, np.broadcast_to(desired, actual.shape), atol=1.01 / 255)
    assert read.size == (32, 24)


@pytest.mark.parametrize("size", [(16, 16), (256, 256), (300, 200), (4000, 3000), (1920, 1080), (17, 4001)])
def test_sizes_of_jpeg_xl_in_every_form(size):
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "JXL", effort=1)  # the head is the same
    assert jpeg_xl.size(buffer.getvalue()) == size


def test_a_huge_jpeg_xl_is_refused_by_its_head(read):
    width = height = 40_000 - 1
    bits = 0 | 3 << 1 | height << 3 | 0 << 33 | 3 << 36 | width << 38  # not small, 30-bit sizes, no ratio
    with pytest.raises(InvalidImage, match="the limit is 80 megapixels"):
        read(b"\xff\x0a" + bits.to_bytes(12, "little") + bytes(40))


@pytest.mark.parametrize("form", ["AVIF", "JPEG2000", "PPM", "GIF", "BMP", "WEBP"])
def test_the_other_formats_are_read(read, form):
    assert np.abs(read(saved(smooth(), form)) - smooth()).mean() < 12


def test_only_the_first_frame_is_read_of_a_long_animation(read):
    buffer = io.BytesIO()
    frames = [Image.fromarray(noise()) for _ in range(5)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read(buffer.getvalue()), noise(), atol=1e-3)
    assert "several frames" in read.picture.notes[0]


def test_a_file_without_end_is_not_read_to_its_end():
    with pytest.raises(InvalidImage, match=f"over {MAX_BYTES // 10**9} GB"):
        load_image("/dev/zero")


# --- values ---


def float_tiff(path, values):
    tifffile.imwrite(path, np.array([values] * 16, np.float32).repeat(8, axis=1))
    return load_values(path).array[0, ::8, 0].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_whole_numbers_beyond_255_stay_numbers_in_files_of_any_type(tmp_path, dtype):
    array = np.array([0, 1, 255, 256, 300, 1000, 65535], dtype).repeat(8)[None].repeat(16, 0)
    Image.fromarray(array).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(load_values(tmp_path / "a.tif").array[..., 0], array)


def test_other_floats_are_parts_of_1_or_of_255(tmp_path):
    path = tmp_path / "a.tif"
    assert float_tiff(path, [0, 0.2, 1]) == [0, 51, 255]
    assert float_tiff(path, [0, 7, 255]) == [0, 7, 255]
    assert float_tiff(path, [0, 7.4, 300.5]) == [0, 7, 255]


def test_floats_that_stand_for_nothing_do_not_make_other_numbers_white(tmp_path):
    assert float_tiff(tmp_path / "a.tif", [np.nan, 0, 300, 1000]) == [0, 0, 300, 1000]
    assert float_tiff(tmp_path / "b.tif", [-9999, 5, 300, 1e9]) == [0, 5, 300, 65535]


def test_values_of_16_bits_stay_whole_numbers(tmp_path):
    array = noise(16, 1)[..., 0]
    Image.fromarray(array).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_values(tmp_path / "a.png").array[..., 0], array)


@pytest.mark.parametrize(
    ("form", "more", "lossy"),
    [
        ("JPEG", {}, True),
        ("PNG", {}, False),
        ("WEBP", {"lossless": True}, False),
        ("WEBP", {}, True),
        ("BMP", {}, False),
        ("AVIF", {}, True),
        ("TIFF", {}, False),
        ("TIFF", {"compression": "jpeg"}, True),
    ],
)
def test_lossy_formats_are_known(tmp_path, form, more, lossy):
    (tmp_path / "a").write_bytes(saved(noise(), form, **more))
    assert load_values(tmp_path / "a").is_lossy == lossy


def test_palettes_are_read_as_their_colors(tmp_path):
    image = Image.fromarray(noise(8, 1)[..., 0] % 4)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_values(tmp_path / "a.png").array, np.asarray(image.convert("RGB")))
