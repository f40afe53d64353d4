"""LSUN church: outdoor views, as LSUN's own tool exports them from its databases."""

from pathlib import Path

from common.data.tfds.base import Split, check_count
from common.data.tfds.images import ImageBuilder, Picture, images_in

FOLDERS = {"train": "church_outdoor_train", "val": "church_outdoor_val"}
OFFICIAL = {"train": 126_227, "val": 300}


class LsunChurch(ImageBuilder, skip_registration=True):
    """LSUN church outdoor (Yu et al. 2015): 126,227 images for training and 300 for validation, without labels.

    The images are sorted by the name of the file in the databases, whatever the folders.
    """

    selections = {"train": "train", "val": "val"}
    layout = (
        f"manual_dir must hold {FOLDERS['train']}/ and {FOLDERS['val']}/, each what LSUN's `data.py export` "
        "makes of the database of that name with _lmdb behind it"
    )
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout

    def read(self, root: Path) -> dict[str, Split]:
        splits = {}
        for split, folder in FOLDERS.items():
            images = sorted(images_in(root / folder, self.layout), key=lambda image: image.name)
            check_count(str(root / folder), len(images), OFFICIAL[split], self.noun)
            pictures = [Picture(image, image.relative_to(root).as_posix()) for image in images]
            splits[split] = Split(len(pictures), pictures)
        return splits
