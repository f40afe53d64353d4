"""A folder of images as a source: all of them, or those that a table lists beside their attributes."""

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
    """Image files by their names relative to a folder; `open_folder` and `open_table` make one."""

    def __init__(self, root: Path, files: Sequence[str], labels: Labels):
        self.root, self.files, self.labels = root, files, labels

    def read(self, row: int) -> bytes:
        return read_bytes(self.root / self.files[row])


def open_images(path: str | Path, labelled: bool | None = False) -> ImageSource:
    """The images of a folder (`open_folder`) or of a zip file (`ImageZip`), whichever the path is."""
    return open_folder(path, labelled) if Path(path).is_dir() else ImageZip(path, labelled)


def open_folder(root: str | Path, labelled: bool | None = False) -> ImageFolder:
    """All images in a folder and those below it, sorted by name; their labels are in `dataset.json`, as in a zip file.

    Args:
      root: the folder.
      labelled: True where labels must be there, False where they are not wanted, None to take what there is.

    Raises:
      InputError: no such folder, no images, a label that is wrong or absent. A file that is no image is noticed only
        when it is decoded.
    """
    root = check_folder(root)
    files, described = list_images(root), root / "dataset.json"
    data = read_bytes(described) if described.is_file() else None
    return ImageFolder(root, files, from_json(data, str(described), files, labelled))


def open_table(root: str | Path, table: str | Path, attributes: Mapping[str, str] | None = None) -> ImageFolder:
    """The images that a CSV table lists, in its order, labelled by some of its columns.

    Args:
      root: folder that the column `file` is relative to.
      table: relative to `root` or to the working directory.
      attributes: column -> the value that counts as 1, for example {"smile": "1", "glasses": "1"}; any other value is
        0. Labels are float32 [len(attributes)] in this order; without attributes there are none.

    A row without one of these values is left out, and a warning counts those.

    Raises:
      InputError: a file, row or column that is wrong; a value that no row has.
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
                f'{found.path}, column "{name}": no row has "{positive}"; there are {listed or "no values"}'
            )
    kept = _complete_rows(found, tuple(attributes))
    files = [found.columns["file"][row] for row in kept]
    _check_rows(root, files, [found.place(row) for row in kept])
    if not attributes:
        return ImageFolder(root, files, unlabelled(len(files)))
    labels = [[found.columns[name][row] == positive for name, positive in attributes.items()] for row in kept]
    return ImageFolder(root, files, Labels(np.array(labels, np.float32), len(attributes)))


def _complete_rows(table: Table, attributes: tuple[str, ...]) -> np.ndarray:
    """The rows that have a value in each of the columns."""
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
    check_files(root, files, places)
    first: dict[str, str] = {}
    for file, place in zip(files, places, strict=True):
        if file in first:
            raise InputError(f'{place}: "{file}" is already listed in {first[file]}; remove one')
        first[file] = place
