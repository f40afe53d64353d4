"""What a reader of annotation files returns, and the reader of CSV tables. `pts.py` and `coco.py` hold the others.

The readers never open an image. Every error names the file, the row or annotation, the field and the remedy.
"""

import csv
import dataclasses
import difflib
from pathlib import Path

import numpy as np

from common.data.faces.scheme import LandmarkScheme
from common.errors import InputError

NO_SUBSET = "all"
"""The subset of every row of a file that names none."""
BOX_COLUMNS = ("box_x0", "box_y0", "box_x1", "box_y1")


@dataclasses.dataclass
class Annotations:
    """N annotated faces in file order."""

    files: list[str]
    """Image files, relative to the root."""
    subsets: list[str]
    places: list[str]
    """Where each row comes from, for messages: "labels.csv, row 17"."""
    landmarks: np.ndarray
    """float32 [N, K, 2], pixels, 0-based; 0 where not labelled."""
    labelled: np.ndarray
    """bool [N, K]"""
    boxes: np.ndarray
    """float32 [N, 4] x0, y0, x1, y1; NaN in the rows without a box."""
    extra: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """The CSV columns that mean nothing here, by name."""

    def take(self, rows: list[int]) -> "Annotations":
        """The rows with these indices."""

        def pick(values):
            return [values[i] for i in rows]

        return Annotations(
            pick(self.files),
            pick(self.subsets),
            pick(self.places),
            self.landmarks[rows],
            self.labelled[rows],
            self.boxes[rows],
            {name: pick(values) for name, values in self.extra.items()},
        )


def nearest(word: str, words) -> str:
    """' (nearest: "...")', or nothing where no word is near."""
    near = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f' (nearest: "{near[0]}")' if near else ""


def read_csv(path: Path, scheme: LandmarkScheme) -> Annotations:
    """A table with a header: `file`, coordinates, optionally `subset`, a box and visibilities; other columns are kept.

    Coordinates are `x0, y0, ..., x{K-1}, y{K-1}` or `<name>_x, <name>_y` with the scheme's names, in pixels, 0-based.
    Visibilities are `v0 ...` or `<name>_v`: 0 is not labelled (its coordinates may then be empty), 1 and 2 are.
    A box is `box_x0, box_y0, box_x1, box_y1`.
    """
    header, rows, numbers = read_table(path)
    column = {name: i for i, name in enumerate(header)}
    coordinates, visibilities = _landmark_columns(path, column, scheme)
    has_boxes = any(name in column for name in BOX_COLUMNS)
    used = ["file", "subset", *coordinates, *visibilities, *(BOX_COLUMNS if has_boxes else ())]
    for name in used:
        if name not in column and name != "subset":
            raise InputError(f'{path}: column "{name}" is missing{nearest(name, header)}; add or rename it')

    def cells(names):
        return [[row[column[name]] for name in names] for row in rows]

    labelled = np.ones((len(rows), scheme.count), bool)
    if visibilities:
        labelled = _numbers(path, cells(visibilities), visibilities, numbers) > 0
    optional = np.repeat(~labelled, 2, axis=1)
    landmarks = _numbers(path, cells(coordinates), coordinates, numbers, optional)
    boxes = np.full((len(rows), 4), np.nan)
    if has_boxes:
        boxes = _numbers(path, cells(BOX_COLUMNS), BOX_COLUMNS, numbers)
    return Annotations(
        files=[row[column["file"]] for row in rows],
        subsets=[row[column["subset"]] for row in rows] if "subset" in column else [NO_SUBSET] * len(rows),
        places=[f"{path}, row {number}" for number in numbers],
        landmarks=landmarks.reshape(len(rows), scheme.count, 2).astype(np.float32),
        labelled=labelled,
        boxes=boxes.astype(np.float32),
        extra={name: [row[i] for row in rows] for name, i in column.items() if name not in used},
    )


def read_table(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line number of each row of a CSV file; the header is line 1.

    Raises `InputError`: not readable as CSV, no rows, a column twice, a row that is too short or too long.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            lines = [([cell.strip() for cell in row], reader.line_num) for row in reader if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8 ({error}); save it again as such") from error
    if len(lines) < 2:
        raise InputError(f"{path}: has no rows; it needs a header (file,x0,y0,...) and one row an image")
    (header, _), *body = lines
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        raise InputError(f"{path}: columns must be separated by commas; save it again as such")
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise InputError(
            f'{path}: column "{repeated[0]}" appears {header.count(repeated[0])} times; remove or rename one'
        )
    for row, number in body:
        if len(row) != len(header):
            raise InputError(
                f"{path}, row {number}: {len(row)} values for {len(header)} columns; complete or remove it"
            )
    return header, [row for row, _ in body], [number for _, number in body]


def _landmark_columns(path: Path, column: dict[str, int], scheme: LandmarkScheme) -> tuple[list[str], list[str]]:
    """The names of the coordinate columns (2 K) and of the visibility columns (K or none)."""
    by_name = [f"{name}_{axis}" for name in scheme.names for axis in "xy"]
    if sum(name in column for name in by_name) > scheme.count:
        visibilities = [f"{name}_v" for name in scheme.names]
        return by_name, visibilities if any(name in column for name in visibilities) else []
    numbered = [int(name[1:]) for name in column if name[0:1] in ("x", "y") and name[1:].isdecimal()]
    found = max(numbered, default=-1) + 1
    if found and found != scheme.count:
        raise InputError(
            f"{path}: {found} landmarks (x0 to x{found - 1}), but the scheme {scheme.name} has {scheme.count}; "
            "choose another scheme or declare one"
        )
    visibilities = [f"v{k}" for k in range(scheme.count)]
    coordinates = [f"{axis}{k}" for k in range(scheme.count) for axis in "xy"]
    return coordinates, visibilities if any(name in column for name in visibilities) else []


def _numbers(path: Path, cells: list[list[str]], names, numbers: list[int], optional: np.ndarray | None = None):
    """float64 [N, len(names)]; every value finite, but for those that are `optional`, which become 0."""
    try:
        values = np.array(cells).astype(np.float64)
    except ValueError:
        values = np.array([[to_float(cell) for cell in row] for row in cells])
    wrong = ~(np.abs(values) <= np.finfo(np.float32).max)
    if optional is not None:
        values[optional] = 0
        wrong &= ~optional
    if wrong.any():
        row, i = np.argwhere(wrong)[0]
        raise InputError(
            f'{path}, row {numbers[row]}, column "{names[i]}": "{cells[row][i]}" is not a finite number; '
            "correct it or remove the row"
        )
    return values


def to_float(cell: str) -> float:
    """NaN where the text is no number."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")
