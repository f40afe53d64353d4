"""Base of the builders of images without landmarks: the layout of a record, and labels."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from common.data.images.find import list_images
from common.data.images.labels import Labels, unlabelled
from common.data.tfds.base import Builder, Item


@dataclasses.dataclass(frozen=True, eq=False)
class Picture(Item):
    """One image without landmarks before it becomes a record."""

    label: int = 0
    """Class, counted from 0, in a data set with classes."""


class ImageBuilder(Builder):
    """Builder of images with classes, with attributes, or without labels."""

    noun = "images"
    classes: ClassVar[int] = 0
    """Number of classes; 0 for a data set without classes."""

    def labels(self, split: str) -> Labels:
        """Labels of a prepared TFDS split: one-hot classes, attributes as 0 and 1, or none."""
        if self.classes:
            return Labels(self.load_table(split, ["labels"])["labels"], self.classes)
        if self.attributes:
            flags = self.load_table(split, ["attributes"])["attributes"]
            return Labels(flags.astype(np.float32), len(self.attributes))
        return unlabelled(len(self.load_table(split, ["files"])["files"]))

    def features(self) -> dict[str, Any]:
        return {"label": tfds.features.Tensor(shape=(), dtype=np.int64)} if self.classes else {}

    def fields(self, item: Any) -> dict[str, Any]:
        return {"label": np.int64(item.label)} if self.classes else {}

    def pictures_in(self, folder: Path, official: int, key: Callable[[Path], str] = str) -> list[Picture]:
        """All images in a folder of the manual directory and its subfolders, named relative to the manual directory.

        Args:
          folder: path of the folder.
          official: published number of images; any other number causes a warning.
          key: key by which the images are sorted.
        """
        images = [folder / name for name in list_images(self.need(folder))]
        self.check_count(str(folder), len(images), official)
        return [Picture(image, image.relative_to(folder.parent).as_posix(), ()) for image in sorted(images, key=key)]
