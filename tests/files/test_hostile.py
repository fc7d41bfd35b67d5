"""Files made to keep a reader busy or to trip it over what its pixels do not need, and kinds seldom met."""

import io
import struct
import time
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from style_core import InvalidImage, load_image
from style_core.fronts import image_size, load_values

from .test_color import P3, SRGB, chunk, encode, gray_profile, noise, png
from .test_decoding import saved, smooth

SECONDS = 5.0  # far beyond what any of these takes, far below what they were made to take


@pytest.fixture
def read(tmp_path):
    """Bytes to a picture."""

    def load(data, door=load_image):
        (tmp_path / "picture").write_bytes(data)
        return door(tmp_path / "picture", name="content")

    return load


def array_of(picture):
    return picture.pixels[0].permute(1, 2, 0).double().numpy() * 255


# --- made to keep busy ---

GIF, JPEG, PNG = (saved(smooth(), form) for form in ("GIF", "JPEG", "PNG"))
FRAME = GIF.find(b"\x2c", 13)
FLOODS = {
    "comments of a GIF": GIF[:FRAME] + b"\x21\xfe\x01a\0" * 1_000_000 + GIF[FRAME:],
    "one comment of a GIF": GIF[:FRAME] + b"\x21\xfe" + b"\x01a" * 2_000_000 + b"\0" + GIF[FRAME:],
    "filling of a JPEG": JPEG[:2] + b"\xff" * 20_000_000 + JPEG[2:],
    "comments of a JPEG": JPEG[:2] + b"\xff\xfe\0\2" * 2_000_000 + JPEG[2:],
    "restarts of a JPEG": JPEG[:-2] + b"\xff\xd0" * 5_000_000 + JPEG[-2:],
    "zeros of a JPEG": JPEG[:-2] + b"\xff\0" * 5_000_000 + JPEG[-2:],
    "chunks of a PNG": PNG[:33] + chunk(b"abCd", b"") * 1_000_000 + PNG[33:],
}


@pytest.mark.parametrize("data", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_read_or_refused_soon(tmp_path, data):
    """Seconds are allowed: without the limits these take minutes."""
    (tmp_path / "flood").write_bytes(data)
    began = time.monotonic()
    image_size(tmp_path / "flood")
    try:
        load_image(tmp_path / "flood")
    except InvalidImage as refusal:
        assert "damaged" in str(refusal)  # noqa: PT017  # either is right
    assert time.monotonic() - began < 6 * SECONDS


def test_a_tiff_of_more_samples_than_any_picture_has_is_refused(read):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((24, 32, 20), np.float32), photometric="rgb", extrasamples=[0] * 17)
    with pytest.raises(InvalidImage):
        read(buffer.getvalue())


# --- what pixels do not need ---

ODD_CHUNKS = {
    f"{name.decode()} of {len(body)}": chunk(name, body)
    for name, body in (
        (b"tRNS", b""), (b"tRNS", b"a"), (b"gAMA", b""), (b"gAMA", b"abc"), (b"cHRM", bytes(31)),
        (b"sRGB", b""), (b"pHYs", b""), (b"pHYs", b"abc"), (b"iCCP", b""), (b"iCCP", b"name"),
        (b"iCCP", b"name\0\1x"), (b"acTL", b""), (b"acTL", struct.pack(">II", 2, 0)), (b"fdAT", b""),
        (b"eXIf", b"II"), (b"cICP", b"a"),
    )
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD_CHUNKS.values(), ids=ODD_CHUNKS)
def test_no_other_chunk_refuses_a_png(read, odd):
    np.testing.assert_allclose(array_of(read(png(noise(), odd))), noise(), atol=1e-3)


@pytest.mark.parametrize("name", [b"pHYs", b"gAMA", b"eXIf", b"tIME", b"tEXt"])
def test_a_wrong_checksum_of_another_chunk_refuses_nothing(read, name):
    np.testing.assert_allclose(
        array_of(read(png(noise(), chunk(name, bytes(9))[:-4] + b"abcd"))), noise(), atol=1e-3
    )


TIFF = b"II*\0\x08\0\0\0"
BYTE_RESOLUTION = TIFF + b"\2\0" + struct.pack("<HHIIHHII", 282, 1, 1, 6, 296, 3, 1, 2) + bytes(4)
PICTURES = b"MPF\0" + TIFF + b"\1\0" + struct.pack("<HHII", 0xB001, 4, 1, 0xFFFFFFFF)
ODD_SEGMENTS = {
    "EXIF with a resolution of bytes": (0xE1, b"Exif\0\0" + BYTE_RESOLUTION),
    "a profile of nothing": (0xE2, b"ICC_PROFILE\0"),
    "a profile of which a part is missing": (0xE2, b"ICC_PROFILE\0\1\2abc"),
    "thousands of pictures": (0xE2, PICTURES),
    "Photoshop's, cut": (0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed"),
    "Adobe's, cut": (0xEE, b"Adobe"),
    "JFIF's, cut": (0xE0, b"JFIF\0"),
}


@pytest.mark.parametrize(("marker", "body"), ODD_SEGMENTS.values(), ids=ODD_SEGMENTS)
def test_no_application_segment_refuses_a_jpeg(read, marker, body):
    segment = struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    picture = read(JPEG[:2] + segment + JPEG[2:])
    np.testing.assert_allclose(array_of(picture), np.asarray(Image.open(io.BytesIO(JPEG))), atol=1e-3)
    assert all("profile" in note for note in picture.notes)


def test_adobes_own_segment_still_says_how_cmyk_is_stored(read):
    image = Image.fromarray(smooth()).convert("CMYK")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    assert np.abs(array_of(read(buffer.getvalue())) - np.asarray(image.convert("RGB"))).mean() < 4


@pytest.mark.parametrize(
    "tag", [(34675, "s", 4, "abc"), (34675, "d", 1, 2.0), (274, "s", 2, "6"), (274, "H", 2, (6, 6))]
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_no_odd_tag_refuses_a_tiff(read, tag, kind):
    buffer = io.BytesIO()
    array = (noise() / 255 * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
    tifffile.imwrite(buffer, array, photometric="rgb", metadata=None, extratags=[(*tag, True)])
    assert np.abs(array_of(read(buffer.getvalue())).mean() - noise().mean()) < 1


# --- transparency ---


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
@pytest.mark.parametrize(("extra", "has_alpha"), [(1, True), (2, True), (0, False)])
def test_a_tiffs_alpha_is_what_it_is_said_to_be(read, kind, extra, has_alpha):
    """1: colors are multiplied by it; 2: they are not; 0: the sample says nothing."""
    color, alpha = noise() / 255, np.full((24, 32, 1), 1.0)
    alpha[:12] = 0.25
    stored = np.concatenate([color * alpha if extra == 1 else color, alpha], 2)
    stored = stored.astype(kind) if kind is np.float32 else (stored * 65535).round().astype(kind)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, stored, photometric="rgb", extrasamples=[extra], metadata=None)
    picture = read(buffer.getvalue())
    np.testing.assert_allclose(array_of(picture) / 255, color, atol=1e-4)
    assert (picture.alpha is not None) == has_alpha
    if has_alpha:
        np.testing.assert_allclose(picture.alpha[0, 0], alpha[..., 0], atol=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_transparent_gray_of_any_depth_is_kept(read, depth):
    """Packed by hand: 24 rows of 32 numbers, the highest of which is transparent."""
    values = np.random.default_rng(1).integers(0, 1 << depth, (24, 32))
    rows = []
    for row in values:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        rows.append(b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big"))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 24, depth, 0, 0, 0, 0))
    transparent = chunk(b"tRNS", struct.pack(">H", (1 << depth) - 1))
    data = PNG[:8] + head + transparent + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
    picture = read(data)
    np.testing.assert_array_equal(picture.alpha[0, 0].numpy() > 0, values != (1 << depth) - 1)


# --- kinds seldom met ---

GRAY = noise(8, 1)[..., 0] / 255


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (GRAY.astype(np.float16), {}), (GRAY.astype(np.float64), {}),
        ((GRAY * (2**32 - 1)).astype(np.uint32), {}),
        ((65535 - GRAY * 65535).round().astype(np.uint16), {"photometric": "miniswhite", "byteorder": ">"}),
        (np.dstack([GRAY * 65535, np.full_like(GRAY, 65535)]).astype(np.uint16), {"extrasamples": [2]}),
        (np.dstack([GRAY * 65535] * 5).astype(np.uint16), {"photometric": "rgb", "extrasamples": [0, 0]}),
        ((GRAY * 65535).astype(np.uint16), {"compression": "zstd"}),
    ],
    ids=["float16", "float64", "32 bits", "negative, big-endian", "with alpha", "five samples", "Zstd"],
)  # fmt: skip
def test_tiffs_of_every_depth_are_read(read, tmp_path, array, options):
    buffer = io.BytesIO()
    more = {"photometric": "minisblack", "metadata": None} | options
    with tifffile.TiffWriter(buffer, byteorder=more.pop("byteorder", "<")) as writer:
        writer.write(array, **more)
    np.testing.assert_allclose(array_of(read(buffer.getvalue()))[..., 0] / 255, GRAY, atol=2e-3)
    assert image_size(tmp_path / "picture") == (32, 24)


def test_a_tiff_that_is_not_read_is_called_one(read):
    buffer = io.BytesIO()
    lab = np.zeros((24, 32, 3), np.uint16)
    tifffile.imwrite(buffer, lab, photometric="cielab", metadata=None)
    with pytest.raises(InvalidImage, match="is a TIFF of a kind that is not read here"):
        read(buffer.getvalue())


def test_dark_16_bit_pgm_stays_dark(read):
    dark = np.full((24, 32), 120, ">u2")
    dark[3, 3] = 60_000
    np.testing.assert_allclose(
        array_of(read(b"P5 32 24 65535\n" + dark.tobytes()))[10, 10], 120 / 257, atol=1e-3
    )


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_8_bit_gray_goes_through_its_profile_in_the_darks_too(tmp_path, gamma):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png", icc_profile=gray_profile(gamma))
    actual = load_image(tmp_path / "a.png").pixels[0, 0].numpy() * 255
    np.testing.assert_allclose(actual, encode((ramp / 255) ** (round(gamma * 256) / 256)) * 255, atol=0.1)


def test_jpeg_2000s_profile_is_used(read):
    plain = saved(noise(), "JPEG2000", irreversible=False)
    profile = imagecodecs.cms_profile(
        "rgb",
        whitepoint=[0.3127, 0.3290, 1],
        primaries=[0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1],
        gamma=1.0,
    )
    place = plain.find(b"colr") - 4
    length = struct.unpack(">I", plain[place : place + 4])[0]
    box = struct.pack(">I", 11 + len(profile)) + b"colr\2\0\0" + profile
    header = plain.find(b"jp2h") - 4
    size = struct.unpack(">I", plain[header : header + 4])[0] + len(box) - length
    data = (
        plain[:header] + struct.pack(">I", size) + plain[header + 4 : place] + box + plain[place + length :]
    )
    matrix = np.linalg.inv(SRGB) @ P3
    np.testing.assert_allclose(array_of(read(data)), encode(noise() / 255 @ matrix.T) * 255, atol=2.5)


@pytest.mark.parametrize("bits", [10, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_jpeg_2000_keeps_its_depth(read, bits, channels):
    array = (noise(16, channels) >> (16 - bits)).astype(np.uint16)
    array[..., 3:] |= 1  # nothing is invisible
    data = imagecodecs.jpeg2k_encode(array, level=0, reversible=True, bitspersample=bits)
    np.testing.assert_allclose(array_of(read(data)) / 255, array[..., :3] / (2**bits - 1), atol=2e-5)


def test_an_overexposed_picture_of_floats_is_not_taken_for_a_dark_one(read):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, (noise() / 255 * 6).astype(np.float32), photometric="rgb", metadata=None)
    picture = read(buffer.getvalue())
    np.testing.assert_allclose(array_of(picture) / 255, (noise() / 255 * 6).clip(0, 1), atol=1e-4)
    assert "were clipped" in picture.notes[0]


def test_a_narrow_range_said_by_cicp_is_noted(read):
    picture = read(png(noise(), chunk(b"cICP", bytes((12, 13, 0, 0)))))
    assert "narrow range of values cannot be used" in picture.notes[0]


# --- masks ---


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JXL", {"lossless": True}),
        ("JPEG2000", {"irreversible": False}),
        ("WEBP", {"lossless": True, "icc_profile": bytes(9000)}),
    ],
)
def test_labels_in_lossless_files_of_lossy_formats_are_whole(read, form, options):
    pytest.importorskip("pillow_jxl", reason="pillow-jxl-plugin is not installed")
    labels = np.repeat(np.repeat(np.array([[10, 14], [18, 22]], np.uint8), 20, 0), 20, 1)
    values = read(saved(np.dstack([labels] * 3), form, **options), load_values)
    np.testing.assert_array_equal(values.array[..., 0], labels)
    assert not values.is_lossy


def test_numbers_of_a_negative_tiff_are_the_stored_ones(read):
    labels = np.repeat(np.arange(4, dtype=np.uint8), 8)[None].repeat(20, 0)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, labels, photometric="miniswhite", metadata=None)
    np.testing.assert_array_equal(read(buffer.getvalue(), load_values).array[..., 0], labels)
