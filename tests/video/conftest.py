"""Small clips, made here."""

from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is not installed")

SIZE = (96, 64)  # width and height


def scene(number, time, size=SIZE):
    """A frame of a pan over a smooth picture of its own colors, float ``[H, W, 3]`` in [0, 1]."""
    width, height = size
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:height, 0:width] / height
    color = rng.uniform(0.2, 0.8, 3)
    waves = np.sin(4 * (x + time)[..., None] + 3 * y[..., None] + rng.uniform(0, 6, 3))
    return np.clip(color + 0.2 * waves, 0, 1)


def write_clip(
    path, frames, *, rate=Fraction(25), codec="libx264", pixels="yuv420p", tags=(1, 1, 1, 1), rotation=0,
    times=None, sound_seconds=0, container=None,
):  # fmt: skip
    """Encode float frames; ``tags`` are matrix, primaries, curve and range in FFmpeg's numbers."""
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=rate, options={"crf": "4"} if codec == "libx264" else {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = tags
        if rotation:
            stream.set_display_rotation(rotation)
        base = Fraction(1, 1000) if times else 1 / rate
        context.time_base = base
        sound = out.add_stream("aac", rate=8000, layout="mono") if sound_seconds else None
        deep = "10" in pixels
        for number, frame in enumerate(frames):
            array = (frame * (65535 if deep else 255)).round().astype(np.uint16 if deep else np.uint8)
            made = av.VideoFrame.from_ndarray(array, format="rgb48le" if deep else "rgb24").reformat(
                format=pixels, dst_colorspace=tags[0], src_color_range=2, dst_color_range=tags[3]
            )
            made.pts, made.time_base = times[number] if times else number, base
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
        if sound is not None:
            tone = 0.2 * np.sin(np.arange(int(8000 * sound_seconds)) * 0.3).astype(np.float32)
            for first in range(0, len(tone), 1024):
                part = av.AudioFrame.from_ndarray(
                    tone[None, first : first + 1024], format="fltp", layout="mono"
                )
                part.sample_rate, part.pts = 8000, first
                out.mux(sound.encode(part))
            out.mux(sound.encode(None))
    return path


def read_clip(path):
    """Its decoded frames."""
    with av.open(str(path)) as clip:
        return list(clip.decode(video=0))


@pytest.fixture
def clip(tmp_path):
    """Two scenes of 20 frames each."""
    frames = [scene(1, k / 40) for k in range(20)] + [scene(5, k / 40) for k in range(20)]
    return write_clip(tmp_path / "two.mp4", frames, sound_seconds=1.5)
