"""FFHQ: 70,000 aligned faces, as its download script leaves them."""

import dataclasses
from pathlib import Path

import tensorflow_datasets as tfds

from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

FOLDERS = {"1024px": "images1024x1024", "128px": "thumbnails128x128"}
OFFICIAL = 70_000
TRAINING = 60_000
"""Images below this number are the official training set, the others the validation set."""


class Ffhq(ImageBuilder):
    """FFHQ (Karras et al. 2019) at 1024 px, or its thumbnails of 128 px with resolution=128, without labels.

    Generators are trained on the "full" set; "training" and "validation" are the parts of its list.
    """

    selections = {"full": "full", "training": "full", "validation": "full"}
    layout = f"manual_dir must hold {FOLDERS['1024px']}/ (or {FOLDERS['128px']}/), with or without folders of thousands"
    option, variants = "resolution", FOLDERS

    @classmethod
    def configure(cls, resolution: int = 1024, **options) -> tfds.core.BuilderConfig:
        return super().configure(resolution=f"{resolution}px", **options)

    def read(self, root: Path) -> dict[str, list[Picture]]:
        pictures = self.pictures_in(root / FOLDERS[self.builder_config.name], OFFICIAL, key=lambda image: image.stem)
        return {"full": [dataclasses.replace(picture, groups=_groups(picture.image)) for picture in pictures]}


def _groups(image: Path) -> tuple[str]:
    if not image.stem.isdecimal():
        raise InputError(f"{image}: images of FFHQ are named by a number, such as 00000.png; move it elsewhere")
    return ("training",) if int(image.stem) < TRAINING else ("validation",)
