"""WFLW: 98 landmarks and six attributes, read from the two unpacked archives (annotations, images)."""

from pathlib import Path

import numpy as np

from common.data.faces.schemes import WFLW
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError

LISTS = "WFLW_annotations/list_98pt_rect_attr_train_test"
OFFICIAL = {"train": 7500, "test": 2500}
# Attribute -> number of test faces, in the order of the list's columns.
ATTRIBUTES = {"pose": 326, "expression": 314, "illumination": 698, "makeup": 206, "occlusion": 736, "blur": 773}


class Wflw(FaceBuilder):
    """WFLW: 7,500 faces for training, 2,500 for testing, and six partly overlapping subsets of the latter.

    Coordinates and boxes are those of the list, taken as 0-based pixels. All landmarks count as visible, because
    occlusion is annotated as an attribute of the whole face only.
    """

    scheme = WFLW
    attributes = tuple(ATTRIBUTES)
    selections = {"train": "train", "test": "test", **dict.fromkeys(ATTRIBUTES, "test")}
    layout = f"manual_dir must hold {LISTS}/list_98pt_rect_attr_{{train,test}}.txt and the images in WFLW_images/"

    def read(self, root: Path) -> dict[str, list[Face]]:
        splits = {}
        for split, official in OFFICIAL.items():
            path = root / LISTS / f"list_98pt_rect_attr_{split}.txt"
            faces = splits[split] = [_face(line, where, root, split) for line, where in self.lines(path)]
            self.check_images(faces, path)
            self.check_count(str(path), len(faces), official)
        for attribute, official in ATTRIBUTES.items():
            found = sum(attribute in face.groups for face in splits["test"])
            self.check_count(f"{root / LISTS}, test subset {attribute}", found, official)
        return splits


def _face(line: str, where: str, root: Path, split: str) -> Face:
    """Face of a line: 196 coordinates, x_min y_min x_max y_max, six flags, image name (which may hold a space)."""
    fields = line.split(maxsplit=206)
    if len(fields) != 207:
        raise InputError(f"{where}: {len(fields)} fields where 207 were expected; download the list again")
    try:
        numbers = np.array(fields[:206], np.float32)
    except ValueError as error:
        raise InputError(f"{where}: {error}; download the list again") from error
    if not np.isfinite(numbers).all() or not np.isin(numbers[200:], (0, 1)).all():
        raise InputError(f"{where}: needs 200 finite numbers and six flags of 0 or 1; download the list again")
    attributes = numbers[200:] == 1
    # Only test faces form the attribute subsets, as published.
    chosen = [name for name, flag in zip(ATTRIBUTES, attributes, strict=True) if flag] if split == "test" else []
    landmarks, box = numbers[:196].reshape(98, 2), numbers[196:200]
    image = root / "WFLW_images" / fields[206]
    return Face(image, fields[206], (split, *chosen), landmarks, np.ones(98, np.bool_), box, attributes=attributes)
