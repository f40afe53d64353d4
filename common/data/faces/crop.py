"""Square crops around faces, on the host."""

import dataclasses
from typing import Literal

import numpy as np
from PIL import Image

from common.data.faces import fabrec_crop
from common.data.faces.boxes import extend_box, landmark_box, square_box
from common.errors import InputError

_MAX_SIDE = 16_384
"""Largest side of a crop in original pixels. A larger crop means a wrong box and would need gigabytes."""
_MARGIN = 4
"""Number of pixels of the result, and at least of the original, that the resampling filter reaches over the edge."""


@dataclasses.dataclass(frozen=True)
class Crop:
    """Rule for the crop of a face: its place and its size."""

    size: int = 128
    """Side of the network's input in pixels."""
    scale: float = 1.25
    """Side of the square divided by the longer side of the box. 3FabRec's rules have a scale of their own instead."""
    source: Literal["landmarks", "box", "fabrec", "fabrec_landmarks"] = "landmarks"
    """Reference of the crop: bounding box of the visible landmarks or the record's box, also with 3FabRec's rules."""
    context: float = 1.0
    """Border for augmentation: the crop has about size * context pixels at the same scale. sqrt 2 allows any angle."""
    extend: tuple[float, float] = (0.0, 0.0)
    """Parts of the box's height that are added above and below it (3FabRec: 0.2, 0.12 on 300-W)."""
    fill: int = 0
    """Grey level, 0 to 255, of pixels outside the image."""

    def __post_init__(self):
        if self.size < 1 or not self.scale > 0 or not self.context >= 1 or not 0 <= self.fill <= 255:
            raise InputError(f"crop: size >= 1, scale > 0, context >= 1 and 0 <= fill <= 255 are needed, not {self}")

    @property
    def pixels(self) -> int:
        """Side of the crop with its border; it differs from `size` by an even number, so that the centres agree."""
        return self.size + 2 * round(self.size * (self.context - 1) / 2)


def crop_matrix(crop: Crop, landmarks: np.ndarray, visible: np.ndarray, box: np.ndarray, file: str) -> np.ndarray:
    """Affine map from original pixels to crop pixels, float32 [2, 3]; the image is not needed.

    Args:
      crop: rule for the crop.
      landmarks: [K, 2], visible: [K], box: [4], of one record.
      file: name of the image, for the error message.

    Raises:
      InputError: the box, or the bounding box of the landmarks, is empty, not finite or absurdly large.
    """
    if crop.source.startswith("fabrec"):
        matrix = fabrec_crop.crop_matrix(_region(crop, landmarks, visible, box, file), crop.size)
        matrix[:, 2] -= _fabrec_border(crop)
        return matrix.astype(np.float32)
    return _square_matrix(_square(crop, landmarks, visible, box, file), crop.pixels)


def crop_face(
    crop: Crop, image: np.ndarray, landmarks: np.ndarray, visible: np.ndarray, box: np.ndarray, file: str
) -> tuple[np.ndarray, np.ndarray]:
    """Crop of an image uint8 [H, W, 3], as uint8 [P, P, 3] with P = `crop.pixels`, and the result of `crop_matrix`."""
    if not crop.source.startswith("fabrec"):
        return crop_image(image, _square(crop, landmarks, visible, box, file), crop.pixels, crop.fill)
    region = _region(crop, landmarks, visible, box, file)
    resized, border = fabrec_crop.crop_image(image, region, crop.size, crop.fill), _fabrec_border(crop)
    window = slice(border, border + crop.pixels)
    return resized[window, window], crop_matrix(crop, landmarks, visible, box, file)


def crop_image(image: np.ndarray, square: np.ndarray, size: int, fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Resamples a square of an image, antialiased (bicubic).

    Args:
      image: uint8 [H, W, 3].
      square: [4], x0, y0, x1, y1 in pixels, with equal sides; it may lie outside the image, in part or as a whole.
      size: side of the result in pixels.
      fill: grey level outside the image.

    Returns:
      The square, uint8 [size, size, 3], and the affine map from original pixels to its pixels, float32 [2, 3].
    """
    square = np.asarray(square, np.float64)
    margin = _MARGIN * max(1.0, (square[2] - square[0]) / size)
    outer = np.concatenate([np.floor(square[:2] - margin), np.ceil(square[2:] + margin)]).astype(np.int64)
    piece = Image.fromarray(fabrec_crop.cut(image, outer, fill))
    # Pillow measures from the corner of the first pixel, half a pixel before its centre.
    edges = square + 0.5 - np.tile(outer[:2], 2)
    resized = piece.resize((size, size), Image.Resampling.BICUBIC, box=tuple(edges))
    return np.asarray(resized), _square_matrix(square, size)


def invert(matrix: np.ndarray) -> np.ndarray:
    """Inverse of an affine map, such as crop pixels to original pixels. float32 [2, 3] -> float32 [2, 3]."""
    linear = np.linalg.inv(matrix[:, :2].astype(np.float64))
    return np.concatenate([linear, -linear @ matrix[:, 2:].astype(np.float64)], 1).astype(np.float32)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points [N, 2] transformed by an affine map [2, 3]. -> float32 [N, 2]."""
    return (points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def _square_matrix(square: np.ndarray, size: int) -> np.ndarray:
    # The square's corner becomes the corner of the first pixel, (-0.5, -0.5).
    scale = size / (square[2] - square[0])
    return np.array([[scale, 0, -scale * square[0] - 0.5], [0, scale, -scale * square[1] - 0.5]], np.float32)


def _square(crop: Crop, landmarks: np.ndarray, visible: np.ndarray, box: np.ndarray, file: str) -> np.ndarray:
    """Square that the crop covers, including its border."""
    used = landmark_box(landmarks, visible) if crop.source == "landmarks" else box
    square = square_box(extend_box(used, crop.extend), crop.scale * crop.pixels / crop.size)
    return _checked(square, crop, used, file)


def _region(crop: Crop, landmarks: np.ndarray, visible: np.ndarray, box: np.ndarray, file: str) -> np.ndarray:
    """Region of 3FabRec's rules, int64 [4]."""
    by_box = crop.source == "fabrec"
    used = box if by_box else landmark_box(landmarks, visible)
    _checked(square_box(used), crop, used, file)
    if by_box:
        return _checked(fabrec_crop.region_from_box(box, crop.size, crop.extend), crop, used, file)
    return _checked(fabrec_crop.region_from_landmarks(landmarks, visible), crop, used, file)


def _fabrec_border(crop: Crop) -> int:
    """Number of pixels cut off on the left and top; as in the reference, 53 of 363 for size 256 and context 1."""
    border = (fabrec_crop.diagonal(crop.size) - crop.pixels) // 2
    if border < 0:
        raise InputError(f'crop.context: at most 1.41 with crop.source "{crop.source}", not {crop.context}')
    return border


def _checked(square: np.ndarray, crop: Crop, used: np.ndarray, file: str) -> np.ndarray:
    sides = square[2:] - square[:2]
    # The conditions are written so that NaN fails as well.
    if not (sides > 0).all() or not (sides <= _MAX_SIDE).all() or not np.isfinite(square).all():
        what = "box" if crop.source in ("box", "fabrec") else "visible landmarks' bounding box"
        values = ", ".join(f"{value:g}" for value in used)
        raise InputError(
            f"{file}: no crop from its {what} ({values}): its sides must be from 1 to {_MAX_SIDE} px; correct it"
        )
    return square
