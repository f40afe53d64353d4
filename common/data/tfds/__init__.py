"""TFDS builders of the data sets, by the name that commands and configurations use."""

from common.data.tfds.aflw import Aflw
from common.data.tfds.animalface import AnimalFace
from common.data.tfds.celebahq import CelebaHq
from common.data.tfds.cub import Cub
from common.data.tfds.faces import FaceBuilder
from common.data.tfds.ffhq import Ffhq
from common.data.tfds.images import ImageBuilder
from common.data.tfds.lsun import LsunChurch
from common.data.tfds.synthetic import SyntheticFaces
from common.data.tfds.w300 import W300
from common.data.tfds.wflw import Wflw

BUILDERS: dict[str, type[FaceBuilder]] = {"w300": W300, "wflw": Wflw, "aflw": Aflw, "synthetic": SyntheticFaces}
"""Data sets of annotated faces."""
IMAGE_BUILDERS: dict[str, type[ImageBuilder]] = {
    "ffhq": Ffhq,
    "lsun_church": LsunChurch,
    "cub": Cub,
    "animal_face": AnimalFace,
    "celeba_hq": CelebaHq,
}
"""Data sets of images without landmarks."""
