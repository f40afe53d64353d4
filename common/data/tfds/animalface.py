"""AnimalFace: photos of cats and dogs, on which few-shot generators are compared."""

from pathlib import Path

from common.data.tfds.images import ImageBuilder, Picture

FOLDERS = {"dog": "AnimalFace-dog", "cat": "AnimalFace-cat"}
OFFICIAL = {"dog": 389, "cat": 160}


class AnimalFace(ImageBuilder):
    """AnimalFace (Si and Zhu 2012): 389 dogs, or with animal="cat" 160 cats, aligned, at 256 px and without labels."""

    selections = {"full": "full"}
    layout = (
        f"manual_dir must hold {FOLDERS['dog']}/ (or {FOLDERS['cat']}/), with the images in it or in its subfolders"
    )
    option, variants = "animal", FOLDERS

    def read(self, root: Path) -> dict[str, list[Picture]]:
        animal = self.builder_config.name
        return {"full": self.pictures_in(root / FOLDERS[animal], OFFICIAL[animal])}
