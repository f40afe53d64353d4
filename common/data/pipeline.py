"""From a source to batches of crops, on the host: decode, crop, batch, in a fixed order whatever the threads (Grain).

Batches are dicts of numpy arrays with a leading axis; `Example` says of what. Images stay uint8 until they are on the
device.
"""

import threading
from collections.abc import Callable
from typing import TypedDict

import grain
import numpy as np

from common.data import images
from common.data.crop import Crop, apply, crop_face, crop_matrix, invert
from common.data.source import Source
from common.data.subset import few_shot as few_shot  # offered here, too
from common.data.subset import split_validation as split_validation
from common.errors import InputError


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
    """Row -> `Example`. Decoded crops are kept until `cache_mib` are full; later rows are decoded anew every time.

    Nothing is evicted: in shuffled epochs every row is equally far from its next use. Safe to call from many threads.
    """

    def __init__(self, source: Source, crop: Crop, cache_mib: float):
        if len(source) == 0:
            raise InputError("the data set has no rows; check the split and subset names")
        self._source, self._crop = source, crop
        self._capacity = int(cache_mib * 2**20) // (crop.pixels**2 * 3)
        self._cache: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._lock = threading.Lock()

    def __call__(self, row: int) -> Example:
        row = int(row)
        source, crop = self._source, self._crop
        landmarks, visible, box = source.landmarks[row], source.visible[row], source.boxes[row]
        face = landmarks, visible, box, source.files[row]
        matrix = crop_matrix(crop, *face)
        pixels, image_size = self._pixels(row, face)
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
        if row in self._cache:
            return self._cache[row]
        record = self._source[row]
        image = images.decode(record["image"], record["file"])
        pixels, _ = crop_face(self._crop, image, *face)
        result = pixels, np.array(image.shape[1::-1], np.float32)
        with self._lock:
            if len(self._cache) < self._capacity:
                self._cache[row] = result
        return result


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
    share = _share(batch_size, process_count)
    loader = CropLoader(source, crop, cache_mib)
    rows = grain.MapDataset.source(np.arange(len(source))).seed(seed).shuffle().repeat()
    return iter(_batches(rows, loader, share, process_index, process_count, threads, prefetch))


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
    share = _share(batch_size, process_count)
    loader = CropLoader(source, crop, cache_mib)
    padded = np.arange(-(-len(source) // batch_size) * batch_size)
    rows = grain.MapDataset.source(np.where(padded < len(source), padded, -1))

    def load(row: int) -> Example:
        return loader(row) if row >= 0 else loader.padding()

    return _batches(rows, load, share, process_index, process_count, threads, prefetch)


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


def _batches(
    rows: grain.MapDataset,
    load: Callable[[int], Example],
    share: int,
    process_index: int,
    process_count: int,
    threads: int,
    prefetch: int,
) -> grain.IterDataset:
    # Of each run of process_count shares, which make one global batch, a process takes its own.
    batches = rows.map(load).batch(share).slice(slice(process_index, None, process_count))
    return batches.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch))


def _share(batch_size: int, process_count: int) -> int:
    """Rows of a global batch that one process gets."""
    if batch_size < 1 or batch_size % process_count:
        raise InputError(f"batch_size {batch_size}: must be a positive multiple of the {process_count} processes")
    return batch_size // process_count
