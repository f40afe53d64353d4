"""Interface of all sources of annotated faces, and views of some rows of a source."""

import abc
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from common.data.faces.scheme import LandmarkScheme
from common.data.splits import few_shot_rows, validation_rows


class Record(TypedDict):
    """One annotated face. The image is still encoded; `common.data.decode` gives its pixels."""

    image: bytes
    file: str
    subset: str
    landmarks: np.ndarray
    """Landmarks in pixels of the upright image, with (0, 0) at the centre of its first pixel, float32 [K, 2]."""
    visible: np.ndarray
    """Whether each landmark counts in losses and metrics, bool [K]."""
    box: np.ndarray
    """Face box x0, y0, x1, y1 in the same pixels, float32 [4]."""


class Source(abc.ABC):
    """Sequence of `Record`s. Reading the annotations opens no image."""

    scheme: LandmarkScheme
    files: Sequence[str]
    subsets: Sequence[str]
    landmarks: np.ndarray
    """Landmarks of all faces, float32 [N, K, 2]."""
    visible: np.ndarray
    """Visibility of all landmarks, bool [N, K]."""
    boxes: np.ndarray
    """Boxes of all faces, float32 [N, 4]."""

    @abc.abstractmethod
    def read(self, row: int) -> bytes:
        """Encoded image of a row. Many threads may call this. Raises `InputError` if the image cannot be read."""

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> Record:
        file = self.files[row]  # an IndexError after the last row ends an iteration
        return Record(
            image=self.read(row),
            file=file,
            subset=self.subsets[row],
            landmarks=self.landmarks[row],
            visible=self.visible[row],
            box=self.boxes[row],
        )


class Rows(Source):
    """Source of some rows of another source. It copies their annotations and reads images only when asked.

    Args:
      source: any source.
      indices: rows of the source in the order of the view, int [N].
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
        return self.source.read(int(self.indices[row]))


def few_shot(source: Source, n: int, seed: int) -> Rows:
    """`n` random faces in the order of the source; draw and errors as `few_shot_rows`."""
    return Rows(source, few_shot_rows(len(source), n, seed))


def split_validation(source: Source, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Training and validation faces, both in the order of the source; draw and errors as `validation_rows`."""
    training, validation = validation_rows(len(source), fraction, seed)
    return Rows(source, training), Rows(source, validation)
