"""Reader of COCO keypoints files."""

from pathlib import Path
from typing import Any

import numpy as np

from common.data.faces.annotations import NO_SUBSET, Annotations
from common.data.faces.scheme import LandmarkScheme
from common.errors import InputError
from common.files import read_json


def read_coco(path: Path, scheme: LandmarkScheme) -> Annotations:
    """Reads COCO keypoints: visibility 0 means not labelled, 1 (occluded) and 2 mean labelled.

    The box is the optional `bbox` of the annotation, the subset the optional field `subset` of the image.
    """
    content = read_json(path)
    for field in ("images", "annotations"):
        if not isinstance(content, dict) or not isinstance(content.get(field), list):
            raise InputError(f'{path}: the list "{field}" is missing; this is not a COCO keypoints file')
    images = {image.get("id"): image for image in content["images"] if isinstance(image, dict)}
    faces = [_face(path, i, entry, images, scheme) for i, entry in enumerate(content["annotations"])]
    if not faces:
        raise InputError(f'{path}: the list "annotations" is empty; annotate at least one image')
    files, subsets, places, points, boxes = map(list, zip(*faces, strict=True))
    points = np.stack(points)
    labelled = points[:, :, 2] > 0
    landmarks = np.where(labelled[:, :, None], points[:, :, :2], 0).astype(np.float32)
    return Annotations(files, subsets, places, landmarks, labelled, np.array(boxes, np.float32))


def _face(path: Path, i: int, entry: Any, images: dict, scheme: LandmarkScheme) -> tuple:
    """File, subset, place, points [K, 3] and four box values of annotation `i`."""
    place = f"{path}, annotation {entry.get('id', i) if isinstance(entry, dict) else i}"
    if not isinstance(entry, dict) or not isinstance(entry.get("keypoints"), list):
        raise InputError(f'{place}: the list "keypoints" is missing; add it or remove the annotation')
    if len(entry["keypoints"]) != 3 * scheme.count:
        raise InputError(
            f'{place}: "keypoints" has {len(entry["keypoints"])} values, the scheme {scheme.name} needs '
            f"{3 * scheme.count} (x, y, visibility of {scheme.count} landmarks); choose another scheme or correct it"
        )
    image = images.get(entry.get("image_id"))
    if image is None or not isinstance(image.get("file_name"), str):
        raise InputError(
            f'{place}: "image_id" {entry.get("image_id")} names no image with a "file_name"; add the image'
        )
    points = _numbers(place, "keypoints", entry["keypoints"]).reshape(-1, 3)
    box = [np.nan] * 4
    if entry.get("bbox"):
        values = _numbers(place, "bbox", entry["bbox"])
        if values.shape != (4,):
            raise InputError(f'{place}: "bbox" must be x, y, width, height; correct it')
        box = [values[0], values[1], values[0] + values[2], values[1] + values[3]]
    return image["file_name"], str(image.get("subset", NO_SUBSET)), place, points, box


def _numbers(place: str, field: str, values: list) -> np.ndarray:
    for k, value in enumerate(values):
        if not isinstance(value, int | float) or not np.isfinite(value):
            raise InputError(f'{place}: "{field}" value {k} is {value!r}, not a finite number; correct it')
    return np.array(values, np.float64)
