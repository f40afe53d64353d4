"""Prepared TFDS data sets of images without landmarks as sources: `open_image_dataset("ffhq", data_dir, "full")`."""

from pathlib import Path
from typing import Any

import numpy as np

from common.data.images.labels import unlabelled
from common.data.images.source import ImageSource
from common.data.tfds import IMAGE_BUILDERS, ImageBuilder
from common.data.tfds.records import open_records, prepare, select_rows
from common.errors import InputError


class TfdsImages(ImageSource):
    """The images of a prepared data set that `split`, one of `builder.selections`, selects; in the official order.

    Args:
      builder: of a prepared data set.
      split: the selection.
      labelled: whether the labels are wanted: one-hot classes, or the columns `builder.attributes` as 0 and 1.

    Raises:
      InputError: an unknown selection, or labels of a data set that has none.
    """

    def __init__(self, builder: ImageBuilder, split: str, labelled: bool = False):
        rows, names = select_rows(builder, split)
        if labelled and not builder.classes and not builder.attributes:
            raise InputError(f"{builder.name}: labels are asked for, but it has none; train without labels")
        tfds_split = builder.selections[split]
        files = builder.load_table(tfds_split, ["files"])["files"].tolist()
        self.files = [files[row] for row in rows]
        self.labels = builder.labels(tfds_split).take(np.array(rows)) if labelled else unlabelled(len(rows))
        self._rows = rows
        self._records = open_records(builder, tfds_split, len(names))

    def read(self, row: int) -> bytes:
        return self._records[self._rows[row]]["image"]


def open_image_dataset(
    name: str,
    data_dir: str | Path,
    split: str = "full",
    manual_dir: str | Path | None = None,
    labelled: bool = False,
    **options: Any,
) -> TfdsImages:
    """`prepare`, which see, then the source of one selection; `name` is one of `IMAGE_BUILDERS`."""
    if name not in IMAGE_BUILDERS:
        raise InputError(f"no data set of images {name!r}; there are {', '.join(IMAGE_BUILDERS)}")
    # What is wrong shows before a long preparation.
    if split not in IMAGE_BUILDERS[name].selections:
        raise InputError(f"{name}: no split {split!r}; it has {', '.join(IMAGE_BUILDERS[name].selections)}")
    return TfdsImages(prepare(name, data_dir, manual_dir, **options), split, labelled)
