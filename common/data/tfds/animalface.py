"""AnimalFace: the cats and dogs that few-shot generators are compared on."""

from pathlib import Path

import tensorflow_datasets as tfds

from common.data.tfds.base import Split, check_count
from common.data.tfds.images import ImageBuilder, Picture, images_in

FOLDERS = {"dog": "AnimalFace-dog", "cat": "AnimalFace-cat"}
OFFICIAL = {"dog": 389, "cat": 160}


class AnimalFace(ImageBuilder, skip_registration=True):
    """AnimalFace (Si and Zhu 2012): 389 dogs, or with animal="cat" 160 cats, aligned, 256 px, without labels."""

    selections = {"full": "full"}
    layout = f"manual_dir must hold {FOLDERS['dog']}/ (or {FOLDERS['cat']}/), with the images in it or below"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=name, description=f"the images of {folder}") for name, folder in FOLDERS.items()
    ]

    @classmethod
    def configure(cls, animal: str = "dog", **options) -> tfds.core.BuilderConfig:
        super().configure(**options)
        return cls.choose("animal", animal)

    def read(self, root: Path) -> dict[str, Split]:
        animal = self.builder_config.name
        images = images_in(root / FOLDERS[animal], self.layout)
        check_count(str(root / FOLDERS[animal]), len(images), OFFICIAL[animal], self.noun)
        pictures = [Picture(image, image.relative_to(root).as_posix()) for image in images]
        return {"full": Split(len(pictures), pictures)}
