"""Labels of images: classes as one-hot vectors, attributes as 0 and 1; and the `dataset.json` of StyleGAN2."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from common.errors import InputError, nearest
from common.files import parse_json

MAX_CLASSES = 65_536
"""A larger class number is a mistake, as each label would be a vector of that length."""


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """The labels of N images; `labels[row]` is float32 [size]."""

    values: np.ndarray
    """int64 [N], classes counted from 0, which become one-hot vectors; or float32 [N, size], taken as they are."""
    size: int
    """Length of a label; 0 for images without labels."""

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, row: int) -> np.ndarray:
        value = self.values[row]
        if self.values.ndim == 2:
            return value
        return (np.arange(self.size) == value).astype(np.float32)

    def take(self, rows: np.ndarray) -> "Labels":
        """The labels of these rows, as long as before."""
        return Labels(self.values[rows], self.size)


def unlabelled(count: int) -> Labels:
    """Labels of length 0 for `count` images."""
    return Labels(np.zeros((count, 0), np.float32), 0)


def from_json(data: bytes | None, place: str, files: Sequence[str], labelled: bool | None) -> Labels:
    """Labels in the format of StyleGAN2: {"labels": [[file, label], ...]}, or null where there are none.

    A label is a class, a whole number from 0, or a list of numbers; all are of one kind. The one-hot vectors are as
    long as the largest class says.

    Args:
      data: content of `dataset.json`; None where there is no such file.
      place: where it is or should be, for messages.
      files: the images, in the order wanted; each needs a label, and a label for anything else is an error.
      labelled: True where labels must be there, False where they are not wanted, None to take what there is.

    Raises:
      InputError: names the file, the entry and the remedy.
    """
    if labelled is False:
        return unlabelled(len(files))
    entries = None if data is None else _entries(data, place)
    if entries is None:
        if labelled:
            why = "there is no such file" if data is None else '"labels" is null or absent'
            raise InputError(f"{place}: labels are asked for, but {why}; add them or train without labels")
        return unlabelled(len(files))
    by_file = _by_file(entries, place, set(files))
    missing = [file for file in files if file not in by_file]
    if missing:
        raise InputError(f'{place}: no label for "{missing[0]}", one of {len(missing)} images without; add it')
    return _labels({file: by_file[file] for file in files}, place)


def to_json(labels: Labels, files: Sequence[str]) -> str:
    """The text of a `dataset.json` that gives these labels to these files."""
    if not labels.size:
        return json.dumps({"labels": None})
    return json.dumps({"labels": [[file, value] for file, value in zip(files, labels.values.tolist(), strict=True)]})


def _entries(data: bytes, place: str) -> list | None:
    described = parse_json(data, place)
    if not isinstance(described, dict) or not isinstance(described.get("labels"), list | None):
        raise InputError(f'{place}: must hold {{"labels": [[file, label], ...]}} or null in place of the list')
    return described.get("labels")


def _by_file(entries: list, place: str, files: set[str]) -> dict[str, Any]:
    """Image -> its label as the file gives it."""
    found = {}
    for number, entry in enumerate(entries, start=1):
        where = f'{place}, entry {number} of "labels"'
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], str):
            raise InputError(f"{where}: must be [file, label]; correct it")
        file, label = entry
        if file not in files:
            raise InputError(
                f'{where}: there is no image "{file}"{nearest(file, files)}; add the image or remove the entry'
            )
        if file in found:
            raise InputError(f'{where}: "{file}" has a label already; remove one')
        found[file] = label
    return found


def _labels(by_file: dict[str, Any], place: str) -> Labels:
    values = list(by_file.values())
    classes = type(values[0]) is int  # True and False are ints to `isinstance`
    length = len(values[0]) if isinstance(values[0], list) else None
    for file, value in by_file.items():
        if classes and (type(value) is not int or not 0 <= value < MAX_CLASSES):
            like = f"a class from 0 to {MAX_CLASSES - 1}"
        elif not classes and not _is_vector(value, length):
            like = "a class (a whole number) or a list of numbers" if length is None else f"{length} finite numbers"
        else:
            continue
        raise InputError(f'{place}: the label of "{file}" is {value!r:.60}, not {like}; correct it')
    if classes:
        return Labels(np.array(values, np.int64), max(values) + 1)
    return Labels(np.array(values, np.float32), length)


def _is_vector(value: Any, length: int | None) -> bool:
    largest = float(np.finfo(np.float32).max)
    return (
        isinstance(value, list)
        and len(value) == length > 0
        and all(type(number) in (int, float) and abs(number) <= largest for number in value)
    )
