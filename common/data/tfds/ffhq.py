"""FFHQ: 70,000 aligned faces, as its download script leaves them."""

from pathlib import Path

import tensorflow_datasets as tfds

from common.data.tfds.base import Split, check_count
from common.data.tfds.images import ImageBuilder, Picture, images_in
from common.errors import InputError

FOLDERS = {"1024px": "images1024x1024", "128px": "thumbnails128x128"}
OFFICIAL = 70_000
TRAINING = 60_000
"""Images below this number are the official training set, the others the validation set."""


class Ffhq(ImageBuilder, skip_registration=True):
    """FFHQ (Karras et al. 2019) at 1024 px, or its thumbnails of 128 px with resolution=128.

    Generators are trained on the "full" set; "training" and "validation" are the parts of its list. Without labels.
    """

    selections = {"full": "full", "training": "full", "validation": "full"}
    layout = f"manual_dir must hold {FOLDERS['1024px']}/ (or {FOLDERS['128px']}/), with or without folders of thousands"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name, description=f"the images of {folder}") for name, folder in FOLDERS.items()
    ]

    @classmethod
    def configure(cls, resolution: int = 1024, **options) -> tfds.core.BuilderConfig:
        super().configure(**options)
        return cls.choose("resolution", f"{resolution}px")

    def read(self, root: Path) -> dict[str, Split]:
        folder = root / FOLDERS[self.builder_config.name]
        images = sorted(images_in(folder, self.layout), key=lambda image: image.stem)
        pictures = [_picture(image, root) for image in images]
        check_count(str(folder), len(pictures), OFFICIAL, self.noun)
        return {"full": Split(len(pictures), pictures)}


def _picture(image: Path, root: Path) -> Picture:
    if not image.stem.isdecimal():
        raise InputError(f"{image}: images of FFHQ are named by a number, such as 00000.png; move it elsewhere")
    group = "training" if int(image.stem) < TRAINING else "validation"
    return Picture(image, image.relative_to(root).as_posix(), (group,))
