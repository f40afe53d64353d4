"""From a source to batches of crops, on the host: decode, crop, batch, in a fixed order whatever the threads.

Batches are dicts of numpy arrays with a leading axis; `Example` says of what. Images stay uint8 until they are on the
device.
"""

from typing import TypedDict

import grain
import numpy as np

from common.data import batches
from common.data import decode as images
from common.data.faces.crop import Crop, apply, crop_face, crop_matrix, invert
from common.data.faces.source import Source
from common.data.faces.source import few_shot as few_shot  # offered here, too
from common.data.faces.source import split_validation as split_validation


class Example(TypedDict):
    """One face, or padding: then mask and visible are 0, index is -1, and every number is finite."""

    image: np.ndarray
    """uint8 [S, S, 3] with S = `Crop.pixels`."""
    landmarks: np.ndarray
    """float32 [K, 2], crop pixels."""
    visible: np.ndarray
    """float32 [K], 1 where the landmark counts."""
    mask: np.ndarray
    """float32 [], 1 for a face, 0 for padding."""
    index: np.ndarray
    """int32 [], row of the source."""
    to_original: np.ndarray
    """float32 [2, 3], crop pixels -> pixels of the file."""
    box: np.ndarray
    """float32 [4], the record's box in pixels of the file."""
    image_size: np.ndarray
    """float32 [2], width and height of the file's image."""


class CropLoader:
    """Row -> `Example`. Decoded crops are kept in `cache_mib` of memory. Safe to call from many threads."""

    def __init__(self, source: Source, crop: Crop, cache_mib: float):
        self._source, self._crop = source, crop
        self._cache = batches.Cache(cache_mib, crop.pixels**2 * 3)

    def __call__(self, row: int) -> Example:
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
        """What fills the last batch up."""
        side, count = self._crop.pixels, self._source.landmarks.shape[1]
        return Example(
            image=np.zeros((side, side, 3), np.uint8),
            landmarks=np.zeros((count, 2), np.float32),
            visible=np.zeros(count, np.float32),
            mask=np.float32(0),
            index=np.int32(-1),
            to_original=np.eye(2, 3, dtype=np.float32),
            box=np.array([0, 0, 1, 1], np.float32),  # with a size, because metrics divide by it
            image_size=np.ones(2, np.float32),
        )

    def _pixels(self, row: int, face: tuple) -> tuple[np.ndarray, np.ndarray]:
        """The crop, and width and height of the whole image."""
        record = self._source[row]
        image = images.decode(record["image"], record["file"])
        pixels, _ = crop_face(self._crop, image, *face)
        return pixels, np.array(image.shape[1::-1], np.float32)


def train_iterator(
    source: Source,
    *,
    crop: Crop,
    batch_size: int,
    seed: int,
    process_index: int = 0,
    process_count: int = 1,
    cache_mib: float = 1024,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.DatasetIterator:
    """Endless batches of shuffled epochs; every epoch has its own order and every row once, and batches cross epochs.

    Args:
      source: what to train on; it may be smaller than a batch.
      crop: where the faces are cut out.
      batch_size: of all processes together; each gets an equal share.
      seed: 0 to 2**32 - 1; it alone fixes the order. With the iterator's state, also after a restart.
      process_index, process_count: this process among all. The batches of all, concatenated in their order, are what a
        single process gets.
      cache_mib: decoded crops kept in memory, MiB; with room for all, epochs after the first decode nothing.
      threads: that prepare batches at once.
      prefetch: batches prepared ahead.

    Returns:
      An iterator of `Example` batches with `get_state` and `set_state`; restored, it goes on with the very next batch.

    Raises:
      InputError: an empty source, an indivisible batch size; while iterating, what is wrong with a file, naming it.
    """
    return batches.endless(
        len(source),
        CropLoader(source, crop, cache_mib),
        batch_size=batch_size,
        seed=seed,
        process_index=process_index,
        process_count=process_count,
        threads=threads,
        prefetch=prefetch,
    )


def eval_batches(
    source: Source,
    *,
    crop: Crop,
    batch_size: int,
    process_index: int = 0,
    process_count: int = 1,
    cache_mib: float = 0,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.IterDataset:
    """Every row once, in the source's order; the last batch is filled up with padding of mask 0.

    Arguments and errors as `train_iterator`. All processes get the same number of batches. The result can be iterated
    again, and then profits from its cache.
    """
    loader = CropLoader(source, crop, cache_mib)
    return batches.once(
        len(source),
        loader,
        loader.padding,
        batch_size=batch_size,
        process_index=process_index,
        process_count=process_count,
        threads=threads,
        prefetch=prefetch,
    )


def mean_shape(source: Source, crop: Crop) -> np.ndarray:
    """Mean of the visible landmarks in crop pixels, float32 [K, 2]: the baseline that knows the crop, not the image.

    A landmark that is nowhere visible is put in the centre. No image is read; errors as `crop_matrix`.
    """
    total, weight = np.zeros(source.landmarks.shape[1:]), np.zeros(source.landmarks.shape[1])
    for landmarks, visible, box, file in zip(source.landmarks, source.visible, source.boxes, source.files, strict=True):
        moved = apply(crop_matrix(crop, landmarks, visible, box, file), landmarks)
        total += np.where(visible[:, None], moved, 0)
        weight += visible
    mean = total / np.maximum(weight, 1)[:, None]
    return np.where(weight[:, None] > 0, mean, (crop.pixels - 1) / 2).astype(np.float32)
