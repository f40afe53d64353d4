"""Reader of .pts files, the format of 300-W: one face per file, beside an image of the same name."""

from pathlib import Path

import numpy as np

from common.data.faces.annotations import NO_SUBSET, Annotations
from common.data.faces.scheme import LandmarkScheme
from common.data.images.find import SUFFIXES
from common.data.tables import to_float
from common.errors import InputError


def read_pts(paths: list[Path], base: Path, root: Path, scheme: LandmarkScheme) -> Annotations:
    """Reads .pts files under `base`.

    An image lies beside its .pts file, or under `root` at the place that the .pts file has under `base`. The subset is
    the folder of the .pts file, relative to `base`.
    """
    if not paths:
        raise InputError(f"{base}: no .pts files; check the path")
    landmarks = np.stack([read_points(path, scheme) for path in paths])
    relative = [path.relative_to(base) for path in paths]
    return Annotations(
        files=[_image_name(path, root / name, root) for path, name in zip(paths, relative, strict=True)],
        subsets=[name.parent.as_posix() if name.parent != Path() else NO_SUBSET for name in relative],
        places=[str(path) for path in paths],
        landmarks=landmarks,
        labelled=np.ones(landmarks.shape[:2], bool),
        boxes=np.full((len(paths), 4), np.nan, np.float32),
    )


def read_points(path: Path, scheme: LandmarkScheme) -> np.ndarray:
    """Points of one file in 0-based pixels, float32 [K, 2]. The format counts from 1, so 1 is subtracted."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        head, _, rest = text.partition("{")
        body, closed, _ = rest.partition("}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as text ({error}); copy it again") from error
    if not closed:
        raise InputError(f"{path}: the points between {{ and }} are missing or cut off; copy the file again")
    points = [line.split() for line in body.splitlines() if line.strip()]
    declared = [line.split(":")[1].strip() for line in head.splitlines() if line.strip().startswith("n_points:")]
    if declared and declared[0] != str(len(points)):
        raise InputError(f'{path}: field "n_points" says {declared[0]}, the file holds {len(points)}; copy it again')
    if len(points) != scheme.count:
        raise InputError(
            f"{path}: {len(points)} points, but the scheme {scheme.name} has {scheme.count}; choose another scheme"
        )
    values = np.array([[to_float(cell) for cell in (*point, "nan", "nan")[:2]] for point in points])
    for k, point in enumerate(points):
        if len(point) != 2 or not np.isfinite(values[k]).all():
            raise InputError(f'{path}, point {k + 1}: "{" ".join(point)}" is not two finite numbers; correct it')
    return (values - 1).astype(np.float32)


def image_of(*places: Path) -> Path:
    """First image among the places, whose suffixes are replaced by the suffixes of images.

    Raises:
      InputError: there is no image at any place.
    """
    for place in places:
        for suffix in SUFFIXES:
            for candidate in (place.with_suffix(suffix), place.with_suffix(suffix.upper())):
                if candidate.is_file():
                    return candidate
    raise InputError(f"{places[0]}: no image with this name beside it or at {places[-1].with_suffix('')}.*; add it")


def _image_name(points: Path, place: Path, root: Path) -> str:
    image = image_of(points, place)
    return str(image.relative_to(root)) if image.is_relative_to(root) else str(image)
