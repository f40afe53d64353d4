"""Type of the annotations that the readers return, and the reader of CSV tables; see also `pts.py` and `coco.py`.

The readers open no image. Every error names the file, the row or annotation, the field and the remedy.
"""

import dataclasses
from pathlib import Path

import numpy as np

from common.data.faces.scheme import LandmarkScheme
from common.data.tables import Table, read_table
from common.errors import InputError

NO_SUBSET = "all"
"""Subset of all rows of a file that names no subsets."""
_BOX_COLUMNS = ("box_x0", "box_y0", "box_x1", "box_y1")


@dataclasses.dataclass
class Annotations:
    """N annotated faces in file order."""

    files: list[str]
    """Image file of each face, relative to the root."""
    subsets: list[str]
    """Subset of each face."""
    places: list[str]
    """Place of each face in the annotation files, for messages: "labels.csv, row 17"."""
    landmarks: np.ndarray
    """Landmarks in 0-based pixels, float32 [N, K, 2]; 0 where `labelled` is False."""
    labelled: np.ndarray
    """Whether each landmark is annotated, bool [N, K]."""
    boxes: np.ndarray
    """Face boxes x0, y0, x1, y1 in pixels, float32 [N, 4]; NaN in rows without a box."""

    def take(self, rows: list[int]) -> "Annotations":
        """Annotations of the rows with these indices."""
        files, subsets, places = ([texts[i] for i in rows] for texts in (self.files, self.subsets, self.places))
        return Annotations(files, subsets, places, self.landmarks[rows], self.labelled[rows], self.boxes[rows])


def read_csv(path: Path, scheme: LandmarkScheme) -> Annotations:
    """Reads a table with the columns `file` and coordinates; `subset`, box and visibility columns are optional.

    The coordinate columns are `x0, y0, ..., x{K-1}, y{K-1}`, or `<name>_x, <name>_y` with the scheme's names, in
    0-based pixels. The visibility columns are `v0, ...` or `<name>_v`: 1 and 2 mean labelled, 0 means not labelled, and
    the coordinates may then be empty. The box columns are `box_x0, box_y0, box_x1, box_y1`. Other columns are ignored.
    """
    table = read_table(path)
    coordinates, visibilities = _landmark_columns(table, scheme)
    box_columns = _BOX_COLUMNS if any(name in table.columns for name in _BOX_COLUMNS) else ()
    table.require("file", *coordinates, *visibilities, *box_columns)
    count = len(table)
    labelled = table.numbers(visibilities) > 0 if visibilities else np.ones((count, scheme.count), bool)
    landmarks = table.numbers(coordinates, optional=np.repeat(~labelled, 2, axis=1))
    boxes = table.numbers(box_columns) if box_columns else np.full((count, 4), np.nan)
    return Annotations(
        files=table.columns["file"],
        subsets=table.columns.get("subset", [NO_SUBSET] * count),
        places=[table.place(row) for row in range(count)],
        landmarks=landmarks.reshape(count, scheme.count, 2).astype(np.float32),
        labelled=labelled,
        boxes=boxes.astype(np.float32),
    )


def _landmark_columns(table: Table, scheme: LandmarkScheme) -> tuple[list[str], list[str]]:
    """Names of the coordinate columns (2 K) and of the visibility columns (K or none)."""
    coordinates = [f"{name}_{axis}" for name in scheme.names for axis in "xy"]
    visibilities = [f"{name}_v" for name in scheme.names]
    if sum(name in table.columns for name in coordinates) <= scheme.count:
        numbered = [int(name[1:]) for name in table.columns if name[0:1] in ("x", "y") and name[1:].isdecimal()]
        found = max(numbered, default=-1) + 1
        if found and found != scheme.count:
            raise InputError(
                f"{table.path}: {found} landmarks (x0 to x{found - 1}), but the scheme {scheme.name} has "
                f"{scheme.count}; choose another scheme or declare one"
            )
        coordinates = [f"{axis}{k}" for k in range(scheme.count) for axis in "xy"]
        visibilities = [f"v{k}" for k in range(scheme.count)]
    return coordinates, visibilities if any(name in table.columns for name in visibilities) else []
