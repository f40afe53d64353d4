"""CelebA-HQ: 30,000 faces at 1024 px with 40 attributes, as the archive CelebAMask-HQ holds them."""

from pathlib import Path

import numpy as np

from common.data.tfds.base import Split, check_count, check_images
from common.data.tfds.images import ImageBuilder, Picture
from common.errors import InputError

ROOT = "CelebAMask-HQ"
LIST = "CelebAMask-HQ-attribute-anno.txt"
OFFICIAL = 30_000
ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()


class CelebaHq(ImageBuilder, skip_registration=True):
    """CelebA-HQ (Karras et al. 2018) with the attributes of CelebA, in the order of CelebAMask-HQ (Lee et al. 2020)."""

    attributes = tuple(ATTRIBUTES)
    selections = {"full": "full"}
    layout = f"manual_dir must hold {ROOT}/ with {LIST} and CelebA-HQ-img/"
    MANUAL_DOWNLOAD_INSTRUCTIONS = layout

    def read(self, root: Path) -> dict[str, Split]:
        path = root / ROOT / LIST
        if not path.is_file():
            raise InputError(f"{path}: no such file; {self.layout}")
        count, header, *lines = path.read_text(encoding="utf-8").splitlines() or ("", "")
        if header.split() != ATTRIBUTES or count.strip() != str(len(lines)):
            raise InputError(f"{path}: not a count, the names of 40 attributes and that many rows; download it again")
        pictures = [_picture(line, f"{path}, row {row}", root) for row, line in enumerate(lines, start=3)]
        check_images((picture.image for picture in pictures), path, self.layout)
        check_count(str(path), len(pictures), OFFICIAL, self.noun)
        return {"full": Split(len(pictures), pictures)}


def _picture(line: str, where: str, root: Path) -> Picture:
    """File name, then 1 or -1 for each attribute."""
    name, *flags = line.split() or ("",)
    if len(flags) != len(ATTRIBUTES) or not set(flags) <= {"1", "-1"}:
        raise InputError(f"{where}: needs a file and {len(ATTRIBUTES)} values of 1 or -1; download it again")
    return Picture(root / ROOT / "CelebA-HQ-img" / name, name, attributes=np.array(flags) == "1")
