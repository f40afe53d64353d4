"""300-W: 68 landmarks on AFW, HELEN, LFPW and iBUG, read from the four unpacked archives of the challenge."""

from pathlib import Path

import numpy as np

from common.data.faces.boxes import landmark_box
from common.data.faces.pts import image_of, read_points
from common.data.faces.schemes import SCHEMES
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError

# Folder -> split, groups, number of faces, in the order of the benchmark.
FOLDERS = {
    "afw": ("train", ("train",), 337),
    "helen/trainset": ("train", ("train",), 2000),
    "lfpw/trainset": ("train", ("train",), 811),
    "helen/testset": ("test", ("common", "full"), 330),
    "lfpw/testset": ("test", ("common", "full"), 224),
    "ibug": ("test", ("challenging", "full"), 135),
}


class W300(FaceBuilder):
    """300-W with its usual split: 3,148 faces for training, 554 common and 135 challenging ones for testing.

    The box is the bounding box of the landmarks (the ground-truth box of the benchmark). All landmarks count as
    visible, because visibility is not annotated.
    """

    scheme = SCHEMES["w300"]
    selections = {"train": "train", "test": "test", "common": "test", "challenging": "test", "full": "test"}
    layout = f"manual_dir must hold the folders {', '.join(FOLDERS)}, with a .pts file beside each image"

    def read(self, root: Path) -> dict[str, list[Face]]:
        splits: dict[str, list[Face]] = {"train": [], "test": []}
        for folder, (split, groups, official) in FOLDERS.items():
            faces = [_face(path, root, groups) for path in sorted((root / folder).glob("*.pts"))]
            if not faces:
                raise InputError(f"{root / folder}: no .pts files; {self.layout}")
            self.check_count(str(root / folder), len(faces), official)
            splits[split] += faces
        return splits


def _face(path: Path, root: Path, groups: tuple[str, ...]) -> Face:
    image, landmarks = image_of(path), read_points(path, W300.scheme)
    visible = np.ones(len(landmarks), np.bool_)
    return Face(image, image.relative_to(root).as_posix(), groups, landmarks, visible, landmark_box(landmarks, visible))
