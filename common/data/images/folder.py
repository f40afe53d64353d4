"""A folder of images as a source: all of them, or those that a table lists beside their attributes."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.data import decode as images
from common.data.faces.annotations import nearest, read_table
from common.data.faces.folder import check_files, check_root
from common.data.images.labels import Labels, from_json, unlabelled
from common.data.images.source import ImageSource, image_names
from common.data.images.zip_file import ImageZip
from common.errors import InputError


class ImageFolder(ImageSource):
    """Image files by their names relative to a folder; `open_folder` and `open_table` make one."""

    def __init__(self, root: Path, files: Sequence[str], labels: Labels):
        self.root, self.files, self.labels = root, files, labels

    def read(self, row: int) -> bytes:
        return images.read(self.root / self.files[row])


def open_images(path: str | Path, labelled: bool | None = False) -> ImageSource:
    """`open_folder` or `ImageZip`, whichever the path is."""
    return open_folder(path, labelled) if Path(path).is_dir() else ImageZip(path, labelled)


def open_folder(root: str | Path, labelled: bool | None = False) -> ImageFolder:
    """All images in a folder and those below it, sorted by name; their labels are in `dataset.json`, as in a zip file.

    Args:
      root: the folder.
      labelled: True where labels must be there, False where they are not wanted, None to take what there is.

    Raises:
      InputError: no such folder, no images, a label that is wrong or absent. An image that is none shows when decoded.
    """
    root = check_root(root)
    files = list_images(root)
    described = root / "dataset.json"
    data = images.read(described) if described.is_file() else None
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
      InputError: file, row or column that is wrong; a value that no row has.
    """
    root = check_root(root)
    path = root / table if (root / table).is_file() else Path(table)
    header, rows, numbers = read_table(path)
    attributes = attributes or {}
    for name in ("file", *attributes):
        if name not in header:
            raise InputError(f'{path}: column "{name}" is missing{nearest(name, header)}; add or rename it')
    columns = {name: [row[header.index(name)] for row in rows] for name in ("file", *attributes)}
    for name, positive in attributes.items():
        values = sorted(set(columns[name]) - {""})
        if positive not in values:
            listed = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
            raise InputError(f'{path}, column "{name}": no row has "{positive}"; there are {listed or "no values"}')
    empty = np.array([[cell == "" for cell in columns[name]] for name in attributes], bool).reshape(-1, len(rows))
    kept = np.flatnonzero(~empty.any(axis=0))
    if len(kept) < len(rows):
        _report_empty(path, empty, tuple(attributes), numbers)
    files = [columns["file"][row] for row in kept]
    _check_rows(root, files, [f"{path}, row {numbers[row]}" for row in kept])
    if not attributes:
        return ImageFolder(root, files, unlabelled(len(files)))
    labels = [[columns[name][row] == positive for name, positive in attributes.items()] for row in kept]
    return ImageFolder(root, files, Labels(np.array(labels, np.float32), len(attributes)))


def list_images(root: Path) -> list[str]:
    """Names of the images in a folder and below, relative to it, sorted. Errors and warnings as `image_names`."""

    def fail(error: OSError):
        raise InputError(f"{error.filename}: cannot be listed ({error.strerror}); check its permissions") from error

    names, seen = [], set()
    for folder, _, found in os.walk(root, onerror=fail, followlinks=True):
        if os.path.realpath(folder) in seen:
            raise InputError(f"{folder}: a folder that was read already under another name; remove the link")
        seen.add(os.path.realpath(folder))
        names += [(Path(folder) / name).relative_to(root).as_posix() for name in found]
    return image_names(names, str(root))


def _report_empty(path: Path, empty: np.ndarray, attributes: tuple[str, ...], numbers: list[int]) -> None:
    without = empty.any(axis=0)
    row = int(np.flatnonzero(without)[0])
    where = f'{path}, row {numbers[row]}, column "{attributes[int(empty[:, row].argmax())]}"'
    if without.all():
        raise InputError(f"{where}: no value, and no row has all of {', '.join(attributes)}; complete the rows")
    warnings.warn(f"{where}: no value; {without.sum()} such rows are left out", stacklevel=3)


def _check_rows(root: Path, files: list[str], places: list[str]) -> None:
    check_files(root, files, places)
    first: dict[str, str] = {}
    for file, place in zip(files, places, strict=True):
        if file in first:
            raise InputError(f'{place}: "{file}" is already listed in {first[file]}; remove one')
        first[file] = place
