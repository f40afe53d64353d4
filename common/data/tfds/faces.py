"""Base of the builders of annotated faces: the layout of a record."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from common.data.faces.scheme import LandmarkScheme
from common.data.tfds.base import Builder, Item


@dataclasses.dataclass(frozen=True, eq=False)
class Face(Item):
    """One annotated face before it becomes a record. The first of its `groups` is the record's `subset`."""

    landmarks: np.ndarray
    """Landmarks in 0-based pixels, float32 [K, 2]."""
    visible: np.ndarray
    """Visibility of the landmarks, bool [K]."""
    box: np.ndarray
    """Face box x0, y0, x1, y1 in pixels, float32 [4]."""


class FaceBuilder(Builder):
    """Builder of annotated faces."""

    noun = "faces"
    scheme: ClassVar[LandmarkScheme]
    """Scheme of the landmarks."""

    def features(self) -> dict[str, Any]:
        return {
            "subset": tfds.features.Text(),
            "landmarks": tfds.features.Tensor(shape=(self.scheme.count, 2), dtype=np.float32),
            "visible": tfds.features.Tensor(shape=(self.scheme.count,), dtype=np.bool_),
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }

    def fields(self, item: Any) -> dict[str, Any]:
        return {"subset": item.groups[0], "landmarks": item.landmarks, "visible": item.visible, "box": item.box}
