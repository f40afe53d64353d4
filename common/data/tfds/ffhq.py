"""FFHQ: 70,000 aligned faces, in the folders that its download script makes."""

import dataclasses
from pathlib import Path

import tensorflow_datasets as tfds

from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

FOLDERS = {"1024px": "images1024x1024", "128px": "thumbnails128x128"}
OFFICIAL = 70_000
TRAINING = 60_000
"""Number of the first image of the official validation set; the images before it are the training set."""


class Ffhq(ImageBuilder):
    """FFHQ (Karras et al. 2019) without labels, at 1024 px or, with resolution=128, its thumbnails of 128 px.

    Generators are trained on the "full" set; "training" and "validation" are the official split.
    """

    selections = {"full": "full", "training": "full", "validation": "full"}
    layout = f"manual_dir must hold {FOLDERS['1024px']}/ (or {FOLDERS['128px']}/), with or without folders of thousands"
    option, variants = "resolution", FOLDERS

    @classmethod
    def configure(cls, resolution: int = 1024, **options) -> tfds.core.BuilderConfig:
        return super().configure(resolution=f"{resolution}px", **options)

    def read(self, root: Path) -> dict[str, list[Picture]]:
        pictures = self.pictures_in(root / FOLDERS[self.builder_config.name], OFFICIAL, key=lambda image: image.stem)
        return {"full": [dataclasses.replace(picture, groups=_groups(picture.file)) for picture in pictures]}


def _groups(file: str) -> tuple[str]:
    number = Path(file).stem
    if not number.isdecimal():
        raise InputError(f"{file}: images of FFHQ are named by a number, such as 00000.png; move it elsewhere")
    return ("training",) if int(number) < TRAINING else ("validation",)
