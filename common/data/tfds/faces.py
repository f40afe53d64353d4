"""What the builders of annotated faces share: the layout of a record."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from common.data.faces.scheme import LandmarkScheme
from common.data.tfds.base import Builder, Item


@dataclasses.dataclass(frozen=True, eq=False)
class Face(Item):
    """One annotated face before it becomes a record; the first of its `groups` is the record's `subset`."""

    landmarks: np.ndarray
    """float32 [K, 2], 0-based pixels."""
    visible: np.ndarray
    """bool [K]"""
    box: np.ndarray
    """float32 [4]: x0, y0, x1, y1."""
    attributes: np.ndarray | None = None
    """bool, one per name in the builder's `attributes`."""


class FaceBuilder(Builder):
    """A builder of annotated faces."""

    noun = "faces"
    scheme: ClassVar[LandmarkScheme]

    def features(self) -> dict[str, Any]:
        return {
            "subset": tfds.features.Text(),
            "landmarks": tfds.features.Tensor(shape=(self.scheme.count, 2), dtype=np.float32),
            "visible": tfds.features.Tensor(shape=(self.scheme.count,), dtype=np.bool_),
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }

    def fields(self, item: Face) -> dict[str, Any]:
        return {"subset": item.groups[0], "landmarks": item.landmarks, "visible": item.visible, "box": item.box}
