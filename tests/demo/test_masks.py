"""Strokes as masks, regions as overlays."""

import numpy as np
import pytest
import torch
from gradio import FileData
from gradio.components.image_editor import EditorData
from PIL import Image

from demo.masks import EDITOR_SIDE, brush, editor_value, overlays, painted_mask
from style_core import InvalidImage, Segments, find_regions


def layer(height, width, strokes):
    """An RGBA layer with rectangles: (rows, columns, color)."""
    array = np.zeros((height, width, 4), np.uint8)
    for rows, columns, color in strokes:
        array[rows, columns] = color
    return Image.fromarray(array)


def test_strokes_become_flat_colors_and_the_rest_black():
    soft = layer(
        40, 60, [(slice(0, 20), slice(None), (3, 2, 250, 255)), (slice(20, 22), slice(None), (0, 0, 255, 90))]
    )
    mask = np.asarray(painted_mask({"background": None, "layers": [soft], "composite": None}))
    assert mask.shape == (40, 60, 3)
    assert (mask[:20] == (0, 0, 255)).all()  # snapped to the palette
    assert (mask[20:] == 0).all()  # a faint edge is no stroke


def test_no_strokes_are_no_mask():
    assert painted_mask(None) is None
    assert painted_mask({"background": None, "layers": [], "composite": None}) is None
    assert painted_mask({"background": None, "layers": [layer(16, 16, [])], "composite": None}) is None


def test_painted_masks_match_regions_of_the_same_color(tmp_path):
    photos = []
    for k in range(2):
        path = tmp_path / f"{k}.png"
        Image.fromarray(np.random.default_rng(k).integers(0, 255, (80, 120, 3), np.uint8)).save(path)
        photos.append(str(path))
    top = painted_mask({"layers": [layer(40, 60, [(slice(0, 20), slice(None), (0, 0, 255, 255))])]})
    left = painted_mask({"layers": [layer(40, 60, [(slice(None), slice(0, 30), (0, 0, 255, 255))])]})
    found = find_regions("wct2", *photos, content_mask=top, style_mask=left)
    blue = int(found.content[0, 0])
    assert (found.content == blue)[:40].all()
    assert not (found.content == blue)[41:].any()
    assert (found.style == blue)[:, :60].all()


def test_the_photo_is_put_upright_and_small_under_the_brush(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (2000, 1000), "green").save(path, exif=exif)
    value = editor_value(str(path))
    assert value["background"].size == (EDITOR_SIDE // 2, EDITOR_SIDE)
    assert value["layers"] == []
    assert editor_value(None) is None
    (tmp_path / "text.png").write_text("no picture")
    assert editor_value(str(tmp_path / "text.png")) is None


def test_regions_are_shown_in_their_colors(tmp_path):
    path = tmp_path / "gray.png"
    Image.new("RGB", (100, 50), (128, 128, 128)).save(path)
    labels = torch.zeros(50, 100, dtype=torch.uint8)
    labels[:, 50:] = 1
    shown = [np.asarray(p) for p in overlays(str(path), [str(path)], Segments(labels, 1 - labels))]
    assert (shown[0][:, :50] == 128).all()  # label 0 is everything: no color
    assert tuple(shown[0][0, 99]) == tuple(shown[1][0, 0])  # the same region in the same color
    assert tuple(shown[0][0, 99]) != (128, 128, 128)


def test_regions_of_a_mask_keep_its_colors(tmp_path):
    path, mask = tmp_path / "gray.png", tmp_path / "mask.png"
    Image.new("RGB", (100, 50), (128, 128, 128)).save(path)
    painted = Image.new("RGB", (40, 20), (0, 0, 0))
    painted.paste((255, 0, 0), (0, 0, 20, 20))
    painted.save(mask)
    found = find_regions("wct2", str(path), str(path), content_mask=str(mask), style_mask=str(mask))
    red, dark = (np.asarray(overlays(str(path), [str(path)], found)[0])[25, x] for x in (20, 80))
    assert red[0] > red[1] + 100
    assert red[1] == red[2]
    assert dark[0] == dark[1] == dark[2] < 80


def test_several_styles_are_shown_in_the_colors_of_their_regions(tmp_path):
    path = tmp_path / "gray.png"
    Image.new("RGB", (100, 50), (128, 128, 128)).save(path)
    labels = torch.ones(50, 100, dtype=torch.uint8)
    labels[:, 50:] = 2
    found = Segments(labels, torch.ones_like(labels), (), ((255, 0, 0), (0, 0, 255)))
    content, first, second = (np.asarray(p) for p in overlays(str(path), [str(path)] * 2, found))
    assert (first == content[0, 0]).all()
    assert (second == content[0, 99]).all()


def test_a_hostile_layer_of_the_brush_is_a_sentence(tmp_path):
    layer = tmp_path / "layer.png"
    layer.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n{} loop\n")
    editor = brush("strokes", "strokes")
    sent = EditorData(background=None, layers=[FileData(path=str(layer))], composite=None)
    handed = editor.preprocess(sent)
    assert handed == {"layers": [str(layer)]}  # unopened
    with pytest.raises(InvalidImage):
        painted_mask(handed)
