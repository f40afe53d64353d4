"""From images to batches of squares, on the host: decode, crop, resize, mirror, batch, in a fixed order.

Batches are dicts of numpy arrays with a leading axis; `ImageExample` says of what. Images stay uint8 until they are on
the device.
"""

from typing import TypedDict

import grain
import numpy as np
from PIL import Image

from common.data import batches
from common.data import decode as images
from common.data.images.source import ImageSource
from common.errors import InputError


class ImageExample(TypedDict):
    """One image, or padding: then mask is 0, index is -1, and the rest is zeros."""

    image: np.ndarray
    """uint8 [R, R, 3]"""
    label: np.ndarray
    """float32 [c]; c is 0 without labels."""
    mask: np.ndarray
    """float32 [], 1 for an image, 0 for padding."""
    index: np.ndarray
    """int32 [], row of the source, plus its length for the mirror image."""


class ImageLoader:
    """Row -> `ImageExample`; rows from `len(source)` on are mirror images. Safe to call from many threads.

    Args:
      source: the images.
      resolution: R, a power of two from 4.
      resize: whether images of another size are cropped and resized; otherwise they are an error.
      cache_mib: memory for decoded images; an image and its mirror image share their place.
    """

    def __init__(self, source: ImageSource, resolution: int, resize: bool, cache_mib: float):
        check_resolution(resolution)
        self._source, self._resolution, self._resize = source, resolution, resize
        self._cache = batches.Cache(cache_mib, resolution**2 * 3)

    def __call__(self, index: int) -> ImageExample:
        mirrored, row = divmod(int(index), len(self._source))
        pixels = self._cache.get(row, lambda: self._pixels(row))
        return ImageExample(
            image=pixels[:, ::-1] if mirrored else pixels,
            label=self._source.labels[row],
            mask=np.float32(1),
            index=np.int32(index),
        )

    def padding(self) -> ImageExample:
        """What fills the last batch up."""
        return ImageExample(
            image=np.zeros((self._resolution, self._resolution, 3), np.uint8),
            label=np.zeros(self._source.labels.size, np.float32),
            mask=np.float32(0),
            index=np.int32(-1),
        )

    def _pixels(self, row: int) -> np.ndarray:
        file = self._source.files[row]
        image = images.decode(self._source.read(row), file)
        height, width, _ = image.shape
        if not self._resize and (height, width) != (self._resolution, self._resolution):
            side = self._resolution
            raise InputError(f"{file}: {width} x {height} px, not {side} x {side}; resize it or allow resizing")
        return center_square(image, self._resolution)


def check_resolution(resolution: int) -> None:
    """Raises `InputError` unless the resolution is a power of two from 4, as the generators' are."""
    if resolution < 4 or resolution & (resolution - 1):
        raise InputError(f"resolution {resolution}: must be a power of two from 4, such as 64, 128 or 256")


def center_square(image: np.ndarray, resolution: int) -> np.ndarray:
    """The largest square in the middle of an image, resized by an antialiasing Lanczos filter.

    uint8 [H, W, 3] -> uint8 [R, R, 3]. An image of that size is returned as it is. Where the border is odd, the square
    is nearer to the top left, as with StyleGAN2-ADA's "center-crop".
    """
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == resolution:
        return square
    return np.asarray(Image.fromarray(square).resize((resolution, resolution), Image.Resampling.LANCZOS))


def train_iterator(
    source: ImageSource,
    *,
    resolution: int,
    batch_size: int,
    seed: int,
    mirror: bool = False,
    resize: bool = True,
    process_index: int = 0,
    process_count: int = 1,
    cache_mib: float = 1024,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.DatasetIterator:
    """Endless batches of shuffled epochs; every epoch has its own order and every row once, and batches cross epochs.

    Args:
      source: what to train on; it may be smaller than a batch.
      resolution: side R of the images, a power of two from 4.
      batch_size: of all processes together; each gets an equal share.
      seed: 0 to 2**32 - 1; it alone fixes the order. With the iterator's state, also after a restart.
      mirror: doubles the data set by the left-right mirror image of every image, with the same label.
      resize: take the central square of images of another size and resize it; False makes them an error.
      process_index, process_count: this process among all. The batches of all, concatenated in their order, are what a
        single process gets.
      cache_mib: decoded images kept in memory, MiB; with room for all, epochs after the first decode nothing.
      threads: that prepare batches at once.
      prefetch: batches prepared ahead.

    Returns:
      An iterator of `ImageExample` batches with `get_state` and `set_state`; restored, it goes on with the next batch.

    Raises:
      InputError: an empty source, a wrong resolution or batch size; while iterating, what is wrong with a file.
    """
    return batches.endless(
        len(source) * (2 if mirror else 1),
        ImageLoader(source, resolution, resize, cache_mib),
        batch_size=batch_size,
        seed=seed,
        process_index=process_index,
        process_count=process_count,
        threads=threads,
        prefetch=prefetch,
    )


def eval_batches(
    source: ImageSource,
    *,
    resolution: int,
    batch_size: int,
    mirror: bool = False,
    resize: bool = True,
    process_index: int = 0,
    process_count: int = 1,
    cache_mib: float = 0,
    threads: int = 4,
    prefetch: int = 4,
) -> grain.IterDataset:
    """Every row once, in the source's order, then the mirror images; the last batch is filled up by padding of mask 0.

    Arguments and errors as `train_iterator`. All processes get the same number of batches. The result can be iterated
    again, and then profits from its cache.
    """
    loader = ImageLoader(source, resolution, resize, cache_mib)
    return batches.once(
        len(source) * (2 if mirror else 1),
        loader,
        loader.padding,
        batch_size=batch_size,
        process_index=process_index,
        process_count=process_count,
        threads=threads,
        prefetch=prefetch,
    )
