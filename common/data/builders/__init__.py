"""TFDS builders of the face data sets, by the name a command or config calls them."""

from common.data.builders.aflw import Aflw
from common.data.builders.base import Face, FaceBuilder, Faces, Table
from common.data.builders.synthetic import SyntheticFaces
from common.data.builders.w300 import W300
from common.data.builders.wflw import Wflw

BUILDERS: dict[str, type[FaceBuilder]] = {"w300": W300, "wflw": Wflw, "aflw": Aflw, "synthetic": SyntheticFaces}

__all__ = ["BUILDERS", "W300", "Aflw", "Face", "FaceBuilder", "Faces", "SyntheticFaces", "Table", "Wflw"]
