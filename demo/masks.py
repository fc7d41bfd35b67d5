"""Masks on the page: strokes of the editor as mask pictures, and regions laid over the photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from style_core import InvalidImage, Segments, load_image
from style_core.fronts import load_values, to_pil

from .components import as_sent
from .runs import scratch_folder

# The first are the named ones of the Deep Photo examples; what is not painted is black.
COLORS = ("#0000ff", "#00ff00", "#ff0000", "#ffff00", "#ff00ff", "#00ffff", "#ffffff")
EDITOR_SIDE = 768  # px; painting needs no more, and every stroke sends the picture
OPAQUE = 128  # alpha from which a stroke covers a pixel
BRUSH = 0.6  # opacity of the strokes: the photo is seen below, and they are above OPAQUE
OVERLAY = 0.55  # opacity of a region's color
ALIKE = 60.0  # 8-bit RGB distance within which masks' colors cannot be told apart over a photo
REGION_COLORS = np.array(
    [(70, 110, 255), (60, 200, 90), (240, 70, 70), (250, 210, 50), (220, 90, 230), (70, 215, 225),
     (250, 150, 60), (150, 110, 80)], np.float32,
)  # fmt: skip


def brush(label: str, elem_id: str) -> gr.ImageEditor:
    """An editor that hands over its strokes unopened, as ``{"layers": [file, …]}``.

    Gradio would open whatever a program sends as a layer with any decoder that Pillow has.
    """
    colors: list[Any] = [(color, BRUSH) for color in COLORS]
    editor = gr.ImageEditor(
        type="pil", layers=False, transforms=(), sources=(), label=label, height=360,
        brush=gr.Brush(colors=colors, default_color=colors[0], color_mode="fixed", default_size=40),
        elem_id=elem_id,
    )  # fmt: skip
    return as_sent(editor, _layer_files)


def _layer_files(editor: gr.ImageEditor, payload: Any) -> dict[str, Any] | None:
    """The files of the layers; the page sends them as bytes before, under an id."""
    if payload is None:
        return None
    sent = payload if payload.id is None else editor.blob_storage.pop(payload.id, None)
    layers = [layer for layer in (sent.layers if sent else []) if layer is not None]
    return {"layers": [_as_file(layer) if isinstance(layer, bytes) else layer.path for layer in layers]}


def _as_file(layer: bytes) -> str:
    path = scratch_folder() / "layer"
    path.write_bytes(layer)
    return str(path)


def editor_value(path: str | None) -> dict[str, Any] | None:
    """What puts a photo under the brush."""
    if path is None:
        return None
    try:
        photo = photo_below(path)
    except InvalidImage:
        return None  # Run says what is wrong with the file
    return {"background": photo, "layers": [], "composite": None}


def photo_below(path: str) -> Image.Image:
    """The photo that is painted on, as large as that needs."""
    photo = to_pil(load_image(path).samples)
    photo.thumbnail((EDITOR_SIDE, EDITOR_SIDE))
    return photo


def painted_mask(value: dict[str, Any] | None) -> Image.Image | None:
    """The editor's strokes as a mask in flat colors, black where nothing is painted; None without strokes.

    Args:
        value: ``{"layers": [file or image, …]}``; layers of another size than the first are left out.

    Raises:
        InvalidImage: a layer cannot be read.
    """
    layers = [_layer(given) for given in (value or {}).get("layers", [])]
    layers = [layer for layer in layers if layer.size == layers[0].size]
    strokes = [np.asarray(layer) for layer in layers]
    if not any((layer[..., 3] >= OPAQUE).any() for layer in strokes):
        return None
    mask = np.zeros((*strokes[0].shape[:2], 3), np.uint8)
    colors = palette()
    for layer in strokes:
        covered = layer[..., 3] >= OPAQUE
        painted = layer[covered][:, :3].astype(np.int32)
        nearest = ((painted[:, None] - colors[None].astype(np.int32)) ** 2).sum(2).argmin(1)
        mask[covered] = colors[nearest]
    return Image.fromarray(mask)


def palette() -> np.ndarray:
    """The brush's colors, ``[N, 3]`` uint8."""
    return np.array([[int(color[k : k + 2], 16) for k in (1, 3, 5)] for color in COLORS], np.uint8)


def _layer(source: str | Image.Image) -> Image.Image:
    """A layer as RGBA, no larger than the page sends them; a program may."""
    found = load_values(source, name="drawing")
    colors = found.array if found.array.dtype == np.uint8 else (found.array >> 8).astype(np.uint8)
    alpha = np.full(colors.shape[:2], 255, np.uint8) if found.alpha is None else found.alpha
    rgb = np.broadcast_to(colors, (*colors.shape[:2], 3))
    layer = Image.fromarray(np.dstack([rgb, alpha]))
    layer.thumbnail((EDITOR_SIDE, EDITOR_SIDE), Image.Resampling.NEAREST)
    return layer


def overlays(content: str, styles: Sequence[str], segments: Segments) -> list[Image.Image]:
    """The photos with their regions in color: the same color is matched with the same.

    Args:
        content, styles: files. Of several styles, each is used for one region and has its color.
        segments: the regions. Their masks' own colors are shown where they can be told apart.
    """
    colors = _shown_colors(segments)
    maps = [segments.style.numpy() + k for k in range(len(styles))]
    return [_overlay(content, segments.content.numpy(), colors)] + [
        _overlay(path, labels, colors) for path, labels in zip(styles, maps, strict=True)
    ]


def _shown_colors(segments: Segments) -> np.ndarray:
    """The color of labels 0, 1, 2, …; 0 is no region."""
    own = np.array(segments.colors, np.float32).reshape(-1, 3)
    distances = np.linalg.norm(own[:, None] - own[None], axis=2) + 1e3 * np.eye(len(own))
    count = int(max(segments.content.max(), segments.style.max()))
    chosen = np.arange(max(count, len(own))) % len(REGION_COLORS)
    is_telling = len(own) > 0 and distances.min() >= ALIKE
    shown = own if is_telling else REGION_COLORS[chosen]
    return np.concatenate([np.zeros((1, 3), np.float32), shown])


def _overlay(path: str, labels: np.ndarray, colors: np.ndarray) -> Image.Image:
    photo = photo_below(path)
    width, height = photo.size
    rows = np.arange(height) * labels.shape[0] // height
    columns = np.arange(width) * labels.shape[1] // width
    here = labels[rows[:, None], columns[None]]
    gray = np.asarray(photo.convert("L"), np.float32)[..., None].repeat(3, 2)
    mixed = gray * (1 - OVERLAY) + colors[here] * OVERLAY
    mixed = np.where((here > 0)[..., None], mixed, np.asarray(photo))  # label 0 is no region: everything
    return Image.fromarray(mixed.round().astype(np.uint8))


def save_mask(mask: Image.Image | None, folder: Path, name: str) -> str | None:
    """The mask as a file, for the mask input."""
    if mask is None:
        return None
    path = folder / f"{name}.png"
    mask.save(path)
    return str(path)
