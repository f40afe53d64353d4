"""Source of annotated faces from a folder of images."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.data.decode import upright_size
from common.data.faces.annotations import Annotations, read_csv
from common.data.faces.boxes import landmark_box
from common.data.faces.coco import read_coco
from common.data.faces.pts import read_pts
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.source import Source
from common.data.images.find import check_files, check_folder, list_files
from common.errors import InputError, nearest
from common.files import read_bytes

SAME_FACE = 0.1
"""Two rows of one image annotate the same face if their landmarks differ by less than this part of the face's size."""


class FolderSource(Source):
    """Source of annotated images under `root`. All annotations are checked at once, and no image is decoded.

    Args:
      root: folder that the image names are relative to.
      annotations: CSV table, COCO keypoints JSON, or folder or glob of .pts files, relative to `root` or to the working
        directory; `read_csv`, `read_coco` and `read_pts` describe the formats. Coordinates refer to the upright image.
      scheme: scheme of the annotated landmarks.
      subsets: names of the subsets whose rows are kept (CSV: column `subset`; .pts: the folder; COCO: field of the
        image); None keeps all rows.

    A row without a box gets the bounding box of its landmarks. A landmark outside its image is not visible; a warning
    counts such landmarks. Only the headers of the images are read.

    Raises:
      InputError: a file, row, value or subset is wrong; one line names it and the remedy.
    """

    def __init__(
        self,
        root: str | Path,
        annotations: str | Path,
        scheme: LandmarkScheme,
        subsets: Sequence[str] | None = None,
    ):
        self.root = check_folder(root)
        rows = _read(self.root, str(annotations), scheme)
        if subsets is not None:
            rows = _select(rows, subsets, str(annotations))
        rows = _labelled_only(rows)
        _check_values(rows)
        _check_duplicates(rows)
        self.scheme = scheme
        self.files = rows.files
        self.subsets = rows.subsets
        self.landmarks = rows.landmarks
        self.visible = rows.labelled & _inside(rows, _sizes(rows, self.root))
        self.boxes = _boxes(rows)

    def read(self, row: int) -> bytes:
        return read_bytes(self.root / self.files[row])


def _read(root: Path, annotations: str, scheme: LandmarkScheme) -> Annotations:
    if any(c in annotations for c in "*?["):
        paths = sorted(path for path in root.glob(annotations) if path.suffix == ".pts")
        if not paths:
            raise InputError(f"{root / annotations}: the pattern matches no .pts file; correct it")
        return read_pts(paths, root, root, scheme)
    path = root / annotations if (root / annotations).exists() else Path(annotations)
    if path.is_dir():
        paths = [path / name for name in list_files(path) if name.endswith(".pts")]
        return read_pts(sorted(p for p in paths if not p.name.startswith(".")), path, root, scheme)
    if not path.is_file():
        found = [name for name in os.listdir(root) if name.endswith((".csv", ".json"))]
        raise InputError(f"{root / annotations}: no such annotations{nearest(annotations, found)}; correct the path")
    if path.suffix.lower() not in (".csv", ".json"):
        raise InputError(
            f"{path}: annotations are a .csv, a .json (COCO) or a folder of .pts; convert it to one of them"
        )
    return read_csv(path, scheme) if path.suffix.lower() == ".csv" else read_coco(path, scheme)


def _select(rows: Annotations, subsets: Sequence[str], annotations: str) -> Annotations:
    wanted = (subsets,) if isinstance(subsets, str) else tuple(subsets)
    available = sorted(set(rows.subsets))
    listed = ", ".join(available)
    if not wanted:
        raise InputError(f"{annotations}: no subset chosen, so nothing is left; available: {listed}")
    for subset in wanted:
        if subset not in available:
            raise InputError(
                f'{annotations}: subset "{subset}" has no rows{nearest(subset, available)}; available: {listed}'
            )
    return rows.take([i for i, subset in enumerate(rows.subsets) if subset in wanted])


def _labelled_only(rows: Annotations) -> Annotations:
    """Rows with a labelled landmark. A warning counts the other rows; `InputError` if there is no such row."""
    keep = rows.labelled.any(axis=1)
    if not keep.any():
        raise InputError(f"{rows.places[0]}: no landmark is labelled in this or any other row; annotate some")
    if keep.all():
        return rows
    place, missing = rows.places[int(np.argmin(keep))], (~keep).sum()
    warnings.warn(f"{place}: no labelled landmark; {missing} such rows are left out", stacklevel=3)
    return rows.take(np.flatnonzero(keep).tolist())


def _check_values(rows: Annotations) -> None:
    points = rows.landmarks[rows.labelled]
    if rows.landmarks.shape[1] > 1 and points.min() >= 0 and points.max() <= 1:
        raise InputError(
            f"{rows.places[0]}: all coordinates are between 0 and 1; they must be pixels, so multiply by "
            "the image's width and height"
        )
    for i in np.flatnonzero((rows.boxes[:, 2:] <= rows.boxes[:, :2]).any(axis=1)):
        raise InputError(f"{rows.places[i]}: the box {rows.boxes[i].tolist()} is empty; it must be x0 < x1, y0 < y1")


def _boxes(rows: Annotations) -> np.ndarray:
    """Given boxes, or the bounding boxes of the labelled landmarks in rows without a box. float32 [N, 4]."""
    around = landmark_box(rows.landmarks, rows.labelled)
    given = np.all(np.isfinite(rows.boxes), axis=1)
    for i in np.flatnonzero(~given & ((around[:, 2:] - around[:, :2]).max(axis=1) <= 0)):
        raise InputError(f"{rows.places[i]}: the landmarks all lie at one place and there is no box; add a box")
    return np.where(given[:, None], rows.boxes, around)


def _check_duplicates(rows: Annotations) -> None:
    """Raises `InputError` for a face that is annotated twice in one subset.

    An image may show several faces, and a face may be in several subsets.
    """
    faces: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(rows.subsets, rows.files, strict=True)):
        for j in faces.setdefault(key, []):
            distance = np.linalg.norm(rows.landmarks[i] - rows.landmarks[j], axis=-1).mean()
            if distance <= SAME_FACE * np.ptp(rows.landmarks[j], axis=0).max():
                raise InputError(f'{rows.places[i]}: the same face of "{key[1]}" as in {rows.places[j]}; remove one')
        faces[key].append(i)


def _sizes(rows: Annotations, root: Path) -> np.ndarray:
    """Width and height of each row's image in pixels, float32 [N, 2]; the header of each image is read once."""
    check_files(root, rows.files, rows.places)
    sizes = {file: upright_size(root / file) for file in dict.fromkeys(rows.files)}
    return np.array([sizes[file] for file in rows.files], np.float32)


def _inside(rows: Annotations, sizes: np.ndarray) -> np.ndarray:
    """Whether each landmark lies on its image, bool [N, K].

    In real annotations, landmarks lie a few pixels outside if the border cuts the face; a warning counts them. It is an
    `InputError` if a landmark is farther away than the image is long, or if most of a face lies outside.
    """
    # The first pixel covers -0.5 to 0.5.
    inside = np.all((rows.landmarks >= -0.5) & (rows.landmarks <= sizes[:, None, :] - 0.5), axis=-1)
    outside = ~inside & rows.labelled
    longest = sizes.max(axis=1)[:, None, None]
    absurd = ((rows.landmarks < -longest) | (rows.landmarks > sizes[:, None, :] + longest)).any(axis=-1) & rows.labelled
    counts = outside.sum(axis=1)
    for i in np.flatnonzero(2 * counts > rows.labelled.sum(axis=1)):
        width, height = sizes[i].astype(int)
        raise InputError(
            f'{rows.places[i]}: {counts[i]} of {rows.labelled[i].sum()} landmarks lie outside "{rows.files[i]}" '
            f"({width} x {height} px); give them in pixels of this file, upright, or correct the row"
        )
    for i, k in np.argwhere(absurd):
        x, y = rows.landmarks[i, k]
        raise InputError(f'{rows.places[i]}: landmark {k} ({x:g}, {y:g}) is far outside "{rows.files[i]}"; correct it')
    if counts.any():
        first = int(np.flatnonzero(counts)[0])
        warnings.warn(
            f"{rows.places[first]}: a landmark lies outside the image and gets no weight, "
            f"as do {counts.sum()} landmarks in {(counts > 0).sum()} rows",
            stacklevel=3,
        )
    return inside
