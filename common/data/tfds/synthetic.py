"""Data set of drawn faces, with which everything can be run and tested without a download."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from common.data.faces.boxes import landmark_box
from common.data.faces.schemes import W300
from common.data.synthetic import render_face
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError


@dataclasses.dataclass(eq=False)
class SyntheticConfig(tfds.core.BuilderConfig):
    """Number and size of the drawn faces. The name holds every field, so each configuration has its own directory."""

    num_train: int = 1000
    """Number of training faces."""
    num_test: int = 200
    """Number of test faces."""
    size: int = 128
    """Width and height of the images in pixels."""
    seed: int = 0
    """Seed of the data set: face i has the seed `seed * 1_000_000 + i`, training faces first, then test faces."""


@dataclasses.dataclass(frozen=True)
class Drawn(Sequence):
    """Faces of a TFDS split, each of which is drawn when it is asked for."""

    split: str
    seeds: range
    size: int

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: Any) -> Any:
        image, landmarks, visible = render_face(self.seeds[index], self.size)
        png = io.BytesIO()
        Image.fromarray(image).save(png, "PNG")
        box = landmark_box(landmarks, np.ones(len(landmarks)))
        return Face(png.getvalue(), f"{self.seeds[index]:09d}.png", (self.split,), landmarks, visible, box)


class SyntheticFaces(FaceBuilder):
    """Drawn faces with exact 68-point landmarks, as PNG. The box is the bounding box of the landmarks."""

    scheme = W300
    selections = {"train": "train", "test": "test"}

    @classmethod
    def configure(cls, num_train: int = 1000, num_test: int = 200, size: int = 128, seed: int = 0, **options):
        super().configure(**options)
        values = dict(num_train=num_train, num_test=num_test, size=size, seed=seed)
        for name, value in values.items():
            least = {"seed": 0, "size": 32}.get(name, 1)
            if not isinstance(value, int) or value < least:
                raise InputError(f"synthetic: {name}={value!r} must be a whole number, at least {least}")
        return SyntheticConfig(name=f"{size}px_{num_train}_{num_test}_seed{seed}", **values)

    def read(self, root: Path) -> dict[str, Drawn]:
        config = self.builder_config
        first = config.seed * 1_000_000
        middle = first + config.num_train
        return {
            "train": Drawn("train", range(first, middle), config.size),
            "test": Drawn("test", range(middle, middle + config.num_test), config.size),
        }
