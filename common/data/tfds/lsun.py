"""LSUN church: outdoor views, as LSUN's own tool exports them from its databases."""

from pathlib import Path

from common.data.tfds.images import ImageBuilder, Picture

FOLDERS = {"train": "church_outdoor_train", "val": "church_outdoor_val"}
OFFICIAL = {"train": 126_227, "val": 300}


class LsunChurch(ImageBuilder):
    """LSUN church outdoor (Yu et al. 2015): 126,227 images for training and 300 for validation, without labels.

    The images are sorted by the name of the file in the databases, whatever the folders.
    """

    selections = {"train": "train", "val": "val"}
    layout = (
        f"manual_dir must hold {FOLDERS['train']}/ and {FOLDERS['val']}/, each what LSUN's `data.py export` "
        "makes of the database of that name with _lmdb behind it"
    )

    def read(self, root: Path) -> dict[str, list[Picture]]:
        by_name = lambda image: image.name
        return {split: self.pictures_in(root / FOLDERS[split], OFFICIAL[split], by_name) for split in FOLDERS}
