"""Interface of all sources of images without landmarks, and views of some images of a source."""

import abc
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from common.data.decode import decode
from common.data.images.labels import Labels
from common.data.splits import ada_rows


class ImageRecord(TypedDict):
    """One image and its label. The image is still encoded; `common.data.decode` gives its pixels."""

    image: bytes
    file: str
    label: np.ndarray
    """Label, float32 [c]; c is 0 without labels."""


class ImageSource(abc.ABC):
    """Sequence of `ImageRecord`s. Reading the names and labels opens no image."""

    files: Sequence[str]
    labels: Labels

    @abc.abstractmethod
    def read(self, row: int) -> bytes:
        """Encoded image of a row. Many threads may call this. Raises `InputError` if the image cannot be read."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> ImageRecord:
        file = self.files[row]  # an IndexError after the last row ends an iteration
        return ImageRecord(image=self.read(row), file=file, label=self.labels[row])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels (3) of the first image after decoding; other images may differ in size."""
        height, width, channels = decode(self.read(0), self.files[0]).shape
        return height, width, channels


class Subset(ImageSource):
    """Source of the given rows of another source. It copies names and labels and reads images only when asked."""

    def __init__(self, source: ImageSource, rows: np.ndarray):
        self._source, self._rows = source, rows
        self.files = [source.files[row] for row in rows]
        self.labels = source.labels.take(rows)

    def read(self, row: int) -> bytes:
        return self._source.read(int(self._rows[row]))


def subset(source: ImageSource, n: int, seed: int) -> Subset:
    """`n` random images in the order of the source, as FFHQ-1k is 1000 images of FFHQ; draw and errors as `ada_rows`.

    StyleGAN2-ADA draws the same images if the names are in the same order.
    """
    return Subset(source, ada_rows(len(source), n, seed))
