"""Loader of square images, which decodes, crops, resizes and mirrors on the host.

Images stay uint8 until they are on the device.
"""

from typing import TypedDict

import numpy as np
from PIL import Image

from common.data.batches import Cache
from common.data.decode import decode
from common.data.images.source import ImageSource
from common.errors import InputError


class ImageExample(TypedDict):
    """Example of one image or of padding. In padding, index is -1 and everything else is 0."""

    image: np.ndarray
    """Square image, uint8 [R, R, 3]."""
    label: np.ndarray
    """Label, float32 [c]; c is 0 without labels."""
    mask: np.ndarray
    """1 for an image and 0 for padding, float32 []."""
    index: np.ndarray
    """Row of the source, plus the number of rows for a mirror image, int32 []."""


class ImageLoader:
    """`batches.Loader` of the images of a source: row -> `ImageExample`; mirror images come after all others.

    Args:
      source: images and labels.
      resolution: side R of the squares in pixels, a power of two from 4.
      mirror: whether the data set is doubled by left-right mirror images with the same labels.
      resize: whether an image of another size is replaced by its resized central square; otherwise it is an error.
      cache_mib: memory for decoded images in MiB; if all images fit, epochs after the first decode nothing. An image
        and its mirror image share one place.

    Raises:
      InputError: the resolution is wrong; when called, a file is wrong (names it).
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

    def __call__(self, index: int, /) -> ImageExample:
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
        image = decode(self._source.read(row), file)
        height, width, _ = image.shape
        if not self._resize and (height, width) != (self._resolution, self._resolution):
            side = self._resolution
            raise InputError(f"{file}: {width} x {height} px, not {side} x {side}; resize it or allow resizing")
        return center_square(image, self._resolution)


def center_square(image: np.ndarray, resolution: int) -> np.ndarray:
    """Largest central square of an image, uint8 [H, W, 3], resized by an antialiasing Lanczos filter to [R, R, 3].

    A square of the right size is returned unchanged. If the border is odd, the square is one pixel nearer to the top
    left, as in StyleGAN2-ADA's "center-crop".
    """
    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == resolution:
        return square
    return np.asarray(Image.fromarray(square).resize((resolution, resolution), Image.Resampling.LANCZOS))
