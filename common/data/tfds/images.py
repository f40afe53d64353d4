"""What the builders of images without landmarks share: one record layout, and labels where there are any."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from common.data.images.folder import list_images
from common.data.images.labels import Labels, unlabelled
from common.data.tfds.base import Builder
from common.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """One image, before it becomes a record."""

    image: Path | bytes
    """The encoded image, or where it is."""
    file: str
    """Its name in the data set."""
    groups: tuple[str, ...] = ()
    """Every name that selects this image apart from its split's."""
    label: int = 0
    """Class, counted from 0, in a data set with classes."""
    attributes: np.ndarray | None = None
    """bool, one for each of the builder's `attributes`."""


class ImageBuilder(Builder, skip_registration=True):
    """A builder of images, whose labels are classes, or attributes, or nothing."""

    noun = "images"
    classes: ClassVar[int] = 0
    """Number of classes."""
    attributes: ClassVar[tuple[str, ...]] = ()

    def labels(self, split: str) -> Labels:
        """Of a prepared TFDS split: one-hot classes, or attributes as 0 and 1."""
        if self.classes:
            return Labels(self.load_table(split, ["labels"])["labels"], self.classes)
        if self.attributes:
            flags = self.load_table(split, ["attributes"])["attributes"]
            return Labels(flags.astype(np.float32), len(self.attributes))
        return unlabelled(len(self.load_table(split, ["files"])["files"]))

    def features(self) -> dict[str, Any]:
        features = {}
        if self.classes:
            features["label"] = tfds.features.Tensor(shape=(), dtype=np.int64)
        if self.attributes:
            features["attributes"] = tfds.features.Tensor(shape=(len(self.attributes),), dtype=np.bool_)
        return features

    def fields(self, item: Picture) -> dict[str, Any]:
        fields = {"label": np.int64(item.label)} if self.classes else {}
        return {**fields, "attributes": item.attributes} if self.attributes else fields

    def columns(self, items: list[Picture]) -> dict[str, np.ndarray]:
        columns = {"labels": np.array([item.label for item in items], np.int64)} if self.classes else {}
        return {**columns, "attributes": np.stack([item.attributes for item in items])} if self.attributes else columns


def images_in(folder: Path, layout: str) -> list[Path]:
    """All images in a folder and below, sorted by name; where it is absent, `InputError` says how it must look."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; {layout}")
    return [folder / name for name in list_images(folder)]
