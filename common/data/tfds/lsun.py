"""LSUN church: outdoor views, in the folders that LSUN's own tool exports from its databases."""

from pathlib import Path

from common.data.tfds.images import ImageBuilder, Picture

FOLDERS = {"train": "church_outdoor_train", "val": "church_outdoor_val"}
OFFICIAL = {"train": 126_227, "val": 300}


class LsunChurch(ImageBuilder):
    """LSUN church outdoor (Yu et al. 2015): 126,227 images for training and 300 for validation, without labels.

    The images are sorted by their names in the databases, without the folders.
    """

    selections = {"train": "train", "val": "val"}
    layout = (
        f"manual_dir must hold {FOLDERS['train']}/ and {FOLDERS['val']}/, each made by LSUN's "
        "`data.py export` from the database of the same name with _lmdb at its end"
    )

    def read(self, root: Path) -> dict[str, list[Picture]]:
        name = lambda image: image.name
        return {split: self.pictures_in(root / FOLDERS[split], OFFICIAL[split], key=name) for split in FOLDERS}
