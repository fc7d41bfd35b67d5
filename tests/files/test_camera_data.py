"""Camera data kept in a result when asked: what, and never the place, the thumbnail or what is damaged."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from style_core import read_settings
from style_core.files import save_image
from style_core.files.formats import WRITABLE

from ..conftest import photo

CAMERA = {
    Base.Make: "Maker", Base.Model: "Model 1", Base.DateTime: "2024:05:06 07:08:09", Base.Artist: "A. Uthor",
    Base.Copyright: "(c) A. Uthor",
}  # fmt: skip
EXPOSURE = {
    Base.ExposureTime: IFDRational(1, 250), Base.FNumber: IFDRational(28, 10), Base.ISOSpeedRatings: 400,
    Base.DateTimeOriginal: "2024:05:06 07:08:09", Base.OffsetTimeOriginal: "+02:00",
    Base.FocalLength: IFDRational(35, 1), Base.LensModel: "35mm F2.8", Base.ExifVersion: b"0232",
    Base.LensSpecification: (IFDRational(35), IFDRational(35), IFDRational(28, 10), IFDRational(28, 10)),
}  # fmt: skip
PRIVATE = {
    Base.MakerNote: b"secret maker note", Base.UserComment: b"ASCII\0\0\0secret comment",
    Base.BodySerialNumber: "secret serial", Base.CameraOwnerName: "secret owner",
    Base.ImageUniqueID: "secret id", Base.LensSerialNumber: "secret lens",
}  # fmt: skip
PLACE = {
    GPS.GPSLatitudeRef: "N", GPS.GPSLatitude: (IFDRational(48), IFDRational(51), IFDRational(2999, 100)),
    GPS.GPSLongitudeRef: "E", GPS.GPSLongitude: (IFDRational(2), IFDRational(17), IFDRational(4020, 100)),
}  # fmt: skip


def exif(camera=CAMERA, exposure=EXPOSURE, private=PRIVATE, place=PLACE):
    made = Image.Exif()
    for tag, value in camera.items():
        made[tag] = value
    made[Base.Orientation] = 6
    made[Base.ImageDescription] = "secret description"
    for tag, value in (exposure | private).items():
        made.get_ifd(IFD.Exif)[tag] = value
    for tag, value in place.items():
        made.get_ifd(IFD.GPSInfo)[tag] = value
    return made


def photo_file(folder, data=None, form="JPEG"):
    path = folder / f"photo.{form.lower()}"
    if form == "TIFF":  # where Pillow writes no directories below, so a result is the photo
        save_image(photo(20, 30), None, path, {}, metadata_from=photo_file(folder), keep_gps=True)
        return path
    Image.new("RGB", (30, 20), "gray").save(path, form, exif=exif() if data is None else data)
    return path


def saved(folder, suffix=".jpg", **options):
    path = folder / f"out{suffix}"
    return path, save_image(photo(20, 28), None, path, {"method": "wct2"}, **options)


def found_in(path):
    """EXIF of a file: the picture's own directory, and the two below under their names."""
    with Image.open(path) as image:
        found = image.getexif()
        below = {ifd: dict(found.get_ifd(ifd)) for ifd in (IFD.Exif, IFD.GPSInfo)}
        return dict(found) | below


@pytest.mark.parametrize("suffix", WRITABLE)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_camera_exposure_time_author_and_copyright_are_kept_in_every_format(tmp_path, suffix, form):
    path, notes = saved(tmp_path, suffix, metadata_from=photo_file(tmp_path, form=form))
    assert notes == ()
    found = found_in(path)
    assert {tag: found[tag] for tag in CAMERA} == CAMERA
    assert found[IFD.Exif] == EXPOSURE
    assert found.get(Base.Orientation, 1) == 1
    assert read_settings(path) == {"method": "wct2"}


@pytest.mark.parametrize("suffix", WRITABLE)
def test_nothing_private_is_kept(tmp_path, suffix):
    path, _ = saved(tmp_path, suffix, metadata_from=photo_file(tmp_path))
    assert b"secret" not in path.read_bytes()
    assert found_in(path)[IFD.GPSInfo] == {}


@pytest.mark.parametrize("suffix", WRITABLE)
def test_the_place_is_kept_when_asked(tmp_path, suffix):
    path, _ = saved(tmp_path, suffix, metadata_from=photo_file(tmp_path), keep_gps=True)
    assert found_in(path)[IFD.GPSInfo] == PLACE
    assert b"secret" not in path.read_bytes()


@pytest.mark.parametrize("suffix", WRITABLE)
def test_without_asking_nothing_of_the_camera_is_there(tmp_path, suffix):
    path, _ = saved(tmp_path, suffix)
    found = found_in(path)
    assert not set(CAMERA) & set(found)
    assert (found[IFD.Exif], found[IFD.GPSInfo]) == ({}, {})


def test_another_program_reads_it_from_a_tiff_too(tmp_path):
    path, _ = saved(tmp_path, ".tif", metadata_from=photo_file(tmp_path), bits=16)
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        assert tags["Make"].value == "Maker"
        assert tags["ExifTag"].value["LensModel"] == "35mm F2.8"
        assert tags["ExifTag"].value["ExposureTime"] == (1, 250)
        assert file.asarray().shape == (20, 28, 3)


def test_letters_of_other_languages_come_back(tmp_path):
    data = exif()
    for tag, text in ((Base.Artist, "Jürgen 画家"), (Base.Copyright, "© Jürgen")):
        data[tag] = text.encode()
    path, _ = saved(tmp_path, metadata_from=photo_file(tmp_path, data))
    assert found_in(path)[Base.Artist].encode("latin-1").decode() == "Jürgen 画家"
    assert found_in(path)[Base.Copyright].encode("latin-1").decode() == "© Jürgen"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (Base.ISOSpeedRatings, -1),
        (Base.ISOSpeedRatings, 1.5),
        (Base.ISOSpeedRatings, "many"),
        (Base.ExposureTime, 7),
        (Base.LensModel, "x" * 5000),
    ],
)
def test_a_damaged_value_is_left_out_with_a_note_and_the_others_kept(tmp_path, tag, value):
    data = exif(exposure=EXPOSURE | {tag: value})
    path, notes = saved(tmp_path, metadata_from=photo_file(tmp_path, data))
    assert notes == ("Some of the content's camera data is damaged and was left out.",)
    assert found_in(path)[IFD.Exif] == {t: v for t, v in EXPOSURE.items() if t != tag}


def test_a_photo_without_camera_data_is_noted(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "plain.png")
    _, notes = saved(tmp_path, metadata_from=tmp_path / "plain.png")
    assert notes == ("The content has no camera data to keep.",)


@pytest.mark.parametrize("content", [None, b"words"])
def test_a_photo_that_is_gone_or_no_picture_any_more_is_noted(tmp_path, content):
    if content is not None:
        (tmp_path / "gone.jpg").write_bytes(content)
    path, notes = saved(tmp_path, metadata_from=tmp_path / "gone.jpg")
    assert notes == ("The content's camera data cannot be read and was left out.",)
    assert path.exists()


def test_a_picture_in_memory_has_camera_data_too(tmp_path):
    with Image.open(photo_file(tmp_path)) as image:
        path, notes = saved(tmp_path, metadata_from=image)
    assert notes == ()
    assert found_in(path)[Base.Model] == "Model 1"


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
def test_damaged_exif_of_every_kind_never_stops_a_result(tmp_path):
    whole = exif().tobytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for place in random.integers(6, len(data), random.integers(1, 8)):
            data[place] = random.integers(256)
        buffer = io.BytesIO()
        Image.new("RGB", (30, 20)).save(buffer, "JPEG", exif=bytes(data))
        (tmp_path / "odd.jpg").write_bytes(buffer.getvalue())
        path, _ = saved(tmp_path, ".tif", metadata_from=tmp_path / "odd.jpg", keep_gps=True)
        with Image.open(path) as image:
            image.load()
            assert image.getexif().get(Base.Orientation, 1) == 1
