"""Only decoders of one list ever run, and pictures are opened in one place."""

import ast
import io
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from style_core import InvalidImage, load_image
from style_core.files import decoding
from style_core.fronts import load_values

ROOT = Path(__file__).resolve().parents[2]
LOOP = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"
OPENERS = {"PIL.Image.open", "PIL.ImageFile.Parser", "pi_heif.open_heif", "pillow_jxl.Decoder",
           "imagecodecs.png_decode", "tifffile.TiffFile", "tifffile.imread"}  # fmt: skip
DOORS = {f"style_core/files/{name}.py" for name in ("decoding", "heif", "jpeg_xl", "opened", "tiff")}


@pytest.fixture
def no_process(monkeypatch):
    """Fails on every process that is started."""

    def refuse(*arguments, **more):
        raise AssertionError(f"a process was started: {arguments}")

    for name in ("Popen", "run", "call", "check_call", "check_output"):
        monkeypatch.setattr(subprocess, name, refuse)
    monkeypatch.setattr("os.system", refuse)


@pytest.mark.parametrize("read", [load_image, load_values])
@pytest.mark.parametrize("name", ["picture.jpg", "picture.eps", "picture.png"])
def test_postscript_is_refused_at_once_whatever_its_name(tmp_path, no_process, read, name):
    (tmp_path / name).write_bytes(LOOP)
    with pytest.raises(InvalidImage, match="is not a picture in a format we can read"):
        read(tmp_path / name)


def test_postscript_that_pillow_has_opened_is_refused_too(no_process):
    with pytest.raises(
        InvalidImage, match="The image is a picture in the format EPS, which is not read here"
    ):
        load_image(Image.open(io.BytesIO(LOOP)))


@pytest.mark.parametrize(
    "form", ["TGA", "PCX", "ICO", "SGI", "DDS", "IM", "MSP", "XBM", "PDF", "EPS", "ICNS"]
)
def test_formats_that_are_not_listed_are_refused(tmp_path, no_process, form):
    path = tmp_path / "picture.png"
    Image.new("1" if form in ("MSP", "XBM") else "RGB", (32, 32)).save(path, form)
    with pytest.raises(InvalidImage, match="is not a picture in a format we can read"):
        load_image(path)


def test_a_picture_inside_another_file_is_not_looked_for(tmp_path):
    inner = io.BytesIO()
    Image.new("RGB", (32, 32)).save(inner, "PNG")
    (tmp_path / "a.png").write_bytes(
        b"\xc5\xd0\xd3\xc6" + bytes(28) + inner.getvalue()
    )  # an EPS with preview
    with pytest.raises(InvalidImage):
        load_image(tmp_path / "a.png")


def test_the_list_holds_no_decoder_that_runs_a_program():
    assert set(decoding.DECODERS).isdisjoint(
        {"EPS", "WMF", "EMF", "PDF", "FPX", "MIC", "GRIB", "HDF5", "BUFR"}
    )


def opened_with(tree):
    """Dotted names of all calls in a module, with its imports resolved."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base, dot, rest = ast.unparse(node).partition(".")
            yield names.get(base, base) + dot + rest
        elif isinstance(node, ast.Name):
            yield names.get(node.id, node.id)


def openers(path):
    return OPENERS & set(opened_with(ast.parse(path.read_text("utf-8"))))


def test_pictures_are_opened_behind_the_door_only():
    sources = [
        *ROOT.glob("*.py"),
        *(p for part in ("style_core", "demo", "benchmarks") for p in (ROOT / part).rglob("*.py")),
    ]
    found = {str(path.relative_to(ROOT)) for path in sources if openers(path)}
    assert found == DOORS


@pytest.mark.parametrize(
    "line",
    [
        "import PIL.Image\nPIL.Image.open(x)",
        "from PIL import Image as I\nI.open(x)",
        "from PIL.Image import open as o\no(x)",
        "import pi_heif\nf = pi_heif.open_heif",
    ],
)
def test_a_planted_opening_is_seen(tmp_path, line):
    (tmp_path / "a.py").write_text(line)
    assert openers(tmp_path / "a.py")
