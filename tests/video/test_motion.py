"""Where a frame is found in another one: held against turns, zooms and shifts that are known."""

from itertools import pairwise

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")

from style_core.video.motion import Seen, flow, followed, is_inside, is_torn, light_of, refined  # noqa: E402

HEIGHT, WIDTH = 180, 320


def scene(seed=0, clear_sky=False, blobs=2.5):
    """A wall of blobs twice the size of a frame, ``[2 H, 2 W, 3]`` float32; its upper part may be clear."""
    noise = np.random.default_rng(seed).normal(size=(2 * HEIGHT, 2 * WIDTH, 1)).astype(np.float32)
    wall = cv2.GaussianBlur(noise, (0, 0), blobs)[..., None]
    wall = 128 + 45 * wall / wall.std()
    if clear_sky:
        rows = np.clip((np.arange(2 * HEIGHT) - 1.1 * HEIGHT) / 8, 0, 1)[:, None, None]
        wall = rows * wall + (1 - rows) * 190
    return np.repeat(wall, 3, 2).clip(0, 255)


def motion(zoom=1.0, degrees=0.0, shift=(0.0, 0.0)):
    """``[2, 3]``: where a pixel of the frame is in the scene."""
    turned = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, zoom)
    turned[:, 2] += (WIDTH / 2 + shift[0], HEIGHT / 2 + shift[1])
    return turned.astype(np.float32)


def frame(wall, moved, light=1.0, seed=1):
    seen = cv2.warpAffine(
        wall.astype(np.float32), moved, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    )
    grain = np.random.default_rng(seed).normal(0, 2, (HEIGHT, WIDTH, 1))
    return (light * seen + grain).clip(0, 255).round().astype(np.uint8)


def true_places(here, there):
    """Where the pixels of a frame seen by ``here`` are in one seen by ``there``."""
    whole = [np.vstack([each, (0, 0, 1)]) for each in (here, there)]
    both = (np.linalg.inv(whole[1]) @ whole[0])[:2]
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return cv2.transform(np.stack([x, y], 2).astype(np.float64), both)


def walk(wall, path, light=1.0):
    """The places in the first of the frames along a path as the last one is followed and refined."""
    seen = [Seen.of(frame(wall, moved, light**k, k)) for k, moved in enumerate(path)]
    places = seen[0].grid
    for before, now in pairwise(seen):
        places = refined(now, seen[0], followed(places, flow(now, before)))
    return places


ZOOM_OUT = [motion(zoom=1 + 0.04 * k) for k in range(12)]
ZOOM_IN = [motion(zoom=1.44 - 0.04 * k) for k in range(12)]
SWAY = [motion(degrees=0.5 * k, shift=(3.3 * k, -1.7 * k)) for k in range(12)]


@pytest.mark.parametrize("clear_sky", [False, True])
@pytest.mark.parametrize("path", [ZOOM_OUT, ZOOM_IN, SWAY], ids=["zoom out", "zoom in", "sway"])
def test_a_camera_is_followed_to_hundredths_of_a_pixel(path, clear_sky):
    truth = true_places(path[-1], path[0])
    places = walk(scene(clear_sky=clear_sky), path)
    error = np.abs(places - truth).max(2)[is_inside(truth)]
    assert np.quantile(error, 0.95) < 0.1
    well_inside = cv2.erode(is_inside(truth).astype(np.uint8), np.ones((9, 9)))
    assert not (is_torn(places) & (well_inside > 0)).any()


def test_and_so_it_is_while_the_exposure_drifts():
    truth = true_places(SWAY[-1], SWAY[0])
    error = np.abs(walk(scene(), SWAY, light=0.985) - truth).max(2)[is_inside(truth)]
    assert np.quantile(error, 0.95) < 0.1


@pytest.mark.parametrize("light", [1.0, 0.94])
@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_what_moves_by_itself_does_not_go_with_the_camera(contrast, light):
    """A disk crosses a wall that stands: on it places go with it, beside it they stay."""
    wall, disk = (frame(128 + contrast * (scene(seed) - 128), motion()) for seed in (0, 9))
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    frames = []
    for k in range(5):
        on_it = (x - 100 - 4 * k) ** 2 + (y - 90) ** 2 < 40**2
        shown = light**k * np.where(on_it[..., None], np.roll(disk, 4 * k, 1), wall)
        frames.append(Seen.of(shown.round().astype(np.uint8)))
    places = frames[0].grid
    for before, now in pairwise(frames):
        places = refined(now, frames[0], followed(places, flow(now, before)))
    inner = (x - 116) ** 2 + (y - 90) ** 2 < 25**2
    outer = (x - 108) ** 2 + (y - 90) ** 2 > 70**2
    shift = places - frames[0].grid
    assert np.abs(shift[inner] - (-16, 0)).mean() < 0.5
    assert np.abs(shift[outer]).max() < 0.1


@pytest.mark.parametrize("light", [0.9, 0.99, 1.0, 1.02, 1.1])
def test_light_is_told_by_what_both_show(light):
    """The camera moves on to darker things meanwhile: that is no light."""
    wall = scene(blobs=15) * np.linspace(1, 0.1, 2 * WIDTH)[None, :, None]
    tiny = [
        cv2.resize(each, (64, 36), interpolation=cv2.INTER_AREA).mean(2).astype(np.float32)
        for each in (frame(wall, motion()), frame(wall, motion(shift=(6, 0)), light))
    ]
    assert abs(light_of(tiny[1], tiny[0])[0] - light) < 0.002
    assert abs(tiny[1].mean() / tiny[0].mean() - light) > 0.004  # what means alone would tell


def test_of_two_that_share_nothing_no_light_is_told():
    tiny = [
        cv2.resize(frame(scene(seed), motion()), (64, 36), interpolation=cv2.INTER_AREA).mean(2)
        for seed in (1, 2)
    ]
    assert light_of(*(each.astype(np.float32) for each in tiny))[1] < 0.6
