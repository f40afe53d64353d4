"""Prepared TFDS data sets as sources.

`open_dataset("w300", data_dir, "common")` gives annotated faces, `open_image_dataset("ffhq", data_dir)` images.
"""

import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from common.data.faces.source import Source
from common.data.images.labels import unlabelled
from common.data.images.source import ImageSource
from common.data.tfds import BUILDERS, IMAGE_BUILDERS
from common.data.tfds.base import Builder
from common.data.tfds.faces import FaceBuilder
from common.data.tfds.images import ImageBuilder
from common.errors import InputError


class TfdsSource(Source):
    """The faces of a prepared data set that `split`, one of `builder.selections`, selects; in the official order.

    Raises:
      InputError: an unknown selection, or one that no face has.
    """

    def __init__(self, builder: FaceBuilder, split: str):
        self._rows, self._records = _select(builder, split)
        columns = ("files", "subsets", "landmarks", "visible", "boxes")
        table = builder.load_table(builder.selections[split], columns)
        self.scheme = builder.scheme
        self.files, self.subsets = (tuple(table[name][self._rows].tolist()) for name in ("files", "subsets"))
        self.landmarks, self.visible, self.boxes = (table[name][self._rows] for name in columns[2:])

    def read(self, row: int) -> bytes:
        return self._records[int(self._rows[row])]["image"]


class TfdsImages(ImageSource):
    """The images of a prepared data set that `split`, one of `builder.selections`, selects; in the official order.

    Args:
      builder: builder of a prepared data set.
      split: the selection.
      labelled: whether the labels are wanted: one-hot classes, or the columns `builder.attributes` as 0 and 1.

    Raises:
      InputError: an unknown selection, or labels of a data set that has none.
    """

    def __init__(self, builder: ImageBuilder, split: str, labelled: bool = False):
        self._rows, self._records = _select(builder, split)
        if labelled and not builder.classes and not builder.attributes:
            raise InputError(f"{builder.name}: labels are asked for, but it has none; train without labels")
        tfds_split = builder.selections[split]
        self.files = builder.load_table(tfds_split, ["files"])["files"][self._rows].tolist()
        self.labels = builder.labels(tfds_split).take(self._rows) if labelled else unlabelled(len(self._rows))

    def read(self, row: int) -> bytes:
        return self._records[int(self._rows[row])]["image"]


def open_dataset(
    name: str, data_dir: str | Path, split: str, manual_dir: str | Path | None = None, **options: Any
) -> TfdsSource:
    """The faces of one selection, for example "train", "common", "pose" or "frontal"; the rest as `prepare`."""
    if name in IMAGE_BUILDERS:
        raise InputError(f"{name} has no landmarks; data sets with landmarks are {', '.join(BUILDERS)}")
    return TfdsSource(prepare(name, data_dir, manual_dir, **options), split)


def open_image_dataset(
    name: str,
    data_dir: str | Path,
    split: str = "full",
    manual_dir: str | Path | None = None,
    labelled: bool = False,
    **options: Any,
) -> TfdsImages:
    """The images of one selection; `name` is one of `IMAGE_BUILDERS`, the rest as `prepare` and `TfdsImages`."""
    if name not in IMAGE_BUILDERS:
        raise InputError(f"no data set of images {name!r}; there are {', '.join(IMAGE_BUILDERS)}")
    check_selection(IMAGE_BUILDERS[name], split)  # before a long preparation
    return TfdsImages(prepare(name, data_dir, manual_dir, **options), split, labelled)


def prepare(name: str, data_dir: str | Path, manual_dir: str | Path | None = None, **options: Any) -> Builder:
    """The builder of a data set, whose files are written when they are not there yet. Nothing is downloaded.

    Files are written aside and renamed at the end: a run that was killed leaves no data set behind, only a directory
    `incomplete.*` that can be deleted.

    Args:
      name: one of `BUILDERS` or `IMAGE_BUILDERS`.
      data_dir: where prepared data sets are kept.
      manual_dir: where the official downloads were unpacked; not needed once the data set is prepared.
      options: the builder's options, see its `configure`.

    Raises:
      InputError: unknown name or option, downloads missing or not as expected (says how `manual_dir` must look).
    """
    builders = BUILDERS | IMAGE_BUILDERS
    if name not in builders:
        raise InputError(f"no data set {name!r}; there are {', '.join(builders)}")
    kind = builders[name]
    builder = kind(data_dir=data_dir, config=kind.configure(**options), file_format="array_record")
    if not builder.data_path.exists():
        _write(builder, manual_dir)
    if not (builder.data_path / "dataset_info.json").exists():
        raise InputError(f"{builder.data_dir}: not a complete data set; delete it and prepare it again")
    return builder


def check_selection(builder: Builder | type[Builder], split: str) -> None:
    """Raises `InputError`, which names those that exist, for a selection that the data set has not."""
    if split not in builder.selections:
        raise InputError(f"{builder.name}: no split {split!r}; it has {', '.join(builder.selections)}")


def selected_rows(builder: Builder, split: str) -> np.ndarray:
    """The rows of its TFDS split that a selection names, int64 [N]. Raises `InputError` where there are none."""
    check_selection(builder, split)
    tfds_split = builder.selections[split]
    groups = builder.load_table(tfds_split, ["groups"])["groups"].tolist()
    rows = np.array([i for i, names in enumerate(groups) if split in (tfds_split, *names.split())], np.int64)
    if not len(rows):
        raise InputError(
            f"{builder.name}, {split}: selects no {builder.noun}; there are {', '.join(builder.selections)}"
        )
    return rows


def _select(builder: Builder, split: str) -> tuple[np.ndarray, Sequence[dict[str, Any]]]:
    """The selected rows, and all records of their TFDS split."""
    rows, tfds_split = selected_rows(builder, split), builder.selections[split]
    # The image stays the encoded file: decoding is the pipeline's, which crops and caches.
    records = builder.as_data_source(split=tfds_split, decoders={"image": tfds.decode.SkipDecoding()})
    if len(records) != len(builder.load_table(tfds_split, ["groups"])["groups"]):
        raise InputError(f"{builder.data_dir}: records are missing; delete it and prepare it again")
    return rows, records


def _write(builder: Builder, manual_dir: str | Path | None) -> None:
    if builder.layout and manual_dir is None:
        raise InputError(f"{builder.name} is not in {builder.data_dir}; unpack its downloads: {builder.layout}")
    if builder.layout and not Path(manual_dir).is_dir():
        raise InputError(f"{manual_dir}: no such directory; {builder.layout}")
    print(f"{builder.name}: writing {builder.data_dir}", file=sys.stderr)
    settings = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
    # TFDS speaks of downloads on stdout and makes a directory for them; here there are none.
    try:
        with tempfile.TemporaryDirectory() as unused, contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_dir=unused, download_config=settings)
    except OSError as error:
        raise InputError(f"{builder.data_dir}: could not be written ({error}); check space and permissions") from error
