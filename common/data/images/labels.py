"""Labels of images (one-hot classes, or attributes as 0 and 1) and the `dataset.json` of StyleGAN2."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from common.errors import InputError, nearest
from common.files import parse_json

MAX_CLASSES = 65_536
"""Limit of the number of classes, because each label is a vector of this length. A larger number is a mistake."""


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
    """Labels of N images; `labels[row]` is float32 [size]."""

    values: np.ndarray
    """Classes counted from 0, int64 [N], which become one-hot vectors; or the labels themselves, float32 [N, size]."""
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
        """Labels of these rows, of the same length."""
        return Labels(self.values[rows], self.size)


def unlabelled(count: int) -> Labels:
    """Empty labels for `count` images."""
    return Labels(np.zeros((count, 0), np.float32), 0)


def from_json(data: bytes | None, place: str, files: Sequence[str], labelled: bool | None) -> Labels:
    """Labels in StyleGAN2's format {"labels": [[file, label], ...]}; null instead of the list means no labels.

    Either all labels are classes, whole numbers from 0, or all are lists of numbers. One-hot vectors have an entry per
    class up to the largest one.

    Args:
      data: content of `dataset.json`; None if there is no such file.
      place: path of the file, for messages.
      files: images in the wanted order. Each needs a label, and a label of any other file is an error.
      labelled: True if labels are required, False if they are not wanted, None to take labels if there are any.

    Raises:
      InputError: a label is wrong or absent; names the file, the entry and the remedy.
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
        raise InputError(f'{place}: no label for "{missing[0]}", one of {len(missing)} images without a label; add it')
    return _labels({file: by_file[file] for file in files}, place)


def to_json(labels: Labels, files: Sequence[str]) -> str:
    """Text of a `dataset.json` with these labels for these files."""
    if not labels.size:
        return json.dumps({"labels": None})
    return json.dumps({"labels": [[file, value] for file, value in zip(files, labels.values.tolist(), strict=True)]})


def _entries(data: bytes, place: str) -> list | None:
    described = parse_json(data, place)
    if not isinstance(described, dict) or not isinstance(described.get("labels"), list | None):
        raise InputError(f'{place}: must hold {{"labels": [[file, label], ...]}}, or null instead of the list')
    return described.get("labels")


def _by_file(entries: list, place: str, files: set[str]) -> dict[str, Any]:
    """Image -> its label in the form that the file gives."""
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
    classes = type(values[0]) is int  # `isinstance` would accept True and False
    length = len(values[0]) if isinstance(values[0], list) else 0
    for file, value in by_file.items():
        if classes and (type(value) is not int or not 0 <= value < MAX_CLASSES):
            like = f"a class from 0 to {MAX_CLASSES - 1}"
        elif not classes and not _is_vector(value, length):
            like = f"{length} finite numbers" if length else "a class (a whole number) or a list of numbers"
        else:
            continue
        raise InputError(f'{place}: the label of "{file}" is {value!r:.60}, not {like}; correct it')
    if classes:
        return Labels(np.array(values, np.int64), max(values) + 1)
    return Labels(np.array(values, np.float32), length)


def _is_vector(value: Any, length: int) -> bool:
    largest = float(np.finfo(np.float32).max)
    return (
        isinstance(value, list)
        and len(value) == length > 0
        and all(type(number) in (int, float) and abs(number) <= largest for number in value)
    )
