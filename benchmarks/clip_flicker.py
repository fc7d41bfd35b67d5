"""How much restyled clips flicker: ``python -m benchmarks.clip_flicker PHOTO …``.

Clips of known motion are made of photos: a pan, a zoom, a pan whose exposure drifts, all with grain. Of a
clip and of its result the motion is undone, frame by frame, and the mean change of low-pass color from one
frame to the next is measured on what both show. The ratio of the two says what restyling adds: 1 is the
content's own unrest. A style of more contrast has more of it without any flicker, so beside it stands one
fixed look, the first frame's, on all frames; and the frames restyled one by one, as if each were a photo.
"""

from __future__ import annotations

import argparse
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from style_core import get_method, load_image, stylize, stylize_video
from style_core.fronts import to_pil

from .arguments import described
from .pictures import EXAMPLES

WIDTH, HEIGHT, FRAMES, RATE = 480, 270, 48, 25
GRAIN = 3 / 255
DRIFT = 0.15  # of the exposure, up and down
LOW_PASS = 17  # px of the window of means
Box = tuple[float, float, float, float]  # left, top, right, bottom in the photo, as shares of its sides
MOTIONS = ("pan", "zoom", "drift")
METHODS = ("wct2", "photo_wct", "wct")


def main() -> None:
    """Print the table."""
    parser = described(__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    args = parser.parse_args()
    print("| method | photo | motion | clip | one fixed look | frame by frame |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for photo in args.photos:
            for motion in MOTIONS:
                _rows(photo, motion, args, Path(folder))


def _rows(photo: Path, motion: str, args: argparse.Namespace, folder: Path) -> None:
    source = folder / f"{motion}.mkv"
    boxes = [_box(motion, k / (FRAMES - 1)) for k in range(FRAMES)]
    _write(source, _frames(photo, motion, boxes))
    content = _read(source)
    own = _unrest(content, boxes)
    for method in args.methods:
        kind = ("photo_style", "dusk.jpg") if method != "wct" else ("art_style", "starry_night.jpg")
        style = EXAMPLES / kind[0] / kind[1]
        result = stylize_video(method, source, style, folder / "out.mkv", codec="ffv1")
        made = [_read(result.path), *_otherwise(method, content, style)]
        cells = [f"{_unrest(frames, boxes) / own:.2f}" if frames else "-" for frames in made]
        print(f"| {method} | {photo.stem} | {motion} | {' | '.join(cells)} |", flush=True)


def _otherwise(method: str, content: list[Tensor], style: Path) -> tuple[list[Tensor], list[Tensor]]:
    """All frames through the first one's look, where the method has looks; each frame by itself."""
    results = [stylize(method, to_pil(frame), style) for frame in content]
    fixed = []
    if get_method(method).photorealistic:
        look = results[0].look
        fixed = [look.apply(frame) for frame in content]
    return fixed, [result.image for result in results]


def _box(motion: str, time: float) -> Box:
    """What of the photo is seen."""
    side = 0.5 + (0.3 * time if motion == "zoom" else 0.0)
    left = (0.1 if motion == "zoom" else 0.4 * time) + 0.05
    return left, 0.2, left + side, 0.2 + side


def _frames(photo: Path, motion: str, boxes: list[Box]) -> list[np.ndarray]:
    picture = to_pil(load_image(photo).samples)
    width, height = picture.size
    seeded = np.random.default_rng(0)
    found = []
    for number, (left, top, right, bottom) in enumerate(boxes):
        box = (left * width, top * height, right * width, bottom * height)
        seen = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, box=box)
        frame = np.asarray(seen, np.float32) / 255
        if motion == "drift":
            frame = frame * (1 + DRIFT * np.sin(number / 6))
        grain = seeded.normal(0, GRAIN, (HEIGHT, WIDTH, 1))
        found.append((frame + grain).clip(0, 1))
    return found


def _write(path: Path, frames: list[np.ndarray]) -> None:
    """Losslessly."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("ffv1", rate=Fraction(RATE))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr0"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray((frame * 255).round().astype(np.uint8))))
        out.mux(stream.encode(None))


def _read(path: Path) -> list[Tensor]:
    with av.open(str(path)) as clip:
        arrays = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    return [torch.from_numpy(a).permute(2, 0, 1)[None].float() / 255 for a in arrays]


def _unrest(frames: list[Tensor], boxes: list[Box]) -> float:
    """The mean change of low-pass color from frame to frame where both show the same, in 255ths."""
    changes = []
    for k in range(len(frames) - 1):
        both = _common(boxes[k], boxes[k + 1])
        before, after = (_seen(frames[j], boxes[j], both) for j in (k, k + 1))
        changes.append(float(_low_pass(after - before).abs().mean()))
    return 255 * sum(changes) / len(changes)


def _low_pass(frame: Tensor) -> Tensor:
    return F.avg_pool2d(frame, LOW_PASS, 1, LOW_PASS // 2, count_include_pad=False)


def _common(a: Box, b: Box) -> Box:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def _seen(frame: Tensor, box: Box, part: Box) -> Tensor:
    """A part of the photo as a frame shows it, at the frame's number of pixels."""
    x, y = (
        (torch.linspace(part[k], part[k + 2], count) - box[k]) / (box[k + 2] - box[k]) * 2 - 1
        for k, count in ((0, WIDTH), (1, HEIGHT))
    )
    place = torch.stack([x.expand(HEIGHT, WIDTH), y[:, None].expand(HEIGHT, WIDTH)], -1)[None]
    return F.grid_sample(frame, place, align_corners=False, padding_mode="border")


if __name__ == "__main__":
    main()
