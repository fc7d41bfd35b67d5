"""Looks and lookup tables in files."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from style_core import InvalidImage, load_look
from style_core.look import fit_look, fit_table, save_table
from style_core.look.files import FORMAT
from style_core.look.lut import to_lab
from style_core.regions import Labels

from .test_grid import recolored, scene


def labeled():
    labels = torch.ones(96, 128, dtype=torch.uint8)
    labels[:, 50:] = 2
    return Labels(labels)


@pytest.mark.parametrize("labels", [None, labeled()], ids=["whole", "regions"])
def test_a_look_comes_back_as_it_was(tmp_path, labels):
    content = scene()
    look = fit_look(content, recolored(content), labels, settings={"method": "wct2", "sizes": [1, 2]})
    look.save(tmp_path / "evening.look")
    found = load_look(tmp_path / "evening.look")
    assert torch.equal(found.apply(content), look.apply(content))
    assert torch.equal(found.for_other_photos().apply(content), look.for_other_photos().apply(content))
    assert found.settings == {"method": "wct2", "sizes": [1, 2]}


@pytest.mark.parametrize("name", ["evening.png", "evening", "evening.look.txt"])
def test_another_name_is_refused(tmp_path, name):
    content = scene()
    with pytest.raises(InvalidImage, match=r"A look is saved as NAME\.look"):
        fit_look(content, content).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    content = scene()
    with pytest.raises(InvalidImage, match="Cannot write"):
        fit_look(content, content).save(tmp_path / "nowhere" / "evening.look")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(InvalidImage, match="There is no file"):
        load_look(tmp_path / "evening.look")


def hostile(tmp_path, tensors, settings="{}", told=FORMAT):
    save_file(
        {k: v.clone() for k, v in tensors.items()},
        tmp_path / "bad.look",
        metadata={"format": told, "settings": settings},
    )
    return tmp_path / "bad.look"


MAPS, WHOLE = torch.zeros(4, 3, 3, 3, 4), torch.zeros(3, 4)
GOOD = {"maps.0": MAPS, "whole.0": WHOLE, "maps.anywhere": MAPS, "whole.anywhere": WHOLE}


@pytest.mark.parametrize(
    "changed",
    [
        {"maps.0": torch.zeros(4, 3)},
        {"maps.0": torch.full((4, 3, 3, 3, 4), float("nan"))},
        {"whole.0": torch.zeros(4, 4)},
        {"maps.0": torch.zeros(1, 3, 3, 3, 4)},
        {"maps.1": MAPS, "whole.1": WHOLE},
        {"shares": torch.zeros(4, 2, 2)},
        {"maps.anywhere": torch.zeros(2)},
    ],
)
def test_tensors_that_are_no_look_are_refused(tmp_path, changed):
    with pytest.raises(InvalidImage, match="is not a look that this program saved"):
        load_look(hostile(tmp_path, GOOD | changed))


def test_a_file_of_something_else_is_refused(tmp_path):
    load_look(hostile(tmp_path, GOOD))
    for path in (
        hostile(tmp_path, GOOD, told="weights"),
        hostile(tmp_path, GOOD, settings="no json"),
        hostile(tmp_path, GOOD, settings=json.dumps([1])),
    ):
        with pytest.raises(InvalidImage, match="is not a look"):
            load_look(path)
    (tmp_path / "text.look").write_text("no tensors")
    with pytest.raises(InvalidImage, match="is not a look"):
        load_look(tmp_path / "text.look")


def read_cube(path):
    """A reader of its own: title, size and ``[n, n, n, 3]`` indexed by blue, green, red."""
    lines = path.read_text().splitlines()
    size = int(next(line.split()[1] for line in lines if line.startswith("LUT_3D_SIZE")))
    rows = np.array([line.split() for line in lines if line and line[0] in "0123456789"], float)
    assert len(rows) == size**3
    return rows.reshape(size, size, size, 3)


def through_cube(cube, picture):
    """Trilinear lookup with NumPy and SciPy."""
    from scipy.ndimage import map_coordinates

    place = picture[0].flip(0).double().numpy() * (cube.shape[0] - 1)  # blue, green, red
    planes = [map_coordinates(cube[..., c], place.reshape(3, -1), order=1) for c in range(3)]
    return torch.from_numpy(np.stack(planes).reshape(1, 3, *picture.shape[2:])).float()


def test_a_cube_file_read_by_another_reader_differs_from_the_look_as_stated(tmp_path):
    content = scene()
    styled = recolored(content)
    styled[..., 64:] = (styled[..., 64:] + 0.05).clamp(0, 1)  # which no table of colors can know
    look = fit_look(content, styled)
    looked = look.apply(content)
    table = fit_table(content, looked)
    save_table(table, tmp_path / "evening.cube", title='a "look"')
    found = through_cube(read_cube(tmp_path / "evening.cube"), content)
    difference = (to_lab(found) - to_lab(looked)).square().sum(1).sqrt()
    assert table.mean_difference == pytest.approx(float(difference.mean()), abs=0.05)
    assert table.large_difference == pytest.approx(float(difference.quantile(0.95)), abs=0.1)
    assert table.mean_difference > 0.5
    assert "TITLE \"a 'look'\"" in (tmp_path / "evening.cube").read_text()


def test_a_recoloring_by_color_alone_fits_into_a_table():
    content = scene()
    table = fit_table(content, recolored(content))
    assert table.mean_difference < 0.5
    assert (table.apply(content) - recolored(content)).abs().mean() < 0.01


def test_colors_that_the_photo_lacks_are_continued_smoothly():
    content = 0.4 + 0.2 * scene()
    points = fit_table(content, content * 0.8).points
    assert torch.isfinite(points).all()
    assert points.min() >= 0
    assert points.max() <= 1
    assert (points.diff(dim=0).abs().max(), points.diff(dim=2).abs().max()) < (0.2, 0.2)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((1, 1, 1), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 1), (32.30, 79.19, -107.86)),
    ],
)
def test_cie_lab_of_known_colors(rgb, lab):
    found = to_lab(torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)).flatten()
    np.testing.assert_allclose(found, lab, atol=0.02)
