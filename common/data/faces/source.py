"""What every source of annotated faces looks like to the pipeline, and views of some of its rows."""

import abc
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from common.data.faces.scheme import LandmarkScheme
from common.data.splits import few_shot_rows, validation_rows


class Record(TypedDict):
    """One annotated face. The image stays encoded; whoever needs pixels decodes it (`common.data.decode`)."""

    image: bytes
    file: str
    subset: str
    landmarks: np.ndarray
    """float32 [K, 2], pixels of the upright image, (0, 0) at the centre of its first pixel."""
    visible: np.ndarray
    """bool [K]; a landmark that is False has no weight in losses and metrics."""
    box: np.ndarray
    """float32 [4]: x0, y0, x1, y1 in the same pixels."""


class Source(abc.ABC):
    """A sequence of records whose annotations are at hand without reading an image."""

    scheme: LandmarkScheme
    files: Sequence[str]
    subsets: Sequence[str]
    landmarks: np.ndarray
    """float32 [N, K, 2]"""
    visible: np.ndarray
    """bool [N, K]"""
    boxes: np.ndarray
    """float32 [N, 4]"""

    @abc.abstractmethod
    def read(self, row: int) -> bytes:
        """The encoded image of a row. Safe to call from many threads; `InputError` where it cannot be read."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> Record:
        file = self.files[row]  # raises IndexError beyond the end, which ends an iteration
        return Record(
            image=self.read(row),
            file=file,
            subset=self.subsets[row],
            landmarks=self.landmarks[row],
            visible=self.visible[row],
            box=self.boxes[row],
        )


class Rows(Source):
    """Some rows of a source, itself a source. Nothing is read, and only the annotations of these rows are copied.

    Args:
      source: any source.
      indices: int [N], rows of the source, in the order of the view.
    """

    def __init__(self, source: Source, indices: Sequence[int] | np.ndarray):
        self.source = source
        self.indices = np.asarray(indices, np.int64)
        self.scheme = source.scheme
        self.files = [source.files[i] for i in self.indices]
        self.subsets = [source.subsets[i] for i in self.indices]
        self.landmarks = np.asarray(source.landmarks)[self.indices]
        self.visible = np.asarray(source.visible)[self.indices]
        self.boxes = np.asarray(source.boxes)[self.indices]

    def read(self, row: int) -> bytes:
        return self.source[int(self.indices[row])]["image"]


def few_shot(source: Source, n: int, seed: int) -> Rows:
    """`n` faces drawn by `seed`, in the source's order; draw and errors as `few_shot_rows`."""
    return Rows(source, few_shot_rows(len(source), n, seed))


def split_validation(source: Source, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Faces to train on and to validate with, each in the source's order; draw and errors as `validation_rows`."""
    training, validation = validation_rows(len(source), fraction, seed)
    return Rows(source, training), Rows(source, validation)
