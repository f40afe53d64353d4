"""What the builders of annotated faces share: one record layout and a table of annotations."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from common.data.faces.schemes import LandmarkScheme
from common.data.tfds.base import Builder


@dataclasses.dataclass(frozen=True, eq=False)
class Face:
    """One annotated face, before it becomes a record."""

    image: Path | bytes
    """The encoded image, or where it is."""
    file: str
    """Its name in the data set."""
    groups: tuple[str, ...]
    """Every name that selects this face apart from its split's; the first is the record's `subset`."""
    landmarks: np.ndarray
    """float32 [K, 2], 0-based pixels."""
    visible: np.ndarray
    """bool [K]"""
    box: np.ndarray
    """float32 [4]: x0, y0, x1, y1."""
    attributes: np.ndarray | None = None
    """bool, one for each of the builder's `attributes`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Everything but the images of a split of N faces, row i for record i."""

    files: tuple[str, ...]
    subsets: tuple[str, ...]
    groups: tuple[str, ...]
    """The names that select the row, separated by spaces."""
    landmarks: np.ndarray
    """float32 [N, K, 2]"""
    visible: np.ndarray
    """bool [N, K]"""
    boxes: np.ndarray
    """float32 [N, 4]"""
    attributes: np.ndarray
    """bool [N, A]; A is 0 for most data sets."""


class FaceBuilder(Builder, skip_registration=True):
    """A builder of annotated faces."""

    noun = "faces"
    scheme: ClassVar[LandmarkScheme]
    attributes: ClassVar[tuple[str, ...]] = ()

    def annotations(self, split: str) -> Table:
        """The annotations of a prepared TFDS split, without reading an image."""
        columns = self.load_table(split, [field.name for field in dataclasses.fields(Table)])
        text = {name: tuple(columns[name].tolist()) for name in ("files", "subsets", "groups")}
        return Table(**{**columns, **text})

    def features(self) -> dict[str, Any]:
        features = {
            "subset": tfds.features.Text(),
            "landmarks": tfds.features.Tensor(shape=(self.scheme.count, 2), dtype=np.float32),
            "visible": tfds.features.Tensor(shape=(self.scheme.count,), dtype=np.bool_),
            "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
        }
        if self.attributes:
            features["attributes"] = tfds.features.Tensor(shape=(len(self.attributes),), dtype=np.bool_)
        return features

    def fields(self, item: Face) -> dict[str, Any]:
        fields = {
            "subset": item.groups[0],
            "landmarks": item.landmarks,
            "visible": item.visible,
            "box": item.box,
        }
        return {**fields, "attributes": item.attributes} if self.attributes else fields

    def columns(self, items: list[Face]) -> dict[str, np.ndarray]:
        none = np.zeros(0, np.bool_)
        return dict(
            subsets=np.array([face.groups[0] for face in items]),
            landmarks=np.stack([face.landmarks for face in items]),
            visible=np.stack([face.visible for face in items]),
            boxes=np.stack([face.box for face in items]),
            attributes=np.stack([none if face.attributes is None else face.attributes for face in items]),
        )
