"""Loader of square images: decodes, crops, resizes and mirrors on the host. Images stay uint8 until they are on the
device."""

from typing import TypedDict

import numpy as np
from PIL import Image

from common.data import decode
from common.data.batches import Cache
from common.data.images.source import ImageSource
from common.errors import InputError


class ImageExample(TypedDict):
    """An image, or padding: then mask is 0, index is -1, and the rest is zeros."""

    image: np.ndarray
    """uint8 [R, R, 3]"""
    label: np.ndarray
    """float32 [c]; c is 0 without labels."""
    mask: np.ndarray
    """float32 [], 1 for an image, 0 for padding."""
    index: np.ndarray
    """int32 [], row of the source; for a mirror image, plus the number of rows."""


class ImageLoader:
    """`batches.Loader` of the images of a source: row -> `ImageExample`; mirror images come after all others.

    Args:
      source: the images.
      resolution: side R of the squares, a power of two from 4.
      mirror: doubles the data set by the left-right mirror image of every image, with the same label.
      resize: takes the central square of an image of another size and resizes it; False makes such images an error.
      cache_mib: memory for decoded images; with room for all, epochs after the first decode nothing. An image and its
        mirror image share their place.

    Raises:
      InputError: a wrong resolution; when called, what is wrong with a file.
    """

    def __init__(
        self, source: ImageSource, resolution: int, *, mirror: bool = False, resize: bool = True, cache_mib: float = 0
    ):
        if resolution < 4 or resolution & (resolution - 1):
            raise InputError(f"resolution {resolution}: must be a power of two from 4, such as 64, 128 or 256")
        self._source, self._resolution, self._mirror, self._resize = source, resolution, mirror, resize
        self._cache = Cache(cache_mib, resolution**2 * 3)

    def __len__(self) -> int:
        return len(self._source) * (2 if self._mirror else 1)

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
        """Example that fills up the last batch."""
        return ImageExample(
            image=np.zeros((self._resolution, self._resolution, 3), np.uint8),
            label=np.zeros(self._source.labels.size, np.float32),
            mask=np.float32(0),
            index=np.int32(-1),
        )

    def _pixels(self, row: int) -> np.ndarray:
        file = self._source.files[row]
        image = decode.decode(self._source.read(row), file)
        height, width, _ = image.shape
        if not self._resize and (height, width) != (self._resolution, self._resolution):
            side = self._resolution
            raise InputError(f"{file}: {width} x {height} px, not {side} x {side}; resize it or allow resizing")
        return center_square(image, self._resolution)


def center_square(image: np.ndarray, resolution: int) -> np.ndarray:
    """Largest central square of an image, uint8 [H, W, 3], resized by an antialiasing Lanczos filter to [R, R, 3].

    An image of that size is returned as it is. If the border is odd, the square is nearer to the top left, as with
    StyleGAN2-ADA's "center-crop".
    """
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == resolution:
        return square
    return np.asarray(Image.fromarray(square).resize((resolution, resolution), Image.Resampling.LANCZOS))
