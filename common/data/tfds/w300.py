"""300-W: 68 landmarks on AFW, HELEN, LFPW and iBUG, as the four archives of the challenge are unpacked."""

from pathlib import Path

import numpy as np

from common.data.faces import schemes
from common.data.faces.pts import read_points
from common.data.tfds.base import Split, check_count
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError

# Folder: split, groups, number of faces. Order and numbers are those of the benchmark.
FOLDERS = {
    "afw": ("train", ("train",), 337),
    "helen/trainset": ("train", ("train",), 2000),
    "lfpw/trainset": ("train", ("train",), 811),
    "helen/testset": ("test", ("common", "full"), 330),
    "lfpw/testset": ("test", ("common", "full"), 224),
    "ibug": ("test", ("challenging", "full"), 135),
}
IMAGES = (".jpg", ".png", ".jpeg")


class W300(FaceBuilder, skip_registration=True):
    """300-W with its usual split: 3,148 faces for training, 554 common and 135 challenging ones for testing.

    The box is the bounding box of the landmarks (the ground-truth box of the benchmark). All landmarks count as
    visible: the annotation does not tell.
    """

    scheme = schemes.W300
    selections = {"train": "train", "test": "test", "common": "test", "challenging": "test", "full": "test"}
    layout = f"manual_dir must hold the folders {', '.join(FOLDERS)}, with a .pts file beside each image"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout

    def read(self, root: Path) -> dict[str, Split]:
        splits: dict[str, list[Face]] = {"train": [], "test": []}
        for folder, (split, groups, official) in FOLDERS.items():
            faces = [_face(path, root, groups) for path in sorted((root / folder).glob("*.pts"))]
            if not faces:
                raise InputError(f"{root / folder}: no .pts files; {self.layout}")
            check_count(str(root / folder), len(faces), official)
            splits[split] += faces
        return {split: Split(len(faces), faces) for split, faces in splits.items()}


def _face(path: Path, root: Path, groups: tuple[str, ...]) -> Face:
    candidates = [path.with_name(path.stem + extension) for extension in IMAGES]
    image = next((candidate for candidate in candidates if candidate.is_file()), None)
    if image is None:
        raise InputError(f"{path}: there is no image {path.stem}.jpg or .png beside it; copy it there")
    landmarks = read_points(path, schemes.W300)
    box = np.concatenate([landmarks.min(0), landmarks.max(0)])
    return Face(image, image.relative_to(root).as_posix(), groups, landmarks, np.ones(len(landmarks), np.bool_), box)
