"""TFDS builders of the data sets, by the name a command or config calls them."""

from common.data.builders.aflw import Aflw
from common.data.builders.animalface import AnimalFace
from common.data.builders.base import Builder, Split
from common.data.builders.celebahq import CelebaHq
from common.data.builders.cub import Cub
from common.data.builders.faces import Face, FaceBuilder, Table
from common.data.builders.ffhq import Ffhq
from common.data.builders.images import ImageBuilder, Picture
from common.data.builders.lsun import LsunChurch
from common.data.builders.synthetic import SyntheticFaces
from common.data.builders.w300 import W300
from common.data.builders.wflw import Wflw

BUILDERS: dict[str, type[FaceBuilder]] = {"w300": W300, "wflw": Wflw, "aflw": Aflw, "synthetic": SyntheticFaces}
"""Annotated faces."""
IMAGE_BUILDERS: dict[str, type[ImageBuilder]] = {
    "ffhq": Ffhq,
    "lsun_church": LsunChurch,
    "cub": Cub,
    "animal_face": AnimalFace,
    "celeba_hq": CelebaHq,
}
"""Images without landmarks."""

__all__ = [
    "BUILDERS",
    "IMAGE_BUILDERS",
    "W300",
    "Aflw",
    "AnimalFace",
    "Builder",
    "CelebaHq",
    "Cub",
    "Face",
    "FaceBuilder",
    "Ffhq",
    "ImageBuilder",
    "LsunChurch",
    "Picture",
    "Split",
    "SyntheticFaces",
    "Table",
    "Wflw",
]
