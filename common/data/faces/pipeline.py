"""Loader of face crops, which decodes and crops on the host. Images stay uint8 until they are on the device."""

from typing import TypedDict

import numpy as np

from common.data.batches import Cache
from common.data.decode import decode
from common.data.faces.crop import Crop, apply, crop_face, crop_matrix, invert
from common.data.faces.source import Source


class Example(TypedDict):
    """Example of one face or of padding. In padding, mask and visible are 0, index is -1, and no number is NaN."""

    image: np.ndarray
    """Crop of the face, uint8 [S, S, 3] with S = `Crop.pixels`."""
    landmarks: np.ndarray
    """Landmarks in crop pixels, float32 [K, 2]."""
    visible: np.ndarray
    """Weights of the landmarks, 1 or 0, float32 [K]."""
    mask: np.ndarray
    """1 for a face and 0 for padding, float32 []."""
    index: np.ndarray
    """Row of the source, int32 []."""
    to_original: np.ndarray
    """Affine map from crop pixels to pixels of the file, float32 [2, 3]."""
    box: np.ndarray
    """Face box x0, y0, x1, y1 in pixels of the file, float32 [4]."""
    image_size: np.ndarray
    """Width and height of the file's image in pixels, float32 [2]."""


class CropLoader:
    """`batches.Loader` of the faces of a source: row -> `Example`.

    Args:
      source: annotated faces.
      crop: rule for the crops.
      cache_mib: memory for decoded crops in MiB; if all crops fit, epochs after the first decode nothing.
    """

    def __init__(self, source: Source, crop: Crop, cache_mib: float = 0):
        self._source, self._crop = source, crop
        self._cache = Cache(cache_mib, crop.pixels**2 * 3)

    def __len__(self) -> int:
        return len(self._source)

    def __call__(self, row: int, /) -> Example:
        row = int(row)
        source, crop = self._source, self._crop
        landmarks, visible, box = source.landmarks[row], source.visible[row], source.boxes[row]
        face = landmarks, visible, box, source.files[row]
        matrix = crop_matrix(crop, *face)
        pixels, image_size = self._cache.get(row, lambda: self._pixels(row, face))
        moved = apply(matrix, landmarks)
        return Example(
            image=pixels,
            landmarks=np.where(np.isfinite(moved), moved, np.float32(0)),  # NaN times a weight of 0 would be NaN
            visible=np.asarray(visible, np.float32),
            mask=np.float32(1),
            index=np.int32(row),
            to_original=invert(matrix),
            box=np.asarray(box, np.float32),
            image_size=image_size,
        )

    def padding(self) -> Example:
        """Example that fills up the last batch."""
        side, count = self._crop.pixels, self._source.landmarks.shape[1]
        return Example(
            image=np.zeros((side, side, 3), np.uint8),
            landmarks=np.zeros((count, 2), np.float32),
            visible=np.zeros(count, np.float32),
            mask=np.float32(0),
            index=np.int32(-1),
            to_original=np.eye(2, 3, dtype=np.float32),
            box=np.array([0, 0, 1, 1], np.float32),  # not empty, because metrics divide by its size
            image_size=np.ones(2, np.float32),
        )

    def _pixels(self, row: int, face: tuple) -> tuple[np.ndarray, np.ndarray]:
        """Crop of a row, and width and height of the whole image."""
        image = decode(self._source.read(row), self._source.files[row])
        pixels, _ = crop_face(self._crop, image, *face)
        return pixels, np.array(image.shape[1::-1], np.float32)


def mean_shape(source: Source, crop: Crop) -> np.ndarray:
    """Mean of the visible landmarks in crop pixels, float32 [K, 2]: a baseline that predicts the same for every crop.

    A landmark that is visible in no face lies in the centre. No image is read. Errors are those of `crop_matrix`.
    """
    total, weight = np.zeros(source.landmarks.shape[1:]), np.zeros(source.landmarks.shape[1])
    for landmarks, visible, box, file in zip(source.landmarks, source.visible, source.boxes, source.files, strict=True):
        moved = apply(crop_matrix(crop, landmarks, visible, box, file), landmarks)
        total += np.where(visible[:, None], moved, 0)
        weight += visible
    mean = total / np.maximum(weight, 1)[:, None]
    return np.where(weight[:, None] > 0, mean, (crop.pixels - 1) / 2).astype(np.float32)
