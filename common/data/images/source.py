"""What every source of images without landmarks looks like to the pipeline, and views of some of its images."""

import abc
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from common.data.decode import decode
from common.data.images.labels import Labels
from common.data.splits import ada_rows


class ImageRecord(TypedDict):
    """One image, still encoded; whoever needs pixels decodes it (`common.data.decode`)."""

    image: bytes
    file: str
    label: np.ndarray
    """float32 [c]; c is 0 without labels."""


class ImageSource(abc.ABC):
    """A sequence of images whose names and labels are at hand without reading one."""

    files: Sequence[str]
    labels: Labels

    @abc.abstractmethod
    def read(self, row: int) -> bytes:
        """The encoded image of a row. Safe to call from many threads; `InputError` where it cannot be read."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> ImageRecord:
        file = self.files[row]  # raises IndexError beyond the end, which ends an iteration
        return ImageRecord(image=self.read(row), file=file, label=self.labels[row])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels (3) of the first image, upright and decoded; others may have another size."""
        return decode(self.read(0), self.files[0]).shape


class Subset(ImageSource):
    """Some rows of a source, in the order given. Nothing is read, and only their names and labels are copied."""

    def __init__(self, source: ImageSource, rows: np.ndarray):
        self._source, self._rows = source, rows
        self.files = [source.files[row] for row in rows]
        self.labels = source.labels.take(rows)

    def read(self, row: int) -> bytes:
        return self._source.read(int(self._rows[row]))


def subset(source: ImageSource, n: int, seed: int) -> Subset:
    """`n` images drawn by `seed`, in the source's order, as FFHQ-1k is 1000 of FFHQ; draw and errors as `ada_rows`.

    The draw is that of StyleGAN2-ADA for the same order of names.
    """
    return Subset(source, ada_rows(len(source), n, seed))
