"""Prepared TFDS data sets as sources: `open_dataset("w300", data_dir, "common")[0]` is a record."""

import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from common.data.faces.source import Record
from common.data.tfds import BUILDERS, IMAGE_BUILDERS, Builder, FaceBuilder
from common.errors import InputError


class TfdsSource:
    """The faces of a prepared data set that a name selects, in the official order.

    Attributes:
      scheme: the landmark scheme.
      files, subsets: a name and a subset each row.
      landmarks: float32 [N, K, 2] in 0-based pixels; visible: bool [N, K]; boxes: float32 [N, 4].
      attributes: bool [N, A], the columns being `builder.attributes`.
      groups: bool [N] by name, the published selections among these faces; they can overlap.
    """

    def __init__(self, builder: FaceBuilder, split: str, subsets: str | Sequence[str] | None = None):
        """Selects by `split`, one of `builder.selections`, and among those faces by any of the names in `subsets`.

        Raises:
          InputError: an unknown name, or no face has it; names those that exist.
        """
        rows, names = select_rows(builder, split, subsets)
        table = builder.annotations(builder.selections[split])
        self.scheme = builder.scheme
        self.files = tuple(table.files[i] for i in rows)
        self.subsets = tuple(table.subsets[i] for i in rows)
        self.landmarks, self.visible = table.landmarks[rows], table.visible[rows]
        self.boxes, self.attributes = table.boxes[rows], table.attributes[rows]
        present = sorted({name for i in rows for name in names[i]})
        self.groups = {name: np.array([name in names[i] for i in rows]) for name in present}
        self._rows = np.array(rows)
        self._records = open_records(builder, builder.selections[split], len(table.files))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Record:
        record = self._records[int(self._rows[index])]
        return {**record, "file": record["file"].decode(), "subset": record["subset"].decode()}


def select_rows(
    builder: Builder, split: str, subsets: str | Sequence[str] | None = None
) -> tuple[list[int], list[set[str]]]:
    """The rows of a TFDS split that a selection names, and for every row of it all names that select it.

    Raises `InputError` for an unknown name, or where nothing has it; names those that exist.
    """
    if split not in builder.selections:
        raise InputError(f"{builder.name}: no split {split!r}; it has {', '.join(builder.selections)}")
    tfds_split = builder.selections[split]
    groups = builder.load_table(tfds_split, ["groups"])["groups"].tolist()
    names = [{tfds_split, *row.split()} for row in groups]
    rows = [i for i, row in enumerate(names) if split in row]
    if subsets is not None:
        subsets = (subsets,) if isinstance(subsets, str) else tuple(subsets)
        existing = sorted({name for i in rows for name in names[i]})
        for name in subsets:
            if name not in existing:
                raise InputError(f"{builder.name}, {split}: no subset {name!r}; it has {', '.join(existing)}")
        rows = [i for i in rows if names[i] & set(subsets)]
    if not rows:
        raise InputError(
            f"{builder.name}, {split}: selects no {builder.noun}; there are {', '.join(builder.selections)}"
        )
    return rows, names


def open_records(builder: Builder, tfds_split: str, count: int) -> Sequence[dict[str, Any]]:
    """The `count` records of a prepared TFDS split."""
    # The image stays the encoded file: decoding is the pipeline's, which crops and caches.
    skip = {"image": tfds.decode.SkipDecoding()}
    records = builder.as_data_source(split=tfds_split, decoders=skip)
    if len(records) != count:
        raise InputError(f"{builder.data_dir}: records are missing; delete it and prepare it again")
    return records


def prepare(name: str, data_dir: str | Path, manual_dir: str | Path | None = None, **options: Any) -> Builder:
    """The builder of a data set, whose files are written when they are not there yet. Nothing is downloaded.

    Files are written aside and renamed at the end: a run that was killed leaves no data set behind, only a directory
    `incomplete.*` that can be deleted.

    Args:
      name: one of `BUILDERS` or `IMAGE_BUILDERS`.
      data_dir: where prepared data sets are kept.
      manual_dir: where the official downloads were unpacked; not needed once the data set is prepared.
      options: of the builder, see its `configure`.

    Raises:
      InputError: unknown name or option, downloads missing or not as expected (says how `manual_dir` must look).
    """
    builders = BUILDERS | IMAGE_BUILDERS
    if name not in builders:
        raise InputError(f"no data set {name!r}; there are {', '.join(builders)}")
    kind = builders[name]
    config = kind.configure(**options)
    builder = kind(data_dir=data_dir, config=config, file_format="array_record")
    if not builder.data_path.exists():
        _write(builder, manual_dir)
    if not (builder.data_path / "dataset_info.json").exists():
        raise InputError(f"{builder.data_dir}: not a complete data set; delete it and prepare it again")
    return builder


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


def open_dataset(
    name: str,
    data_dir: str | Path,
    split: str,
    manual_dir: str | Path | None = None,
    subsets: str | Sequence[str] | None = None,
    **options: Any,
) -> TfdsSource:
    """`prepare`, then the source of one selection: for example "train", "common", "pose" or "frontal"."""
    if name in IMAGE_BUILDERS:
        raise InputError(f"{name} has no landmarks; data sets with landmarks are {', '.join(BUILDERS)}")
    return TfdsSource(prepare(name, data_dir, manual_dir, **options), split, subsets)
