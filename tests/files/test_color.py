"""Colors brought to sRGB, against the standards' own formulas written out in float64."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from style_core import load_image
from style_core.files import color
from style_core.fronts import load_values

# Published matrices (Lindbloom; SMPTE RP 431, EG 432; BT.2087), linear RGB to XYZ at D65.
P3 = np.array(
    [[0.4865709, 0.2656677, 0.1982173], [0.2289746, 0.6917385, 0.0792869], [0, 0.0451134, 1.0439444]]
)
REC2020 = np.array(
    [[0.6369580, 0.1446169, 0.1688810], [0.2627002, 0.6779981, 0.0593017], [0, 0.0280727, 1.0609851]]
)
ADOBE = np.array(
    [[0.5767309, 0.1855540, 0.1881852], [0.2973769, 0.6273491, 0.0752741], [0.0270343, 0.0706872, 0.9911085]]
)
SRGB = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
)


def encode(light):
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def decode(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def through(matrix, light):
    return encode(light @ (np.linalg.inv(SRGB) @ matrix).T)


def noise(depth=8, channels=3, height=24, width=32):
    kind = np.uint8 if depth == 8 else np.uint16
    return np.random.default_rng(5).integers(0, 1 << depth, (height, width, channels)).astype(kind)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(array, *chunks, color_type=None):
    """A PNG with further chunks before its pixels."""
    height, width, channels = array.shape
    depth = 8 * array.dtype.itemsize
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if color_type is None else color_type
    rows = b"".join(b"\0" + row.astype(f">u{array.dtype.itemsize}").tobytes() for row in array)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def read(tmp_path):
    """Bytes of a picture as 0-255 floats ``[H, W, C]``, and its notes."""

    def load(data):
        path = tmp_path / "picture"
        path.write_bytes(data)
        picture = load_image(path, name="content")
        return picture.pixels[0].permute(1, 2, 0).double().numpy() * 255, picture.notes

    return load


def assert_close(actual, desired, within=1.0):
    assert np.abs(actual - desired * 255).max() <= within


@pytest.mark.parametrize(("number", "matrix"), [(12, P3), (9, REC2020)])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_pngs_wide_gamut_is_converted(read, number, matrix, depth):
    array = noise(depth)
    pixels, notes = read(png(array, chunk(b"cICP", bytes((number, 13, 0, 1)))))
    assert_close(pixels, through(matrix, decode(array / (2**depth - 1))), 0.51 if depth == 8 else 0.1)
    assert notes == ()


def test_cicp_of_srgb_changes_nothing(read):
    array = noise()
    assert_close(read(png(array, chunk(b"cICP", bytes((1, 13, 0, 1)))))[0], array / 255, 1e-3)


def test_cicp_wins_over_a_profile(read):
    array = noise()
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(color.srgb_profile()))
    assert_close(
        read(png(array, chunk(b"cICP", bytes((12, 13, 0, 1))), profile))[0],
        through(P3, decode(array / 255)),
        0.51,
    )


def test_numbers_that_stand_for_nothing_give_a_note(read):
    array = noise()
    pixels, notes = read(png(array, chunk(b"cICP", bytes((77, 13, 0, 1)))))
    assert_close(pixels, array / 255, 1e-3)
    assert notes == ("The content's color primaries number 77 cannot be used; its colors were read as sRGB.",)


@pytest.mark.parametrize(("gamma", "exponent"), [(100_000, 1.0), (55_556, 1.8), (70_000, 1 / 0.7)])
def test_a_pngs_gamma_is_undone(read, gamma, exponent):
    array = noise()
    assert_close(
        read(png(array, chunk(b"gAMA", struct.pack(">I", gamma))))[0], encode((array / 255) ** exponent), 0.6
    )


@pytest.mark.parametrize("gamma", [45_455, 45_000, 46_000, 0, 4_000_000_000])
def test_the_usual_gamma_and_an_absurd_one_change_nothing(read, gamma):
    array = noise()
    assert_close(read(png(array, chunk(b"gAMA", struct.pack(">I", gamma))))[0], array / 255, 1e-3)


def test_srgb_said_wins_over_gamma(read):
    array = noise()
    chunks = (chunk(b"sRGB", b"\0"), chunk(b"gAMA", struct.pack(">I", 100_000)))
    assert_close(read(png(array, *chunks))[0], array / 255, 1e-3)


def test_a_pngs_own_primaries_are_converted(read):
    array = noise()
    values = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)  # P3's, white first
    assert_close(
        read(png(array, chunk(b"cHRM", struct.pack(">8I", *values))))[0],
        through(P3, decode(array / 255)),
        0.51,
    )


def test_primaries_without_a_triangle_give_a_note(read):
    array = noise()
    pixels, notes = read(png(array, chunk(b"cHRM", struct.pack(">8I", *[30_000] * 8))))
    assert_close(pixels, array / 255, 1e-3)
    assert "chromaticities cannot be used" in notes[0]


def test_pq_is_brought_to_the_white_of_a_page_and_noted(read):
    """ST 2084 by its published points: 0.5081 is 100 cd/m2, 0.5807 is 203 cd/m2 (BT.2408)."""
    array = np.full((24, 32, 3), 0, np.uint16)
    array[:8], array[8:16], array[16:] = round(0.5081 * 65535), round(0.5807 * 65535), 60_000
    pixels, notes = read(png(array, chunk(b"cICP", bytes((1, 16, 0, 1)))))
    assert_close(pixels[:8], encode(np.float64(100 / 203)), 0.2)
    assert_close(pixels[8:16], np.float64(1), 0.2)
    assert_close(pixels[16:], np.float64(1), 1e-3)
    assert "high dynamic range picture (PQ)" in notes[0]


def test_hlg_has_its_white_at_three_quarters(read):
    array = np.full((24, 32, 3), 0, np.uint16)
    array[:8], array[8:16], array[16:] = round(0.75 * 65535), round(0.5 * 65535), 65535
    pixels, notes = read(png(array, chunk(b"cICP", bytes((1, 18, 0, 1)))))
    assert_close(pixels[:8], np.float64(1), 0.1)
    assert_close(
        pixels[8:16], encode(np.float64(1 / 12 / 0.26496256)), 0.2
    )  # BT.2100: half the signal is a twelfth
    assert "(HLG)" in notes[0]


def exif_of(index=None, space=None):
    """TIFF bytes with ColorSpace in the Exif directory and the index in the Interoperability one."""
    exif, inner = Image.Exif(), {}
    if space is not None:
        inner[0xA001] = space
    if index is not None:
        inner[0xA005] = {1: index}
    exif[0x8769] = inner
    return exif.tobytes()


@pytest.mark.parametrize(("index", "space"), [("R03", 0xFFFF), ("R03", None), (None, 2)])
def test_adobe_rgb_said_by_exif_alone_is_converted(tmp_path, index, space):
    array = noise()[:16, :16].repeat(8, 0).repeat(8, 1)
    path = tmp_path / "a.jpg"
    Image.fromarray(array).save(path, quality=100, subsampling=0, exif=exif_of(index, space))
    stored = np.asarray(Image.open(path)).astype(float) / 255
    actual = load_image(path).pixels[0].permute(1, 2, 0).numpy() * 255
    assert_close(actual, through(ADOBE, stored ** (563 / 256)), 0.6)


@pytest.mark.parametrize(("index", "space"), [("R98", 1), (None, 0xFFFF), ("R98", 0xFFFF)])
def test_other_exif_color_spaces_are_srgb(tmp_path, index, space):
    path = tmp_path / "a.jpg"
    Image.fromarray(noise()).save(path, quality=100, exif=exif_of(index, space))
    assert_close(
        load_image(path).pixels[0].permute(1, 2, 0).numpy() * 255, np.asarray(Image.open(path)) / 255, 1e-3
    )


def gray_profile(gamma):
    """An ICC profile of gray with one exponent."""

    def tag(kind, data):
        return kind + bytes(4) + data

    curve = tag(b"curv", struct.pack(">IH", 1, round(gamma * 256))) + b"\0\0"
    white = tag(b"XYZ ", struct.pack(">3i", 63190, 65536, 54061))
    text = tag(b"desc", struct.pack(">I", 5) + b"gray\0" + bytes(78)) + b"\0"
    table, body, place = b"", b"", 128 + 4 + 12 * 3
    for name, data in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", place, len(data))
        body, place = body + data, place + len(data)
    head = (
        struct.pack(">I4sI4s4s4s", place, b"lcms", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
        + bytes(12)
        + b"acsp"
    )
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + struct.pack(">I", 3) + table + body


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_16_bit_gray_goes_through_its_profile(tmp_path, gamma):
    array = noise(16, 1)[..., 0]
    path = tmp_path / "a.png"
    Image.fromarray(array).save(path, icc_profile=gray_profile(gamma))
    actual = load_image(path).pixels[0, 0].numpy() * 255
    assert_close(actual, encode((array / 65535) ** (round(gamma * 256) / 256)), 0.05)


def test_16_bit_color_goes_through_its_profile(tmp_path, read):
    """Rec. 2020's primaries in a profile made by Little CMS's own hand: 16 bits agree with the formula."""
    profile = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.3290, 1.0],
        primaries=[0.708, 0.292, 1, 0.170, 0.797, 1, 0.131, 0.046, 1],
        gamma=2.0,
    )
    array = noise(16)
    packed = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    assert_close(read(png(array, packed))[0], through(REC2020, (array / 65535) ** 2.0), 0.3)


def test_a_profile_of_srgb_changes_no_value(tmp_path):
    array = noise()
    path = tmp_path / "a.png"
    Image.fromarray(array).save(
        path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    assert_close(load_image(path).pixels[0].permute(1, 2, 0).numpy() * 255, array / 255, 1e-3)


def test_lab_is_read_as_colors(tmp_path):
    buffer = io.BytesIO()
    Image.new("LAB", (20, 20), (136, 128, 128)).save(buffer, "TIFF")  # L* = 53.3, a* = b* = 0: half gray
    (tmp_path / "a.tif").write_bytes(buffer.getvalue())
    gray = load_image(tmp_path / "a.tif").pixels.mean((0, 2, 3)) * 255
    assert float((gray - 127).abs().max()) < 2.5


@pytest.mark.parametrize("profile", [gray_profile(1.0), None])
def test_values_of_masks_go_through_nothing(tmp_path, profile):
    array = noise(8, 1)[..., 0]
    chunks = [chunk(b"gAMA", struct.pack(">I", 100_000))]
    chunks += [chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))] if profile else []
    (tmp_path / "a.png").write_bytes(png(array[..., None], *chunks))
    np.testing.assert_array_equal(load_values(tmp_path / "a.png").array[..., 0], array)
