"""CUB-200-2011: birds of 200 species, as the archive is unpacked."""

from pathlib import Path

from common.data.tfds.base import Split, check_count, check_images
from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

ROOT = "CUB_200_2011"
LISTS = ("images.txt", "image_class_labels.txt", "train_test_split.txt")
CLASSES = 200
OFFICIAL = {"train": 5_994, "test": 5_794}
NUMBERS = frozenset(str(number) for number in range(1, CLASSES + 1))


class Cub(ImageBuilder, skip_registration=True):
    """CUB-200-2011 (Wah et al. 2011): 11,788 images, labelled by species.

    Generators are trained on the "full" set; "train" and "test" are the official split.
    """

    classes = CLASSES
    selections = {"full": "full", "train": "full", "test": "full"}
    layout = f"manual_dir must hold {ROOT}/ with {', '.join(LISTS)} and images/"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout

    def read(self, root: Path) -> dict[str, Split]:
        names, labels, training = (_read_list(root / ROOT / name, self.layout) for name in LISTS)
        for name, column in zip(LISTS[1:], (labels, training), strict=True):
            if column.keys() != names.keys():
                raise InputError(f"{root / ROOT / name}: not the images of {LISTS[0]}; download it again")
        pictures = []
        for row, name in names.items():
            if labels[row] not in NUMBERS or training[row] not in ("0", "1"):
                raise InputError(
                    f"{root / ROOT}, image {row}: class {labels[row]!r} is not from 1 to {CLASSES}, or split "
                    f"{training[row]!r} not 0 or 1; download the lists again"
                )
            group = "train" if training[row] == "1" else "test"
            pictures.append(Picture(root / ROOT / "images" / name, name, (group,), int(labels[row]) - 1))
        check_images((picture.image for picture in pictures), root / ROOT / LISTS[0], self.layout)
        for group, official in OFFICIAL.items():
            found = sum(group in picture.groups for picture in pictures)
            check_count(f"{root / ROOT}, {group}", found, official, self.noun)
        return {"full": Split(len(pictures), pictures)}


def _read_list(path: Path, layout: str) -> dict[str, str]:
    """Lines "number value" in order: number -> value."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; {layout}")
    column: dict[str, str] = {}
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        number, _, value = line.strip().partition(" ")
        if not value or number in column:
            raise InputError(f"{path}, row {row}: needs a new number and a value; download it again")
        column[number] = value
    return column
