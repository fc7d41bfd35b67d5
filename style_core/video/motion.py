"""Where a frame finds itself in another one: dense optical flow, and the motion of the camera.

The flow is that of dense inverse search (Kroeger et al., ECCV 2016) in OpenCV, at a reduced size. Between
frames that are far apart it is found as what is left once the other frame has been brought over by what is
known, so that things of one size are compared; and what moves with the camera, but for the flow's own error,
goes with it exactly: the noise of flow is not drawn into the picture, and does not add up while a camera
zooms.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

FLOW_SIDE = 640  # px, at most, of the frames that flow is found between
# Of the frames that flow is found between, px, and of their sides to each other: OpenCV's crashes on strips.
SMALLEST, MOST_STRETCHED = 64, 2
NEAR, AROUND = 5, 41  # px of the means whose difference is the relief
MOST_TORN = 0.4  # px between the places of neighbors, less what the camera puts there
FLAT = 3.0  # of 255: texture below which flow is not certain
SPOT = 9  # px of the windows in which places are held against each other
NO_WORSE = 1.2  # of 255: what moves with the camera is followed no better than so by itself
CAMERA_STEP, FEWEST_POINTS = 8, 24  # px between the points that tell how the camera moves; of them
CAMERA_ERROR = 1.5  # px from its motion, within which a point goes with the camera
CAMERA_SHARE, CAMERA_REACH = 0.6, 0.75  # of all points; of a side of the frame
DARK = 4.0  # of 255, in all, added to what is compared: of black nothing is known
ALIGNING_STEPS, UNLIKE = 3, 8.0  # of the camera's motion by brightness; of 255, what has little say in it
ALIGNED_SIDE = 320  # px, at most, of the frames that are held against each other for it
AGREEING = 2.0  # times the median difference: what differs by more has little say in how bright a frame is
STANDING = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
Array = np.ndarray


def has_opencv() -> bool:
    """Whether OpenCV is there to find flow with."""
    return find_spec("cv2") is not None


def opencv() -> Any:
    """OpenCV, which is an extra and slow to load."""
    import cv2

    return cv2


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame as flow sees it.

    Attributes:
        gray: uint8 ``[h, w]``, reduced.
        relief: float32 ``[h, w]``, brightness less its surroundings, which a drift of exposure leaves alone.
    """

    gray: Array
    relief: Array

    @classmethod
    def of(cls, frame: Array) -> Seen:
        """Of uint8 ``[H, W, 3]`` RGB."""
        cv2 = opencv()
        height, width = frame.shape[:2]
        factor = min(1.0, FLOW_SIDE / max(height, width))
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        least = max(SMALLEST, round(max(height, width) * factor) // MOST_STRETCHED)
        size = max(least, round(width * factor)), max(least, round(height * factor))
        if size != (width, height):
            gray = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        return cls(gray, relief(gray.astype(np.float32)))

    @property
    def grid(self) -> Array:
        """The places of its own pixels, x and y: float32 ``[h, w, 2]``."""
        return _grid(*self.gray.shape)


def relief(gray: Array) -> Array:
    """Brightness less its surroundings, of float32 ``[h, w]``."""
    cv2 = opencv()
    found: Array = cv2.blur(gray, (NEAR, NEAR)) - cv2.blur(gray, (AROUND, AROUND))
    return found


def flow(frame: Seen, other: Seen) -> Array:
    """Where every pixel of a frame is in another one soon before or after it: float32 ``[h, w, 2]``."""
    return frame.grid + _shift(frame.gray, other.gray)


def followed(places: Array, back: Array) -> Array:
    """The places of what was at ``back``; beyond the frame's borders they go on as the camera does."""
    grid = _grid(*places.shape[:2])
    camera = _camera(grid, places)
    own = places - _moved(camera, grid)
    cv2 = opencv()
    own = cv2.remap(own, back, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found: Array = _moved(camera, back) + own
    return found


def refined(frame: Seen, other: Seen, places: Array) -> Array:
    """The places of a frame in another one, from ones that are nearly right."""
    cv2 = opencv()
    there = cv2.remap(other.gray, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    there = np.where(is_inside(places), there, frame.gray)  # what is not seen there leads nowhere
    found = followed(places, frame.grid + _shift(frame.gray, there))
    texture = cv2.blur(frame.relief**2, (AROUND, AROUND))
    certain = texture / (texture + FLAT**2)
    camera = _camera(frame.grid, found, certain)
    if camera is STANDING:
        return found
    height, width = frame.gray.shape
    factor = min(1.0, ALIGNED_SIDE / max(height, width))
    size = (round(width * factor), round(height * factor))
    own, others = (
        cv2.GaussianBlur(
            cv2.resize(x.gray, size, interpolation=cv2.INTER_AREA).astype(np.float32), (NEAR, NEAR), 0
        )
        for x in (frame, other)
    )
    scale = np.array(size) / (width, height)
    camera, light, _ = _aligned(own, others, _scaled(camera, scale))
    going = _moved(_scaled(camera, 1 / scale), frame.grid)
    worse = _error(frame, other, going, light) - _error(frame, other, found, light)
    # Steep, for a place between the two is neither the camera's nor the thing's.
    by_itself = np.clip(2 * certain * np.clip(worse / NO_WORSE - 1, 0, 1), 0, 1)
    by_itself = cv2.GaussianBlur(by_itself, (SPOT, SPOT), 0)
    placed: Array = going + by_itself[..., None] * (found - going)
    return placed


def _aligned(own: Array, others: Array, camera: Array) -> tuple[Array, float, float]:
    """The camera's motion as all pixels tell it: Gauss-Newton steps of turn, zoom and shift on brightness.

    Robust (Geman, McClure), so that what moves by itself has no say. A clear sky far from what has texture
    shows every hundredth of a pixel of error.

    Args:
        own, others: float32 ``[h, w]``, 0 to 255, without grain.
        camera: the motion that is nearly right.

    Returns:
        the motion ``[2, 3]``, how bright the frame is by how bright the other one, and the share of the
        frame that agrees.
    """
    cv2 = opencv()
    height, width = own.shape
    grid = _grid(height, width)
    x, y = (grid - (width / 2, height / 2)).transpose(2, 0, 1) / width
    light, weight = 0.0, np.ones_like(own)
    for _ in range(ALIGNING_STEPS):
        places = _moved(camera, grid)
        there = cv2.remap(others, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight *= is_inside(places)
        light = float((own * weight).sum() + DARK) / float((there * weight).sum() + DARK)
        there *= light
        apart = own - there
        weight = is_inside(places) / (1 + (apart / UNLIKE) ** 2) ** 2
        across, down = (cv2.Scharr(there, cv2.CV_32F, *order, scale=1 / 32) for order in ((1, 0), (0, 1)))
        terms = np.stack([across * x + down * y, down * x - across * y, across, down]).reshape(4, -1)
        weighted = terms * weight.ravel()
        step = np.linalg.lstsq(weighted @ terms.T, weighted @ apart.ravel(), rcond=1e-6)[0]
        camera = _composed(camera, step, np.array([width / 2, height / 2]), width)
    return camera, light, float(weight.mean())


def _scaled(camera: Array, scale: Array) -> Array:
    """The same motion between pictures ``scale`` times as large, along x and y."""
    linear = camera[:, :2] * scale[:, None] / scale
    shift = (camera[:, 2] + 0.5) * scale - 0.5 + linear @ (0.5 - 0.5 * scale)
    found: Array = np.concatenate([linear, shift[:, None]], 1).astype(np.float32)
    return found


def _composed(camera: Array, step: Array, middle: Array, width: int) -> Array:
    """A motion after a small zoom, turn and shift about the middle."""
    zoom, turn = step[:2] / width
    linear = np.array([[1 + zoom, -turn], [turn, 1 + zoom]])
    change = np.eye(3)
    change[:2, :2], change[:2, 2] = linear, step[2:] + middle - linear @ middle
    composed: Array = (np.vstack([camera, (0, 0, 1)]) @ change)[:2].astype(np.float32)
    return composed


def _error(frame: Seen, other: Seen, places: Array, light: float) -> Array:
    """How unlike in brightness the two are around every place, of 255, but for the light."""
    cv2 = opencv()
    gray = other.gray.astype(np.float32)
    there = cv2.remap(gray, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found: Array = cv2.blur(np.abs(frame.gray - light * there), (SPOT, SPOT))
    return found


def light_of(frame: Array, other: Array) -> tuple[float, float]:
    """How bright a frame is by how bright another one shows the same, and how much of it that is, 0 to 1.

    Robust: what changes by itself has little say in it.

    Args:
        frame, other: float32 ``[h, w]``, 0 to 255, small and without grain.
    """
    cv2 = opencv()
    height, width = frame.shape
    frame, other = (cv2.GaussianBlur(each, (NEAR, NEAR), 0) for each in (frame, other))
    # Steps on brightness find only what is near: a slope that passes by would be taken for light.
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    shift, _ = cv2.phaseCorrelate(frame * window, other * window)
    begun = STANDING + np.array([[0, 0, shift[0]], [0, 0, shift[1]]], np.float32)
    camera, light, share = _aligned(frame, other, begun)
    places = _moved(camera, _grid(height, width))
    there = cv2.remap(other, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = is_inside(places) & (there > DARK)
    for _ in range(ALIGNING_STEPS if inside.any() else 0):
        apart = np.abs(frame - light * there)
        bound = max(AGREEING * float(np.median(apart[inside])), 1.0)
        weight = inside / (1 + (apart / bound) ** 2) ** 2
        light = float((frame * weight).sum() / (there * weight).sum())
    return light, share


def is_inside(places: Array) -> Array:
    """Which places are in the frame, bool ``[h, w]``."""
    height, width = places.shape[:2]
    x, y = places[..., 0], places[..., 1]
    inside: Array = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return inside


def is_torn(places: Array) -> Array:
    """Where neighbors find themselves far apart or in one place, ``[h, w]``: where one thing passes another.

    Flow is smooth, and there it draws along what stands still.
    """
    grid = _grid(*places.shape[:2])
    own = places - _moved(_camera(grid, places), grid)
    torn = np.zeros(places.shape[:2], np.uint8)
    for axis in (0, 1):
        torn |= (np.abs(np.gradient(own, axis=axis)) > MOST_TORN).any(2)
    found: Array = opencv().dilate(torn, np.ones((NEAR, NEAR), np.uint8)).astype(bool)
    return found


def _grid(height: int, width: int) -> Array:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], 2)


def _shift(gray: Array, other: Array) -> Array:
    cv2 = opencv()
    # Anew each time: one that was begun somewhere before crashes when it is to begin from nothing.
    found: Array = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(gray, other, None)
    return found


def _camera(grid: Array, places: Array, certain: Array | None = None) -> Array:
    """The turn, zoom and shift, ``[2, 3]``, of most of what has texture, if that reaches across the frame.

    A clear sky does not show how it moves; it goes with the camera. :data:`STANDING` where there is no one
    motion.
    """
    every = (slice(None, None, CAMERA_STEP),) * 2
    here, there = (x[every].reshape(-1, 2) for x in (grid, places))
    if certain is not None:
        seen = certain[every].ravel() > 0.5
        here, there = here[seen], there[seen]
    if len(here) < FEWEST_POINTS:
        return STANDING
    camera, agree = opencv().estimateAffinePartial2D(here, there, ransacReprojThreshold=CAMERA_ERROR)
    if camera is None or agree.mean() < CAMERA_SHARE:
        return STANDING
    height, width = grid.shape[:2]
    reach = np.ptp(here[agree[:, 0] > 0], axis=0) / (width, height)
    return camera.astype(np.float32) if float(reach.max()) > CAMERA_REACH else STANDING


def _moved(camera: Array, places: Array) -> Array:
    """Where the camera leads from places."""
    moved: Array = opencv().transform(places, camera)
    return moved
