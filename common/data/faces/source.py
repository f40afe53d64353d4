"""What every data source looks like to the pipeline: a random-access sequence of annotated faces."""

from collections.abc import Sequence
from typing import Protocol, TypedDict

import numpy as np

from common.data.faces.schemes import LandmarkScheme


class Record(TypedDict):
    """One annotated face. The image stays encoded: who needs pixels decodes them (`images.decode`)."""

    image: bytes
    file: str
    subset: str
    landmarks: np.ndarray
    """float32 [K, 2], pixels of the upright image, (0, 0) at the centre of its first pixel."""
    visible: np.ndarray
    """bool [K]; False has no weight in losses and metrics."""
    box: np.ndarray
    """float32 [4]: x0, y0, x1, y1 in the same pixels."""


class Source(Protocol):
    """A sequence of records; the attributes are at hand without reading an image."""

    scheme: LandmarkScheme
    files: Sequence[str]
    subsets: Sequence[str]
    landmarks: np.ndarray
    """float32 [N, K, 2]"""
    visible: np.ndarray
    """bool [N, K]"""
    boxes: np.ndarray
    """float32 [N, 4]"""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Record: ...
