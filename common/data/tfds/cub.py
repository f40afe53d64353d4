"""CUB-200-2011: photos of birds of 200 species, read from the unpacked archive."""

from pathlib import Path

from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

ROOT = "CUB_200_2011"
LISTS = ("images.txt", "image_class_labels.txt", "train_test_split.txt")
CLASSES = 200
OFFICIAL = {"train": 5_994, "test": 5_794}
NUMBERS = frozenset(str(number) for number in range(1, CLASSES + 1))


class Cub(ImageBuilder):
    """CUB-200-2011 (Wah et al. 2011): 11,788 images, labelled by species.

    Generators are trained on the "full" set; "train" and "test" are the official split.
    """

    classes = CLASSES
    selections = {"full": "full", "train": "full", "test": "full"}
    layout = f"manual_dir must hold {ROOT}/ with {', '.join(LISTS)} and images/"

    def read(self, root: Path) -> dict[str, list[Picture]]:
        folder = root / ROOT
        names, labels, training = (self._column(folder / name) for name in LISTS)
        for name, column in zip(LISTS[1:], (labels, training), strict=True):
            if column.keys() != names.keys():
                raise InputError(f"{folder / name}: not the images of {LISTS[0]}; download it again")
        pictures = []
        for row, name in names.items():
            if labels[row] not in NUMBERS or training[row] not in ("0", "1"):
                raise InputError(
                    f"{folder}, image {row}: class {labels[row]!r} is not from 1 to {CLASSES}, or split "
                    f"{training[row]!r} not 0 or 1; download the lists again"
                )
            group = "train" if training[row] == "1" else "test"
            pictures.append(Picture(folder / "images" / name, name, (group,), int(labels[row]) - 1))
        self.check_images(pictures, folder / LISTS[0])
        for group, official in OFFICIAL.items():
            self.check_count(f"{folder}, {group}", sum(group in picture.groups for picture in pictures), official)
        return {"full": pictures}

    def _column(self, path: Path) -> dict[str, str]:
        """Number -> value, from the lines "number value" of a list, in order."""
        column: dict[str, str] = {}
        for line, where in self.lines(path):
            number, _, value = line.partition(" ")
            if not value or number in column:
                raise InputError(f"{where}: needs a new number and a value; download it again")
            column[number] = value
        return column
