"""Sources of images from a folder: all its images, or the images in a table with attributes."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.data.images.find import check_files, check_folder, list_images
from common.data.images.labels import Labels, from_json, unlabelled
from common.data.images.source import ImageSource
from common.data.images.zip_file import ImageZip
from common.data.tables import Table, read_table
from common.errors import InputError
from common.files import read_bytes


class ImageFolder(ImageSource):
    """Source of image files under `root`. `open_folder` and `open_table` make one."""

    def __init__(self, root: Path, files: Sequence[str], labels: Labels):
        self.root, self.files, self.labels = root, files, labels

    def read(self, row: int) -> bytes:
        return read_bytes(self.root / self.files[row])


def open_images(path: str | Path, labelled: bool | None = False) -> ImageSource:
    """Source of the images in a folder (`open_folder`) or in a zip file (`ImageZip`)."""
    return open_folder(path, labelled) if Path(path).is_dir() else ImageZip(path, labelled)


def open_folder(root: str | Path, labelled: bool | None = False) -> ImageFolder:
    """Source of all images in a folder and its subfolders, sorted by name, with the labels in its `dataset.json`.

    Args:
      root: folder of the images.
      labelled: True if labels are required, False if they are not wanted, None to take labels if there are any.

    Raises:
      InputError: there is no such folder or no image, or a label is wrong or absent. Only decoding notices a file that
        is not an image.
    """
    root = check_folder(root)
    files, described = list_images(root), root / "dataset.json"
    data = read_bytes(described) if described.is_file() else None
    return ImageFolder(root, files, from_json(data, str(described), files, labelled))


def open_table(root: str | Path, table: str | Path, attributes: Mapping[str, str] | None = None) -> ImageFolder:
    """Source of the images in a CSV table, in its order, with labels from some of its columns.

    Args:
      root: folder that the column `file` is relative to.
      table: path of the table, relative to `root` or to the working directory.
      attributes: column -> value that counts as 1, for example {"smile": "1", "glasses": "1"}; any other value counts
        as 0. Labels are float32 [len(attributes)] in this order. Without attributes there are no labels.

    A row with an empty cell in one of these columns is left out; a warning counts such rows.

    Raises:
      InputError: a file, row or column is wrong, or no row has one of the values.
    """
    root = check_folder(root)
    found = read_table(root / table if (root / table).is_file() else table)
    attributes = attributes or {}
    found.require("file", *attributes)
    for name, positive in attributes.items():
        values = sorted(set(found.columns[name]) - {""})
        if positive not in values:
            listed = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
            raise InputError(
                f'{found.path}, column "{name}": no row has "{positive}"; its values are {listed or "all empty"}'
            )
    kept = _complete_rows(found, tuple(attributes))
    files = [found.columns["file"][row] for row in kept]
    _check_rows(root, files, [found.place(row) for row in kept])
    if not attributes:
        return ImageFolder(root, files, unlabelled(len(files)))
    labels = [[found.columns[name][row] == positive for name, positive in attributes.items()] for row in kept]
    return ImageFolder(root, files, Labels(np.array(labels, np.float32), len(attributes)))


def _complete_rows(table: Table, attributes: tuple[str, ...]) -> np.ndarray:
    """Rows that have a value in every attribute's column."""
    empty = np.array([[cell == "" for cell in table.columns[name]] for name in attributes], bool)
    empty = empty.reshape(len(attributes), len(table))
    without = empty.any(axis=0)
    if without.any():
        row = int(np.argmax(without))
        where = f'{table.place(row)}, column "{attributes[int(empty[:, row].argmax())]}"'
        if without.all():
            raise InputError(f"{where}: no value, and no row has all of {', '.join(attributes)}; complete the rows")
        warnings.warn(f"{where}: no value; {without.sum()} such rows are left out", stacklevel=3)
    return np.flatnonzero(~without)


def _check_rows(root: Path, files: list[str], places: list[str]) -> None:
    """Raises `InputError` for a file that is missing or listed twice."""
    check_files(root, files, places)
    first: dict[str, str] = {}
    for file, place in zip(files, places, strict=True):
        if file in first:
            raise InputError(f'{place}: "{file}" is already listed in {first[file]}; remove one')
        first[file] = place
