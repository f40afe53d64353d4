"""Drawn faces as a data set, so that everything that reads a real one can be run and tested without a download."""

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from common.data.faces import schemes
from common.data.synthetic import render as synthetic
from common.data.tfds.base import Split
from common.data.tfds.faces import Face, FaceBuilder
from common.errors import InputError


@dataclasses.dataclass(eq=False)
class SyntheticConfig(tfds.core.BuilderConfig):
    """How many faces are drawn. The name holds all of it: each configuration has a directory of its own."""

    num_train: int = 1000
    num_test: int = 200
    size: int = 128
    """Width and height of the images in pixels."""
    seed: int = 0
    """Faces `seed * 1_000_000 + i`: training faces from i = 0, test faces after them."""


class SyntheticFaces(FaceBuilder, skip_registration=True):
    """Drawn faces with exact 68-point landmarks, as PNG. The box is the bounding box of the landmarks."""

    scheme = schemes.W300
    selections = {"train": "train", "test": "test"}

    @classmethod
    def configure(cls, num_train: int = 1000, num_test: int = 200, size: int = 128, seed: int = 0, **options):
        super().configure(**options)
        values = dict(num_train=num_train, num_test=num_test, size=size, seed=seed)
        for name, value in values.items():
            least = {"seed": 0, "size": 16}.get(name, 1)
            if not isinstance(value, int) or value < least:
                raise InputError(f"synthetic: {name}={value!r} must be a whole number, at least {least}")
        return SyntheticConfig(name=f"{size}px_{num_train}_{num_test}_seed{seed}", **values)

    def read(self, root: Path) -> dict[str, Split]:
        config = self.builder_config
        first = config.seed * 1_000_000
        return {
            "train": Split(config.num_train, self._draw("train", first, config.num_train)),
            "test": Split(config.num_test, self._draw("test", first + config.num_train, config.num_test)),
        }

    def _draw(self, split: str, first: int, count: int) -> Iterator[Face]:
        for seed in range(first, first + count):
            image, landmarks, visible = synthetic.render_face(seed, self.builder_config.size)
            png = io.BytesIO()
            Image.fromarray(image).save(png, "PNG")
            box = np.concatenate([landmarks.min(0), landmarks.max(0)])
            yield Face(png.getvalue(), f"{seed:09d}.png", (split,), landmarks, visible, box)
