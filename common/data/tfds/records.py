"""Sources from prepared TFDS data sets.

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
    """Source of the selected faces of a prepared data set, in the official order.

    Args:
      builder: builder of a prepared data set.
      split: selection, a key of `builder.selections`.

    Raises:
      InputError: the selection is unknown or empty.
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
    """Source of the selected images of a prepared data set, in the official order.

    Args:
      builder: builder of a prepared data set.
      split: selection, a key of `builder.selections`.
      labelled: whether labels are wanted: one-hot classes, or `builder.attributes` as 0 and 1.

    Raises:
      InputError: the selection is unknown or empty, or labels are wanted that the data set does not have.
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
    """Faces of a selection such as "train", "common", "pose" or "frontal"; other arguments as for `prepare`."""
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
    """Images of a selection of one of `IMAGE_BUILDERS`; other arguments as for `prepare` and `TfdsImages`."""
    if name not in IMAGE_BUILDERS:
        raise InputError(f"no data set of images {name!r}; there are {', '.join(IMAGE_BUILDERS)}")
    check_selection(IMAGE_BUILDERS[name], split)  # before the preparation, which takes long
    return TfdsImages(prepare(name, data_dir, manual_dir, **options), split, labelled)


def prepare(name: str, data_dir: str | Path, manual_dir: str | Path | None = None, **options: Any) -> Builder:
    """Builder of a data set whose files exist; they are written if they do not exist yet. Nothing is downloaded.

    A directory under a temporary name is renamed at the end. A process that is killed leaves no data set behind, only a
    directory `incomplete.*` that can be deleted.

    Args:
      name: key of `BUILDERS` or `IMAGE_BUILDERS`.
      data_dir: directory of the prepared data sets.
      manual_dir: directory of the unpacked official downloads; not needed when the data set is prepared.
      options: options of the builder, see its `configure`.

    Raises:
      InputError: the name or an option is unknown, or the downloads are missing or wrong (explains the layout).
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
    """Raises `InputError`, which lists the existing selections, for an unknown one."""
    if split not in builder.selections:
        raise InputError(f"{builder.name}: no split {split!r}; it has {', '.join(builder.selections)}")


def selected_rows(builder: Builder, split: str) -> np.ndarray:
    """Rows of a selection in its TFDS split, int64 [N]. Raises `InputError` if the selection is unknown or empty."""
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
    """Rows of a selection, and all records of their TFDS split."""
    rows, tfds_split = selected_rows(builder, split), builder.selections[split]
    # The image stays encoded, because the pipeline decodes, crops and caches it.
    records = builder.as_data_source(split=tfds_split, decoders={"image": tfds.decode.SkipDecoding()})
    if len(records) != len(builder.load_table(tfds_split, ["groups"])["groups"]):
        raise InputError(f"{builder.data_dir}: records are missing; delete it and prepare it again")
    return rows, records


def _write(builder: Builder, manual_dir: str | Path | None) -> None:
    if builder.layout:
        if manual_dir is None:
            raise InputError(f"{builder.name} is not in {builder.data_dir}; unpack its downloads: {builder.layout}")
        if not Path(manual_dir).is_dir():
            raise InputError(f"{manual_dir}: no such directory; {builder.layout}")
    print(f"{builder.name}: writing {builder.data_dir}", file=sys.stderr)
    settings = tfds.download.DownloadConfig(manual_dir=manual_dir, try_download_gcs=False)
    # TFDS prints about downloads and makes a directory for them, but here nothing is downloaded.
    try:
        with tempfile.TemporaryDirectory() as unused, contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_dir=unused, download_config=settings)
    except OSError as error:
        raise InputError(f"{builder.data_dir}: could not be written ({error}); check space and permissions") from error
