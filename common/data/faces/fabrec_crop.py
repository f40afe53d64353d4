"""Face crops of 3FabRec with their quirks, so that results on these crops can be reproduced.

A region of whole original pixels, square up to the rounding of its corners, is resized to ceil(size * sqrt 2) pixels,
which leaves room for any rotation. The network sees the central `size` pixels.
"""

import math

import numpy as np

from common.data.faces import boxes
from common.errors import InputError

_EYES_AND_CHIN = {68: ((36, 39), (42, 45), 8), 98: ((60, 64), (68, 72), 16)}
"""Number of landmarks -> corners of the left eye, corners of the right eye, and lowest point of the chin."""


def diagonal(size: int) -> int:
    """Side of the resized region for a network's input of side `size`: 363 for 256, 182 for 128."""
    return math.ceil(size * math.sqrt(2))


def region_from_box(box: np.ndarray, size: int, extend: tuple[float, float]) -> np.ndarray:
    """Region that is cropped around a face box.

    Args:
      box: [4], x0, y0, x1, y1 in pixels.
      size: side of the network's input in pixels.
      extend: parts of the box's height added above and below: 0.2, 0.12 on 300-W; 0, 0.1 on WFLW; 0, 0 on AFLW.

    Returns:
      int64 [4], x0, y0, x1, y1; the ends are exclusive.
    """
    return _enlarge(boxes.square_box(extend_box(box, extend)), diagonal(size) / size)


def extend_box(box: np.ndarray, extend: tuple[float, float]) -> np.ndarray:
    """Extended box, truncated towards zero as in the reference. [4] -> int64 [4]."""
    return boxes.extend_box(box, extend).astype(np.int64)


def region_from_landmarks(landmarks: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Region that is cropped around 68 or 98 landmarks [K, 2] with visibility [K], int64 [4] as `region_from_box`.

    Its height is that of the visible landmarks plus 25 % above and 15 % below, times sqrt 2. Horizontally its centre
    lies a quarter of the way from the eyes to the chin.
    """
    if len(landmarks) not in _EYES_AND_CHIN:
        raise InputError(
            f'crop.source "fabrec_landmarks" needs 68 or 98 landmarks, not {len(landmarks)}; use "landmarks"'
        )
    points = landmarks.astype(np.float64)
    left, right, chin = _EYES_AND_CHIN[len(landmarks)]
    eyes = (points[list(left)].mean(0) + points[list(right)].mean(0)) / 2
    center = eyes[0] + (points[chin, 0] - eyes[0]) / 4
    rows = points[visible.astype(bool), 1]
    height = rows.max() - rows.min()
    top, bottom = int(rows.min() - 0.25 * height), int(rows.max() + 0.15 * height)
    half = (bottom - top) / 2
    return _enlarge(np.array([center - half, top, center + half, bottom]), math.sqrt(2))


def crop_matrix(region: np.ndarray, size: int) -> np.ndarray:
    """Affine map from original pixels to pixels of the whole resized region, float64 [2, 3].

    The reference scales coordinates from the centre of the region's first pixel but pixels from the corner of this
    pixel, so its landmarks are off by (scale - 1) / 2. This function does the same.
    """
    scale = diagonal(size) / (region[2:] - region[:2])
    return np.concatenate([np.diag(scale), -(scale * region[:2])[:, None]], 1)


def crop_image(image: np.ndarray, region: np.ndarray, size: int, fill: int) -> np.ndarray:
    """Resized region: uint8 [H, W, 3] -> uint8 [D, D, 3] with D = `diagonal(size)`, and `fill` outside the image."""
    return _resize_cubic(cut(image, region, fill), diagonal(size))


def cut(image: np.ndarray, region: np.ndarray, fill: int) -> np.ndarray:
    """Pixels x0 <= x < x1, y0 <= y < y1, with `fill` outside the image. -> uint8 [y1 - y0, x1 - x0, 3]."""
    x0, y0, x1, y1 = (int(edge) for edge in region)
    height, width = image.shape[:2]
    left, right = (min(max(x, 0), width) for x in (x0, x1))
    top, bottom = (min(max(y, 0), height) for y in (y0, y1))
    piece = np.full((y1 - y0, x1 - x0, 3), fill, np.uint8)
    if left < right and top < bottom:
        piece[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return piece


def _resize_cubic(image: np.ndarray, size: int) -> np.ndarray:
    """OpenCV's bicubic resize: cubic convolution with a = -0.75 and four taps, even if it shrinks. uint8 -> uint8."""
    resized = _resize_rows(image.astype(np.float32), size)
    resized = _resize_rows(resized.swapaxes(0, 1), size).swapaxes(0, 1)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def _resize_rows(image: np.ndarray, size: int) -> np.ndarray:
    length = image.shape[0]
    position = (np.arange(size) + 0.5) * (length / size) - 0.5
    first = np.floor(position).astype(np.int64)
    total = np.zeros((size, *image.shape[1:]), np.float32)
    for tap in (-1, 0, 1, 2):
        weight = _cubic(position - (first + tap)).astype(np.float32)
        total += weight[:, None, None] * image[np.clip(first + tap, 0, length - 1)]
    return total


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.75."""
    a, d = -0.75, np.abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _enlarge(box: np.ndarray, factor: float) -> np.ndarray:
    center, half = (box[:2] + box[2:]) / 2, factor * (box[2:] - box[:2]) / 2
    return np.concatenate([center - half, center + half]).astype(
        np.int64
    )  # truncated towards zero, as in the reference
