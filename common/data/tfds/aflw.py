"""AFLW: 19 of its 21 landmarks (without the ears) and the split of the public list `AFLWinfo_release.mat`."""

import collections
import sqlite3
import warnings
from pathlib import Path

import numpy as np
import scipy.io

from common.data.faces.schemes import AFLW19
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError

LIST = "AFLWinfo_release.mat"
# The archives unpack to aflw/data/..., and many users move these folders up.
DATABASES = ("aflw/data/aflw.sqlite", "data/aflw.sqlite", "aflw.sqlite")
IMAGES = ("aflw/data/flickr", "data/flickr", "flickr")
TRAINING = 20_000
OFFICIAL = {"train": 20_000, "full": 4_386, "frontal": 1_314}
COUNT = AFLW19.count


class Aflw(FaceBuilder):
    """AFLW: 20,000 faces for training and 4,386 for testing, 1,314 of them frontal (all 19 landmarks visible).

    The public list defines the faces, their split (the first 20,000 of the permutation `ra` are for training),
    landmarks and visibility. It locates invisible landmarks as well, and published errors on AFLW count all 19;
    `visible` nevertheless holds the list's flags. The boxes are those of the list or, with boxes="sqlite", those of the
    original database: for each face of the list, the rectangle of its image that overlaps the list's box most. The
    database alone is not enough, because it has no split. Coordinates are taken unchanged as 0-based pixels.
    """

    scheme = AFLW19
    selections = {"train": "train", "test": "test", "full": "test", "frontal": "test"}
    layout = f"manual_dir must hold {LIST} and the images in {IMAGES[0]}/{{0,2,3}} (or data/flickr, or flickr)"
    option = "boxes"
    variants = {"mat": "boxes of the public list", "sqlite": "boxes of the original database"}

    def read(self, root: Path) -> dict[str, list[Face]]:
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

    def _split(self, fields: dict, images: Path, path: Path) -> dict[str, list[Face]]:
        order = fields["order"]
        if len(order) <= TRAINING:
            raise InputError(f"{path}: {len(order)} faces, the split needs more than {TRAINING}; download it again")
        faces = [_face(fields, row, images, i < TRAINING) for i, row in enumerate(order)]
        self.check_images((faces[i] for i in np.argsort(order)), path)
        for group, official in OFFICIAL.items():
            self.check_count(f"{path}, {group}", sum(group in face.groups for face in faces), official)
        return {"train": faces[:TRAINING], "test": faces[TRAINING:]}


def _face(fields: dict, row: int, images: Path, training: bool) -> Face:
    file, visible = fields["file"][row], fields["visible"][row]
    groups = ("train",) if training else ("frontal" if visible.all() else "other", "full")
    return Face(images / file, file, groups, fields["landmarks"][row], visible, fields["box"][row])


def _read_list(path: Path) -> dict:
    """Reads file [N], landmarks float32 [N, 19, 2], visible bool [N, 19], box float32 [N, 4] and order int64 [N]."""
    wanted = {"nameList", "data", "mask_new", "bbox", "ra"}
    try:
        mat = scipy.io.loadmat(path, variable_names=wanted)  # reads numbers, strings and cells, and executes nothing
        absent = wanted - mat.keys()
        if absent:
            raise ValueError(f"no field {min(absent)}")
        order = mat["ra"].astype(np.int64).ravel() - 1  # 1-based
        count = len(order)
        if not np.array_equal(np.sort(order), np.arange(count)):
            raise ValueError("ra is not a permutation")
        left, right, top, bottom = mat["bbox"].astype(np.float32).reshape(count, 4).T
        # A row holds all x, then all y.
        landmarks = mat["data"].astype(np.float32).reshape(count, 2, COUNT).transpose(0, 2, 1)
        files = [str(np.asarray(name).item()) for name in mat["nameList"].ravel()]
        if len(files) != count or not np.isfinite(landmarks).all():
            raise ValueError("nameList or data is incomplete")
        visible = mat["mask_new"].reshape(count, COUNT) == 1
    except Exception as error:  # a damaged .mat file causes errors of many types
        raise InputError(f"{path}: not the public list of AFLW ({error}); download it again") from error
    box = np.stack([left, top, right, bottom], axis=1)
    return dict(file=files, landmarks=landmarks, visible=visible, box=box, order=order)


def _database_boxes(path: Path, files: list[str], boxes: np.ndarray) -> np.ndarray:
    """Rectangle of the database that overlaps the list's box most, per face of the list. float32 [N, 4]."""
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
    """Intersection over union of each box [N, 4] with a box [4]. -> [N]."""
    low, high = np.maximum(boxes[:, :2], box[None, :2]), np.minimum(boxes[:, 2:], box[None, 2:])
    shared = _area(np.concatenate([low, high], axis=1))
    return shared / np.maximum(_area(boxes) + _area(box) - shared, 1e-9)


def _area(boxes: np.ndarray) -> np.ndarray:
    """Areas of boxes, 0 for an empty box. [..., 4] -> [...]."""
    return (boxes[..., 2:] - boxes[..., :2]).clip(0).prod(-1)
