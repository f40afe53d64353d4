"""Landmarks drawn on images."""

import itertools
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

from common.data.faces.scheme import LandmarkScheme

# Blue and yellow are distinct with every common colour blindness, and both stand out on skin.
PREDICTED = (38, 148, 255)
TARGET = (255, 221, 51)
_OUTLINE = (0, 0, 0)
_SUPERSAMPLING = 3
_MIN_SIZE = 384
"""Smallest length of the longer side of a picture, in pixels."""


def overlay(
    image: np.ndarray,
    predicted: np.ndarray | None,
    target: np.ndarray | None = None,
    scheme: LandmarkScheme | None = None,
    *,
    visible: np.ndarray | None = None,
) -> np.ndarray:
    """Image with landmarks drawn as dots: blue dots for predictions, over yellow dots for the truth.

    Args:
      image: uint8 [H, W, 3].
      predicted: predicted landmarks [K, 2] as (x, y) in pixels of `image`, or None. A landmark that is not finite is
        not drawn.
      target: true landmarks in the same form, or None.
      scheme: scheme whose lines join the dots; without a scheme there are no lines.
      visible: [K], 0 for true landmarks that are not drawn; None draws all.

    Returns:
      uint8 [H f, W f, 3]; f is the smallest whole factor that makes the longer side at least 384 pixels.

    Raises:
      ValueError: the image is not uint8 [H, W, 3], or the landmarks are not [K, 2] with the scheme's K.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"the image must be uint8 [H, W, 3], not {image.dtype} {list(image.shape)}")
    height, width = image.shape[:2]
    factor = max(1, -(-_MIN_SIZE // max(height, width)))
    canvas = Image.fromarray(image).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    unit = max(canvas.size) / _MIN_SIZE  # dots and lines scale with the picture
    lines = scheme.lines if scheme else ()
    # Dots of true landmarks are larger, so that they are visible around the dots of exact predictions.
    for points, mask, colour, radius in ((target, visible, TARGET, 2.6), (predicted, None, PREDICTED, 1.9)):
        if points is None:
            continue
        points = _drawn(points, mask, scheme)
        # (x + 1/2) f - 1/2: pixel centres stay pixel centres
        layer = _layer(canvas.size, (points + 0.5) * factor - 0.5, lines, colour, radius * unit, 1.3 * unit)
        canvas.paste(layer, mask=layer.getchannel("A"))
    return np.asarray(canvas)


def _drawn(points: np.ndarray, visible: np.ndarray | None, scheme: LandmarkScheme | None) -> np.ndarray:
    """Landmarks [K, 2] as float64, with NaN for those that are not drawn."""
    points = np.array(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or (scheme and len(points) != scheme.count):
        raise ValueError(f"landmarks must be [{scheme.count if scheme else 'K'}, 2], not {list(points.shape)}")
    points[~np.isfinite(points).all(1)] = np.nan
    if visible is not None:
        points[np.asarray(visible) == 0] = np.nan
    return points


def _layer(
    size: tuple[int, int],
    points: np.ndarray,
    lines: Iterable[tuple[int, ...]],
    colour: tuple[int, int, int],
    radius: float,
    width: float,
) -> Image.Image:
    """RGBA picture of dots and lines. It is drawn larger and then reduced, because Pillow does not smooth edges."""
    scale = _SUPERSAMPLING
    large = Image.new("RGBA", (size[0] * scale, size[1] * scale), (*colour, 0))
    draw = ImageDraw.Draw(large)
    points = (points + 0.5) * scale - 0.5
    shown = np.all(np.isfinite(points), axis=1)
    for line in lines:
        for a, b in itertools.pairwise(line):
            if shown[a] and shown[b]:
                draw.line((*points[a], *points[b]), fill=(*colour, 190), width=max(1, round(width * scale)))
    outer = radius + width / 2
    for r, fill in ((outer * scale, _OUTLINE), (radius * scale, colour)):
        for x, y in points[shown]:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(*fill, 255))
    return large.resize(size, Image.Resampling.BOX)
