"""Strokes carried along: held against motions that are known, and paintings that share nothing."""

from itertools import pairwise

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")

from style_core.video.advection import EVERY, MOST_PAINTINGS, _Canvas, advected  # noqa: E402
from style_core.video.motion import Seen  # noqa: E402

HEIGHT, WIDTH = 96, 160


def texture(width, seed=0, dtype=np.uint8, blur=2.0):
    """Blobs of all brightness, ``[HEIGHT, width, 3]``."""
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), blur)
    shown = 0.5 + 0.25 * smooth / smooth.std()
    return (shown.clip(0, 1) * np.iinfo(dtype).max).astype(dtype)


def pan(count, step):
    """Frames of a texture that moves to the left."""
    wide = texture(WIDTH + step * count)
    return [np.ascontiguousarray(wide[:, k * step : k * step + WIDTH]) for k in range(count)]


class Painter:
    """Paints every frame with strokes of its own, which nothing else has."""

    def __init__(self, dtype=np.uint8):
        self.painted, self.dtype = [], dtype

    def __call__(self, frame, carried):
        self.painted.append(texture(WIDTH, seed=1000 + len(self.painted), dtype=self.dtype))
        return self.painted[-1]


def run(frames, painter, **how):
    return [painting for painting, _ in advected(frames, lambda frame: frame, painter, **how)]


def distance(a, b):
    return np.abs(a.astype(float) - b.astype(float)).mean() / np.iinfo(a.dtype).max


UNLIKE = distance(texture(WIDTH, 1), texture(WIDTH, 2))  # of two that share nothing


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_where_nothing_moves_one_painting_serves_all(dtype):
    painter = Painter(dtype)
    grain = np.random.default_rng(5)
    still = [
        (texture(WIDTH).astype(float) + grain.normal(0, 2, (HEIGHT, WIDTH, 1))).clip(0, 255)
        for _ in range(30)
    ]
    made = run([frame.astype(np.uint8) for frame in still], painter)
    assert len(painter.painted) == 1
    assert made[-1].dtype == dtype
    assert distance(made[-1], made[0]) < 0.01


@pytest.mark.parametrize("step", [1, 3])
def test_strokes_move_with_what_they_were_painted_on(step):
    painter = Painter()
    made = run(pan(2 * EVERY + 1, step), painter)
    margin = 12
    for k in (1, EVERY, 2 * EVERY):
        moved = step * k
        seen = made[k][margin:-margin, margin : WIDTH - moved - margin]
        first = made[0][margin:-margin, moved + margin : WIDTH - margin]
        assert distance(seen, first) < 0.1 * UNLIKE


def test_what_comes_into_view_is_painted_once():
    painter = Painter()
    step = 2
    made = run(pan(EVERY + 1, step), painter)
    assert len(painter.painted) == 2  # the first frame and the last
    new = step * EVERY - 8  # px at the right end of the last frame, but for the soft border
    assert distance(made[-1][:, -new:], painter.painted[1][:, -new:]) < 0.1 * UNLIKE
    # A few frames before, as much of it as is seen then is the same painting.
    seen = made[-4][8:-8, WIDTH - 12 :]
    assert distance(seen, made[-1][8:-8, WIDTH - 12 - 3 * step : WIDTH - 3 * step]) < 0.3 * UNLIKE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_later_painting_goes_on_in_the_tone_of_the_one_before(dtype):
    """Each painting is of another gray; where the second comes into view there is no step, and none later."""
    highest, tones = np.iinfo(dtype).max, iter([0.4, 0.6, 0.6, 0.6])

    def paint(frame, carried):
        return np.full((HEIGHT, WIDTH, 3), round(next(tones) * highest), dtype)

    frames = pan(2 * EVERY, 3)
    made = [frame.astype(float)[..., 0] / highest for frame in run(frames, paint)]
    last = made[EVERY]  # 36 px of it were not in the first
    assert np.abs(last[10:-10, : WIDTH - 36 - 10] - 0.4).max() < 0.01  # what was shown stays
    assert np.abs(np.diff(last[10:-10], axis=1)).max() < 0.03  # of the 0.2 between the two
    assert last[10:-10, -4:].mean() > 0.5


def test_what_fits_nothing_is_painted_by_itself():
    painter = Painter()
    frames = [texture(WIDTH)] * EVERY
    frames[5] = texture(WIDTH, seed=9)  # something else for one frame
    made = run(frames, painter)
    assert distance(made[4], made[0]) < 0.01
    assert distance(made[6], made[0]) < 0.01
    assert min(distance(made[5], painting) for painting in painter.painted[1:]) < 0.1 * UNLIKE


def test_after_a_sudden_change_the_new_is_painted_new():
    painter = Painter()
    made = run([texture(WIDTH)] * 5 + [texture(WIDTH, seed=9)] * 20, painter)
    assert distance(made[4], made[0]) < 0.1 * UNLIKE
    assert distance(made[8], made[0]) > 0.5 * UNLIKE
    assert distance(made[24], made[13]) < 0.1 * UNLIKE


def test_brightness_that_drifts_is_no_other_scene():
    painter = Painter()
    drifting = [(texture(WIDTH) * (0.5 + 0.01 * k)).astype(np.uint8) for k in range(30)]
    made = run(drifting, painter)
    assert len(painter.painted) == 1
    brighter = np.clip(made[0].astype(float) * 0.79 / 0.5, 0, 255).astype(np.uint8)  # the painting goes along
    assert distance(made[-1], brighter) < 0.1 * UNLIKE


def test_a_fade_to_black_becomes_black():
    painter = Painter()
    made = run([(texture(WIDTH) * (1 - k / 24)).astype(np.uint8) for k in range(25)], painter)
    means = [frame.mean() for frame in made]
    assert all(b < a + 1 for a, b in pairwise(means[:-3]))  # the last ones show nothing
    assert means[20] < 0.3 * means[0]


def test_paintings_do_not_pile_up():
    canvas = _Canvas(Seen.of(pan(1, 1)[0]), texture(WIDTH, 1))
    frames = pan(12 * 8, 9)
    for at in range(0, len(frames), 12):
        list(canvas.advance([Seen.of(f) for f in frames[at : at + 12]], frames[at : at + 12], Painter()))
        assert 1 <= len(canvas.paintings) <= MOST_PAINTINGS


@pytest.mark.parametrize("size", [(5, 7), (16, 300), (33, 47)])
@pytest.mark.parametrize("count", [0, 1, 2, EVERY, EVERY + 1, EVERY + 2])
def test_small_frames_and_few(size, count):
    frames = [np.full((*size, 3), 10 * k, np.uint8) for k in range(count)]
    found = list(advected(frames, lambda frame: frame, lambda frame, carried: frame))
    assert [frame is given for (_, frame), given in zip(found, frames, strict=True)] == [True] * count
    assert all(painting.shape == (*size, 3) for painting, _ in found)


def test_large_frames_are_looked_up_at_full_size():
    """Flow is found at a reduced size; the places that it leads to are of the full one."""
    wide = cv2.resize(texture(WIDTH + 40), None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    frames = [np.ascontiguousarray(wide[:, 16 * k : 16 * k + 1280]) for k in range(5)]
    strokes = np.random.default_rng(3).integers(0, 256, (96 * 8 // 2, 640, 3)).astype(np.uint8)
    painting = cv2.resize(strokes, (1280, 768), interpolation=cv2.INTER_NEAREST)  # of 2 px
    made = run(frames, lambda frame, carried: painting)
    margin = 64
    seen = made[4][margin:-margin, margin : 1280 - 64 - margin]
    assert distance(seen, painting[margin:-margin, 64 + margin : 1280 - margin]) < 0.05
