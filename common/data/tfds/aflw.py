"""AFLW: 19 of its 21 landmarks (without the ears) and the split of the public list `AFLWinfo_release.mat`."""

import collections
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import scipy.io
import tensorflow_datasets as tfds

from common.data.faces import schemes
from common.data.tfds.base import Split, check_count, check_images
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError

LIST = "AFLWinfo_release.mat"
# Unpacking the archives gives aflw/data/...; many move that folder up.
DATABASES = ("aflw/data/aflw.sqlite", "data/aflw.sqlite", "aflw.sqlite")
IMAGES = ("aflw/data/flickr", "data/flickr", "flickr")
TRAINING = 20_000
OFFICIAL = {"train": 20_000, "full": 4_386, "frontal": 1_314}
COUNT = schemes.AFLW19.count


class Aflw(FaceBuilder, skip_registration=True):
    """AFLW: 20,000 faces for training and 4,386 for testing, 1,314 of them frontal (all 19 landmarks visible).

    The public list defines everything: which faces, their split (the first 20,000 of the permutation `ra` train),
    landmarks and visibility. It locates invisible landmarks too, and published errors on AFLW count all 19; `visible`
    holds the list's flags all the same. Boxes are those of the list, or with boxes="sqlite" the rectangles of the
    original database: for a face of the list, the one in its image that overlaps its box most. The database alone is
    not enough, as it has no split. Coordinates are taken as they are, 0-based.
    """

    scheme = schemes.AFLW19
    selections = {"train": "train", "test": "test", "full": "test", "frontal": "test"}
    layout = f"manual_dir must hold {LIST} and the images in {IMAGES[0]}/{{0,2,3}} (or data/flickr, or flickr)"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name="mat", description="boxes of the public list"),
        tfds.core.BuilderConfig(name="sqlite", description="boxes of the original database"),
    ]

    @classmethod
    def configure(cls, boxes: str = "mat", **options) -> tfds.core.BuilderConfig:
        super().configure(**options)
        return cls.choose("boxes", boxes)

    def read(self, root: Path) -> dict[str, Split]:
        database = next((root / name for name in DATABASES if (root / name).is_file()), None)
        if not (root / LIST).is_file():
            why = f", and {database.name} alone has no split into training and test faces" if database else ""
            raise InputError(f"{root / LIST}: no such file{why}; {self.layout}")
        images = next((root / name for name in IMAGES if (root / name).is_dir()), None)
        if images is None:
            raise InputError(f"{root}: no folder of images; {self.layout}")
        fields = _read_list(root / LIST)
        if self.builder_config.name == "sqlite":
            if database is None:
                raise InputError(f"{root}: no {DATABASES[0]}, which boxes='sqlite' reads; add it or use boxes='mat'")
            fields["box"] = _database_boxes(database, fields["file"], fields["box"])
        return self._split(fields, images, root / LIST)

    def _split(self, fields: dict, images: Path, path: Path) -> dict[str, Split]:
        order = fields["order"]
        if len(order) <= TRAINING:
            raise InputError(f"{path}: {len(order)} faces, the split needs more than {TRAINING}; download it again")
        check_images((images / file for file in fields["file"]), path, self.layout)
        splits = {}
        for split, rows in (("train", order[:TRAINING]), ("test", order[TRAINING:])):
            faces = [_face(fields, row, images, split) for row in rows]
            splits[split] = Split(len(faces), faces)
        check_count(f"{path}, training set", len(splits["train"].items), OFFICIAL["train"])
        for group in ("full", "frontal"):
            found = sum(group in face.groups for face in splits["test"].items)
            check_count(f"{path}, test set {group}", found, OFFICIAL[group])
        return splits


def _face(fields: dict, row: int, images: Path, split: str) -> Face:
    visible = fields["visible"][row]
    groups = {"train": ("train",), "test": (("frontal" if visible.all() else "other"), "full")}[split]
    file = fields["file"][row]
    return Face(images / file, file, groups, fields["landmarks"][row], visible, fields["box"][row])


def _read_list(path: Path) -> dict:
    """Rows of the list: file [N], landmarks f32 [N, 19, 2], visible bool [N, 19], box f32 [N, 4], order int [N]."""
    wanted = {"nameList", "data", "mask_new", "bbox", "ra"}
    try:
        mat = scipy.io.loadmat(path, variable_names=wanted)  # numbers, strings and cells only: nothing is executed
        absent = wanted - mat.keys()
        if absent:
            raise ValueError(f"no field {min(absent)}")
        order = mat["ra"].astype(np.int64).ravel() - 1  # 1-based
        count = len(order)
        if not np.array_equal(np.sort(order), np.arange(count)):
            raise ValueError("ra is not a permutation")
        left, right, top, bottom = mat["bbox"].astype(np.float32).reshape(count, 4).T
        # One row holds all x, then all y.
        landmarks = mat["data"].astype(np.float32).reshape(count, 2, COUNT).transpose(0, 2, 1)
        files = [str(np.asarray(name).item()) for name in mat["nameList"].ravel()]
        if len(files) != count or not np.isfinite(landmarks).all():
            raise ValueError("nameList or data is incomplete")
        visible = mat["mask_new"].reshape(count, COUNT) == 1
    except Exception as error:  # a damaged .mat file raises whatever its parser meets
        raise InputError(f"{path}: not the public list of AFLW ({error}); download it again") from error
    box = np.stack([left, top, right, bottom], axis=1)
    return dict(file=files, landmarks=landmarks, visible=visible, box=box, order=order)


def _database_boxes(path: Path, files: list[str], boxes: np.ndarray) -> np.ndarray:
    """For each face of the list the rectangle of its image that overlaps its box most: float32 [N, 4]."""
    query = """SELECT FaceImages.filepath, FaceRect.x, FaceRect.y, FaceRect.w, FaceRect.h FROM Faces
        JOIN FaceImages ON FaceImages.file_id = Faces.file_id JOIN FaceRect ON FaceRect.face_id = Faces.face_id
        ORDER BY Faces.face_id"""
    rectangles = collections.defaultdict(list)
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            for file, x, y, width, height in connection.execute(query):
                rectangles[file].append((x, y, x + width, y + height))
        finally:
            connection.close()
    except (sqlite3.Error, TypeError) as error:
        raise InputError(f"{path}: not the database of AFLW ({error}); download it again") from error
    best, missing = boxes.copy(), 0
    for row, file in enumerate(files):
        candidates = np.array(rectangles.get(file, ()), np.float32).reshape(-1, 4)
        overlap = _overlap(candidates, boxes[row])
        if overlap.max(initial=0) > 0:
            best[row] = candidates[overlap.argmax()]
        else:
            missing += 1
    if missing:
        warnings.warn(f"{path}: no rectangle for {missing} faces; they keep the box of {LIST}", stacklevel=2)
    return best


def _overlap(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Intersection over union of [N, 4] with [4]: [N]."""
    low, high = np.maximum(boxes[:, :2], box[None, :2]), np.minimum(boxes[:, 2:], box[None, 2:])
    shared = _area(np.concatenate([low, high], axis=1))
    return shared / np.maximum(_area(boxes) + _area(box) - shared, 1e-9)


def _area(boxes: np.ndarray) -> np.ndarray:
    """[..., 4] -> [...], 0 where a box is empty."""
    return (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(-1)
